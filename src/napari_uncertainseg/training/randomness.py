"""Seeded randomness and fast filters for volumes: what the synthesis of training scans is made of."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class Draw:
    """A source of randomness with a seed: all of the synthesis draws from one."""

    generator: torch.Generator

    @classmethod
    def seeded(cls, seed: int) -> Draw:
        """Make the source for a seed."""
        return cls(torch.Generator().manual_seed(seed))

    def uniform(self, low: float, high: float, *shape: int) -> Tensor:
        """Uniform numbers in [low, high)."""
        return low + (high - low) * torch.rand(shape, generator=self.generator)

    def number(self, low: float, high: float) -> float:
        """One uniform number."""
        return float(self.uniform(low, high, 1))

    def integer(self, high: int) -> int:
        """One of 0 .. high - 1."""
        return int(torch.randint(high, (1,), generator=self.generator))

    def chance(self, p: float) -> bool:
        """True with probability p."""
        return self.number(0, 1) < p

    def normal(self, *shape: int) -> Tensor:
        """Standard normal numbers."""
        return torch.randn(shape, generator=self.generator)

    def smooth(self, shape: tuple[int, ...], cells: float) -> Tensor:
        """A smooth random field: normal numbers on a coarse grid, linear in between.

        Parameters
        ----------
        shape
            Of the field, voxels (z, y, x).
        cells
            Distance of the coarse grid's points, voxels.

        Returns
        -------
        Tensor
            float32. Variance is 1 at the points, less between them: 1/8 amid eight of them.
        """
        coarse = [max(2, round(n / cells) + 1) for n in shape]
        field = self.normal(1, 1, *coarse)
        return F.interpolate(field, size=shape, mode="trilinear", align_corners=True)[0, 0]


def blur(image: Tensor, sigma: float) -> Tensor:
    """Gaussian blur, zeros beyond the edges.

    Parameters
    ----------
    image
        float32 (channels, z, y, x).
    sigma
        Standard deviation, voxels, above 0. From 2 on the blur runs at half resolution.

    Returns
    -------
    Tensor
        float32, the same shape.

    Notes
    -----
    One axis after the other, as the sum of shifted copies: for kernels this short several times faster on a
    CPU than convolutions of one channel.
    """
    if sigma >= 2.0 and min(image.shape[1:]) >= 8:
        half = F.avg_pool3d(image[None], 2, ceil_mode=True, count_include_pad=False)[0]
        return F.interpolate(blur(half, sigma / 2)[None], size=image.shape[1:], mode="trilinear")[0]
    radius = max(1, int(3 * sigma + 0.5))
    kernel = torch.exp(-0.5 * (torch.arange(-radius, radius + 1) / sigma) ** 2)
    kernel = kernel / kernel.sum()
    for axis in (1, 2, 3):
        out = image * kernel[radius]  # the kernel's middle; then its two arms, k voxels away
        for k in range(1, min(radius, image.shape[axis] - 1) + 1):
            n = image.shape[axis] - k  # voxels that have a neighbour k voxels away
            out.narrow(axis, k, n).add_(image.narrow(axis, 0, n), alpha=float(kernel[radius + k]))
            out.narrow(axis, 0, n).add_(image.narrow(axis, k, n), alpha=float(kernel[radius - k]))
        image = out
    return image


def widest(image: Tensor, radius: int) -> Tensor:
    """Maximum over the cube that reaches `radius` voxels from each voxel.

    Parameters
    ----------
    image
        (z, y, x), any type that can be compared.
    radius
        Voxels, 0 or more; the cube's side is 2 radius + 1.

    Returns
    -------
    Tensor
        The same shape and type.
    """
    # A cube's maximum is that along z, then y, then x; along one, `radius` times that with the neighbours.
    for axis in range(3):
        for _ in range(radius):
            n = image.shape[axis] - 1
            out = image.clone()
            torch.maximum(out.narrow(axis, 1, n), image.narrow(axis, 0, n), out=out.narrow(axis, 1, n))
            torch.maximum(out.narrow(axis, 0, n), image.narrow(axis, 1, n), out=out.narrow(axis, 0, n))
            image = out
    return image


def rotation(a: int, b: int, angle: Tensor) -> Tensor:
    """A rotation in the plane of two axes by an angle (radians), (3, 3)."""
    turn = torch.eye(3)
    turn[a, a] = turn[b, b] = torch.cos(angle)
    turn[a, b], turn[b, a] = -torch.sin(angle), torch.sin(angle)
    return turn
