"""How bright each kind of tissue is on FLAIR, T1 and T2, and on sequences that nobody has."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from napari_uncertainseg.training.heads.classes import Tissue
from napari_uncertainseg.training.randomness import Draw

_CODES = 32
_WHITE_SHARE = {  # where a tissue lies between grey (0) and white matter (1)
    Tissue.WHITE: 1.0,
    Tissue.GREY: 0.0,
    Tissue.CEREBELLAR_WHITE: 0.95,
    Tissue.CEREBELLAR_GREY: 0.05,
    Tissue.THALAMUS: 0.45,
    Tissue.CAUDATE: 0.15,
    Tissue.PUTAMEN: 0.3,
    Tissue.PALLIDUM: 0.8,
    Tissue.HIPPOCAMPUS: 0.0,
    Tissue.BRAIN_STEM: 0.7,
    Tissue.SPINAL_CORD: 0.7,
    Tissue.NERVE: 0.7,
}
_OUTSIDE = {  # usual brightness beside white matter: FLAIR, T1, T2
    Tissue.SKIN: (0.8, 0.7, 0.9),
    Tissue.FAT: (1.6, 1.5, 1.8),
    Tissue.MUSCLE: (0.7, 0.5, 0.5),
    Tissue.BONE: (0.1, 0.12, 0.12),
    Tissue.MARROW: (0.7, 0.9, 0.9),
    Tissue.VEIN: (0.3, 0.5, 0.4),
    Tissue.ARTERY: (0.25, 0.6, 0.2),
    Tissue.EYE: (0.25, 0.25, 2.5),
    Tissue.MUCOSA: (1.3, 0.7, 2.0),
    Tissue.OTHER: (0.5, 0.5, 0.8),
}
_MODALITIES = ("flair", "t1", "t2")


@dataclass(frozen=True, eq=False)
class Contrast:
    """Brightness by tissue.

    Attributes
    ----------
    mean, spread
        float32 (32,), indexed by `Tissue`; white matter of a known sequence is about 1.
    """

    mean: Tensor
    spread: Tensor


def draw_contrast(modality: str | None, draw: Draw) -> Contrast:
    """Draw the contrast of a sequence.

    Parameters
    ----------
    modality
        ``"flair"`` (lesion > grey > white > fluid), ``"t1"`` (white > grey > fluid), ``"t2"``
        (fluid > grey > white); None for a sequence in which anything may be bright.
    draw
        Randomness.
    """
    mean = _random(draw) if modality is None else _known(modality, draw)
    spread = mean.new_full((_CODES,), draw.number(0.01, 0.07))
    outside = torch.tensor([tissue.value for tissue in _OUTSIDE])
    spread[outside] = draw.uniform(0.03, 0.3, len(outside)) * mean[outside].clamp_min(0.2)
    spread[Tissue.AIR] = 0.0
    return Contrast(mean, spread)


def _known(modality: str, draw: Draw) -> Tensor:
    white = draw.number(0.9, 1.1)
    if modality == "flair":
        grey = white * (1 + draw.number(0.03, 0.5))
        fluid = white * draw.number(0.03, 0.5)
        lesion = grey * (1 + draw.number(0.1, 0.8))
    elif modality == "t1":
        grey = white * draw.number(0.5, 0.9)
        fluid = grey * draw.number(0.1, 0.6)
        lesion = fluid + (white - fluid) * draw.number(0.3, 0.95)
    else:
        grey = white * draw.number(1.15, 1.9)
        fluid = grey * draw.number(1.3, 2.5)
        lesion = grey + (fluid - grey) * draw.number(0.0, 0.7)
    mean = torch.zeros(_CODES)
    mean[Tissue.FLUID] = fluid
    mean[Tissue.VENTRICLE] = fluid * draw.number(0.95, 1.05)
    mean[Tissue.LESION] = lesion
    for tissue, share in _WHITE_SHARE.items():
        off = share if tissue in (Tissue.WHITE, Tissue.GREY) else share + draw.number(-0.15, 0.15)
        mean[tissue] = grey + (white - grey) * off
    column = _MODALITIES.index(modality)
    for tissue, usual in _OUTSIDE.items():  # fat is bright, or suppressed; bone is always dark
        width = 0.25 if tissue == Tissue.BONE else 0.5
        mean[tissue] = usual[column] * float(torch.exp(width * draw.normal(1)))
    if draw.chance(0.4):
        mean[[Tissue.FAT, Tissue.MARROW]] = mean[[Tissue.FAT, Tissue.MARROW]] * draw.number(0.1, 0.5)
    return mean.clamp(0, 3)


def _random(draw: Draw) -> Tensor:
    mean = draw.uniform(0.05, 1.5, _CODES)
    mean[Tissue.VENTRICLE] = mean[Tissue.FLUID] * draw.number(0.9, 1.1)
    mean[Tissue.AIR] = 0.0
    if draw.chance(0.8):  # as in nearly every sequence
        mean[Tissue.BONE] *= 0.2
    return mean
