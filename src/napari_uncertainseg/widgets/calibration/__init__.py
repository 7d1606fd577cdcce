"""The Calibration dock: whether probabilities agree with a reference, and their recalibration."""
