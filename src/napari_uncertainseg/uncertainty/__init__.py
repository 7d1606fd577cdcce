"""Uncertainty of voxels, lesions and patients."""
