"""Whole patients: whose results are, how large their load is, and where a reader's lies."""
