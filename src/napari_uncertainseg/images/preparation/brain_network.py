"""The brain of a head, by the network that ships with the package (`networks.brain`)."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import scipy

from napari_uncertainseg._base import FINDING_BRAIN, Progress, silent
from napari_uncertainseg._boxes import Box, bounding_box
from napari_uncertainseg.images.preparation.skull import largest_part, without_holes
from napari_uncertainseg.images.resample import isotropic, resample_to
from napari_uncertainseg.images.volume import Grid, Volume

SPACING = 2.0
"""Of the voxels that the network reads, mm."""

_AIR = 0.08  # of the brightest: what is darker is no head
_SHIFTED = 0.05  # of that: darkest voxels farther from 0 were shifted, 0.002 at most on scans as they are
_AROUND = 16.0  # mm around a brain that the second look shows
_SHEET = 12.0  # mm: what is thinner all along is no brain
_MUCH = 1.6  # times what it would show: only then there is a second look
_BRIGHT = 0.55  # of the brain's tissue: what is darker is fluid or skull
_NECK = 5.0  # mm, half of how thick that must be, by which scalp and marrow hang on to the brain
_FLUID = 4.0  # mm of it around the tissue belong to the brain
_CERTAIN = 8.0  # logits beyond are as good
_LARGEST = 300.0  # mm, of a head


def brain_by_network(scan: Volume, progress: Progress = silent, weights: Path | None = None) -> np.ndarray:
    """Brain mask of a scan with its skull: one piece, without holes; empty where none is seen.

    The network looks at the head and, where much else is seen, again at the surroundings of the brain, framed
    as in its training. Its logits, interpolated, say where between the voxels the border runs.

    Parameters
    ----------
    scan
        FLAIR, T1 or T2.
    progress
        Called between the looks; may raise ``Cancelled``.
    weights
        Others than those that ship with the package.

    Returns
    -------
    numpy.ndarray
        bool, shape of the scan.

    Raises
    ------
    InputError
        If the weights are missing or corrupt.
    """
    from napari_uncertainseg.networks.brain import WEIGHTS

    path = weights or WEIGHTS
    progress(FINDING_BRAIN, 0.0)
    cubic = isotropic(_unshifted(scan), SPACING)
    progress(FINDING_BRAIN, 0.1)
    box = _head(cubic.data, round(_LARGEST / SPACING))
    logits = _look(cubic.data, box, path)
    seen = largest_part(logits > 0)
    if not seen.any():
        return np.zeros(scan.grid.shape, bool)
    progress(FINDING_BRAIN, 0.5)
    closer = _widened(bounding_box(seen), round(_AROUND / SPACING), seen.shape)
    if _size(box) > _MUCH * _size(closer):
        logits = _look(cubic.data, closer, path)
    logits = _without_scalp(cubic.data, logits)
    progress(FINDING_BRAIN, 0.9)
    mask = _on_grid(Volume(logits, cubic.grid, scan.name), scan.grid)
    progress(FINDING_BRAIN, 1.0)
    return mask


def _unshifted(scan: Volume) -> Volume:
    """The scan with air at 0, as scanners give it: what lies beyond its sides is 0, and shares are of 0."""
    low, high = np.quantile(scan.data[::2, ::2, ::2], (0.01, 0.99))
    if abs(low) <= _SHIFTED * (high - low):
        return scan
    return replace(scan, data=scan.data - np.float32(low))


def _look(data: np.ndarray, box: Box, path: Path) -> np.ndarray:
    """Logits of the whole array, of which the network is shown a box."""
    from napari_uncertainseg.networks.brain import brain_logits

    logits = np.full(data.shape, -_CERTAIN, np.float32)
    logits[box] = np.clip(brain_logits(data[box], path), -_CERTAIN, _CERTAIN)
    logits[~_thick(logits > 0)] = -_CERTAIN
    return logits


def _thick(mask: np.ndarray) -> np.ndarray:
    """What is on or near the thickest piece of a mask: sheets of scalp and marrow are cut from the brain."""
    near = np.zeros(mask.shape, bool)
    if mask.any():
        box = _widened(bounding_box(mask), 2, mask.shape)
        core = largest_part(_distance(mask[box]) > _SHEET / 2)
        if core.any():
            near[box] = _distance(~core) <= _SHEET / 2 + SPACING
    return near


def _without_scalp(data: np.ndarray, logits: np.ndarray) -> np.ndarray:
    """Logits that end a few millimetres beyond the brain's own tissue.

    Scalp and marrow that were taken for brain lie beyond the skull, which is dark, and are joined to the
    brain by thin bridges if at all. So bright tissue is eroded until they part, and the largest piece is
    grown back; the distance from it bounds the logits, so that the border stays between the voxels.
    """
    part = _widened(bounding_box(logits > 0), round(_FLUID / SPACING) + 1, logits.shape)
    seen, mask = data[part], logits[part] > 0
    middle = np.median(seen[mask])
    level = np.median(seen[mask & (seen > 0.6 * middle)])
    tissue = mask & (scipy.ndimage.gaussian_filter(seen, 1.0 / SPACING) > _BRIGHT * level)
    core = largest_part(_distance(tissue) > _NECK)
    if not core.any():
        return logits
    whole = tissue & (_distance(~core) <= _NECK + SPACING)
    bounded = logits.copy()
    bounded[part] = np.minimum(logits[part], _FLUID - _distance(~whole))
    return bounded


def _distance(mask: np.ndarray) -> np.ndarray:
    """From each voxel of a mask to what is not in it, mm."""
    return SPACING * scipy.ndimage.distance_transform_edt(mask)


def _on_grid(logits: Volume, grid: Grid) -> np.ndarray:
    """Where logits, interpolated, are positive: bool, one piece without holes."""
    out = np.zeros(grid.shape, bool)
    part = bounding_box(logits.data > -_CERTAIN)
    corners = np.array(np.meshgrid(*[(side.start - 1, side.stop) for side in part], indexing="ij"))
    to_grid = np.linalg.solve(grid.affine, logits.grid.affine)
    there = (to_grid @ np.vstack([corners.reshape(3, -1), np.ones(8)]))[:3]
    first = np.clip(np.floor(there.min(axis=1)), 0, np.array(grid.shape) - 1).astype(int)
    last = np.clip(np.ceil(there.max(axis=1)), first, np.array(grid.shape) - 1).astype(int)
    shift = np.eye(4)
    shift[:3, 3] = first
    sizes = [int(n) for n in last - first + 1]
    inner = Grid((sizes[0], sizes[1], sizes[2]), grid.affine @ shift)
    # 0 is what lies beyond a resampled volume, so all is raised to be positive
    raised = resample_to(replace(logits, data=logits.data + _CERTAIN), inner)
    mask = without_holes(largest_part(raised > _CERTAIN))
    out[tuple(slice(a, b + 1) for a, b in zip(first, last, strict=True))] = mask
    return out


def _head(data: np.ndarray, most: int) -> Box:
    """Box of what is not air, around its middle at most so many voxels wide."""
    low, high = np.quantile(data[::2, ::2, ::2], (0.01, 0.99))
    head = largest_part(scipy.ndimage.uniform_filter(data, 3) > low + _AIR * (high - low))
    if not head.any():
        return _box([slice(0, n) for n in data.shape])
    sides = []
    for part in bounding_box(head):
        middle = (part.start + part.stop) // 2
        sides.append(slice(max(part.start, middle - most // 2), min(part.stop, middle + most // 2)))
    return _box(sides)


def _widened(box: Box, margin: int, shape: tuple[int, ...]) -> Box:
    sides = zip(box, shape, strict=True)
    return _box([slice(max(0, part.start - margin), min(n, part.stop + margin)) for part, n in sides])


def _box(sides: list[slice]) -> Box:
    return sides[0], sides[1], sides[2]


def _size(box: Box) -> int:
    return math.prod(part.stop - part.start for part in box)
