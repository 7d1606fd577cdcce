"""Scans of one place against each other: flipped through, or side by side; and the last visit."""
