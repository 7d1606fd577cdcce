"""Scanners, contrasts and positions imitated: new training scans from few.

Images are (3, z, y, x): FLAIR, T1, T2, normalised in the brain, 0 outside; masks are (z, y, x).
Everything works on the CPU or a GPU.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from napari_uncertainseg.training.planting import has_t1, present
from napari_uncertainseg.training.randomness import Draw, blur, rotation, widest

_GAPS = (0.1, 0.75)
"""By how much grey matter is brighter than white on FLAIR."""
_THICK = 1.5
"""Voxels longer than this (mm) count as thick slices."""
_WHITE, _GREY = 1.0, -0.2
"""Their usual levels on T1."""


def vary_contrast(images: Tensor, healthy: Tensor, brain: Tensor, gap: float, draw: Draw) -> Tensor:
    """Give grey and white matter other levels on FLAIR, as other sequences do.

    Lesions stay brighter than grey matter, however bright that gets.

    Parameters
    ----------
    images
        Scans with or without lesions.
    healthy
        The same scans with their lesions filled in.
    brain
        bool.
    gap
        By how much grey matter is brighter than white in them, see `planting.gap_of`.
    draw
        Randomness.
    """
    if not has_t1(healthy) or not draw.chance(0.4):
        return images
    t1 = healthy[1]
    raised = draw.number(*_GAPS) - gap
    if draw.chance(0.7):
        change = -raised / (_WHITE - _GREY) * t1.clamp(-0.6, 1.2)
    else:  # tissue levels anew; some of the scan's own texture stays
        fluid, white, share = draw.number(-3.3, -2.0), draw.number(-0.4, 0.1), draw.number(0.4, 0.9)
        grey = white + gap + raised
        smooth = blur(t1[None], draw.number(0.3, 0.6))[0]
        made = grey + (white - grey) * ((smooth + 0.3) / 1.0).clamp(0, 1)
        made = made + (fluid - grey) * ((-0.8 - smooth) / 0.8).clamp(0, 1)
        change = share * (made - healthy[0] + 0.25 * draw.smooth(tuple(t1.shape), 2.0))
        raised *= share
    lesion = ((images[0] - healthy[0]) / 0.8).clamp(0, 1)
    out = images.clone()
    out[0] += (change + max(0.0, raised) * lesion) * brain
    return out


def spatial_grid(size: tuple[int, int, int], source: tuple[int, int, int], draw: Draw) -> Tensor:
    """Where each voxel of a patch looks in a larger crop: rotation, scaling, shear, bending, mirroring.

    Returns a grid for ``grid_sample`` over the crop, ``(1, *size, 3)`` in (x, y, z) order.
    """
    matrix = torch.diag(draw.uniform(0.85, 1.18, 3)) + 0.04 * draw.normal(3, 3).clamp(-2, 2)
    axes = [torch.linspace(-(n - 1) / 2, (n - 1) / 2, n) for n in size]
    points = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1)
    if draw.chance(0.6):
        for a, b in ((0, 1), (0, 2), (1, 2)):
            angle = torch.deg2rad(12 * draw.normal(1).clamp(-2, 2))[0]
            matrix = matrix @ rotation(a, b, angle)
    for axis, p in enumerate((0.05, 0.05, 0.5)):  # left-right is natural; the others serve flip sampling
        if draw.chance(p):
            matrix[:, axis] *= -1
    points = points @ matrix.T
    if draw.chance(0.5):
        amplitude, cells = draw.number(0.5, 2.5), draw.number(16, 40)
        points = points + amplitude * torch.stack([draw.smooth(size, cells) for _ in range(3)], dim=-1)
    half = torch.tensor([(n - 1) / 2 for n in source])
    return (points / half).flip(-1)[None]


def warp(grid: Tensor, images: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
    """Sample images and masks where a grid says: linearly; masks are then cut at one half.

    Parameters
    ----------
    grid
        From `spatial_grid`, (1, z, y, x, 3).
    images
        float32 (channels, z, y, x), of the larger crop.
    masks
        float32 (masks, z, y, x) of 0 and 1, likewise.

    Returns
    -------
    tuple
        Images, float32, and masks, bool, of the grid's size; 0 beyond the crop.
    """
    both = torch.cat([images, masks])[None]
    out = F.grid_sample(both, grid, mode="bilinear", padding_mode="zeros", align_corners=True)[0]
    return out[: len(images)], out[len(images) :] >= 0.5


def imitate_scanner(images: Tensor, brain: Tensor, draw: Draw) -> Tensor:
    """Change contrast, bias field, resolution and noise as other scanners would.

    Parameters
    ----------
    images
        Normalised scans, float32 (3, z, y, x): FLAIR, T1, T2; a missing one is 0.
    brain
        bool (z, y, x).
    draw
        Randomness.

    Returns
    -------
    Tensor
        Scans, the same shape.
    """
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


def misnormalise(images: Tensor, brain: Tensor, draw: Draw) -> Tensor:
    """Shift and scale each scan a little, as normalising by another brain mask would.

    Parameters
    ----------
    images
        Normalised scans, float32 (3, z, y, x): FLAIR, T1, T2; a missing one is 0.
    brain
        bool (z, y, x).
    draw
        Randomness.

    Returns
    -------
    Tensor
        Scans, the same shape.
    """
    scale, shift = torch.exp(0.08 * draw.normal(3)), 0.15 * draw.normal(3) * present(images)
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


def outlined_on_slices(labels: Tensor, spacing: tuple[float, float, float]) -> Tensor:
    """Labels as an expert outlines them on thick slices: the same over the whole thickness of each.

    Parameters
    ----------
    labels
        Integers (z, y, x), of 1 mm voxels.
    spacing
        Of the scan's own voxels, mm.

    Returns
    -------
    Tensor
        The same shape and type; along thick axes what the middle of each slice shows.
    """
    for axis, thickness in enumerate(spacing):
        n = labels.shape[axis]
        if thickness >= _THICK:
            slices = max(2, round(n / thickness))
            which = ((torch.arange(n) + 0.5) * slices / n).long()
            labels = labels.index_select(axis, ((which + 0.5) * n / slices).long())
    return labels


def averaged_over_slices(change: Tensor, spacing: tuple[float, float, float]) -> Tensor:
    """A change of scans as thick slices show it: averaged over each slice, interpolated between them.

    Parameters
    ----------
    change
        float32 (3, z, y, x), of 1 mm voxels.
    spacing
        Of the scan's own voxels, mm.

    Returns
    -------
    Tensor
        The same shape.
    """
    size = change.shape[1:]
    slices = [max(2, round(n / s)) if s >= _THICK else n for n, s in zip(size, spacing, strict=True)]
    if slices == list(size):
        return change
    thick = F.interpolate(change[None], size=slices, mode="area")
    return F.interpolate(thick, size=size, mode="trilinear", align_corners=False)[0]


def imperfect_stripping(images: Tensor, brain: Tensor, draw: Draw) -> tuple[Tensor, Tensor]:
    """Leave some bright skin, bone or dura at the rim of the brain, as imperfect brain masks do.

    Parameters
    ----------
    images
        Normalised scans, float32 (3, z, y, x): FLAIR, T1, T2; a missing one is 0.
    brain
        bool (z, y, x).
    draw
        Randomness.

    Returns
    -------
    tuple
        Scans, and the larger mask, bool (z, y, x).
    """
    rim = (widest(brain.float(), 3) > 0) & ~brain
    left = rim & (draw.smooth(tuple(brain.shape), 14.0) > draw.number(0.2, 1.2))
    level = draw.uniform(-2, 3, 3)[:, None, None, None]
    texture = 0.6 * torch.stack([draw.smooth(tuple(brain.shape), 3.0) for _ in range(3)])
    return torch.where(left, level + texture, images), brain | left


def drop_modalities(images: Tensor, draw: Draw) -> Tensor:
    """Drop T1, T2 or both, as users have them: FLAIR alone is the most frequent.

    Parameters
    ----------
    images
        Normalised scans, float32 (3, z, y, x): FLAIR, T1, T2; a missing one is 0.
    draw
        Randomness.

    Returns
    -------
    Tensor
        Scans, the same shape; what was dropped is 0.
    """
    kept = draw.number(0, 1)
    out = images.clone()
    if kept < 0.40:
        out[1:] = 0
    elif kept < 0.55:
        out[2] = 0
    elif kept < 0.60:
        out[1] = 0
    return out
