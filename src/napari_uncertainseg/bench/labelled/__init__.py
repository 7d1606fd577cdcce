"""Rows measured on labelled scans."""
