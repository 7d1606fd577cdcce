"""Outlines changed by tools: pure functions on masks, in mm, each on the box where something happens."""
