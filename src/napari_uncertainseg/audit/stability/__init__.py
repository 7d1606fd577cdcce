"""Stability: the same person acquired several times, and what moves with the acquisition."""
