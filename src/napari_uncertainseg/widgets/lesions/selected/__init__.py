"""The panel of the selected lesion."""
