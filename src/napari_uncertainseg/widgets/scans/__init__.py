"""Between scans and napari's layers: geometry, orientation, and whose scan a layer is."""
