"""The brain of a head, by the network that ships with the package (`networks.brain`)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy import ndimage

from napari_uncertainseg._base import Progress, silent
from napari_uncertainseg._boxes import bounding_box
from napari_uncertainseg.images.resample import isotropic, resample_to
from napari_uncertainseg.images.volume import Volume

_STAGE = "finding the brain"
_AIR = 0.08  # of the brightest: what is darker is no head
_AROUND = 16.0  # mm around a brain that the second look shows
_CERTAIN = 8.0  # logits beyond are as good
_LARGEST = 300.0  # mm, of a head


def brain_by_network(scan: Volume, progress: Progress = silent, weights: Path | None = None) -> np.ndarray:
    """Brain mask of a scan with its skull: one piece, without holes; empty where none is seen.

    The network looks twice: at the head, and then at the surroundings of the brain that it saw, which
    are framed as in its training. Its logits, interpolated, say where between the voxels the border runs.

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
    from napari_uncertainseg.networks.brain import SPACING, WEIGHTS, brain_logits

    path = weights or WEIGHTS
    progress(_STAGE, 0.0)
    cubic = isotropic(scan, SPACING)
    data = cubic.data
    box = _head(data, round(_LARGEST / SPACING))
    progress(_STAGE, 0.2)
    first = np.full(data.shape, -_CERTAIN, np.float32)
    first[box] = brain_logits(data[box], path)
    seen = largest_part(first > 0)
    if not seen.any():
        return np.zeros(scan.grid.shape, bool)
    progress(_STAGE, 0.5)
    box = _widened(bounding_box(seen), round(_AROUND / SPACING), data.shape)
    logits = np.full(data.shape, -_CERTAIN, np.float32)
    logits[box] = np.clip(brain_logits(data[box], path), -_CERTAIN, _CERTAIN)
    progress(_STAGE, 0.9)
    # 0 is what lies beyond a resampled volume, so all is raised to be positive
    raised = resample_to(Volume(logits + _CERTAIN, cubic.grid, scan.name), scan.grid)
    mask = ndimage.binary_fill_holes(largest_part(raised > _CERTAIN))
    progress(_STAGE, 1.0)
    return mask


def largest_part(mask: np.ndarray) -> np.ndarray:
    """The largest of the parts of a mask that do not touch; bool."""
    labels, count = ndimage.label(mask)
    if count < 2:
        return mask
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return labels == sizes.argmax()


def _head(data: np.ndarray, most: int) -> tuple[slice, ...]:
    """Box of what is not air, around its middle at most so many voxels wide."""
    low, high = np.quantile(data[::2, ::2, ::2], (0.01, 0.99))
    head = largest_part(ndimage.uniform_filter(data, 3) > low + _AIR * (high - low))
    if not head.any():
        return tuple(slice(0, n) for n in data.shape)
    sides = []
    for part in bounding_box(head):
        middle = (part.start + part.stop) // 2
        sides.append(slice(max(part.start, middle - most // 2), min(part.stop, middle + most // 2)))
    return tuple(sides)


def _widened(box: tuple[slice, ...], margin: int, shape: tuple[int, ...]) -> tuple[slice, ...]:
    return tuple(
        slice(max(0, part.start - margin), min(n, part.stop + margin))
        for part, n in zip(box, shape, strict=True)
    )
