"""Where the voxels of a scan lie in a head: turned, scaled, bent; and which lesions lie there."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from napari_uncertainseg.training.heads.anatomy import STEP, Anatomy
from napari_uncertainseg.training.heads.classes import MAY_HOLD_LESIONS, Tissue
from napari_uncertainseg.training.randomness import Draw, rotation

MNI_CEREBRUM = torch.tensor([[-46.0, -105.0, -70.0], [80.0, 72.0, 70.0]])
"""First and last position of the cerebrum of MNI space, (s, a, r) mm."""


@dataclass(frozen=True, eq=False)
class LesionMask:
    """Lesions of a patient in MNI space, 1 mm: bool (s, a, r), and where its voxel 0 lies, (s, a, r) mm."""

    data: Tensor
    origin: Tensor


def draw_positions(
    anatomy: Anatomy,
    shape: tuple[int, int, int],
    spacing: float,
    draw: Draw,
    centre: Tensor | None = None,
) -> Tensor:
    """Draw where each voxel of a scan lies in a label map: float32 (3, z, y, x), 1 mm voxels.

    Parameters
    ----------
    anatomy
        The head.
    shape
        Of the scan.
    spacing
        Of the scan, mm.
    draw
        Randomness.
    centre
        Position of the scan's middle in the label map, (s, a, r); the middle of the cerebrum if None.
    """
    middle = anatomy.box.float().mean(0) - torch.tensor([8.0, 0, 0]) if centre is None else centre.float()
    axes = [spacing * (torch.arange(n) - (n - 1) / 2) for n in shape]
    matrix = _affine(draw)
    points = middle[:, None, None, None].expand(3, *shape).clone()
    for axis, values in enumerate(axes):  # matrix @ position, one axis after the other
        view = [1, 1, 1]
        view[axis] = -1
        points += matrix[:, axis, None, None, None] * values.view(view)
    for low, high, most in ((50, 90, 9.0), (18, 35, 2.5)):
        cells = draw.number(low, high) / spacing
        amplitude = draw.number(0, most)
        coarse = [max(3, round(n / cells) + 1) for n in shape]
        bend = F.interpolate(draw.normal(1, 3, *coarse), size=shape, mode="trilinear", align_corners=True)[0]
        points += amplitude * bend
    return points


def _affine(draw: Draw) -> Tensor:
    """Turned by up to 20 degrees, scaled, sheared, and mirrored half the time."""
    matrix = torch.diag(draw.uniform(0.84, 1.16, 3)) + 0.03 * draw.normal(3, 3).clamp(-2, 2)
    for a, b, most in ((0, 1, 20.0), (0, 2, 12.0), (1, 2, 12.0)):
        angle = torch.deg2rad(draw.uniform(-most, most, 1))[0]
        matrix = matrix @ rotation(a, b, angle)
    if draw.chance(0.5):
        matrix[2] *= -1
    return matrix


def flat_indices(points: Tensor, shape: torch.Size) -> tuple[Tensor, Tensor]:
    """Number of the voxel that a point lies in, int64, and whether there is one, bool; (z, y, x) each."""
    index = points.round().long()
    there = torch.ones(points.shape[1:], dtype=torch.bool)
    for axis, n in enumerate(shape):
        there &= (index[axis] >= 0) & (index[axis] < n)
        index[axis].clamp_(0, n - 1)
    return (index[0] * shape[1] + index[1]) * shape[2] + index[2], there


@dataclass(frozen=True)
class Ageing:
    """How far ventricles and furrows have grown into the tissue, mm."""

    ventricles: float
    furrows: float

    @classmethod
    def drawn(cls, draw: Draw) -> Ageing:
        """None in half of the heads."""
        if draw.chance(0.5):
            return cls(0.0, 0.0)
        return cls(draw.number(0, 5), draw.number(0, 1.2))


def tissue_at(
    anatomy: Anatomy, points: Tensor, ageing: Ageing, lesions: LesionMask | None
) -> tuple[Tensor, Tensor]:
    """The tissue at each point, uint8 of `Tissue`, and whether it is in the brain, bool."""
    flat, there = flat_indices(points, anatomy.tissue.shape)
    tissue = anatomy.tissue.view(-1)[flat] * there
    brain = anatomy.brain.view(-1)[flat] & there
    white = tissue == Tissue.WHITE
    if ageing.ventricles > 0:
        near = anatomy.from_ventricle.view(-1)[flat] <= ageing.ventricles / STEP
        tissue = torch.where(white & near, Tissue.VENTRICLE, tissue)
    if ageing.furrows > 0:
        near = anatomy.from_fluid.view(-1)[flat] <= ageing.furrows / STEP
        tissue = torch.where((tissue == Tissue.GREY) & near, Tissue.FLUID, tissue)
    if lesions is not None:
        tissue = torch.where(_lesion_at(lesions, anatomy, points, tissue), Tissue.LESION, tissue)
    return tissue.to(torch.uint8), brain


def _lesion_at(lesions: LesionMask, anatomy: Anatomy, points: Tensor, tissue: Tensor) -> Tensor:
    """Lesions of MNI space, moved by the boxes of the two cerebra; only where white matter or the like is."""
    low, high = anatomy.box.float()
    scale = (MNI_CEREBRUM[1] - MNI_CEREBRUM[0]) / (high - low)
    offset = MNI_CEREBRUM[0] - low * scale - lesions.origin
    moved = points * scale[:, None, None, None] + offset[:, None, None, None]
    flat, there = flat_indices(moved, lesions.data.shape)
    may = torch.zeros(32, dtype=torch.bool)
    may[list(MAY_HOLD_LESIONS)] = True
    return lesions.data.view(-1)[flat] & there & may[tissue.long()]
