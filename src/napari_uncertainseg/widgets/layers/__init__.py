"""What is drawn on the scans: maps, lesions, outlines, painting, orientation letters."""
