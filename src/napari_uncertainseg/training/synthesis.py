"""Scanners, contrasts and positions imitated: new training scans from few.

Images are (3, z, y, x): FLAIR, T1, T2, z-scored in the brain, 0 outside; masks are (z, y, x).
Everything works on the CPU or a GPU.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from napari_uncertainseg.training.planting import has_t1
from napari_uncertainseg.training.randomness import Draw, blur, widest

_ROOM = 8
"""Voxels more along each axis for what rotation and bending move outwards."""


def vary_contrast(images: Tensor, healthy: Tensor, brain: Tensor, draw: Draw) -> Tensor:
    """Give grey and white matter other levels on FLAIR, as other sequences do.

    Grey matter is brighter than white in some scans and darker in others. Lesions stay brighter than both:
    they move with whichever of the two gets brighter.

    Parameters
    ----------
    images
        Scans with or without lesions.
    healthy
        The same scans with their lesions filled in.
    brain
        bool.
    draw
        Randomness.
    """
    t1 = healthy[1]
    out = images.clone()
    kind = draw.number(0, 1)
    if kind < 0.5 and has_t1(healthy):
        share = draw.number(-0.7, 0.7)
        shift = torch.maximum(share * t1.clamp(-1.2, 1.2), share * images[1].clamp(-1.2, 1.2))
        out[0] += shift * brain
    elif kind < 0.7 and has_t1(healthy):  # tissue levels anew; some of the scan's own texture stays
        fluid, white = draw.number(-3.2, -1.5), draw.number(-0.4, 0.3)
        grey = white + draw.number(-0.5, 0.8)
        smooth = blur(t1[None], draw.number(0.3, 0.6))[0]
        made = grey + (white - grey) * ((smooth + 0.3) / 1.0).clamp(0, 1)
        made = made + (fluid - grey) * ((-0.8 - smooth) / 0.8).clamp(0, 1)
        share = draw.number(0.4, 0.9)
        out[0] += share * (made - healthy[0]) * brain
        out[0] += 0.25 * share * draw.smooth(tuple(t1.shape), 2.0) * brain
    return out


def spatial_grid(size: tuple[int, int, int] | None, source: tuple[int, int, int], draw: Draw) -> Tensor:
    """Where each voxel of a patch looks in a larger crop: rotation, scaling, shear, bending, mirroring.

    Without a size the patch is made large enough for what the crop holds.
    Returns a grid for ``grid_sample`` over the crop, (1, *size, 3) in (x, y, z) order.
    """
    matrix = torch.diag(draw.uniform(0.85, 1.18, 3)) + 0.04 * draw.normal(3, 3).clamp(-2, 2)
    if size is None:
        z, y, x = (
            math.ceil(n / float(scale)) + _ROOM for n, scale in zip(source, matrix.diag(), strict=True)
        )
        size = (z, y, x)
    axes = [torch.linspace(-(n - 1) / 2, (n - 1) / 2, n) for n in size]
    points = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1)
    if draw.chance(0.6):
        for a, b in ((0, 1), (0, 2), (1, 2)):
            angle = torch.deg2rad(12 * draw.normal(1).clamp(-2, 2))[0]
            turn = torch.eye(3)
            turn[a, a] = turn[b, b] = torch.cos(angle)
            turn[a, b], turn[b, a] = -torch.sin(angle), torch.sin(angle)
            matrix = matrix @ turn
    for axis, p in enumerate((0.1, 0.1, 0.5)):  # left-right is natural; the others serve flip sampling
        if draw.chance(p):
            matrix[:, axis] *= -1
    points = points @ matrix.T
    if draw.chance(0.5):
        amplitude, cells = draw.number(0.5, 2.5), draw.number(16, 40)
        points = points + amplitude * torch.stack([draw.smooth(size, cells) for _ in range(3)], dim=-1)
    half = torch.tensor([(n - 1) / 2 for n in source])
    return (points / half).flip(-1)[None]


def warp(grid: Tensor, images: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
    """Sample images linearly and masks (float 0/1) linearly, then at one half."""
    both = torch.cat([images, masks])[None]
    out = F.grid_sample(both, grid, mode="bilinear", padding_mode="zeros", align_corners=True)[0]
    return out[: len(images)], out[len(images) :] >= 0.5


def imitate_scanner(images: Tensor, brain: Tensor, draw: Draw) -> Tensor:
    """Change contrast, bias field, resolution and noise as other scanners would."""
    out = images.clone()
    if draw.chance(0.3):
        out[0] += draw.number(-0.05, 0.2) * images[2]
    if draw.chance(0.3):  # a monotone curve
        low, high = -4.0, 4.0
        gamma = torch.exp(0.35 * draw.normal(3).clamp(-2, 2))
        unit = ((out - low) / (high - low)).clamp(0, 1)
        mid = (-low / (high - low)) ** gamma  # keeps 0 at 0
        out = (unit ** gamma[:, None, None, None] - mid[:, None, None, None]) * (high - low)
        out = out / gamma[:, None, None, None].clamp(0.6, 1.6)
    if draw.chance(0.5):
        for channel in range(3):
            field = torch.exp(draw.number(0.02, 0.12) * draw.smooth(tuple(out.shape[1:]), 48.0))
            out[channel] = (out[channel] + 4) * field - 4
    if draw.chance(0.4):
        out = _resolution(out, draw)
    if draw.chance(0.5):
        for channel in range(3):
            out[channel] += draw.number(0.0, 0.2) * draw.normal(*out.shape[1:])
    return out * brain


def renormalise(images: Tensor, brain: Tensor, before: Tensor) -> Tensor:
    """Give images the mean and spread in the brain that they had before they were changed.

    A scan is z-scored after it left the scanner, so a change of contrast moves everything else too. What is
    cut from a brain has not mean 0 and spread 1, but what it had keeps the whole brain's scale.
    """
    (mean, spread), (old_mean, old_spread) = (_moments(x, brain) for x in (images, before))
    scale = torch.where(spread > 1e-6, old_spread / spread.clamp_min(1e-6), 1)
    return ((images - mean) * scale + old_mean) * brain


def _moments(images: Tensor, brain: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each channel in the brain, (C, 1, 1, 1); 0 where there is none."""
    inside = images * brain
    n = brain.sum().clamp_min(1)
    mean = inside.sum((1, 2, 3), keepdim=True) / n
    square = (inside * inside).sum((1, 2, 3), keepdim=True) / n
    return mean, (square - mean**2).clamp_min(0).sqrt()


def misnormalise(images: Tensor, brain: Tensor, draw: Draw) -> Tensor:
    """Shift and scale a little: z-scores depend on the fluid and on the mask's edge."""
    scale, shift = torch.exp(0.08 * draw.normal(3)), 0.15 * draw.normal(3)
    return (images * scale[:, None, None, None] + shift[:, None, None, None]) * brain


def _resolution(images: Tensor, draw: Draw) -> Tensor:
    """Blur, or acquire in thick slices along one axis and interpolate back."""
    if draw.chance(0.35):
        return blur(images, draw.number(0.3, 0.9))
    axis = 0 if draw.chance(0.7) else 1 + draw.integer(2)
    thickness = draw.number(2.0, 7.5)
    size = list(images.shape[1:])
    reduced = list(size)
    reduced[axis] = max(2, round(size[axis] / thickness))
    out = images.clone()
    channels = slice(0, 1) if draw.chance(0.5) else slice(0, 3)  # often T1 is 3-D and FLAIR is not
    thick = F.interpolate(images[None, channels], size=reduced, mode="area")
    out[channels] = F.interpolate(thick, size=size, mode="trilinear", align_corners=False)[0]
    return out


def imperfect_stripping(images: Tensor, brain: Tensor, draw: Draw) -> tuple[Tensor, Tensor]:
    """Leave some bright skin, bone or dura at the rim of the brain, as imperfect brain masks do."""
    rim = (widest(brain.float(), 3) > 0) & ~brain
    left = rim & (draw.smooth(tuple(brain.shape), 14.0) > draw.number(0.2, 1.2))
    level = draw.uniform(-2, 3, 3)[:, None, None, None]
    texture = 0.6 * torch.stack([draw.smooth(tuple(brain.shape), 3.0) for _ in range(3)])
    return torch.where(left, level + texture, images), brain | left


def drop_modalities(images: Tensor, draw: Draw) -> Tensor:
    """Leave the FLAIR alone, or with one of T1 and T2, as users do."""
    kept = draw.number(0, 1)
    out = images.clone()
    if kept < 0.45:
        out[1:] = 0
    elif kept < 0.65:
        out[2] = 0
    elif kept < 0.70:
        out[1] = 0
    return out
