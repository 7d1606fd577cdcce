"""The Dashboard dock: progress, agreement, time and exercises of all annotators."""
