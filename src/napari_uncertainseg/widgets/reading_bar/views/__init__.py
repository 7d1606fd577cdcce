"""Three views in one click: axial, coronal and sagittal, with a crosshair that links them."""
