"""What coils, slices, motion, noise and small fields of view make of a head. Images are (z, y, x)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from napari_uncertainseg.training.randomness import Draw, blur, widest


def coil_field(shape: tuple[int, int, int], spacing: float, draw: Draw) -> Tensor:
    """Sensitivity of the coils: float32, about 1 in the mean, smooth; strong in some scans."""
    cells = draw.number(60, 130) / spacing
    coarse = [max(2, round(n / cells) + 1) for n in shape]
    field = F.interpolate(draw.normal(1, 1, *coarse), size=shape, mode="trilinear", align_corners=True)[0, 0]
    field = draw.number(0.0, 0.35) * field
    if draw.chance(0.4):  # brighter towards one side, or towards all of them
        axes = [torch.linspace(-1, 1, n) for n in shape]
        slope = draw.uniform(-0.5, 0.5, 3)
        bowl = draw.uniform(-0.1, 0.6, 3) * (0.0 if draw.chance(0.4) else 1.0)
        for axis, values in enumerate(axes):
            view = [1, 1, 1]
            view[axis] = -1
            field = field + (slope[axis] * values + bowl[axis] * (values**2 - 0.3)).view(view)
    return torch.exp(field)


def draw_slices(draw: Draw) -> tuple[int | None, float, bool]:
    """Draw how a scan is acquired: axis of the slices (None: 3-D), their distance in mm, gaps or not."""
    if draw.chance(0.25):
        return None, 1.0, False
    axis = 0 if draw.chance(0.75) else 1 + draw.integer(2)
    return axis, draw.number(2.5, 8.5), draw.chance(0.5)


def thick_slices(image: Tensor, axis: int | None, thickness: float, gaps: bool, spacing: float) -> Tensor:
    """Acquire slices and interpolate them back to the same voxels.

    Parameters
    ----------
    image
        float32 (z, y, x).
    axis
        Across the slices; None leaves the image as it is.
    thickness
        Distance of the slices, mm.
    gaps
        Whether there are gaps between them, so that each shows only its middle.
    spacing
        Of the image, mm.
    """
    count = max(2, round(image.shape[axis] * spacing / thickness)) if axis is not None else 0
    if axis is None or count >= image.shape[axis]:
        return image
    size = [count if k == axis else n for k, n in enumerate(image.shape)]
    whole = image[None, None]
    if gaps:
        thick = F.interpolate(whole, size=size, mode="trilinear", align_corners=False)
    else:
        thick = F.interpolate(whole, size=size, mode="area")
    return F.interpolate(thick, size=image.shape, mode="trilinear", align_corners=False)[0, 0]


def move_patient(image: Tensor, draw: Draw) -> Tensor:
    """Blur or ghosts along one axis, in a few scans."""
    axis = draw.integer(3)
    if draw.chance(0.08):
        shift = 2 + draw.integer(image.shape[axis] // 2)
        return image + draw.number(0.05, 0.25) * torch.roll(image, shift, axis)
    if draw.chance(0.08):
        weight = draw.number(0.2, 0.5)
        return (1 - weight) * image + weight * torch.roll(image, 1 + draw.integer(2), axis)
    return image


def wrap(image: Tensor, draw: Draw) -> Tensor:
    """Fold what lies beyond a field of view in plane back into it, in a few scans."""
    if not draw.chance(0.05):
        return image
    axis = 1 + draw.integer(2)
    n = image.shape[axis]
    cut = draw.integer(max(1, n // 8)) + n // 16
    field = n - 2 * cut
    out = image.clone()
    out.narrow(axis, n - 2 * cut, cut).add_(image.narrow(axis, 0, cut))
    out.narrow(axis, cut, cut).add_(image.narrow(axis, n - cut, cut))
    out.narrow(axis, 0, cut).zero_()
    out.narrow(axis, cut + field, cut).zero_()
    return out


def field_of_view(shape: tuple[int, int, int], brain: Tensor, spacing: float, draw: Draw) -> Tensor:
    """What the scan covers: bool; it often ends near the lowest slice of the brain, sometimes within it.

    Parameters
    ----------
    shape
        Of the scan.
    brain
        bool (z, y, x), not empty.
    spacing
        mm.
    draw
        Randomness.
    """
    seen = torch.ones(shape, dtype=torch.bool)
    rows = torch.nonzero(brain.flatten(1).any(1))[:, 0]
    if draw.chance(0.6):
        start = int(rows[0]) + round(draw.number(-30, 25) / spacing)
        seen[: max(0, start)] = False
    if draw.chance(0.4):
        stop = int(rows[-1]) + round(draw.number(-12, 25) / spacing)
        seen[max(1, stop) :] = False
    for axis in (1, 2):
        if draw.chance(0.1):
            n = shape[axis]
            across = brain.any(0).any(2 - axis)
            ends = torch.nonzero(across)[:, 0]
            start = max(0, int(ends[0]) - round(draw.number(-4, 20) / spacing))
            stop = min(n, int(ends[-1]) + round(draw.number(-4, 20) / spacing))
            seen.narrow(axis, 0, start).zero_()
            seen.narrow(axis, stop, n - stop).zero_()
    return seen


def rician(image: Tensor, sigma: float, draw: Draw) -> Tensor:
    """The magnitude of a complex signal with noise of this standard deviation in both parts."""
    if sigma <= 0:
        return image
    return torch.sqrt(
        (image + sigma * draw.normal(*image.shape)) ** 2 + (sigma * draw.normal(*image.shape)) ** 2
    )


def strip(brain: Tensor, draw: Draw, spacing: float) -> Tensor:
    """What an imperfect stripping leaves: the brain, with some of its surroundings and without some rim."""
    reach = max(1, round(draw.number(1, 5) / spacing))
    wide = widest(brain.float(), reach) > 0
    tight = widest((~brain).float(), reach) > 0
    fields = [draw.smooth(tuple(brain.shape), draw.number(12, 30) / spacing) for _ in range(2)]
    left = wide & (fields[0] > draw.number(0.2, 1.2))
    lost = tight & (fields[1] > draw.number(0.5, 1.5))
    return (brain & ~lost) | left


def soften(image: Tensor, sigma: float) -> Tensor:
    """Gaussian blur, sigma in voxels."""
    return blur(image[None], sigma)[0] if sigma > 0.2 else image
