"""Imitated acquisitions of a scan, segmented and kept."""
