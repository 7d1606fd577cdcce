"""Patients with a label and no outlines: bags, attention and an auxiliary task (after ATMIL)."""
