"""Window and level: which brightness is drawn black and which white, and presets from a scan's own tissue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

TISSUE, LESION = "tissue", "lesion"
"""Names of presets."""
_SAMPLE = 200_000
"""As many voxels of a brain are looked at: percentiles of more differ by less than can be seen."""
_FOREGROUND = 0.1
"""Share of the way from the first to the 99th percentile: what is above counts as tissue where no brain is
known. The first is not 0 in scans whose brightness was normalized."""
_LEAST_INSIDE = 0.9
"""Share of a brain's voxels that a scan must cover for its percentiles to be those of that brain."""


@dataclass(frozen=True)
class GreyWindow:
    """What is drawn black, and what white.

    Attributes
    ----------
    low, high
        In the scan's units; `high` is above `low`.
    """

    low: float
    high: float

    @property
    def width(self) -> float:
        """W: from black to white."""
        return self.high - self.low

    @property
    def level(self) -> float:
        """L: the middle."""
        return (self.low + self.high) / 2

    @classmethod
    def around(cls, level: float, width: float) -> GreyWindow:
        """The window of a width around a level."""
        return cls(level - width / 2, level + width / 2)


_GENERAL = {TISSUE: (1.0, 99.5)}
_PERCENTILES: Mapping[str, Mapping[str, tuple[float, float]]] = MappingProxyType(
    {
        "flair": {TISSUE: (1.0, 99.9), LESION: (30.0, 99.9)},
        "t1": {TISSUE: (1.0, 99.0), LESION: (10.0, 90.0)},
        "t2": {TISSUE: (1.0, 99.5), LESION: (25.0, 95.0)},
    }
)
"""Percentiles of the brain that are drawn black and white, by modality and preset."""


def presets(values: np.ndarray, modality: str | None) -> dict[str, GreyWindow]:
    """The presets of a scan, the first one for *reset*.

    Parameters
    ----------
    values
        Of the brain's voxels, any shape; what is not finite is passed over.
    modality
        A name of `modalities.MODALITIES`; anything else gets *tissue* only.

    Returns
    -------
    dict
        By name; without those that would have no width, as in a scan of one value.
    """
    values = np.asarray(values, float)
    values = values[np.isfinite(values)]
    if not values.size:
        return {}
    found = {}
    for name, ends in _PERCENTILES.get(modality or "", _GENERAL).items():
        low, high = (float(end) for end in np.percentile(values, ends))
        if high > low:
            found[name] = GreyWindow(low, high)
    return found


def brain_values(
    data: np.ndarray, to_patient: np.ndarray, brain: np.ndarray, brain_to_patient: np.ndarray
) -> np.ndarray:
    """Values of a scan at the voxels of a brain that was found on another grid, or on its own.

    Parameters
    ----------
    data, to_patient
        The scan as it is stored, shape (i, j, k), and 4x4 from its voxels to RAS+ mm.
    brain, brain_to_patient
        bool, of any grid, and 4x4 from its voxels to RAS+ mm.

    Returns
    -------
    numpy.ndarray
        Nearest voxels, at most 200 000 of them, evenly drawn; empty where the scan covers less than nine
        tenths of the brain.
    """
    inside = np.flatnonzero(brain)
    inside = inside[:: max(1, inside.size // _SAMPLE)]
    voxels = np.stack(np.unravel_index(inside, brain.shape), axis=1)
    way = np.linalg.inv(to_patient) @ brain_to_patient
    at = np.rint(voxels @ way[:3, :3].T + way[:3, 3]).astype(int)
    covered = ((at >= 0) & (at < data.shape)).all(axis=1)
    if not covered.size or covered.mean() < _LEAST_INSIDE:
        return np.empty(0, data.dtype)
    return np.asarray(data[tuple(at[covered].T)])


def foreground_values(data: np.ndarray) -> np.ndarray:
    """Values of a scan whose brain is not known: what is clearly brighter than air.

    Parameters
    ----------
    data
        The scan, any shape; evenly drawn voxels of it are looked at.
    """
    flat = data.reshape(-1) if data.flags.c_contiguous else data.ravel(order="K")
    some = flat[:: max(1, flat.size // _SAMPLE)]
    some = np.asarray(some[np.isfinite(some)], float)
    if not some.size:
        return some
    darkest, brightest = np.percentile(some, (1, 99))
    bright = some[some > darkest + _FOREGROUND * (brightest - darkest)]
    return bright if bright.size else some
