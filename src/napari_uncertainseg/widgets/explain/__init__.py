"""The Explain dock: why the model outlines a lesion, and what it would say if the scan were another."""
