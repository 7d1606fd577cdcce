"""What is said of one lesion at a glance: its size, and its doubt in words."""
