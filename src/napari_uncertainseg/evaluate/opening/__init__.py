"""What lies where a user opens something: scans of one person, and masks beside a scan."""
