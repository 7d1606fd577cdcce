"""The window: Qt docks and the napari layers that they fill."""
