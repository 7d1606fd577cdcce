"""What a prepared scan is like, as a few plain numbers: to tell whether a model has seen such scans."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from napari_uncertainseg._boxes import bounding_slices
from napari_uncertainseg._quantiles import median, percentiles
from napari_uncertainseg.images.preparation.normalise import UNIT
from napari_uncertainseg.images.volume import Grid

_DARK, _BRIGHT = 0.6, 1.45
"""Dark and very bright, as a share of the tissue's brightness: fluid, and beyond almost all grey matter."""
_THICK = 1.2
"""From so many times the smallest side of a voxel, its largest one is across the slices."""
_NORMAL = 0.6745
"""Median of the absolute value of a standard normal variable."""


def measure_appearance(flair: np.ndarray, brain: np.ndarray, grid: Grid) -> dict[str, float]:
    """Numbers that say what a scan is like, by the names of `networks.seen_scans.MEASURES`.

    Parameters
    ----------
    flair
        Normalised (`images.normalise`), float32 (z, y, x).
    brain
        bool, the same shape, not empty.
    grid
        On which both lie.

    Returns
    -------
    dict
        Thickness of slices and width of voxels in mm, volume of the brain in ml, dark and very bright share
        of it in per cent; the spread of the middle half's brightness as a share of the tissue's; noise and
        fine detail in per cent of the tissue's brightness.
    """
    # Most of a scan is outside; from even places on, so that `_noise` looks at the same lines.
    box = tuple(slice(side.start - side.start % 2, side.stop) for side in bounding_slices(brain))
    flair, brain = flair[box], brain[box]
    brightness = 1 + UNIT * flair[brain]
    lower, upper = percentiles(brightness, (25, 75))
    return {
        "slice_mm": float(max(grid.spacing)),
        "in_plane_mm": float(min(grid.spacing)),
        "brain_ml": len(brightness) * grid.voxel_volume / 1000,
        "dark_share": 100 * float((brightness < _DARK).mean()),
        "bright_share": 100 * float((brightness > _BRIGHT).mean()),
        "spread": float(upper - lower),
        "noise": 100 * UNIT * _noise(flair, brain, grid.spacing),
    }


def _noise(flair: np.ndarray, brain: np.ndarray, spacing: Sequence[float]) -> float:
    """Noise from second differences within slices; sharp detail counts as well, anatomy hardly does.

    Its standard deviation if all were white noise: a second difference has six times its variance.
    """
    thick = int(np.argmax(spacing)) if max(spacing) > _THICK * min(spacing) else -1
    found = []
    for axis in range(3):
        if axis != thick:
            # every other line is enough, and four times as fast
            x, inside = (np.moveaxis(one, axis, 0)[:, ::2, ::2] for one in (flair, brain))
            deep = inside[:-2] & inside[1:-1] & inside[2:]
            found.append(np.abs(x[:-2][deep] - 2 * x[1:-1][deep] + x[2:][deep]))
    differences = np.concatenate(found)
    return float(median(differences)) / _NORMAL / 6**0.5 if len(differences) else 0.0
