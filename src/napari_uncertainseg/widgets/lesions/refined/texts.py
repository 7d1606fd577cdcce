"""Every word about the refined p in the Lesions dock, but the title of its column."""

from __future__ import annotations

FILTER_TIP = (
    "Hide lesions below this. Refined p: how probable it is that a lesion is real, by the refinement\n"
    "that you fitted on your own cases. Hidden lesions stay lesions, in all files and volumes."
)


def at_least(least: float) -> str:
    """A choice of the smallest refined p (0 to 1) that is listed."""
    return f"Refined p ≥ {least}" if least else "Refined p: any"
