"""Every word about the refinement in the Lesions dock, but the title of its column."""

from __future__ import annotations

FILTER_TIP = (
    "Hide lesions that are less probably real than this, by the refinement that you fitted on your own\n"
    "cases. It is another opinion than Real, which is the model's. Hidden lesions stay lesions: they are\n"
    "in all files and volumes."
)


def at_least(least: float) -> str:
    """A choice of the smallest probability (0 to 1) that is listed."""
    return f"Real (yours) ≥ {100 * least:.0f} %" if least else "Real (yours): any"


# -- names of what has no word beside it, for programs that read the screen aloud --------------

FILTER_NAME = "Least probability to be real"
