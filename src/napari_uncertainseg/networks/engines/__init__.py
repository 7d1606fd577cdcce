"""Engines: networks made ready to run on a device."""
