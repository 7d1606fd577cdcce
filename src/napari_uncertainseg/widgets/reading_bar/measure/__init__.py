"""Lengths and brightness, measured on the canvas and listed."""
