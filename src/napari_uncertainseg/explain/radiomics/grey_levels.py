"""Values of an image in a lesion as whole grey levels, which the texture features count."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from napari_uncertainseg._base import InputError

MOST_LEVELS = 512
"""More grey levels than this in one lesion say nothing, and the matrices of pairs would not fit in memory."""


@dataclass(frozen=True)
class GreyLevels:
    """How values become grey levels.

    Attributes
    ----------
    bin_width
        In units of the image. Bins begin at multiples of it; the lowest bin of a lesion is grey level 1.
    bin_count
        Instead: so many bins of equal width between the smallest and the largest value of each lesion.

    Raises
    ------
    InputError
        If a width is no number above 0, or a count is below 1 or above `MOST_LEVELS`.
    """

    bin_width: float = 25.0
    bin_count: int | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.bin_width) and self.bin_width > 0):
            raise InputError(f"A bin width is a number above 0, not {self.bin_width}.")
        if self.bin_count is not None and not 1 <= self.bin_count <= MOST_LEVELS:
            raise InputError(f"A number of bins is 1 to {MOST_LEVELS}, not {self.bin_count}.")

    def of(self, values: np.ndarray) -> np.ndarray:
        """Grey levels of the values of one lesion, from 1 up.

        Parameters
        ----------
        values
            float64 (voxels,), finite, not empty.

        Returns
        -------
        np.ndarray
            int64 (voxels,).

        Raises
        ------
        InputError
            If there would be more than `MOST_LEVELS`.
        """
        low, high = float(values.min()), float(values.max())
        if self.bin_count is not None:
            return _counted(values, self.bin_count)
        first = low - low % self.bin_width
        if (high - first) / self.bin_width > MOST_LEVELS:
            raise InputError(
                f"A bin width of {self.bin_width:g} makes more than {MOST_LEVELS} grey levels of a lesion "
                f"with values from {low:g} to {high:g}; take a larger one, or a number of bins."
            )
        # As pyradiomics has them: edges by numpy.arange, so that what lies on an edge is rounded alike.
        edges = np.arange(first, high + 2 * self.bin_width, self.bin_width)
        return np.maximum(np.digitize(values, edges), 1)


def _counted(values: np.ndarray, count: int) -> np.ndarray:
    """Of a constant lesion numpy spreads the edges by a half to both sides, and so does pyradiomics."""
    try:
        edges = np.histogram_bin_edges(values, count)
    except ValueError:  # so large that values between the smallest and the largest cannot be told apart
        return np.ones(len(values), np.int64)
    edges[-1] += 1  # the largest value belongs to the last bin
    return np.digitize(values, edges)
