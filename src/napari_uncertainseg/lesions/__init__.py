"""Lesions as objects: components of a thresholded probability."""
