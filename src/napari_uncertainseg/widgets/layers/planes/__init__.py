"""The three planes of a patient: which axes of the viewer they show, and which way up."""
