"""A reference in the viewer: which one is chosen, and what the model missed and invented by it."""
