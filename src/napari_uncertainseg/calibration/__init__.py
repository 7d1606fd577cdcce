"""Whether confidence means something."""
