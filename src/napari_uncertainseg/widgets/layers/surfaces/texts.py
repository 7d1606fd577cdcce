"""Every word about surfaces on the canvas, in the status bar and in the list of layers."""

from __future__ import annotations

import math

from napari_uncertainseg._base import pluralised

LESIONS_3D, BRAIN_3D, SELECTED_3D = "lesions in 3-D", "brain in 3-D", "selected lesion in 3-D"
MAKING = "Making the surfaces of the lesions ..."
COLOURS = "doubt: blue low, orange high"
NONE = "No lesions at this threshold."
ALL_REJECTED = "All lesions are rejected."
UNKNOWN_COLOUR = "grey: drawn by hand, no doubt known"
FAILED = "The surfaces could not be made: {}"


def legend(drawn: int, rejected: int, *, alone: int, by_hand: bool) -> str:
    """What is drawn, in short lines: letters stand beside them.

    Parameters
    ----------
    drawn, rejected
        How many lesions are drawn, and how many are not because they were rejected.
    alone
        Of how many one is drawn alone; 0 where all are drawn.
    by_hand
        Whether one has no doubt.
    """
    if not drawn:
        return ALL_REJECTED if rejected else NONE
    lines = [f"{drawn} of {alone} lesions" if alone else pluralised(drawn, "lesion"), COLOURS]
    if rejected:
        lines.append(f"not drawn: {rejected} rejected")
    if by_hand:
        lines.append(UNKNOWN_COLOUR)
    return "\n".join(lines)


def status(number: int, volume_mm3: float, doubt: float) -> str:
    """What the status bar says of a lesion, or of a candidate (minus its number)."""
    what = f"lesion {number}" if number > 0 else f"candidate {-number}"
    volume = f"{volume_mm3 / 1000:.1f} ml" if volume_mm3 >= 100 else f"{volume_mm3 / 1000:.3f} ml"
    known = "drawn by hand" if math.isnan(doubt) else f"doubt {doubt:.2f}"
    return f"{what}, {volume}, {known}"
