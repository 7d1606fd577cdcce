"""Lesions as shapes: closed meshes, what is measured of them, clouds of points, and their files."""
