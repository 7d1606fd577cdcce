"""The Segment dock: which scans, which model, Run."""
