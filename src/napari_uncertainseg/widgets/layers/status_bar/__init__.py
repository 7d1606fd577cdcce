"""What napari says of the layers in the bar at the foot of the window."""
