"""The panel of the selected lesion, and what buttons and keys do with it."""
