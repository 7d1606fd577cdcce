"""A head drawn from a label map (after SynthSeg, Billot et al., Medical Image Analysis 2023).

The same anatomy, lesions and seed always give the same head. Positions, tissues and ageing are drawn
once; contrast, coil, slices, motion and noise once for each modality.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from napari_uncertainseg.training.heads.anatomy import Anatomy
from napari_uncertainseg.training.heads.classes import Tissue
from napari_uncertainseg.training.heads.contrasts import Contrast, draw_contrast
from napari_uncertainseg.training.heads.position import (
    Ageing,
    LesionMask,
    draw_positions,
    tissue_at,
)
from napari_uncertainseg.training.heads.scanner import (
    coil_field,
    draw_slices,
    field_of_view,
    move_patient,
    rician,
    soften,
    strip,
    thick_slices,
    wrap,
)
from napari_uncertainseg.training.randomness import Draw

_LOOKS = 2  # tissues looked up within each voxel: partial volume


@dataclass(frozen=True, eq=False)
class Head:
    """A scan whose labels are known.

    Attributes
    ----------
    images
        float32 (modalities, z, y, x), 0 in air and beyond the field of view, about 1 in white matter
        where the contrast is that of a known sequence.
    brain
        float32 (z, y, x): share of each voxel that is brain, with ventricles and the fluid in furrows.
    lesions
        float32 (z, y, x): share that is lesion; lesions always lie in the brain.
    spacing
        Of the slices that it was acquired in, mm (z, y, x); in plane, and where it is 3-D, of its voxels.
    """

    images: Tensor
    brain: Tensor
    lesions: Tensor
    spacing: tuple[float, float, float]


def draw_head(
    anatomy: Anatomy,
    seed: int,
    *,
    shape: tuple[int, int, int] = (96, 112, 96),
    spacing: float = 2.0,
    modalities: Sequence[str | None] = ("flair", "t1", "t2"),
    lesions: LesionMask | None = None,
    centre: Tensor | None = None,
    stripped: float = 0.0,
    whole: bool = False,
) -> Head:
    """Draw a head.

    Parameters
    ----------
    anatomy
        From `anatomy.read_anatomy`.
    seed
        The same seed gives the same head.
    shape, spacing
        Of the scan: voxels (z, y, x), and mm.
    modalities
        One image each; None is a sequence of random contrast. Where there is none, only the labels count.
    lesions
        Bright lesions to be planted.
    centre
        Position of the scan's middle in the label map, (s, a, r) voxels; the cerebrum's middle if None.
    stripped
        How often the skull is removed, imperfectly.
    whole
        Whether the field of view is all of the shape, as a patch wants it.

    Returns
    -------
    Head
        On the CPU.
    """
    draw = Draw.seeded(seed)
    points = draw_positions(anatomy, shape, spacing, draw, centre)
    ageing = Ageing.drawn(draw)
    looks = []
    for _ in range(_LOOKS):
        jitter = spacing * (draw.uniform(-0.5, 0.5, 3, *shape))
        looks.append(tissue_at(anatomy, points + jitter, ageing, lesions))
    tissue = [each.long() for each, _ in looks]
    brain = torch.stack([each.float() for _, each in looks]).mean(0)
    lesion = torch.stack([(each == Tissue.LESION).float() for each in tissue]).mean(0)
    core = brain >= 0.5
    seen = torch.ones(shape, dtype=torch.bool)
    if not whole and bool(core.any()):
        seen = field_of_view(shape, core, spacing, draw)
    kept = strip(core, draw, spacing) if draw.chance(stripped) else torch.ones_like(core)
    slices = draw_slices(draw)
    images = torch.zeros(len(modalities), *shape)
    for image, modality in zip(images, modalities, strict=True):
        image[:] = _image(tissue, modality, slices, spacing, draw) * (seen & kept)
    axis, thickness, _ = slices
    z, y, x = (max(spacing, thickness) if k == axis else spacing for k in range(3))
    return Head(images, brain * seen, lesion * seen, (z, y, x))


def _image(
    tissue: list[Tensor],
    modality: str | None,
    slices: tuple[int | None, float, bool],
    spacing: float,
    draw: Draw,
) -> Tensor:
    """One sequence of the head: float32 (z, y, x)."""
    shape = tuple(tissue[0].shape)
    size = (shape[0], shape[1], shape[2])
    image = _brightness(tissue, draw_contrast(modality, draw), spacing, draw)
    image = soften(image, draw.number(0.0, 0.8) / spacing)
    image = image * coil_field(size, spacing, draw)
    image = thick_slices(image, *slices, spacing)
    image = move_patient(image, draw)
    image = wrap(image, draw)
    return rician(image, max(0.0, draw.number(-0.02, 0.12)), draw)


def _brightness(tissue: list[Tensor], contrast: Contrast, spacing: float, draw: Draw) -> Tensor:
    """Means of the tissues in each voxel, with noise of their own and a texture of some millimetres."""
    shape = tuple(tissue[0].shape)
    mean = torch.stack([contrast.mean[each] for each in tissue]).mean(0)
    spread = contrast.spread[tissue[0]]
    texture = draw.smooth(shape, draw.number(4, 12) / spacing) + 0.7 * draw.normal(*shape)
    return (mean + spread * texture).clamp_min(0)
