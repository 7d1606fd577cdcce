"""93 numbers that describe an image in each lesion, with the names and definitions of pyradiomics."""
