"""How far a work is, and how long it takes still: the one place where that is computed."""
