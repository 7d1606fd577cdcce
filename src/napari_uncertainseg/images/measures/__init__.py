"""What a reader measures on a scan: lengths, and brightness in a region."""
