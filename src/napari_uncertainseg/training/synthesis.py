"""New training scans from few: real lesion shapes planted into real brains, and scanners imitated.

All functions work on torch tensors on the CPU or a GPU. Images are (3, z, y, x): FLAIR, T1, T2, z-scored
in the brain, 0 outside; masks are (z, y, x).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

CSF_FLAIR = -1.0
"""Brain voxels darker than this on FLAIR and T1 are taken for cerebrospinal fluid."""
_ABOVE_GREY = 0.7
"""How much brighter than grey matter lesions of patients 07 and 19 are on FLAIR."""
_ROOM = 8
"""Voxels more along each axis for what rotation and bending move outwards."""


@dataclass(frozen=True)
class Draw:
    """A source of randomness with a seed: everything random in this room comes from one."""

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
        """A smooth field of about unit variance that changes over `cells` voxels."""
        coarse = [max(2, round(n / cells) + 1) for n in shape]
        field = self.normal(1, 1, *coarse)
        return F.interpolate(field, size=shape, mode="trilinear", align_corners=True)[0, 0]


def blur(image: Tensor, sigma: float) -> Tensor:
    """Gaussian blur of (channels, z, y, x); `sigma` in voxels.

    Wide blurs run at half resolution. Shifted sums are several times faster on a CPU than convolutions
    of one channel.
    """
    if sigma >= 2.0 and min(image.shape[1:]) >= 8:
        half = F.avg_pool3d(image[None], 2, ceil_mode=True, count_include_pad=False)[0]
        return F.interpolate(blur(half, sigma / 2)[None], size=image.shape[1:], mode="trilinear")[0]
    radius = max(1, int(3 * sigma + 0.5))
    kernel = torch.exp(-0.5 * (torch.arange(-radius, radius + 1) / sigma) ** 2)
    kernel = kernel / kernel.sum()
    for axis in (1, 2, 3):
        out = image * kernel[radius]
        for k in range(1, min(radius, image.shape[axis] - 1) + 1):
            n = image.shape[axis] - k
            out.narrow(axis, k, n).add_(image.narrow(axis, 0, n), alpha=float(kernel[radius + k]))
            out.narrow(axis, 0, n).add_(image.narrow(axis, k, n), alpha=float(kernel[radius - k]))
        image = out
    return image


def widest(image: Tensor, radius: int) -> Tensor:
    """Maximum over a cube of `radius` voxels around each voxel of (z, y, x)."""
    for axis in range(3):
        for _ in range(radius):
            n = image.shape[axis] - 1
            out = image.clone()
            torch.maximum(out.narrow(axis, 1, n), image.narrow(axis, 0, n), out=out.narrow(axis, 1, n))
            torch.maximum(out.narrow(axis, 0, n), image.narrow(axis, 1, n), out=out.narrow(axis, 0, n))
            image = out
    return image


def fill_lesions(images: Tensor, lesions: Tensor, brain: Tensor, draw: Draw) -> Tensor:
    """Replace lesions by tissue like the white matter around them.

    The level is that of the nearby white matter; the texture comes from white matter elsewhere.
    """
    near = widest(lesions.float(), 2) > 0
    # a lesion may be as dark as fluid on T1, and fluid may be bright at a lesion
    fluid = (images[0] < CSF_FLAIR) & ~lesions
    white = _white_matter(images, brain & ~near)
    weight = blur(white[None].float(), 4.0)
    residual = torch.zeros_like(images)
    filled = images.clone()
    for channel in range(3):
        local = blur((images[channel] * white)[None], 4.0) / weight.clamp_min(1e-3)
        level = torch.where(weight > 1e-3, local, images[channel][white].mean())[0]
        texture = (images[channel] - level)[white]
        picked = torch.randint(len(texture), (int(near.sum()),), generator=draw.generator)
        residual[channel][near] = texture[picked]
        smooth = blur(residual[channel][None], 0.6)[0] * 1.6
        filled[channel] = torch.where(near & brain & ~fluid, level + smooth, images[channel])
    soft = blur(near[None].float(), 0.7)
    return torch.where(soft > 0, images + soft * (filled - images), images)


def plant_lesions(images: Tensor, labels: Tensor, brain: Tensor, draw: Draw) -> tuple[Tensor, Tensor]:
    """Plant lesions of given shapes, each with its own contrast.

    Parameters
    ----------
    images
        Scans without lesions at these places.
    labels
        Components of a real lesion mask, 1 .. n.
    brain
        bool.
    draw
        Randomness.

    Returns
    -------
    tuple
        Scans with lesions, and the mask that a rater would outline: fluid, voxels outside the brain and
        lesions too faint to see are not in it.
    """
    fluid = (images[0] < CSF_FLAIR) & (images[1] < CSF_FLAIR)
    place = (labels > 0) & brain & ~fluid
    labels = labels * place
    # where the scan changes and where a rater draws the line are not quite the same
    wander = 0.15 * draw.smooth(tuple(place.shape), 2.5)
    sigma = draw.number(0.35, 0.5) if draw.chance(0.75) else draw.number(0.5, 0.8)
    soft = (blur(place[None].float(), sigma)[0] * (1 + wander)).clamp(0, 1)
    growth = torch.log(torch.bincount(labels.flatten(), minlength=1).clamp_min(1) / 10).clamp(-1, 4)
    white = _level_of_white_matter(images, brain)
    contrast = _contrasts(growth, gap_of(images, brain), draw)
    n = len(contrast)
    # T1 darkening, per unit of contrast; large lesions are darker
    hole = draw.number(0.2, 1.0) * (0.2 + draw.uniform(0, 1.2, n)) * (0.6 + 0.25 * growth)
    bright = 0.3 + draw.uniform(0, 0.9, n)
    # a lesion's own value reaches into its blurred rim
    index = widest(labels.int(), 1).long()
    texture = 1 + draw.number(0, 0.2) * draw.smooth(tuple(images.shape[1:]), 3.0)
    core = 1 + draw.number(0.3, 1.2) * (blur(place[None].float(), 1.5)[0] - 0.5).clamp_min(-0.3)
    shape = soft * texture * core * brain * ~fluid
    amount = shape * (contrast / _mean_inside(shape, labels, n).clamp_min(0.15))[index]
    out = images.clone()
    # lesions in grey and white matter look alike, so tissue is replaced, but the scan's noise stays: a lesion
    # without it would be found by its smoothness
    tissue = draw.number(0.3, 1.0) * (blur(images[:1], 1.2)[0] - white).clamp(-1.0, 1.2)
    out[0] += amount - soft * tissue * ~fluid * brain
    out[1] -= amount * hole[index]
    out[2] += amount * bright[index]
    if draw.chance(0.3):  # a dirty halo around the lesions, not outlined
        halo = blur(place[None].float(), draw.number(1.5, 4.0))[0]
        out[0] += draw.number(0.1, 0.5) * float(contrast.max()) * halo * (1 - soft) * ~fluid * brain
    return out, place


def graft_lesions(
    images: Tensor, labels: Tensor, signal: Tensor, brain: Tensor, gap: float, draw: Draw
) -> tuple[Tensor, Tensor]:
    """Put real lesions of another brain into scans: their own borders, texture and T1 (after CarveMix).

    Parameters
    ----------
    images
        Scans without lesions at these places.
    labels
        Which voxels a rater outlined; 0 where a lesion is left out.
    signal
        By how much the lesions change the scans that they are from.
    brain
        bool.
    gap
        Of those scans, see `gap_of`: where grey matter is brighter, lesions are.
    draw
        Randomness.

    Returns
    -------
    tuple
        Scans with lesions, and their mask.
    """
    fluid = (images[0] < CSF_FLAIR) & (images[1] < CSF_FLAIR)
    place = (labels > 0) & brain & ~fluid
    near = widest(place.float(), 2) * brain * ~fluid
    scale = (gap_of(images, brain) + _ABOVE_GREY) / (gap + _ABOVE_GREY)
    strength = torch.exp(0.2 * draw.normal(3)) * torch.tensor([scale, 1.0, 1.0])
    present = (images != 0).flatten(1).any(1)
    return images + (strength * present)[:, None, None, None] * signal * near, place


def _contrasts(growth: Tensor, gap: float, draw: Draw) -> Tensor:
    """Mean brightness on FLAIR above white matter of each lesion, 0 for the background.

    Patients differ, and lesions within a patient; large lesions are brighter. Lesions are brighter than grey
    matter too, however bright that is: in patient 07 of 3D-MR-MS, where grey matter lies 0.7 above white,
    their median is 1.5 above white; in patient 19, where it lies 0.3 above, it is 1.0.
    """
    spread = torch.exp(0.25 * draw.normal(len(growth)))
    contrast = (draw.number(0.4, 1.2) * (0.85 + 0.1 * growth) * spread).clamp(0.3, 3.0) + gap
    contrast[0] = 0
    return contrast


def _mean_inside(image: Tensor, labels: Tensor, n: int) -> Tensor:
    """Mean of an image over each label."""
    flat = labels.flatten()
    total = torch.bincount(flat, image.flatten().double(), minlength=n)
    return (total / torch.bincount(flat, minlength=n).clamp_min(1)).float()


def _has_t1(images: Tensor) -> bool:
    return bool((images[1] != 0).any())


def _white_matter(images: Tensor, brain: Tensor) -> Tensor:
    """Where white matter is: bright on T1; without a T1, what is as bright on FLAIR as most of the brain."""
    white = brain & (images[1] > 0.5)
    if white.any() or not brain.any():
        return white
    return brain & ((images[0] - images[0][brain].median()).abs() < 0.5)


def _level_of_white_matter(images: Tensor, brain: Tensor) -> Tensor:
    """Median of white matter on FLAIR; 0 where there is none."""
    inside = images[0][_white_matter(images, brain)]
    return inside.median() if len(inside) else images.new_zeros(())


def gap_of(images: Tensor, brain: Tensor) -> float:
    """By how much grey matter is brighter than white on FLAIR; 0.3 where no T1 tells."""
    grey = brain & (images[1] > -0.6) & (images[1] < 0.2)
    if not _has_t1(images) or not bool(grey.any()):
        return 0.3
    return float((images[0][grey].median() - _level_of_white_matter(images, brain)).clamp(0, 1.5))


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
    if kind < 0.5 and _has_t1(healthy):
        share = 0.3 * float(draw.normal(1).clamp(-2.3, 2.3))
        shift = torch.maximum(share * t1.clamp(-1.2, 1.2), share * images[1].clamp(-1.2, 1.2))
        out[0] += shift * brain
    elif kind < 0.6 and _has_t1(healthy):  # tissue levels anew; some of the scan's own texture stays
        fluid, white = draw.number(-3.2, -1.5), draw.number(-0.4, 0.3)
        grey = white + draw.number(-0.5, 0.8)
        smooth = blur(t1[None], draw.number(0.3, 0.6))[0]
        made = grey + (white - grey) * ((smooth + 0.3) / 1.0).clamp(0, 1)
        made = made + (fluid - grey) * ((-0.8 - smooth) / 0.8).clamp(0, 1)
        share = draw.number(0.4, 0.9)
        out[0] += share * (made - healthy[0]) * brain
        out[0] += 0.25 * share * draw.smooth(tuple(t1.shape), 2.0) * brain
    return out


def plant_confounders(images: Tensor, brain: Tensor, draw: Draw) -> Tensor:
    """Add what is bright on FLAIR and is no lesion, as it makes false lesions in practice.

    A rim at the ventricles, flow artefacts and choroid plexus in fluid, bright patches of cortex,
    pulsation ghosts and old infarcts (fluid with a bright border at the surface).
    """
    out = images.clone()
    size = tuple(brain.shape)
    fluid = brain & (images[0] < CSF_FLAIR)
    if draw.chance(0.25):  # a thin bright rim at fluid
        rim = blur(fluid[None].float(), draw.number(0.7, 1.2))[0] * ~fluid
        out[0] += draw.number(0.4, 1.6) * rim * (draw.smooth(size, 12.0) > draw.number(-0.5, 1.0)) * brain
    if draw.chance(0.3):  # flow artefacts in sulci, choroid plexus in ventricles
        spots = fluid & (draw.smooth(size, draw.number(2.5, 5.0)) > draw.number(1.2, 2.0))
        out[0] += draw.number(1.5, 4.0) * blur(spots[None].float(), 0.6)[0] * brain
    if draw.chance(0.25):  # bright cortex near the surface
        surface = brain & (blur((~brain)[None].float(), 4.0)[0] > draw.number(0.03, 0.15))
        patch = surface & ~fluid & (images[1] < 0.4) & (draw.smooth(size, 15.0) > draw.number(0.3, 1.2))
        out[0] += draw.number(0.3, 1.0) * blur(patch[None].float(), 0.7)[0] * brain
    if draw.chance(0.4) and _has_t1(images):  # bright insula, cingulum, hippocampus, nuclei
        grey = brain & ~fluid & (images[1] > -0.9) & (images[1] < 0.35)
        region = (draw.smooth(size, draw.number(12.0, 25.0)) - draw.number(-0.3, 1.0)).clamp(0, 1)
        out[0] += draw.number(0.3, 1.2) * blur(grey[None].float(), draw.number(0.5, 1.0))[0] * region * brain
    if draw.chance(0.1):  # ghosts of pulsating vessels along the phase encoding
        axis, waves = draw.integer(3), draw.number(5, 20)
        shape = [1, 1, 1]
        shape[axis] = size[axis]
        phase = torch.linspace(0, waves * 6.2832, size[axis]).reshape(shape) + draw.number(0, 6.28)
        out[0] += draw.number(0.05, 0.3) * torch.sin(phase) * brain
    if draw.chance(0.06):  # an old infarct
        core, rim = _infarct(brain, draw)
        level = draw.uniform(-2.5, -1.0, 3)
        level[2] = draw.number(1.0, 3.0)
        out += core * (level[:, None, None, None] - out) * brain
        out[0] += draw.number(0.5, 1.5) * rim * brain
    return out


def _infarct(brain: Tensor, draw: Draw) -> tuple[Tensor, Tensor]:
    """A lump of fluid at the surface, and its border; both 0 to 1."""
    surface = (brain & (widest((~brain).float(), 2) > 0)).nonzero()
    if len(surface) == 0:
        return torch.zeros(brain.shape), torch.zeros(brain.shape)
    centre = surface[draw.integer(len(surface))]
    axes = [torch.arange(n).float() - float(c) for n, c in zip(brain.shape, centre, strict=True)]
    squared = axes[0][:, None, None] ** 2 + axes[1][None, :, None] ** 2 + axes[2][None, None, :] ** 2
    depth = draw.number(6, 14) + 2.5 * draw.smooth(tuple(brain.shape), 6.0) - squared.sqrt()
    core = torch.sigmoid(1.5 * depth)
    return core, torch.exp(-0.5 * ((depth + 2) / 1.2) ** 2)


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
    if draw.chance(0.3):
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
    if kept < 0.40:
        out[1:] = 0
    elif kept < 0.60:
        out[2] = 0
    elif kept < 0.65:
        out[1] = 0
    return out
