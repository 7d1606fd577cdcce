"""Drivers of doubt: what of a lesion the model's doubt goes with."""
