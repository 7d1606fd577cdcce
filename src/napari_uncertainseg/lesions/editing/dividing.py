"""One lesion cut in two.

Lesions are 26-connected components: two of them stay apart only where a layer of voxels between them is no
lesion. So a cut takes a layer one voxel thick, on the side where it costs fewer voxels.
"""

from __future__ import annotations

from itertools import product

import numpy as np
from scipy import ndimage
from skimage.segmentation import watershed

from napari_uncertainseg._base import InputError
from napari_uncertainseg._checks import as_mask, check_dimensions
from napari_uncertainseg.lesions.editing.boxes import Spacing, box_of, parts_of, touching

Place = tuple[float, float, float]
"""Index along the axes of a mask; parts of a voxel are allowed."""

_AROUND = [np.array(step) for step in product((-1, 0, 1), repeat=3) if any(step)]


def split_by_seeds(
    lesion: np.ndarray,
    spacing: Spacing,
    first: tuple[int, int, int],
    second: tuple[int, int, int],
) -> np.ndarray:
    """A lesion cut where it is narrow between two of its voxels.

    Two parts with a neck between them are cut there: a watershed of the distance to the outline in mm, from
    the two voxels up. Where both voxels lie in one part, with no neck between them, each takes what is
    nearer to it.

    Parameters
    ----------
    lesion
        3-D, bool; of other types what is not 0.
    spacing
        Voxel size per axis, mm.
    first, second
        Voxels of it.

    Returns
    -------
    bool, of the mask's shape, with one component more.

    Raises
    ------
    InputError
        If the two are no two voxels of it, or it is too small to be cut.
    """
    lesion = _checked(lesion)
    if first == second or not (lesion[first] and lesion[second]):
        raise InputError("Click on two different places of one lesion to cut it between them.")
    box = box_of(lesion, 0.0, spacing)
    starts = np.array([part.start for part in box])
    seeds = [np.array(seed) - starts for seed in (first, second)]
    inside, found = lesion[box], np.zeros(lesion.shape, bool)
    found[box] = _cut(inside, _sides(inside, spacing, seeds))
    return found


def split_by_line(lesion: np.ndarray, spacing: Spacing, start: Place, stop: Place, axis: int) -> np.ndarray:
    """A lesion cut by a line that was drawn in a slice, through all its slices.

    Parameters
    ----------
    lesion, spacing
        As for `split_by_seeds`.
    start, stop
        Ends of the line. What lies beyond them is not cut.
    axis
        Across the slices.

    Returns
    -------
    bool, of the mask's shape, with one component more, or several.

    Raises
    ------
    InputError
        If the line does not cut the lesion in two.
    """
    lesion = _checked(lesion)
    box = box_of(lesion, 0.0, spacing)
    inside, found = lesion[box], np.zeros(lesion.shape, bool)
    if inside.size:
        found[box] = _along_line(inside, box, spacing, start, stop, axis)
    if parts_of(found).max(initial=0) <= parts_of(lesion).max(initial=0):
        raise InputError("The line does not cut the lesion in two: draw it across the whole lesion.")
    return found


def _along_line(
    inside: np.ndarray, box: tuple[slice, ...], spacing: Spacing, start: Place, stop: Place, axis: int
) -> np.ndarray:
    plane = [i for i in range(3) if i != axis]
    line = np.array([(stop[i] - start[i]) * spacing[i] for i in plane])
    length = float(np.hypot(*line))
    if length == 0:
        return inside
    index = np.ogrid[box]
    u, v = ((index[i] - start[i]) * spacing[i] for i in plane)
    across, along = (u * line[1] - v * line[0]) / length, (u * line[0] + v * line[1]) / length
    half = max(spacing[i] for i in plane) / 2
    within = np.broadcast_to((along >= -half) & (along <= length + half), inside.shape)
    one_side = inside & (across > 0)
    other = inside & (across <= 0)
    layers = [part & touching(rest) & within for part, rest in ((one_side, other), (other, one_side))]
    return inside & ~min(layers, key=np.count_nonzero)


def _sides(inside: np.ndarray, spacing: Spacing, seeds: list[np.ndarray]) -> np.ndarray:
    """Which seed each voxel belongs to, 1 or 2; 0 outside."""
    depth = ndimage.distance_transform_edt(np.pad(inside, 1), sampling=spacing)[1:-1, 1:-1, 1:-1]
    tops = [_climb(depth, seed) for seed in seeds]
    if tops[0] == tops[1]:
        index = np.ogrid[tuple(slice(n) for n in inside.shape)]
        far = [
            sum(((i - s) * step) ** 2 for i, s, step in zip(index, seed, spacing, strict=True))
            for seed in seeds
        ]
        return np.where(inside, np.where(far[0] <= far[1], 1, 2), 0)
    markers = np.zeros(inside.shape, np.int32)
    for number, top in enumerate(tops, 1):
        markers[top] = number
    return np.asarray(watershed(-depth, markers, connectivity=np.ones((3, 3, 3), bool), mask=inside))


def _climb(depth: np.ndarray, seed: np.ndarray) -> tuple[int, ...]:
    """The voxel that is reached from another by always going to the deepest neighbour."""
    here = seed
    while True:
        around = [here + step for step in _AROUND]
        around = [at for at in around if (at >= 0).all() and (at < depth.shape).all()]
        best = max(around, key=lambda at: float(depth[tuple(at)]), default=here)
        if depth[tuple(best)] <= depth[tuple(here)]:
            return tuple(int(i) for i in here)
        here = best


def _cut(inside: np.ndarray, side: np.ndarray) -> np.ndarray:
    one, two = side == 1, side == 2
    layers = [part & touching(rest) for part, rest in ((one, two), (two, one))]
    for layer, part in sorted(zip(layers, (one, two), strict=True), key=lambda pair: pair[0].sum()):
        if (part & ~layer).any():
            return inside & ~layer
    raise InputError("This lesion is too small to be cut in two.")


def _checked(lesion: np.ndarray) -> np.ndarray:
    lesion = as_mask(lesion)
    check_dimensions("The lesion", lesion)
    return lesion
