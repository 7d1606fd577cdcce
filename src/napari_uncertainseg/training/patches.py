"""Patches to train on, drawn from subjects by number: the same number gives the same patch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cc3d
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from napari_uncertainseg._base import InputError
from napari_uncertainseg.images.files import read_labels, read_volume
from napari_uncertainseg.images.prepare import normalise
from napari_uncertainseg.raters.simulate import simulate_raters
from napari_uncertainseg.training import synthesis
from napari_uncertainseg.training.configuration import DataConfiguration
from napari_uncertainseg.training.synthesis import Draw

MODALITIES = ("flair", "t1", "t2")
_MARGIN = 32
"""Voxels around a patch that rotation, scaling and blurring may draw from."""
_LARGE, _MOST = 60, 4.0
"""Lesions of fewer voxels than this count more, up to this many times."""


@dataclass(frozen=True, eq=False)
class Subject:
    """A patient as scanned, and as if without lesions.

    Attributes
    ----------
    images, healthy
        (3, z, y, x), z-scored in the brain.
    brain
        bool (z, y, x).
    labels
        int16 (z, y, x), components of the lesion mask.
    """

    images: Tensor
    healthy: Tensor
    brain: Tensor
    labels: Tensor


def _find(folder: Path, name: str) -> Path:
    for path in sorted(folder.iterdir()):
        if path.name.lower().split(".")[0] == name:
            return path
    raise InputError(f"{folder} holds no {name} image; each subject needs flair, t1, t2 and lesions.")


def _components(mask: np.ndarray) -> Tensor:
    return torch.from_numpy(cc3d.connected_components(mask, connectivity=26).astype(np.int16))


def read_subject(folder: Path) -> Subject:
    """Read a subject's scans and lesion mask, which lie on one grid."""
    scans = [read_volume(_find(folder, m), modality=m) for m in MODALITIES]
    mask = read_labels(_find(folder, "lesions"), scans[0].grid).data > 0
    brain = scans[0].data != 0
    images = torch.from_numpy(np.stack([normalise(s.data, brain) for s in scans]))
    inside = torch.from_numpy(brain)
    healthy = synthesis.fill_lesions(images, torch.from_numpy(mask), inside, Draw.seeded(0))
    return Subject(images, healthy, inside, _components(mask))


class Patches(Dataset):
    """Numbered patches: image (3, n, n, n), raters (r, n, n, n), and what each voxel counts (n, n, n).

    Parameters
    ----------
    configuration
        Which subjects and masks, and how patches are drawn.
    seed
        Patch `i` of one seed is always the same.
    length
        Number of patches.
    """

    def __init__(self, configuration: DataConfiguration, *, seed: int, length: int) -> None:
        self.configuration = configuration
        self.seed = seed
        self.length = length
        self.subjects = [read_subject(configuration.folder / s) for s in configuration.subjects]
        self.masks = [] if configuration.masks is None else self._read_masks(configuration)

    @staticmethod
    def _read_masks(configuration: DataConfiguration) -> list[Tensor]:
        folder = configuration.folder / str(configuration.masks)
        names = sorted(p for p in folder.iterdir() if p.name.split(".")[0] not in configuration.excluded_masks)
        return [_components(read_labels(p).data > 0) for p in names]

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        if not 0 <= index < self.length:
            raise IndexError(index)
        draw = Draw.seeded(self.seed * 1_000_003 + index)
        subject = self.subjects[draw.integer(len(self.subjects))]
        planted = bool(self.masks) and draw.chance(self.configuration.planted)
        labels = self._drawn_mask(subject, draw) if planted else subject.labels
        source = subject.healthy if planted else subject.images
        where = _centre(labels, subject.brain, draw)
        edge = self.configuration.patch + _MARGIN
        images, brain, labels = (_crop(x, where, edge) for x in (source, subject.brain, labels))
        if planted:
            images, lesions = synthesis.plant_lesions(images, labels.long(), brain, draw)
        else:
            lesions = labels > 0
        return self._finish(images, brain, lesions, draw)

    def _drawn_mask(self, subject: Subject, draw: Draw) -> Tensor:
        """Another patient's lesions, moved by a few voxels and perhaps mirrored."""
        labels = self.masks[draw.integer(len(self.masks))]
        if labels.shape != subject.brain.shape:
            raise InputError("The lesion masks to be planted must lie on the subjects' own grid.")
        if draw.chance(0.5):
            labels = labels.flip(2)
        shift = [draw.integer(9) - 4 for _ in range(3)]
        return torch.roll(labels, shift, dims=(0, 1, 2))

    def _finish(self, images: Tensor, brain: Tensor, lesions: Tensor, draw: Draw) -> dict[str, Tensor]:
        n = self.configuration.patch
        grid = synthesis.spatial_grid((n, n, n), tuple(brain.shape), draw)
        images, masks = synthesis.warp(grid, images, torch.stack([brain, lesions]).float())
        brain, lesions = masks
        if draw.chance(0.15):
            images, brain = synthesis.imperfect_stripping(images, brain, draw)
        images = synthesis.imitate_scanner(images, brain, draw)
        images = synthesis.drop_modalities(images, draw)
        raters = simulate_raters(
            lesions.numpy(), (1.0, 1.0, 1.0), self.configuration.raters, seed=draw.integer(2**31 - 1)
        )
        return {"image": images, "weight": brain * emphasis(lesions), "raters": torch.from_numpy(raters)}


def emphasis(lesions: Tensor) -> Tensor:
    """How much voxels count: more on and around small lesions, which a mean over voxels would forget.

    Foreground and the background next to it are weighted alike, so that probabilities stay what they are.
    """
    labels = cc3d.connected_components(lesions.numpy(), connectivity=26)
    sizes = np.bincount(labels.ravel())
    weight = np.sqrt(_LARGE / np.maximum(sizes, 1)).clip(1, _MOST)
    weight[0] = 1
    return synthesis.widest(torch.from_numpy(weight.astype(np.float32)[labels]), 2)


def _centre(labels: Tensor, brain: Tensor, draw: Draw) -> tuple[int, int, int]:
    """Where a patch is centred: mostly at a lesion, small ones as often as large ones."""
    inside = brain
    if draw.chance(0.7) and int(labels.max()) > 0:
        inside = labels == 1 + draw.integer(int(labels.max()))
    voxels = inside.nonzero()
    if len(voxels) == 0:
        voxels = brain.nonzero()
    z, y, x = (voxels[draw.integer(len(voxels))] + torch.tensor([draw.integer(41) - 20 for _ in range(3)])).tolist()
    return z, y, x


def _crop(volume: Tensor, centre: tuple[int, int, int], edge: int) -> Tensor:
    """Cut a cube, with zeros beyond the volume."""
    out = volume.new_zeros((*volume.shape[:-3], edge, edge, edge))
    take, put = [], []
    for c, n in zip(centre, volume.shape[-3:], strict=True):
        start = c - edge // 2
        low, high = max(0, start), max(0, min(n, start + edge))
        take.append(slice(low, max(low, high)))
        put.append(slice(low - start, max(low, high) - start))
    out[(..., *put)] = volume[(..., *take)]
    return out
