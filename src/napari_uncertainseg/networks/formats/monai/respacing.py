"""``Spacingd``, by MONAI's own arithmetic.

The order of its operations in double precision matters: where a new voxel falls exactly on an old one,
rounding decides whether its neighbour is mixed in, and so which voxels at the edge of the head are exactly 0.
Those are left out by a normalisation with ``nonzero``.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import scipy

from napari_uncertainseg._base import InputError
from napari_uncertainseg.networks.foreign_steps import (
    MAX_VOXELS,
    Size,
    Spacing,
    Stack,
    Step,
    Undo,
    unmoved,
)

if TYPE_CHECKING:
    from torch import Tensor

_SAME = 1e-3
"""Voxel sizes, mm, and entries of an affine that differ by no more are the same; MONAI's ``AFFINE_TOL``."""
_SLAB = 1 << 21
"""Voxels that are resampled at once."""


@dataclass(frozen=True)
class Respace(Step):
    """Change the voxel size.

    Attributes
    ----------
    spacing
        Wanted, mm; None along an axis that keeps its own.
    mode
        How voxels are interpolated; maps come back in the same way, or by `nearest`.
    edges
        What lies beyond the scan.
    corners
        Whether positions count from the centres of the voxels in the corners, ``align_corners`` in MONAI.
    nearest
        Whether maps come back by the nearest voxel.
    """

    spacing: Spacing
    mode: Literal["bilinear", "nearest", "cubic"] = "bilinear"
    edges: Literal["border", "zeros", "reflection"] = "border"
    corners: bool = False
    nearest: bool = False

    @property
    def makes(self) -> Spacing:
        """The voxel size that it makes."""
        return self.spacing

    def apply(self, stack: Stack) -> tuple[Stack, Undo]:
        """Resample; what has the wanted size already stays as it is."""
        shape, affine = new_grid(stack, self.spacing)
        before = stack.shape
        move = np.linalg.solve(stack.affine, affine)
        same = np.allclose(stack.affine, affine, atol=_SAME) or np.allclose(move, np.eye(4), atol=_SAME)
        if shape == before and same:
            return stack, unmoved
        if len(stack.channels) * np.prod(shape, dtype=float) > MAX_VOXELS:
            sizes = " x ".join(map(str, shape))
            raise InputError(f"The model wants this scan with {sizes} voxels, which is too many.")
        channels = self._resampled(stack.channels, move, shape, self.mode)
        affine = stack.affine @ move  # the same but for rounding, and what MONAI goes on with
        back = np.linalg.solve(affine, stack.affine)

        mode = "nearest" if self.nearest else self.mode

        def undo(array: np.ndarray) -> np.ndarray:
            return self._resampled(np.ascontiguousarray(array)[None], back, before, mode)[0]

        return Stack(channels, affine), undo

    def _resampled(self, channels: np.ndarray, move: np.ndarray, shape: Size, mode: str) -> np.ndarray:
        """What lies where an affine leads each index, slab by slab along the first axis."""
        if mode == "cubic":
            return np.stack([_cubic(one, move, shape) for one in channels])
        import torch
        from torch.nn import functional as F

        source = torch.from_numpy(np.ascontiguousarray(channels, np.float64))[None]
        theta = self._on_unit_cube(move, channels.shape[1:], shape)
        out = np.empty((len(channels), *shape), np.float32)
        thick = max(1, _SLAB // int(np.prod(shape[1:])))
        for first in range(0, shape[0], thick):
            part = slice(first, min(first + thick, shape[0]))
            grid = self._positions(theta, shape, part)
            found = F.grid_sample(source, grid, mode, self.edges, self.corners)
            out[:, part] = found[0].float().numpy()
        return out

    def _on_unit_cube(self, move: np.ndarray, old: tuple[int, ...], new: Size) -> Tensor:
        """The affine between cubes from -1 to 1, last axis first, as ``grid_sample`` wants it: (1, 3, 4)."""
        import torch

        back = torch.from_numpy(np.linalg.inv(self._normalising(new)))
        theta = torch.from_numpy(self._normalising(old))[None] @ torch.from_numpy(move)[None] @ back[None]
        order = [2, 1, 0]
        theta[:, :3] = theta[:, order]
        theta[:, :, :3] = theta[:, :, order]
        return theta[:, :3]

    def _normalising(self, shape: tuple[int, ...]) -> np.ndarray:
        """From indices to the cube."""
        sides = np.array(shape, float)
        scale = 2.0 / (np.where(sides <= 1, 2, sides) - 1) if self.corners else 2.0 / sides
        out = np.diag([*scale, 1.0])
        out[:3, 3] = -1.0 if self.corners else 1.0 / sides - 1.0
        return out

    def _positions(self, theta: Tensor, shape: Size, part: slice) -> Tensor:
        """Where the voxels of a slab lie in the cube, (1, i, j, k, 3)."""
        import torch

        def side(n: int) -> Tensor:
            if n <= 1:
                return torch.zeros(1, dtype=torch.float64)
            line = torch.linspace(-1, 1, n, dtype=torch.float64)
            return line if self.corners else line * (n - 1) / n

        i, j, k = side(shape[0])[part], side(shape[1]), side(shape[2])
        base = torch.ones(len(i), len(j), len(k), 4, dtype=torch.float64)
        base[..., 0], base[..., 1], base[..., 2] = k, j[:, None], i[:, None, None]
        placed = base.view(1, -1, 4).bmm(theta.transpose(1, 2))
        return placed.view(1, len(i), len(j), len(k), 3)


def _cubic(data: np.ndarray, move: np.ndarray, shape: Size) -> np.ndarray:
    return scipy.ndimage.affine_transform(
        data, move[:3, :3], move[:3, 3], shape, order=3, output=np.float32, mode="nearest"
    )


def new_grid(stack: Stack, spacing: Spacing) -> tuple[Size, np.ndarray]:
    """Shape and affine of voxels of another size, as MONAI lays them.

    The first centres meet where the axes are exactly at right angles. Those of oblique files are not, by what
    single precision leaves: then MONAI lets the middles of the old and the new voxels meet.

    Parameters
    ----------
    stack
        The scans as they are.
    spacing
        Wanted, mm.
    """
    axes = stack.affine[:3, :3]
    old = np.sqrt(np.sum(axes * axes, axis=0))
    new = np.array([o if n is None else n for o, n in zip(old, spacing, strict=True)])
    new = np.where(np.abs(new - old) <= _SAME, old, new)
    zoomed = np.linalg.cholesky(axes.T @ axes).T
    affine = np.eye(4)
    affine[:3, :3] = (axes @ np.linalg.inv(zoomed)) @ np.diag(np.sign(np.diag(zoomed)) * np.abs(new))
    corners = np.array(list(itertools.product(*[(0.0, n - 1.0) for n in stack.shape]))).T
    corners = np.concatenate((corners, np.ones_like(corners[:1])))
    placed = (np.linalg.solve(affine, stack.affine) @ corners)[:3]
    i, j, k = (int(n) for n in np.round(np.ptp(placed, axis=1) + 1.0))
    there = (stack.affine @ corners)[:3]
    lowest = (
        n
        for n in range(corners.shape[1])
        if np.allclose((placed - placed[:, n : n + 1]).min(axis=1), 0.0, rtol=_SAME)
    )
    first = next(lowest, None)
    if first is None:
        before, now = np.array(stack.shape) / 2.0, np.array((i, j, k)) / 2.0
        affine[:3, 3] = axes @ before + stack.affine[:3, 3] - affine[:3, :3] @ now
    else:
        affine[:3, 3] = there[:, first]
    return (i, j, k), affine
