"""The Dashboard dock: what all annotators did."""
