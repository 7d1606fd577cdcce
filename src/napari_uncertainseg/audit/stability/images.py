"""The acquisitions of a person on one grid, and how far their images and features are apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from napari_uncertainseg._base import InputError
from napari_uncertainseg._boxes import bounding_box
from napari_uncertainseg.images.preparation.align import displacement, register
from napari_uncertainseg.images.resample import isotropic, resample_to
from napari_uncertainseg.images.volume import Grid, Volume

RANGE = 2.0
"""Largest intensity that PSNR and SSIM count with, in units of the brain's median."""
WINDOW = 7
"""Voxels along each side of SSIM's window."""
_SPACING = 2.0
_STILL_MM = 0.5
"""A scan that registration would move by less is taken as it lies: interpolating would cost more."""
_EMPTY = 1e-12


def placed(moving: Volume, fixed: Volume) -> tuple[np.ndarray | None, float]:
    """Where a scan lies against another of the same person, by rigid registration.

    Returns
    -------
    transform
        4x4, RAS mm of ``fixed`` to RAS mm of ``moving``; None where both lie on each other.
    moved
        By how many mm the centre of the head is moved.
    """
    small, target = isotropic(moving, _SPACING), isotropic(fixed, _SPACING)
    transform = register(small, target)
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in target.grid.shape], indexing="ij")).reshape(3, -1)
    world = target.grid.affine @ np.vstack([corners, np.ones(8)])
    furthest = float(np.linalg.norm((transform @ world - world)[:3], axis=0).max())
    if furthest < _STILL_MM:
        return None, 0.0
    return transform, displacement(transform, target)


@dataclass(frozen=True, eq=False)
class Frame:
    """Where the acquisitions of a person are compared.

    Attributes
    ----------
    grid
        Of the person's first acquisition.
    box
        Part of it that holds the brain.
    brain
        bool, of the box.
    """

    grid: Grid
    box: tuple[slice, ...]
    brain: np.ndarray

    @classmethod
    def of(cls, grid: Grid, brain: np.ndarray) -> Frame:
        """Of a brain on a grid; InputError where it is empty."""
        if not brain.any():
            raise InputError("The brain of a person's first acquisition is empty: nothing can be compared.")
        box = bounding_box(brain)
        return cls(grid, box, brain[box])

    def image(self, volume: Volume, transform: np.ndarray | None = None) -> np.ndarray:
        """A scan here, float32 of the box. Its median in the brain is 1: a mere gain does not count."""
        data = np.asarray(resample_to(volume, self.grid, transform)[self.box], np.float32)
        level = float(np.median(data[self.brain]))
        if not level > 0:
            raise InputError(
                f"'{volume.name}' is dark in the brain of the person's first acquisition: is it the same "
                "person, "
                "and are its intensities above 0?"
            )
        return data / np.float32(level)

    def labels(self, volume: Volume, transform: np.ndarray | None = None) -> np.ndarray:
        """Labels here, of the box, by the nearest voxel."""
        return np.asarray(resample_to(volume, self.grid, transform, nearest=True)[self.box])


@dataclass(frozen=True, eq=False)
class Distances:
    """How far the acquisitions of one person are apart, two and two.

    Attributes
    ----------
    names
        Of the acquisitions.
    matrices
        By ``"rmse"``, ``"psnr"``, ``"ssim"``, ``"features"``: float64 (acquisitions, acquisitions); NaN where
        nobody computed it.
    """

    names: tuple[str, ...]
    matrices: Mapping[str, np.ndarray]


def image_distances(images: Sequence[np.ndarray], brain: np.ndarray) -> dict[str, np.ndarray]:
    """RMSE, PSNR and SSIM of images, two and two, within the brain.

    Parameters
    ----------
    images
        float32 of one shape, in units of the brain's median (`Frame.image`).
    brain
        bool, the same shape.

    Returns
    -------
    dict
        ``rmse`` in that unit; ``psnr`` in dB, for intensities up to `RANGE`, infinite for equal images;
        ``ssim``, the mean over the brain of the 3-D map with a window of `WINDOW` voxels (fewer where the
        brain has fewer slices) and a data range of `RANGE`. float64 (images, images), symmetrical.
    """
    from skimage.metrics import mean_squared_error, peak_signal_noise_ratio

    n = len(images)
    found = {name: np.full((n, n), np.nan) for name in ("rmse", "psnr", "ssim")}
    for i in range(n):
        for j in range(i, n):
            one, other = images[i][brain], images[j][brain]
            square = float(mean_squared_error(one, other))
            equal = square < _EMPTY
            values = {
                "rmse": square**0.5,
                "psnr": np.inf if equal else float(peak_signal_noise_ratio(one, other, data_range=RANGE)),
                "ssim": 1.0 if equal else _ssim(images[i], images[j], brain),
            }
            for name, value in values.items():
                found[name][i, j] = found[name][j, i] = value
    return found


def _ssim(one: np.ndarray, other: np.ndarray, brain: np.ndarray) -> float:
    from skimage.metrics import structural_similarity

    window = min(WINDOW, *one.shape)
    window -= 1 - window % 2
    if window < 3:
        return float("nan")
    _, each = structural_similarity(one, other, data_range=RANGE, win_size=window, full=True)
    return float(each[brain].mean(dtype=np.float64))


def feature_distances(features: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """Root mean square difference of features, two and two, each as a share of its spread.

    Parameters
    ----------
    features
        float (acquisitions, features).
    spread
        float (features,): standard deviation over the acquisitions of all people. Features
        without spread, and those that are NaN in one of the two, are left out.

    Returns
    -------
    float64 (acquisitions, acquisitions); NaN where no feature is left.
    """
    usable = np.isfinite(spread) & (spread > 0)
    scaled = features[:, usable] / spread[usable]
    with np.errstate(invalid="ignore"):
        square = (scaled[:, None] - scaled[None]) ** 2
    known = np.isfinite(square)
    total = np.where(known, square, 0).sum(-1)
    counts = known.sum(-1)
    return np.asarray(np.sqrt(np.where(counts > 0, total / np.maximum(counts, 1), np.nan)))


def mean_over_people(
    found: Sequence[Distances], name: str
) -> tuple[tuple[str, ...], np.ndarray, np.ndarray, np.ndarray]:
    """A matrix over people: the acquisitions' names, mean, standard deviation and number of people.

    Pairs that one person lacks are of the others; the standard deviation of one person is NaN.
    """
    names = tuple(dict.fromkeys(n for one in found for n in one.names))
    stack = np.full((len(found), len(names), len(names)), np.nan)
    for p, one in enumerate(found):
        at = [names.index(n) for n in one.names]
        stack[p][np.ix_(at, at)] = one.matrices[name]
    stack[np.isinf(stack)] = np.nan  # PSNR of an image with itself
    counts = np.isfinite(stack).sum(0)
    total = np.nansum(stack, 0)
    mean = np.where(counts > 0, total / np.maximum(counts, 1), np.nan)
    square = np.nansum((stack - mean) ** 2, 0)
    deviation = np.where(counts > 1, np.sqrt(square / np.maximum(counts - 1, 1)), np.nan)
    return names, mean, deviation, counts
