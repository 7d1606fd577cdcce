"""A brush whose size is in mm: a ball, or a disc in one slice, that may be bound to a range of brightness."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from napari_uncertainseg._boxes import Box
from napari_uncertainseg._checks import as_number
from napari_uncertainseg.lesions.editing.boxes import Spacing

_ENOUGH = 100_000
"""Voxels that a median is taken of: more change nothing that a slider shows."""


@dataclass(frozen=True)
class Brightness:
    """Where the brush paints: only where the scan is at least this bright, or only where it is darker.

    Attributes
    ----------
    level
        In the scan's own unit.
    below
        Whether it paints where the scan is darker.
    """

    level: float
    below: bool = False

    def allows(self, scan: np.ndarray) -> np.ndarray:
        """Where it paints: bool, of the scan's shape. Nowhere where the scan says nothing (NaN)."""
        return np.asarray(scan < self.level if self.below else scan >= self.level)


def footprint(diameter: float, spacing: Spacing, axis: int | None = None) -> np.ndarray:
    """The voxels that a brush covers around the voxel under the pointer.

    Parameters
    ----------
    diameter
        mm. A brush smaller than a voxel covers that voxel.
    spacing
        Voxel size per axis, mm.
    axis
        A disc in the slice across this axis; None for a ball.

    Returns
    -------
    np.ndarray
        bool, odd along each axis: the centres that lie at most half the diameter from that of the middle one.
    """
    radius = max(as_number(diameter, "The diameter of the brush") / 2, 0.0)
    reach = [0 if i == axis else int(radius / step + 1e-6) for i, step in enumerate(spacing)]
    sides = np.ogrid[tuple(slice(-n, n + 1) for n in reach)]
    square = sum((side * step) ** 2 for side, step in zip(sides, spacing, strict=True))
    return np.asarray(square <= radius**2 * (1 + 1e-6) + 1e-12)


def placed(
    covered: np.ndarray, centre: tuple[int, int, int], shape: tuple[int, ...]
) -> tuple[Box, np.ndarray]:
    """A footprint around a voxel: the box on the grid that it covers, and what it covers of the box.

    Parts beyond the edge of the grid are cut off; the box is empty where nothing is left.
    """
    box, part = [], []
    for c, n, size in zip(centre, shape, covered.shape, strict=True):
        start = c - size // 2
        low, high = max(start, 0), max(min(start + size, n), 0)
        low = min(low, high)
        box.append(slice(low, high))
        part.append(slice(low - start, high - start))
    return (box[0], box[1], box[2]), covered[tuple(part)]


def way(start: tuple[int, int, int], stop: tuple[int, int, int]) -> list[tuple[int, int, int]]:
    """Voxels from one to another, each a neighbour of the one before; the first one is left out.

    A mouse jumps: a stroke is drawn along the line between two of its places.
    """
    steps = max(abs(b - a) for a, b in zip(start, stop, strict=True))
    found = []
    for i in range(1, steps + 1):
        s, a, r = (round(p + (q - p) * i / steps) for p, q in zip(start, stop, strict=True))
        found.append((s, a, r))
    return found


def usual_level(scan: np.ndarray, lesion: np.ndarray, brain: np.ndarray | None) -> float:
    """A brightness between lesions and what is around them, to begin with.

    Half way between the median of the brain and that of the lesions.

    Parameters
    ----------
    scan
        Any unit.
    lesion
        bool, of the same shape. Where it is empty, the brightest tenth of the brain counts.
    brain
        bool likewise; None where it is not known: all that is not 0.
    """
    of_brain = scan[brain & ~lesion] if brain is not None else scan[(scan != 0) & ~lesion]
    of_brain = of_brain[:: max(len(of_brain) // _ENOUGH, 1)]
    of_brain = of_brain[np.isfinite(of_brain)]
    if not len(of_brain):
        return 0.0
    of_lesions = scan[lesion]
    of_lesions = of_lesions[np.isfinite(of_lesions)]
    usual = float(np.median(of_brain))
    bright = float(np.median(of_lesions) if len(of_lesions) else np.percentile(of_brain, 90))
    return (usual + bright) / 2
