"""The slice in which a lesion is seen best: that of its largest section, across any axis."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from napari_uncertainseg._boxes import Box, bounding_box


@dataclass(frozen=True)
class Section:
    """The largest section of a lesion across an axis.

    Attributes
    ----------
    voxel
        The lesion's voxel in it that is nearest to the section's middle, index (s, a, r).
    sizes
        Extent of the whole lesion along (s, a, r), mm.
    """

    voxel: tuple[int, int, int]
    sizes: tuple[float, float, float]


def largest_section(
    labels: np.ndarray, number: int, box: Box, axis: int, spacing: tuple[float, float, float]
) -> Section | None:
    """Find the slice that holds most voxels of a lesion; of equals the one nearest to the lesion's middle.

    Parameters
    ----------
    labels
        Numbers of lesions on the grid.
    number
        Which lesion.
    box
        Holds all of it.
    axis
        Across which the slices lie: 0 (s), 1 (a) or 2 (r).
    spacing
        Size of a voxel along (s, a, r), mm.

    Returns
    -------
    Section or None
        None where the box holds no voxel of it.
    """
    inside = labels[box] == number
    tight = bounding_box(inside)
    if not inside.any():
        return None
    others = tuple(other for other in range(3) if other != axis)
    counts = inside.sum(axis=others)
    middle = (counts * np.arange(len(counts))).sum() / counts.sum()
    best = np.flatnonzero(counts == counts.max())
    index = int(best[np.abs(best - middle).argmin()])
    section = np.argwhere(np.take(inside, index, axis))
    sides = np.array([spacing[other] for other in others])
    nearest = section[(((section - section.mean(0)) * sides) ** 2).sum(1).argmin()]
    at = np.insert(nearest, axis, index) + [side.start for side in box]
    s, a, r = ((side.stop - side.start) * step for side, step in zip(tight, spacing, strict=True))
    return Section((int(at[0]), int(at[1]), int(at[2])), (float(s), float(a), float(r)))
