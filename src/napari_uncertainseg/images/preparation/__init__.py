"""From the user's scans to what a network reads: aligned, inside the brain, normalised."""
