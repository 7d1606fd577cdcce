"""The lesions of a folder of results as a collection of shapes: meshes, clouds, masks and a table."""
