"""Whole patients: intervals for their volume and number of lesions."""
