"""Whole heads drawn from label maps: scans of any contrast, coil and age whose labels are known."""
