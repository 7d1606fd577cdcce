"""From one grid to another: linear, with a filter where voxels get larger."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from napari_uncertainseg.images.volume import Grid, Volume

_SIGMA_PER_STEP = 1 / np.sqrt(8 * np.log(2))  # full width at half maximum -> standard deviation

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
        return ndimage.affine_transform(data, matrix, output_shape=grid.shape, order=0)
    ratios = tuple(g / v for g, v in zip(grid.spacing, volume.grid.spacing, strict=True))
    if (order := _order_of_axes(matrix[:3, :3])) is not None:
        return _along_axes(volume.data, matrix, ratios, order, grid.shape)
    smooth = antialias(volume.data, ratios)
    return ndimage.affine_transform(
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
    """What `resample_to` returns, one axis after the other: each leaves less for the next to be blurred."""
    out = np.asarray(data, np.float32)
    for axis, run in enumerate(order):
        where = matrix[axis, run] * np.arange(shape[run]) + matrix[axis, 3]
        out = _between(_blurred(out, ratios[axis], axis), where, axis)
    return np.ascontiguousarray(out.transpose(np.argsort(order)))


def _between(data: np.ndarray, where: np.ndarray, axis: int) -> np.ndarray:
    """Values between voxels along an axis, linear; 0 beyond the first and the last."""
    last = data.shape[axis] - 1
    there = (where >= 0) & (where <= last)
    below = np.clip(np.floor(where).astype(int), 0, max(last - 1, 0))
    share = np.expand_dims((where - below).astype(np.float32), [a for a in range(data.ndim) if a != axis])
    low, high = data.take(below, axis), data.take(np.minimum(below + 1, last), axis)
    high -= low
    high *= share
    high += low
    high[(slice(None),) * axis + (~there,)] = 0
    return high


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
    return ndimage.affine_transform(
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
    if ratio <= 1.01:
        return data
    sigma = _SIGMA_PER_STEP * np.sqrt(ratio**2 - 1)
    return ndimage.gaussian_filter1d(data, sigma, axis=axis, mode="nearest")


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
