"""Training: losses, synthesis, trainer."""
