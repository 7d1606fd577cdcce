"""Lesions as surfaces in three dimensions: their meshes, what is clicked on, and their layers."""
