"""Correction tools: grow, shrink, fill, brush, smart click, split, merge and interpolate."""
