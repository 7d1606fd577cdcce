"""Lesions taken out of scans and put into them, and what looks like lesions.

Images are (3, z, y, x): FLAIR, T1, T2, normalised in the brain, 0 outside; masks are (z, y, x).
Everything works on the CPU or a GPU.
"""

from __future__ import annotations

import torch
from torch import Tensor

from napari_uncertainseg.training.randomness import Draw, blur, widest

CSF_FLAIR, CSF_T1 = -1.3, -1.0
"""Brain voxels darker than this on FLAIR and on T1 are taken for cerebrospinal fluid."""


def fill_lesions(images: Tensor, lesions: Tensor, brain: Tensor, draw: Draw) -> Tensor:
    """Replace lesions by tissue like the white matter around them.

    The level is that of the nearby white matter; the texture comes from white matter elsewhere.

    Parameters
    ----------
    images
        Normalised scans, float32 (3, z, y, x): FLAIR, T1, T2; a missing one is 0.
    lesions
        bool (z, y, x).
    brain
        bool (z, y, x).
    draw
        Randomness.

    Returns
    -------
    Tensor
        Scans, the same shape.
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
    return _replaced(images, filled, near)


def _replaced(images: Tensor, others: Tensor, where: Tensor) -> Tensor:
    """Images that become others where a mask is, over a soft border."""
    soft = blur(where[None].float(), 0.7)
    return images + soft * (others - images)


def leave_out(images: Tensor, healthy: Tensor, lesions: Tensor, kept: Tensor) -> Tensor:
    """Take some lesions out of scans and keep others, given the same scans without any.

    Parameters
    ----------
    images
        Normalised scans, float32 (3, z, y, x): FLAIR, T1, T2; a missing one is 0.
    healthy
        The same scans without lesions, from `fill_lesions`.
    lesions, kept
        All lesions, and those that stay, bool (z, y, x).

    Returns
    -------
    Tensor
        Scans, the same shape.
    """
    if not lesions.any():
        return images
    near = (widest(lesions.float(), 2) > 0) & ~kept
    return torch.where(kept, images, _replaced(images, healthy, near))


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
    fluid = _fluid(images)
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
    rise = 1 + draw.number(0.2, 0.9) * (blur(place[None].float(), 1.5)[0] - 0.5).clamp_min(-0.3)
    # the middle of large lesions is less bright again
    fall = 1 - draw.number(0.0, 1.7) * (blur(place[None].float(), 3.0)[0] - 0.5).clamp_min(0)
    shape = soft * texture * rise * brain * ~fluid
    amount = shape * (contrast / _mean_inside(shape * fall, labels, n).clamp_min(0.15))[index]
    out = images.clone()
    # lesions in grey and white matter look alike, so tissue is replaced, but the scan's noise stays: a lesion
    # without it would be found by its smoothness
    tissue = draw.number(0.3, 1.0) * (blur(images[:1], 1.2)[0] - white).clamp(-1.0, 1.2)
    out[0] += amount * fall - soft * tissue * ~fluid * brain
    out[1] -= amount * hole[index]
    out[2] += amount * bright[index]
    if draw.chance(0.1):  # a dirty halo around the lesions, not outlined
        halo = blur(place[None].float(), draw.number(1.5, 4.0))[0]
        out[0] += draw.number(0.1, 0.5) * float(contrast.max()) * halo * (1 - soft) * ~fluid * brain
    return out, place


def graft_lesions(
    images: Tensor, labels: Tensor, signal: Tensor, brain: Tensor, draw: Draw
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
    draw
        Randomness.

    Returns
    -------
    tuple
        Scans with lesions, and their mask.
    """
    fluid = _fluid(images)
    place = (labels > 0) & brain & ~fluid
    near = widest(place.float(), 2) * brain * ~fluid
    strength = torch.exp(0.2 * draw.normal(3)) * present(images)
    return images + strength[:, None, None, None] * signal * near, place


def _fluid(images: Tensor) -> Tensor:
    """Cerebrospinal fluid, dark on FLAIR and T1: no lesion is put there."""
    dark = images[0] < CSF_FLAIR
    return dark & (images[1] < CSF_T1) if has_t1(images) else dark


def _contrasts(growth: Tensor, gap: float, draw: Draw) -> Tensor:
    """Mean brightness on FLAIR above white matter of each lesion, 0 for the background.

    Patients differ, and lesions within a patient; those of less than a few dozen voxels are fainter.
    """
    spread = torch.exp(0.2 * draw.normal(len(growth)))
    patient = draw.number(0.7, 1.25)
    contrast = (patient * (0.86 + 0.12 * growth.clamp(max=2)) * spread).clamp(0.25, 3.0)
    contrast += max(0.0, 0.5 * (gap - 0.3))  # where grey matter is bright, lesions are
    contrast[0] = 0
    return contrast


def _mean_inside(image: Tensor, labels: Tensor, n: int) -> Tensor:
    """Mean of an image over each label."""
    flat = labels.flatten()
    total = torch.bincount(flat, image.flatten().double(), minlength=n)
    return (total / torch.bincount(flat, minlength=n).clamp_min(1)).float()


def present(images: Tensor) -> Tensor:
    """Which modalities there are, bool (3,); a missing one is 0.

    Parameters
    ----------
    images
        Normalised scans, float32 (3, z, y, x): FLAIR, T1, T2; a missing one is 0.
    """
    return (images != 0).flatten(1).any(1)


def has_t1(images: Tensor) -> bool:
    """Whether there is a T1; a missing one is 0.

    Parameters
    ----------
    images
        Normalised scans, float32 (3, z, y, x): FLAIR, T1, T2; a missing one is 0.
    """
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
    """By how much grey matter is brighter than white on FLAIR; 0.3 where no T1 tells.

    Parameters
    ----------
    images
        Normalised scans, float32 (3, z, y, x): FLAIR, T1, T2; a missing one is 0.
    brain
        bool (z, y, x).

    Returns
    -------
    float
        0 to 1.5, in standard deviations of the tissue.
    """
    grey = brain & (images[1] > -0.6) & (images[1] < 0.2)
    if not has_t1(images) or not bool(grey.any()):
        return 0.3
    return float((images[0][grey].median() - _level_of_white_matter(images, brain)).clamp(0, 1.5))


def plant_confounders(images: Tensor, brain: Tensor, draw: Draw) -> Tensor:
    """Add what is bright on FLAIR and is no lesion, as it makes false lesions in practice.

    A rim at the ventricles, flow artefacts and choroid plexus in fluid, bright patches of cortex,
    pulsation ghosts and old infarcts (fluid with a bright border at the surface).

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
    size = tuple(brain.shape)
    fluid = brain & (images[0] < CSF_FLAIR)
    if draw.chance(0.25):  # a thin bright rim at fluid
        rim = blur(fluid[None].float(), draw.number(0.7, 1.2))[0] * ~fluid
        out[0] += draw.number(0.3, 1.2) * rim * (draw.smooth(size, 12.0) > draw.number(-0.5, 1.0)) * brain
    if draw.chance(0.3):  # flow artefacts in sulci, choroid plexus in ventricles
        spots = fluid & (draw.smooth(size, draw.number(2.5, 5.0)) > draw.number(1.2, 2.0))
        out[0] += draw.number(2.5, 5.5) * blur(spots[None].float(), 0.6)[0] * brain
    if draw.chance(0.25):  # bright cortex near the surface
        surface = brain & (blur((~brain)[None].float(), 4.0)[0] > draw.number(0.03, 0.15))
        patch = surface & ~fluid & (images[1] < 0.4) & (draw.smooth(size, 15.0) > draw.number(0.3, 1.2))
        out[0] += draw.number(0.3, 1.0) * blur(patch[None].float(), 0.7)[0] * brain
    if draw.chance(0.4) and has_t1(images):  # bright insula, cingulum, hippocampus, nuclei
        grey = brain & ~fluid & (images[1] > -0.9) & (images[1] < 0.35)
        region = (draw.smooth(size, draw.number(12.0, 25.0)) - draw.number(-0.3, 1.0)).clamp(0, 1)
        out[0] += draw.number(0.2, 0.9) * blur(grey[None].float(), draw.number(0.5, 1.0))[0] * region * brain
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
