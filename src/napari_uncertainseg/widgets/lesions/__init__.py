"""The Lesions dock: the list, verdicts, the threshold and the export."""
