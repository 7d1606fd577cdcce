"""How nnU-Net prepares scans (its default preprocessor), as steps with a way back.

Isensee et al., Nature Methods 18:203 (2021), and the behaviour of nnunetv2 2.8: turn, cut off what is 0 all
around, normalise, resample. Its result comes back as logits: they are resampled, not probabilities.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import scipy

from napari_uncertainseg._base import InputError
from napari_uncertainseg.networks.foreign_steps import (
    MAX_VOXELS,
    Crop,
    ForeignPreprocessing,
    Permute,
    Reorient,
    Stack,
    Step,
    Undo,
    unmoved,
)
from napari_uncertainseg.networks.formats.markers import NNUNET
from napari_uncertainseg.networks.formats.nnunet.plans import Configuration, Plans, Resampling

_ANISOTROPIC = 3.0
"""From this ratio of the longest side of a voxel to the shortest on, slices are resampled one by one."""
_LEAST_DEVIATION = 1e-8
_SCHEMES = ("ZScoreNormalization", "CTNormalization", "NoNormalization", "RescaleTo01Normalization")


@dataclass(frozen=True)
class Scheme:
    """How one channel is normalised.

    Attributes
    ----------
    name
        Of nnU-Net's class.
    in_mask
        Whether only voxels where some scan is not 0, and holes among them, are measured and changed.
    low, high, mean, deviation
        Of the training data, for CT.
    """

    name: str
    in_mask: bool = False
    low: float = 0.0
    high: float = 0.0
    mean: float = 0.0
    deviation: float = 1.0

    def normalised(self, scan: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """A normalised copy, float32 of the same shape."""
        scan = scan.astype(np.float32)  # a copy
        if self.name == "CTNormalization":
            return (np.clip(scan, self.low, self.high) - np.float32(self.mean)) / np.float32(
                max(self.deviation, _LEAST_DEVIATION)
            )
        if self.name == "RescaleTo01Normalization":
            scan -= scan.min()
            return scan / np.float32(max(float(scan.max()), _LEAST_DEVIATION))
        if self.name == "ZScoreNormalization":
            where = mask if self.in_mask else np.ones(scan.shape, bool)
            inside = scan[where]
            scan[where] = (inside - inside.mean()) / max(inside.std(), np.float32(_LEAST_DEVIATION))
        return scan


@dataclass(frozen=True)
class Normalise(Step):
    """Normalise each channel in its own way."""

    schemes: tuple[Scheme, ...]

    def apply(self, stack: Stack) -> tuple[Stack, Undo]:
        """Normalise."""
        mask = scipy.ndimage.binary_fill_holes((stack.channels != 0).any(axis=0))
        channels = [
            scheme.normalised(scan, mask) for scheme, scan in zip(self.schemes, stack.channels, strict=True)
        ]
        return replace(stack, channels=np.stack(channels)), unmoved


@dataclass(frozen=True)
class ResampleSlices(Step):
    """Resample to the voxel size of the training data, slice by slice where voxels are long.

    Attributes
    ----------
    spacing
        Wanted, mm.
    scans, maps
        How scans are resampled, and how the network's logits come back.
    """

    spacing: tuple[float, float, float]
    scans: Resampling
    maps: Resampling

    @property
    def makes(self) -> tuple[float, float, float]:
        """The voxel size that it makes."""
        return self.spacing

    def apply(self, stack: Stack) -> tuple[Stack, Undo]:
        """Resample; where the number of voxels stays, nothing is done."""
        old, before = stack.spacing, stack.shape
        shape = [round(o / n * size) for o, n, size in zip(old, self.spacing, before, strict=True)]
        if min(shape) < 1 or len(stack.channels) * np.prod(shape, dtype=float) > MAX_VOXELS:
            sizes = " x ".join(map(str, shape))
            raise InputError(f"The model wants this scan with {sizes} voxels, which cannot be.")
        after = (shape[0], shape[1], shape[2])
        if after == before:
            return stack, unmoved
        axis = slice_axis(old, self.spacing, self.scans.force_separate_z)
        channels = [resampled(scan, after, self.scans, axis) for scan in stack.channels]
        ratio = np.array(before) / after
        move = np.diag([*ratio, 1.0])
        move[:3, 3] = (ratio - 1) / 2
        back = slice_axis(self.spacing, old, self.maps.force_separate_z)
        return Stack(np.stack(channels), stack.affine @ move), lambda array: resampled(
            array, before, self.maps, back
        )


def slice_axis(
    now: Sequence[float] | np.ndarray, then: Sequence[float] | np.ndarray, separate: bool | None
) -> int | None:
    """The axis across slices that are resampled one by one; None where all axes are resampled at once.

    Parameters
    ----------
    now, then
        Voxel sizes before and after, mm.
    separate
        Whether to, where the plans say so.
    """
    if separate is not None:
        spacing = np.asarray(now) if separate else None
    else:
        long = [np.asarray(size) for size in (now, then) if max(size) / min(size) > _ANISOTROPIC]
        spacing = long[0] if long else None
    if spacing is None:
        return None
    longest = np.flatnonzero(np.isclose(spacing, spacing.max(), rtol=1e-6))
    return int(longest[0]) if len(longest) == 1 else None


def resampled(
    array: np.ndarray, shape: tuple[int, int, int], how: Resampling, axis: int | None
) -> np.ndarray:
    """A map with other voxels over the same extent: outer edges stay.

    Parameters
    ----------
    array
        float32 or float64, three axes.
    shape
        Wanted.
    how
        Orders of the splines, within slices and across them.
    axis
        Across slices that are resampled one by one; None for all axes at once.
    """
    if array.shape == shape:
        return array.astype(np.float32)
    data = array.astype(np.float64)
    if axis is None:
        return _zoomed(data, shape, how.order).astype(np.float32)
    slices = [
        _zoomed(one, tuple(n for a, n in enumerate(shape) if a != axis), how.order)
        for one in np.moveaxis(data, axis, 0)
    ]
    return _across(np.stack(slices, axis), axis, shape[axis], how.order_z).astype(np.float32)


def _zoomed(data: np.ndarray, shape: tuple[int, ...], order: int) -> np.ndarray:
    """Resample all axes; a spline may not leave the range of what it runs through."""
    if data.shape == shape:
        return data
    factors = [n / m for n, m in zip(shape, data.shape, strict=True)]
    out = scipy.ndimage.zoom(data, factors, order=order, mode="nearest", grid_mode=True)
    return np.clip(out, data.min(), data.max())


def _across(data: np.ndarray, axis: int, count: int, order: int) -> np.ndarray:
    """Resample one axis."""
    size = data.shape[axis]
    if size == count:
        return data
    places = size / count * (np.arange(count) + 0.5) - 0.5
    if order == 0:
        nearest = scipy.ndimage.map_coordinates(np.arange(size), [places], order=0, mode="nearest")
        return np.take(data, nearest, axis)
    ratio, offset, shape = np.ones(3), np.zeros(3), list(data.shape)
    ratio[axis], offset[axis], shape[axis] = size / count, (size / count - 1) / 2, count
    return scipy.ndimage.affine_transform(data, ratio, offset, tuple(shape), order=order, mode="nearest")


def preprocessing_of(
    folder: Path, plans: Plans, configuration: Configuration, channels: int
) -> ForeignPreprocessing:
    """What is done to scans before the network reads them.

    Raises
    ------
    InputError
        If the plans normalise in a way that is not supported, or not each channel.
    """
    path = folder / NNUNET
    names, masks = configuration.normalization_schemes, configuration.use_mask_for_norm
    if len(names) != channels or len(masks) != channels:
        raise InputError(
            f"{path}: 'normalization_schemes' and 'use_mask_for_norm' should say it of {channels} channels."
        )
    schemes = tuple(_scheme(path, plans, n, name, masks[n]) for n, name in enumerate(names))
    # nnU-Net reads files with their axes in reverse order, and transposes these.
    axes: tuple[int, ...] = tuple(2 - axis for axis in plans.transpose_forward)
    turn: tuple[Step, ...] = (Reorient("RAS"),) if plans.reorients else ()
    return ForeignPreprocessing(
        (
            *turn,
            Permute((axes[0], axes[1], axes[2])),
            Crop("nonzero"),
            Normalise(schemes),
            ResampleSlices(
                configuration.spacing,
                configuration.resampling_fn_data_kwargs,
                configuration.resampling_fn_probabilities_kwargs,
            ),
        ),
        moves="logits",
    )


def _scheme(path: Path, plans: Plans, channel: int, name: str, in_mask: bool) -> Scheme:
    if name not in _SCHEMES:
        raise InputError(
            f"{path}: scans are normalised by '{name}', which is not supported: {', '.join(_SCHEMES)} are."
        )
    if name != "CTNormalization":
        return Scheme(name, in_mask)
    known = plans.foreground_intensity_properties_per_channel.get(str(channel))
    if known is None:
        raise InputError(
            f"{path}: 'foreground_intensity_properties_per_channel' lacks channel {channel}, a CT."
        )
    return Scheme(name, in_mask, known.percentile_00_5, known.percentile_99_5, known.mean, known.std)
