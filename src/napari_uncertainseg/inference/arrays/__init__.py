"""Members as numpy arrays or torch tensors, whichever the engine gives."""
