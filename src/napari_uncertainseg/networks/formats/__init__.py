"""Kinds of models: how each is read from a folder and brought to run."""
