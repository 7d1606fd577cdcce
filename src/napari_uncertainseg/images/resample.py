"""From one grid to another: linear, with a filter where voxels get larger."""

from __future__ import annotations

import numpy as np
import scipy

from napari_uncertainseg._boxes import bounding_slices
from napari_uncertainseg.images.volume import Grid, Volume

_SIGMA_PER_STEP = 1 / np.sqrt(8 * np.log(2))  # full width at half maximum -> standard deviation

_BLURRED_FROM = 1.01
"""Voxels that grow by no more are not blurred."""
_TRUNCATED = 4.0
"""Standard deviations after which scipy ends a Gaussian."""
_STRAIGHT = 1e-9
"""What is no larger in a matrix of voxels is rounding: less than a thousandth of a voxel over any scan."""
_SAME = 0.01
"""Voxels whose sizes differ by no more than this share are of one size."""


def resample_to(
    volume: Volume, grid: Grid, transform: np.ndarray | None = None, *, nearest: bool = False
) -> np.ndarray:
    """Resample a volume onto a grid by the affines.

    Parameters
    ----------
    transform
        4x4, RAS mm of ``grid`` to RAS mm of the volume; identity if None.
    nearest
        Take the nearest voxel (labels) instead of interpolating.

    Returns
    -------
    numpy.ndarray
        Shape ``grid.shape``, 0 where the volume has no voxel. When nothing has to be done
        it is the volume's own array.
    """
    if transform is None and volume.grid.same_as(grid):
        return volume.data
    world = grid.affine if transform is None else transform @ grid.affine
    matrix = np.linalg.solve(volume.grid.affine, world)
    if nearest:
        data = volume.data.astype(np.uint8) if volume.data.dtype == bool else volume.data
        return scipy.ndimage.affine_transform(data, matrix, output_shape=grid.shape, order=0)
    ratios = tuple(g / v for g, v in zip(grid.spacing, volume.grid.spacing, strict=True))
    if (order := _order_of_axes(matrix[:3, :3])) is not None:
        return _along_axes(volume.data, matrix, ratios, order, grid.shape)
    smooth = antialias(volume.data, ratios)
    return scipy.ndimage.affine_transform(
        smooth, matrix, output_shape=grid.shape, order=1, output=np.float32, mode="constant"
    )


def _order_of_axes(matrix: np.ndarray) -> tuple[int, ...] | None:
    """Along which axis of a matrix's output each axis of its input runs; None where one runs obliquely."""
    runs = np.abs(matrix) > _STRAIGHT
    straight = all((runs.sum(axis=axis) == 1).all() for axis in (0, 1))
    return tuple(runs.argmax(axis=1)) if straight else None


def _along_axes(
    data: np.ndarray,
    matrix: np.ndarray,
    ratios: tuple[float, ...],
    order: tuple[int, ...],
    shape: tuple[int, ...],
) -> np.ndarray:
    """What `resample_to` returns, one axis after the other: each leaves less for the next to be blurred.

    Where a scan is 0, as around a brain that was cut out, it stays 0, and nothing is computed.
    """
    out = np.asarray(data, np.float32)
    box = bounding_slices(out != 0)
    found = np.zeros(shape, np.float32)
    if any(side.start == side.stop for side in box):
        return found
    around = [_radius(ratio) + 1 for ratio in ratios]
    box = tuple(
        slice(max(side.start - more, 0), side.stop + more) for side, more in zip(box, around, strict=True)
    )
    out = out[box]
    placed = [slice(0)] * len(order)
    for axis, run in enumerate(order):
        where = matrix[axis, run] * np.arange(shape[run]) + matrix[axis, 3]
        blurred = _blurred(out, ratios[axis], axis)
        out, placed[run] = _between(blurred, where, axis, box[axis].start, data.shape[axis])
    found[tuple(placed)] = out.transpose(np.argsort(order))
    return found


def _between(
    data: np.ndarray, where: np.ndarray, axis: int, first: int, length: int
) -> tuple[np.ndarray, slice]:
    """Values between voxels along an axis, linear; 0 beyond the first and the last.

    Parameters
    ----------
    data
        Voxels from `first` on, of `length` along the axis; those that are left out are 0, and so are those
        beside them.
    where
        Places along the axis, in voxels, rising or falling.

    Returns
    -------
    tuple
        The values at those places that lie between voxels of the data, and which places these are.
    """
    last = length - 1
    below = np.clip(np.floor(where).astype(int), 0, max(last - 1, 0))
    above = np.minimum(below + 1, last)
    kept = np.flatnonzero((below >= first) & (above < first + data.shape[axis]))
    part = slice(int(kept[0]), int(kept[-1]) + 1) if len(kept) else slice(0, 0)
    there = (where >= 0) & (where <= last)
    share = np.expand_dims(
        (where - below).astype(np.float32)[part], [a for a in range(data.ndim) if a != axis]
    )
    low, high = data.take(below[part] - first, axis), data.take(above[part] - first, axis)
    high -= low
    high *= share
    high += low
    high[(slice(None),) * axis + (~there[part],)] = 0
    return high, part


def resampled_shape(
    shape: tuple[int, ...], spacing: tuple[float, ...], wanted: tuple[float, ...]
) -> tuple[int, int, int]:
    """Number of voxels of a wanted size over the extent of others; 1 or more along each axis.

    An axis whose voxels are within 1 % of the wanted size keeps its number: nothing is resampled there.

    Parameters
    ----------
    shape
        Number of the voxels that there are, along each of three axes.
    spacing, wanted
        Their size, and the wanted one, mm.
    """
    z, y, x = (
        n if abs(old / new - 1) <= _SAME else max(1, round(n * old / new))
        for n, old, new in zip(shape, spacing, wanted, strict=True)
    )
    return z, y, x


def zoom(data: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Resample an array to another number of voxels over the same extent.

    Parameters
    ----------
    data
        Any real dtype.
    shape
        Number of voxels along each axis.

    Returns
    -------
    numpy.ndarray
        float32, shape ``shape``. Edges are continued.
    """
    ratios = tuple(old / new for old, new in zip(data.shape, shape, strict=True))
    offset = [(r - 1) / 2 for r in ratios]
    return scipy.ndimage.affine_transform(
        antialias(data, ratios), ratios, offset, shape, order=1, output=np.float32, mode="nearest"
    )


def antialias(data: np.ndarray, ratios: tuple[float, ...]) -> np.ndarray:
    """Blur along the axes whose voxels grow by ``ratios`` > 1, as far as the larger voxels would.

    A Gaussian whose width at half maximum, added to the old voxel's, gives the new voxel's
    (Cardoso et al., MICCAI 2015, "Scale factor point spread function matching").

    Parameters
    ----------
    data
        Any real dtype.
    ratios
        Size of the new voxels over that of the old ones, by axis.
    """
    out = np.asarray(data, np.float32)
    for axis, ratio in enumerate(ratios):
        out = _blurred(out, ratio, axis)
    return out


def _blurred(data: np.ndarray, ratio: float, axis: int) -> np.ndarray:
    """The same along one axis, float32."""
    if ratio <= _BLURRED_FROM:
        return data
    return scipy.ndimage.gaussian_filter1d(data, _sigma(ratio), axis=axis, mode="nearest")


def _sigma(ratio: float) -> float:
    return float(_SIGMA_PER_STEP * np.sqrt(ratio**2 - 1))


def _radius(ratio: float) -> int:
    """How many voxels away `_blurred` still looks."""
    return 0 if ratio <= _BLURRED_FROM else int(_TRUNCATED * _sigma(ratio) + 0.5)


def isotropic(volume: Volume, spacing: float, margin: float = 0.0) -> Volume:
    """Resample onto cubic voxels whose axes are those of RAS space.

    Parameters
    ----------
    spacing
        Of the result, mm.
    margin
        Added on every side, mm.
    """
    shape = np.array(volume.grid.shape)
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in shape], indexing="ij")).reshape(3, -1)
    world = (volume.grid.affine @ np.vstack([corners, np.ones(8)]))[:3]
    low, high = world.min(axis=1) - margin, world.max(axis=1) + margin
    r, a, s = (int(n) for n in np.ceil((high - low) / spacing) + 1)
    affine = np.eye(4)
    affine[:3, :3] = np.eye(3)[:, ::-1] * spacing
    affine[:3, 3] = low
    grid = Grid((s, a, r), affine)
    return Volume(resample_to(volume, grid), grid, volume.name, volume.modality)
