"""The Calibration dock: whether the model's confidence means something, and its recalibration."""
