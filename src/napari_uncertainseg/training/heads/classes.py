"""The kinds of tissue that a head is drawn from, by what FreeSurfer and SynthSeg number them."""

from __future__ import annotations

from enum import IntEnum

import numpy as np


class Tissue(IntEnum):
    """A kind of tissue; left and right are one."""

    AIR = 0
    FLUID = 1
    VENTRICLE = 2
    WHITE = 3
    GREY = 4
    CEREBELLAR_WHITE = 5
    CEREBELLAR_GREY = 6
    THALAMUS = 7
    CAUDATE = 8
    PUTAMEN = 9
    PALLIDUM = 10
    HIPPOCAMPUS = 11
    BRAIN_STEM = 12
    LESION = 13
    SKIN = 14
    FAT = 15
    MUSCLE = 16
    BONE = 17
    MARROW = 18
    VEIN = 19
    ARTERY = 20
    EYE = 21
    NERVE = 22
    MUCOSA = 23
    SPINAL_CORD = 24
    OTHER = 25


NUMBERS: dict[Tissue, tuple[int, ...]] = {
    Tissue.FLUID: (24,),
    Tissue.VENTRICLE: (4, 5, 14, 15, 43, 44, 72),
    Tissue.WHITE: (2, 41, 25, 57),  # the few lesions of these healthy heads, too
    Tissue.GREY: (3, 42, 136, 137, 163, 164),
    Tissue.CEREBELLAR_WHITE: (7, 46),
    Tissue.CEREBELLAR_GREY: (8, 47),
    Tissue.THALAMUS: (10, 49),
    Tissue.CAUDATE: (11, 26, 50, 58),
    Tissue.PUTAMEN: (12, 51),
    Tissue.PALLIDUM: (13, 52),
    Tissue.HIPPOCAMPUS: (17, 18, 53, 54),
    Tissue.BRAIN_STEM: (16, 28, 60, 85),
    Tissue.SKIN: (511,),
    Tissue.MUSCLE: (507,),
    Tissue.BONE: (515,),
    Tissue.MARROW: (516,),
    Tissue.VEIN: (514,),
    Tissue.ARTERY: (502, 30, 62),
    Tissue.EYE: (506,),
    Tissue.NERVE: (508,),
    Tissue.MUCOSA: (509,),
    Tissue.SPINAL_CORD: (512,),
    Tissue.OTHER: (530,),
}
"""FreeSurfer's numbers, and SynthSeg's from 502 on."""

PARENCHYMA = tuple(range(Tissue.WHITE, Tissue.LESION + 1))
"""What a brain is made of, without its fluid."""
MAY_HOLD_LESIONS = (Tissue.WHITE, Tissue.CEREBELLAR_WHITE, Tissue.BRAIN_STEM, Tissue.THALAMUS)


def tissues(labels: np.ndarray) -> np.ndarray:
    """Translate a label map: uint8 of `Tissue`; numbers that are unknown become `OTHER`.

    Parameters
    ----------
    labels
        FreeSurfer's numbers, any real dtype.
    """
    table = np.full(1024, Tissue.OTHER, np.uint8)
    table[0] = Tissue.AIR
    for tissue, numbers in NUMBERS.items():
        table[list(numbers)] = tissue
    return table[labels.astype(np.int32)]
