"""MONAI bundles: read as data, and never run."""
