"""The heads and lesion masks of two folders, to be drawn from by number."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import torch

from napari_uncertainseg._base import InputError
from napari_uncertainseg.images.files import read_labels
from napari_uncertainseg.training.heads.anatomy import Anatomy, read_anatomy
from napari_uncertainseg.training.heads.position import LesionMask
from napari_uncertainseg.training.randomness import Draw


class HeadCollection:
    """Label maps of heads, and lesions of patients in MNI space; each file is read once.

    Parameters
    ----------
    label_maps
        Folder of ``*.nii.gz``.
    lesion_masks
        Likewise, MNI space, 1 mm; None for no lesions.
    cache
        Folder of what is computed from the label maps; about 35 MB each.

    Raises
    ------
    InputError
        If there is no label map.
    """

    def __init__(self, label_maps: Path, lesion_masks: Path | None, cache: Path | None = None) -> None:
        self._maps = sorted(label_maps.glob("*.nii.gz"))
        self._masks = sorted(lesion_masks.glob("*.nii.gz")) if lesion_masks else []
        if not self._maps:
            raise InputError(f"{label_maps} holds no label map: name the folder that does.")
        self.anatomy = lru_cache(maxsize=None)(lambda n: read_anatomy(self._maps[n], cache))
        self.lesions = lru_cache(maxsize=None)(lambda n: read_lesion_mask(self._masks[n]))

    def draw(self, draw: Draw, lesions: float = 0.6) -> tuple[Anatomy, LesionMask | None]:
        """One of the heads, and with this probability the lesions of a patient."""
        anatomy = self.anatomy(draw.integer(len(self._maps)))
        if not self._masks or not draw.chance(lesions):
            return anatomy, None
        return anatomy, self.lesions(draw.integer(len(self._masks)))


def read_lesion_mask(path: Path) -> LesionMask:
    """Read lesions of MNI space.

    Raises
    ------
    InputError
        If the voxels are not 1 mm along the axes of that space.
    """
    labels = read_labels(path)
    turned = labels.grid.affine[:3, :3][::-1]
    if abs(turned - torch.eye(3).numpy()).max() > 1e-3:
        raise InputError(f"{path}: its voxels should be 1 mm, along the axes of MNI space.")
    origin = torch.tensor(labels.grid.affine[:3, 3][::-1].copy(), dtype=torch.float32)
    return LesionMask(torch.from_numpy(labels.data > 0), origin)
