"""Intensities that mean the same in every scan. The networks are trained with exactly these."""

from __future__ import annotations

import numpy as np

from napari_uncertainseg._base import InputError
from napari_uncertainseg._boxes import bounding_slices
from napari_uncertainseg._quantiles import median, percentiles
from napari_uncertainseg.modalities import MODALITIES

CLIP_PERCENTILES = (0.1, 99.9)
"""Intensities of a T1 or T2 beyond these percentiles of the brain are clipped before the z-score."""
FLUID_SHARE = 0.6
"""What is darker on FLAIR than this share of the brain's median is taken for fluid, not tissue."""
UNIT = 0.3
"""One unit of a FLAIR, as a share of its tissue's brightness: about a z-score of a usual brain."""
MOST = 4.0
"""A FLAIR is clipped to as many units above and below its tissue."""

_AIR = 0.05
"""What is as near to the darkest value, of the way to where tissue begins, shows nothing."""
_SHOWN = 0.02
"""Share of the brain's volume that a scan must show around it to say anything."""


_SLAB = 16
"""Slices that are normalised at a time; of fewer, threads mostly wait for each other's turn in Python."""


def normalise(data: np.ndarray, brain: np.ndarray, modality: str) -> np.ndarray:
    """Bring a scan to the intensities that the networks know.

    T1 and T2 become clipped z-scores of the brain. A z-score of a FLAIR would depend on how much dark fluid
    there is: lesions of an atrophied brain would look a third fainter than the same lesions in a full one.
    And percentiles would cut off lesions where they are few. So a FLAIR is measured against its own tissue:
    (brightness / median of tissue - 1) / 0.3. On the scans at hand (``docs/training.md``) lesions then lie
    at one level in patients whose z-scores differ.

    Parameters
    ----------
    data
        Scan, any shape and any real dtype, finite.
    brain
        bool, same shape.
    modality
        A name of `MODALITIES`.

    Returns
    -------
    numpy.ndarray
        float32, same shape, 0 outside the brain.

    Raises
    ------
    InputError
        If the brain is empty, or the scan has the same value everywhere in it.
    """
    box = bounding_slices(brain)  # most of a scan is outside
    where = np.ascontiguousarray(brain[box])
    inside = data[box][where].astype(np.float32, copy=False)  # indexing made a copy
    if inside.size == 0:
        raise InputError("The brain mask is empty: there is nothing to segment.")
    by_tissue = MODALITIES[modality].normalisation == "tissue"
    bounds = (-np.inf, np.inf) if by_tissue else percentiles(inside, CLIP_PERCENTILES)
    if not by_tissue:
        np.clip(inside, *bounds, out=inside)
    level, unit = _tissue(inside, data, brain) if by_tissue else _moments(inside)
    if not unit > 1e-6 * max(abs(level), 1e-30):
        raise InputError("The scan has the same value everywhere in the brain: choose a scan with contrast.")
    del inside
    out = np.zeros(data.shape, np.float32)
    found, given = out[box], data[box]
    with np.errstate(over="ignore"):  # outside the brain, where nothing is kept of it
        for first in range(0, len(found), _SLAB):  # so few stay in the processor's cache
            part = found[first : first + _SLAB]
            part[...] = given[first : first + _SLAB]
            if not by_tissue:
                np.clip(part, *bounds, out=part)
            part -= np.float32(level)
            part /= np.float32(unit)
            if by_tissue:
                np.clip(part, -MOST, MOST, out=part)
            np.copyto(part, np.float32(0), where=~where[first : first + _SLAB])
    return out


def tissue_scale(data: np.ndarray, brain: np.ndarray) -> tuple[float, float]:
    """What `normalise` measures a FLAIR by: the brightness of the brain's tissue, and the unit.

    With them a scan can be measured outside the brain as well: (brightness - level) / unit.

    Parameters
    ----------
    data, brain
        As for `normalise`.

    Raises
    ------
    InputError
        As `normalise`.
    """
    inside = data[brain].astype(np.float32, copy=False)
    if inside.size == 0:
        raise InputError("The brain mask is empty: there is nothing to measure brightness by.")
    level, unit = _tissue(inside, data, brain)
    if not unit > 1e-6 * max(abs(level), 1e-30):
        raise InputError("The scan has the same value everywhere in the brain: choose a scan with contrast.")
    return level, unit


def _moments(inside: np.ndarray) -> tuple[float, float]:
    """Mean and standard deviation."""
    mean = inside.mean(dtype=np.float64)
    # Not `inside.std(dtype=np.float64)`, which makes a float64 copy of the brain.
    square = inside - np.float32(mean)
    np.square(square, out=square)
    return float(mean), float(np.sqrt(square.mean(dtype=np.float64)))


def _tissue(inside: np.ndarray, data: np.ndarray, brain: np.ndarray) -> tuple[float, float]:
    """Brightness of tissue, and the unit to measure it in.

    A scanner's scan is 0 in air. Where the darkest hundredth of the brain is negative, or brighter than
    half its median, somebody has shifted the scan, and that hundredth counts as 0 instead. But a brain mask
    may leave all fluid out: what is dark around the mask shows that the scan was not shifted.
    """
    dark, middle = percentiles(inside, (1, 50))
    shifted = dark < 0 or (dark > middle / 2 and not _dark_around(data, brain, middle / 2))
    zero = dark if shifted else 0.0
    tissue = inside[inside >= float(zero + FLUID_SHARE * (middle - zero))]
    level = float(median(tissue))
    return level, UNIT * (level - float(zero))


def _dark_around(data: np.ndarray, brain: np.ndarray, limit: float) -> bool:
    """Whether a hundredth of what a scan shows around a mask is so dark.

    Air shows nothing, and neither does what was cut out: a stripped scan that was shifted is black there, or
    nearly so. Where nothing is black, the scan was shifted with its skull.
    """
    around = data[~brain]
    black = float(around.min(initial=np.inf))
    if black > _AIR * limit:
        return False
    around = around[around > black + _AIR * (limit - black)]
    return around.size > _SHOWN * np.count_nonzero(brain) and float(np.percentile(around, 1)) < limit
