"""Patches to train on, drawn from subjects by number: the same number gives the same patch."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cc3d
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import Dataset

from napari_uncertainseg.raters.simulate import simulate_raters
from napari_uncertainseg.training import planting, synthesis
from napari_uncertainseg.training.configuration import DataConfiguration
from napari_uncertainseg.training.randomness import Draw, widest
from napari_uncertainseg.training.subjects import (
    Subject,
    as_background,
    place_mask,
    read_masks,
    read_scans,
    read_subject,
    simulated_background,
)

_MARGIN = 24
"""Voxels around a patch that rotation, scaling and blurring may draw from."""
_BACKGROUND_SHARE = 0.2
"""Share of patches from scans without a mask, where there are any."""
_GRAFTED = 0.35
"""Share of new lesions that are real ones of a subject, not shapes alone."""
_FEWER, _FEWEST = 0.25, 0.1
"""Share of patches with some of the lesions left out, and the smallest share of them that stays."""
_CONFOUNDED = 0.2
"""Share of patches with what is bright and no lesion."""
_STRIPPED_BADLY, _SCANNED_ELSEWHERE = 0.07, 0.4
"""Shares of patches with skin or bone at the brain's rim, and as another scanner would show them."""
_LARGE, _MOST = 60, 2.0
"""Lesions of fewer voxels than this count more, up to this many times."""


@dataclass(frozen=True, eq=False)
class NewLesions:
    """Lesions to put into a brain.

    Attributes
    ----------
    labels
        int16 (z, y, x).
    signal
        By how much they change the scans (3, z, y, x), before they were moved; None for shapes alone.
    shift
        By how many voxels they were moved.
    """

    labels: Tensor
    signal: Tensor | None = None
    shift: tuple[int, int, int] = (0, 0, 0)

    def cropped(self, centre: tuple[int, int, int], edge: int) -> Tensor | None:
        """The signal in a cube of the brain."""
        z, y, x = (c - s for c, s in zip(centre, self.shift, strict=True))
        return None if self.signal is None else _crop(self.signal, (z, y, x), edge).float()


class Patches(Dataset):
    """Numbered patches: image (3, z, y, x), raters (r, z, y, x), reference and weight of voxels (z, y, x).

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
        self.subjects = [read_subject(configuration.folder, s) for s in configuration.subjects]
        for name in configuration.backgrounds:
            self.subjects.append(as_background(read_scans(configuration.folder, name)))
        self.subjects.extend(simulated_background(seed) for seed in range(configuration.phantoms))
        self.masks: list[Tensor] = []
        if configuration.masks is not None:
            folder = configuration.folder / configuration.masks
            self.masks = read_masks(folder, self.subjects[0].brain, configuration.excluded_masks)
        self._grafts: dict[tuple[int, int, bool], tuple[Tensor, Tensor]] = {}

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        if not 0 <= index < self.length:
            raise IndexError(index)
        draw = Draw.seeded(self.seed * 1_000_003 + index)
        subject = self._drawn_subject(draw)
        planted = bool(self.masks) and (subject.is_background or draw.chance(self.configuration.planted))
        new = self._drawn_lesions(subject, draw) if planted else NewLesions(_fewer(subject.labels, draw))
        whole = (subject.images, subject.healthy, subject.brain, new.labels, subject.ignored, subject.labels)
        edge = self.configuration.patch + _MARGIN
        where = _centre(new.labels, subject.inside, draw)
        scanned, healthy, brain, labels, ignored, real = (_crop(x, where, edge) for x in whole)
        signal = new.cropped(where, edge)
        images = healthy
        if not planted:
            images = planting.leave_out(scanned, healthy, (real > 0) & (labels == 0), labels > 0)
        images = synthesis.vary_contrast(images, healthy, brain, subject.gap, draw)
        if draw.chance(_CONFOUNDED):
            images = planting.plant_confounders(images, brain, draw)
        if signal is not None:
            images, lesions = planting.graft_lesions(images, labels, signal, brain, draw)
        elif planted:
            images, lesions = planting.plant_lesions(images, labels.long(), brain, draw)
        else:
            lesions = labels > 0
        return self._finish(images, torch.stack([brain, lesions, ignored & ~lesions]), draw)

    def _drawn_subject(self, draw: Draw) -> Subject:
        """Mostly a subject with a mask: only there are lesions real."""
        known = [s for s in self.subjects if not s.is_background]
        others = [s for s in self.subjects if s.is_background]
        drawn = others if others and draw.chance(_BACKGROUND_SHARE) else known
        return drawn[draw.integer(len(drawn))]

    def _drawn_lesions(self, subject: Subject, draw: Draw) -> NewLesions:
        """Another patient's lesions, fitted to the brain's box, moved a little and perhaps mirrored."""
        donor = None if draw.chance(1 - _GRAFTED) else draw.integer(len(self.configuration.subjects))
        mirrored = draw.chance(0.5)
        if donor is None:
            mask = self.masks[draw.integer(len(self.masks))]
            labels = place_mask(mask.flip(2) if mirrored else mask, subject.brain, subject.box)
            signal = None
        else:
            labels, signal = self._graft(donor, subject, mirrored)
        labels = _fewer(labels, draw)
        z, y, x = (draw.integer(9) - 4 for _ in range(3))
        return NewLesions(torch.roll(labels, (z, y, x), dims=(0, 1, 2)), signal, (z, y, x))

    def _graft(self, donor: int, subject: Subject, mirrored: bool) -> tuple[Tensor, Tensor]:
        """A subject's real lesions on another brain: labels, and by how much they change the scan."""
        key = (donor, self.subjects.index(subject), mirrored)
        if key not in self._grafts:
            source = self.subjects[donor]
            labels = source.labels[source.box]
            signal = (source.images - source.healthy)[(slice(None), *source.box)]
            if mirrored:
                labels, signal = labels.flip(2), signal.flip(3)
            fitted = F.interpolate(signal[None], size=subject.brain[subject.box].shape, mode="trilinear")[0]
            placed = torch.zeros(subject.images.shape, dtype=torch.float16)
            placed[(slice(None), *subject.box)] = fitted.half()
            self._grafts[key] = place_mask(labels, subject.brain, subject.box), placed
        return self._grafts[key]

    def _finish(self, images: Tensor, masks: Tensor, draw: Draw) -> dict[str, Tensor]:
        n, (z, y, x) = self.configuration.patch, masks.shape[1:]
        grid = synthesis.spatial_grid((n, n, n), (z, y, x), draw)
        images, masks = synthesis.warp(grid, images, masks.float())
        brain, lesions, ignored = masks
        if draw.chance(_STRIPPED_BADLY):
            images, brain = synthesis.imperfect_stripping(images, brain, draw)
        if draw.chance(_SCANNED_ELSEWHERE):
            images = synthesis.imitate_scanner(images, brain, draw)
        images = synthesis.misnormalise(images, brain, draw)
        images = synthesis.drop_modalities(images, draw)
        raters = simulate_raters(
            lesions.numpy(), (1.0, 1.0, 1.0), self.configuration.raters, seed=draw.integer(2**31 - 1)
        )
        weight = emphasis(lesions) * brain * ~ignored
        return {
            "image": images,
            "weight": weight,
            "reference": lesions.to(torch.uint8),
            "raters": torch.from_numpy(raters),
        }


def emphasis(lesions: Tensor) -> Tensor:
    """How much voxels count: more on and around small lesions, which a mean over voxels would forget.

    Foreground and the background next to it are weighted alike, so that probabilities stay what they are.

    Parameters
    ----------
    lesions
        bool or integers (z, y, x), nonzero is lesion.

    Returns
    -------
    Tensor
        Weights, float32 (z, y, x), from 1.
    """
    labels = cc3d.connected_components(lesions.numpy(), connectivity=26)
    sizes = np.bincount(labels.ravel())
    weight = np.sqrt(_LARGE / np.maximum(sizes, 1)).clip(1, _MOST)
    weight[0] = 1
    return widest(torch.from_numpy(weight.astype(np.float32)[labels]), 2)


def _fewer(labels: Tensor, draw: Draw) -> Tensor:
    """Leave lesions out: some patients have a hundred times as many as others."""
    if not draw.chance(_FEWER):
        return labels
    share = math.exp(draw.number(math.log(_FEWEST), 0.0))
    kept = draw.uniform(0, 1, int(labels.max()) + 1) < share
    return labels * kept[labels.long()]


def _centre(labels: Tensor, brain: Tensor, draw: Draw) -> tuple[int, int, int]:
    """Where a patch is centred: anywhere, at one of the lesions, or in them, so that large ones are seen."""
    voxels = brain
    kind = draw.number(0, 1)
    if kind < 0.6 and int(labels.max()) > 0:
        voxels = (labels == 1 + draw.integer(int(labels.max()))).nonzero() if kind < 0.3 else labels.nonzero()
    if len(voxels) == 0:
        voxels = brain
    moved = torch.tensor([draw.integer(41) - 20 for _ in range(3)])
    z, y, x = (voxels[draw.integer(len(voxels))] + moved).tolist()
    return z, y, x


def _crop(volume: Tensor, centre: tuple[int, int, int], edge: int) -> Tensor:
    """Cut a cube, with zeros beyond the volume."""
    out = volume.new_zeros((*volume.shape[:-3], edge, edge, edge))
    take: list[slice] = []
    put: list[slice] = []
    for c, n in zip(centre, volume.shape[-3:], strict=True):
        start = c - edge // 2
        low, high = max(0, start), max(0, min(n, start + edge))
        take.append(slice(low, max(low, high)))
        put.append(slice(low - start, max(low, high) - start))
    out[(..., put[0], put[1], put[2])] = volume[(..., take[0], take[1], take[2])]
    return out
