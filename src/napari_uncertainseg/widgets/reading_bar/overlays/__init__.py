"""Everything that is drawn over the scan: hidden and shown with one key, and which map is on top."""
