"""The label map of a head, made ready to be drawn from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from napari_uncertainseg._boxes import bounding_box
from napari_uncertainseg.images.files import read_labels
from napari_uncertainseg.training.heads.classes import PARENCHYMA, Tissue, tissues

STEP = 0.25
"""Unit of the stored distances, mm."""
CLOSING = 6.0
"""Half the width of the furrows that belong to the brain, mm."""
RIM = 2.0
"""Of the fluid over the brain as much belongs to it, mm: so the masks of MS3SEG and 3D-MR-MS are drawn."""

_FAT = 5.0  # mm beneath the skin
_DIPLOE = 1.9  # mm from the surface of the skull, where its marrow begins
_NECK = 45  # mm beneath the brain that are worth holding
_VERSION = 4  # of what the stored arrays mean


@dataclass(frozen=True, eq=False)
class Anatomy:
    """A head of 1 mm voxels, in (s, a, r) order.

    Attributes
    ----------
    tissue
        uint8 of `Tissue`.
    brain
        bool: parenchyma, ventricles, and the fluid in its furrows, but not all that lies over it.
    from_ventricle, from_fluid
        uint8: distance to the ventricles, and to the fluid around the brain, in `STEP` mm, at most 255.
    box
        First and last index of the cerebrum by axis, (2, 3), voxels.
    """

    tissue: Tensor
    brain: Tensor
    from_ventricle: Tensor
    from_fluid: Tensor
    box: Tensor


def read_anatomy(path: Path, cache: Path | None = None) -> Anatomy:
    """Read a label map of 1 mm voxels.

    Parameters
    ----------
    path
        FreeSurfer's numbers, with those of SynthSeg for skull, skin and fat.
    cache
        A folder that holds what takes seconds to compute; None computes it each time.

    Raises
    ------
    InputError
        If the file cannot be read.
    """
    stored = cache / f"{path.name.split('.')[0]}-{_VERSION}.npz" if cache else None
    if stored is not None and stored.exists():
        with np.load(stored, allow_pickle=False) as arrays:
            return Anatomy(**{name: torch.from_numpy(arrays[name]) for name in arrays.files})
    arrays = anatomy_arrays(tissues(read_labels(path).data))
    if stored is not None:
        stored.parent.mkdir(parents=True, exist_ok=True)
        np.savez(stored, allow_pickle=False, **arrays)
    return Anatomy(**{name: torch.from_numpy(array) for name, array in arrays.items()})


def anatomy_arrays(tissue: np.ndarray) -> dict[str, np.ndarray]:
    """Find what an `Anatomy` holds, from its tissues: uint8 (s, a, r), 1 mm."""
    low = max(0, bounding_box(np.isin(tissue, PARENCHYMA))[0].start - _NECK)
    tissue = np.ascontiguousarray(tissue[low:][bounding_box(tissue[low:] > 0)])
    cerebrum = bounding_box(np.isin(tissue, (Tissue.WHITE, Tissue.GREY)))
    return {
        "tissue": _layers(tissue),
        "brain": closed_brain(tissue),
        "from_ventricle": stored_distance(tissue == Tissue.VENTRICLE),
        "from_fluid": stored_distance(tissue == Tissue.FLUID),
        "box": np.array([[s.start for s in cerebrum], [s.stop - 1 for s in cerebrum]]),
    }


def closed_brain(tissue: np.ndarray, radius: float = CLOSING) -> np.ndarray:
    """The brain as masks draw it: parenchyma, ventricles, closed furrows, a rim of fluid; no holes; bool."""
    core = np.isin(tissue, (*PARENCHYMA, Tissue.VENTRICLE))
    wide = ndimage.distance_transform_edt(~core) <= radius
    closed = ndimage.distance_transform_edt(wide) > radius
    inside = np.isin(tissue, (Tissue.FLUID, Tissue.VEIN, Tissue.ARTERY))
    brain = core | (closed & inside)
    rim = inside & (ndimage.distance_transform_edt(~brain) <= RIM)
    return ndimage.binary_fill_holes(brain | rim)


def stored_distance(mask: np.ndarray) -> np.ndarray:
    """Distance to a mask as an `Anatomy` has it: uint8, in `STEP` mm, at most 255."""
    distance = ndimage.distance_transform_edt(~mask)
    return np.minimum(distance / STEP, 255).astype(np.uint8)


def _layers(tissue: np.ndarray) -> np.ndarray:
    """Fat beneath the skin, and marrow within the bone: the label maps have one number for each pair."""
    out = tissue.copy()
    skin = ndimage.distance_transform_edt(tissue != Tissue.SKIN)
    out[(tissue == Tissue.MUSCLE) & (skin <= _FAT)] = Tissue.FAT
    bone = ndimage.distance_transform_edt(tissue == Tissue.BONE)
    out[bone > _DIPLOE] = Tissue.MARROW
    return out
