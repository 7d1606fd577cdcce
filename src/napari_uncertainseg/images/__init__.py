"""Scans in and out: volumes, files, preparation, samples."""
