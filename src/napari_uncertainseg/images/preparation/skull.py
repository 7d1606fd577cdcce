"""Whether a scan still shows the skull, told by what lies beneath the surface of what it shows.

Air that is exactly 0 tells little: a head may have been cut out as well as a brain. But under the
surface of a head lies the skull, which is dark in every sequence, and under the surface of a brain
lies more brain. So lines are followed inwards from the surface, and the share of lines that come
through something dark decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cc3d
import numpy as np
import scipy

from napari_uncertainseg._boxes import Box, bounding_box
from napari_uncertainseg._distances import distance_inside
from napari_uncertainseg._quantiles import median, quantiles
from napari_uncertainseg.images.volume import Volume

DARK_OF_BRAIN, DARK_OF_HEAD = 0.35, 0.5
"""At most this share of the lines is dark in a brain, at least that share in a head (`docs/results.md`)."""

_STEP = 2.0  # mm: fine enough for a skull, so voxels are left out down to this
_FEWEST_SLICES = 8  # fewer show too little of the surface
_LINES, _FEWEST_LINES = 4000, 100
_DEPTHS = np.arange(0.0, 18.0)  # mm beneath the surface
_SCALP, _SKULL = slice(0, 8), slice(5, 16)  # depths at which they are looked for
_SMOOTH, _SMOOTHED = 2.0, 4.0  # mm that depth is smoothed by before its slope is taken; how often it reaches
_DARK = 0.42  # of the deep tissue, or of the scalp where that is brighter
_AIR = 0.05  # of the brightest: what differs less from the background is air
_EACH = 101  # voxels from one that is looked at to the next, to find a value that most have
_CONSTANT = 0.5  # of the air has one and the same value where something was cut out


@dataclass(frozen=True)
class Surroundings:
    """What tells a brain from a head.

    Attributes
    ----------
    background
        The value of the air.
    level
        What differs from the background by at most this much is air.
    constant
        Whether most of the air has one and the same value, as it has where something was cut out.
    dark
        Share of the lines inwards that come through something dark, 0 to 1; nan when there is
        hardly any surface in the field of view.
    few_slices
        Whether the scan has too few slices to tell much.
    """

    background: float
    level: float
    constant: bool
    dark: float
    few_slices: bool = False

    @property
    def skull(self) -> Literal["removed", "present"] | None:
        """What it amounts to; None where it is doubtful."""
        if self.dark >= DARK_OF_HEAD:
            return "present"
        certain = self.dark <= DARK_OF_BRAIN and self.constant and not self.few_slices
        return "removed" if certain else None


def surroundings(scan: Volume) -> Surroundings:
    """Look beneath the surface of what a scan shows.

    Parameters
    ----------
    scan
        FLAIR, T1 or T2; finite.
    """
    steps = [max(1, round(_STEP / size)) for size in scan.grid.spacing]
    spacing = np.array(scan.grid.spacing) * steps
    data = scan.data[tuple(slice(None, None, step) for step in steps)].astype(np.float32)
    low, bright = (float(x) for x in quantiles(data, (0.005, 0.995)))
    background = _background(data, low, bright)
    level = _AIR * (bright - min(low, background))
    seen = np.abs(data - background) > level
    air = data[~seen]
    constant = air.size > 0 and float(np.mean(air == background)) >= _CONSTANT
    dark = _dark_share(data - min(low, background), seen, spacing) if level > 0 else float("nan")
    return Surroundings(background, level, constant, dark, min(data.shape) < _FEWEST_SLICES)


def shown_surface(scan: Volume, around: Surroundings) -> np.ndarray:
    """What a scan shows, without its air: bool, holes filled, and without specks apart from it."""
    different = scan.data != np.float32(around.background)
    inside = different if around.constant else np.abs(scan.data - around.background) > around.level
    box = bounding_box(inside)  # what lies around it is air
    labels, count = _parts(inside[box])
    if count > 1:
        sizes = np.bincount(labels.ravel())
        sizes[0] = 0
        inside[box] = (sizes >= 0.01 * sizes.max())[labels]
    return without_holes(inside)


@dataclass(frozen=True, eq=False)
class Glance:
    """A first look at a scan.

    Attributes
    ----------
    around
        Its surroundings.
    shown
        `shown_surface`, where the skull was removed; else None.
    """

    around: Surroundings
    shown: np.ndarray | None


def glance(scan: Volume) -> Glance:
    """Look at a scan before others are known."""
    around = surroundings(scan)
    return Glance(around, shown_surface(scan, around) if around.skull == "removed" else None)


def _background(data: np.ndarray, low: float, bright: float) -> float:
    """The most common value: of all where a cut left much of it, or else of the dark ones."""
    for likely in (
        data.min(),
        np.partition(sample := data.ravel()[::_EACH], sample.size // 2)[sample.size // 2],
    ):
        if 2 * np.count_nonzero(data == likely) > data.size:
            return float(likely)  # no other can be as common, and not all are sorted
    values, counts = np.unique(data, return_counts=True)
    if counts.max() < 0.1 * data.size:
        dark = values <= low + 0.3 * (bright - low)
        values, counts = values[dark], counts[dark]
    return float(values[counts.argmax()])


def _dark_share(data: np.ndarray, seen: np.ndarray, spacing: np.ndarray) -> float:
    solid = _filled(largest_part(seen))
    box = _around(solid, spacing)
    depth = distance_inside(solid[box], tuple(spacing))
    surface = np.argwhere((depth > 0) & (depth <= 1.01 * spacing.min()))
    order = np.random.default_rng(0).permutation(len(surface))[:_LINES]
    lines = _lines(surface[order], depth, spacing, tuple(side.start for side in box), data.shape)
    if len(lines) < _FEWEST_LINES:
        return float("nan")
    along = scipy.ndimage.map_coordinates(data, lines.reshape(-1, 3).T, order=1).reshape(lines.shape[:2])
    along = scipy.ndimage.uniform_filter1d(along, 3, axis=1)
    tissue = median(data[box][depth > min(20.0, 0.6 * depth.max())])
    around = np.maximum(tissue, along[:, _SCALP].max(axis=1))
    return float(np.mean(along[:, _SKULL].min(axis=1) < _DARK * around))


def _around(mask: np.ndarray, spacing: np.ndarray) -> Box:
    """The box of a mask, and so much around it that depth and its slope are there as on the whole grid."""
    more = np.ceil(_SMOOTHED * _SMOOTH / spacing).astype(int) + 3
    sides = [
        slice(max(side.start - n, 0), min(side.stop + n, size))
        for side, n, size in zip(bounding_box(mask), more, mask.shape, strict=True)
    ]
    return sides[0], sides[1], sides[2]


def largest_part(mask: np.ndarray) -> np.ndarray:
    """The largest of the parts of a mask that do not touch; bool."""
    labels, count = _parts(mask)
    if count < 2:
        return mask
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return labels == sizes.argmax()


def _parts(mask: np.ndarray, across: int | None = None) -> tuple[np.ndarray, int]:
    """Parts that do not touch, as `scipy.ndimage.label` numbers them, and their count.

    Parameters
    ----------
    mask
        bool, any number of axes.
    across
        Slices across this axis do not touch each other; None where they do.
    """
    if mask.ndim == 3 and across is None and mask.size:
        # It numbers in the order of memory, and in version 4.1 fails on thin images without some room.
        roomy = np.pad(np.ascontiguousarray(mask), (0, 1))
        labels, count = cc3d.connected_components(roomy, connectivity=6, return_N=True)
        return labels[:-1, :-1, :-1], int(count)
    touching = scipy.ndimage.generate_binary_structure(mask.ndim, 1)
    if across is not None:
        touching &= (np.arange(3) == 1).reshape([3 if axis == across else 1 for axis in range(mask.ndim)])
    labels, count = scipy.ndimage.label(mask, touching)
    return labels, count


def without_holes(mask: np.ndarray, across: int | None = None) -> np.ndarray:
    """A mask with what it encloses; bool.

    The same as `scipy.ndimage.binary_fill_holes`, which repeats a step for each voxel that the way in is
    long; here what lies around the mask is labelled once.

    Parameters
    ----------
    mask
        bool, any number of axes.
    across
        Holes of single slices across this axis are filled, too; None for what is closed on all sides.
    """
    box = bounding_box(mask)
    if any(side.start == side.stop for side in box):
        return mask.copy()
    planes = [axis != across for axis in range(mask.ndim)]
    around = np.pad(~mask[box], [(int(plane),) * 2 for plane in planes], constant_values=True)
    labels, count = _parts(around, across)
    if count == 1 and across is None:
        return mask.copy()  # all around it is one: it encloses nothing
    outside = np.zeros(count + 1, bool)
    outside[labels[tuple(0 if plane else slice(None) for plane in planes)]] = True
    filled = mask.copy()
    filled[box] = ~outside[labels][tuple(slice(1, -1) if plane else slice(None) for plane in planes)]
    return filled


def without_gaps(mask: np.ndarray, width: int) -> np.ndarray:
    """A mask with its narrow gaps closed; bool.

    The same as `scipy.ndimage.binary_closing` of so many iterations, by whole arrays.

    Parameters
    ----------
    mask
        bool, any number of axes.
    width
        Gaps of up to twice as many voxels are closed.
    """
    for step in (np.logical_or,) * width + (np.logical_and,) * width:
        before, mask = mask, mask.copy()
        for axis in range(mask.ndim):
            lower, upper = ((slice(None),) * axis + (part,) for part in (slice(None, -1), slice(1, None)))
            step(mask[upper], before[lower], out=mask[upper])
            step(mask[lower], before[upper], out=mask[lower])
            if step is np.logical_and:  # what lies beyond the ends is not marked
                mask[(slice(None),) * axis + ([0, -1],)] = False
    return mask


def _filled(seen: np.ndarray) -> np.ndarray:
    """Without holes, and without those of single slices: a slab of a head is open above and below."""
    for axis in range(3):
        seen = without_holes(seen, across=axis)
    return seen


def _lines(
    surface: np.ndarray,
    depth: np.ndarray,
    spacing: np.ndarray,
    first: tuple[int, ...],
    shape: tuple[int, ...],
) -> np.ndarray:
    """Points of lines that run inwards from voxels of the surface and stay in the scan: (n, depths, 3).

    Surface and depth are of the part of a scan of a `shape` that begins at `first`, the points of all of it.
    """
    if min(shape) < 2 or not len(surface):
        return np.empty((0, len(_DEPTHS), 3))
    slopes = np.gradient(scipy.ndimage.gaussian_filter(depth, _SMOOTH / spacing), *spacing)
    inwards = np.stack([slope[tuple(surface.T)] for slope in slopes], axis=1)
    length = np.linalg.norm(inwards, axis=1)
    clear = length > 0.2  # elsewhere, as in a thin sheet, there is no inwards
    inwards = inwards[clear] / length[clear, None]
    lines = (surface[clear, None] + np.array(first)) + inwards[:, None] * _DEPTHS[:, None] / spacing
    return lines[((lines >= 0) & (lines <= np.array(shape) - 1)).all(axis=(1, 2))]
