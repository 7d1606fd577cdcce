"""Every word about places in the Lesions dock."""

from __future__ import annotations

from collections.abc import Sequence

from napari_uncertainseg._base import as_warning

PLACES = "Places"
PLACES_TIP = (
    "Find where in the brain the lesions lie, by an atlas: periventricular, juxtacortical, infratentorial\n"
    "or deep white matter. This takes some seconds, once for each scan, here or in Explain. Fold it in to\n"
    "stop the search."
)
ALL_PLACES = "All places"
FILTER_TIP = "List only the lesions in one place. The others stay lesions: they are in all files and volumes."
NO_RESULT = "No prediction yet: press Run in Segment."
NO_LESIONS = "No lesions at this threshold."
SHORT = ("periventr.", "juxtacort.", "infratent.", "deep WM", "unknown")
"""In the list, in the order of `explain.place.lesions.PLACES`."""


def searching(share: float) -> str:
    """That places are being found; the share that is done, 0 to 1."""
    return f"Finding places … {100 * share:.0f} %"


def counts(found: Sequence[tuple[str, int, float]]) -> str:
    """How many lesions lie in each place, and their volume in ml."""
    return " · ".join(f"{number} {place} ({_volume(ml)})" for place, number, ml in found) or NO_LESIONS


def _volume(ml: float) -> str:
    return f"{ml:.1f} ml" if ml >= 0.05 else f"{1000 * ml:.0f} mm³"


def unknown(reason: str) -> str:
    """Why there are no places."""
    return as_warning(reason)


# -- names of what has no word beside it, for programs that read the screen aloud --------------

FILTER_NAME = "Place"
