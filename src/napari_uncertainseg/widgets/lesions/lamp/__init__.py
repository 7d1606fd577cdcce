"""Whether a scan is like those that numbers about it come from."""
