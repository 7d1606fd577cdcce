"""Whole patients of a cohort: volume and number of lesions with intervals, and scans unlike the others."""
