"""The colour of a lesion by its doubt, in files and on screen."""

from __future__ import annotations

import math

import numpy as np

# From Okabe and Ito's palette, by way of a pale grey: told apart by colour-blind readers too. Not from dark
# to light: in three dimensions the light decides on that.
_SURE, _HALF, _DOUBTFUL = (0.0, 0.45, 0.70), (0.88, 0.86, 0.80), (0.84, 0.37, 0.0)
_UNKNOWN = (0.6, 0.6, 0.6)
MOST_DOUBT = 0.5
"""A lesion has it whose voxels just reach a threshold of 0.5; what is above looks the same."""


def doubt_colour(doubt: float) -> tuple[float, float, float]:
    """Red, green and blue, 0 to 1: blue for a sure lesion, orange for a doubtful one, grey if not known."""
    if not math.isfinite(doubt):
        return _UNKNOWN
    red, green, blue = (
        float(np.interp(doubt, (0, MOST_DOUBT / 2, MOST_DOUBT), (_SURE[n], _HALF[n], _DOUBTFUL[n])))
        for n in range(3)
    )
    return red, green, blue
