"""Bags of lesion candidates from folders of results: learning from patients' labels, attention on scans."""
