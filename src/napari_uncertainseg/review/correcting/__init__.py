"""Tools that correct outlines, put to use on a case under review."""
