"""Patches to train on, drawn from subjects by number: the same number gives the same patch."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cc3d
import numpy as np
import torch
from scipy import ndimage
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import Dataset

from napari_uncertainseg.raters.simulate import simulate_raters
from napari_uncertainseg.training import planting, synthesis
from napari_uncertainseg.training.configuration import DataConfiguration
from napari_uncertainseg.training.randomness import Draw, widest
from napari_uncertainseg.training.sources.cohort import Cohort
from napari_uncertainseg.training.subjects import Subject, place_mask

_MARGIN = 24
"""Voxels around a patch that rotation, scaling and blurring may draw from."""
_OWN = 0.6
"""How often a brain that was drawn from a patient's tissues is given the patient's own lesions."""
_GRAFTED = 0.35
"""Share of new lesions that are real ones of a subject, not shapes alone."""
_FEWER, _FEWEST = 0.25, 0.1
"""Share of patches with some of the lesions left out, and the smallest share of them that stays."""
_CONFOUNDED = 0.2
"""Share of patches with what is bright and no lesion."""
_STRIPPED_BADLY, _SCANNED_ELSEWHERE = 0.07, 0.4
"""Shares of patches with skin or bone at the brain's rim, and as another scanner would show them."""
_NEAR = 4.0
"""What is as near to a lesion (voxels) is judged with it by the loss that counts lesions."""
_GRAFTS_KEPT = 6
"""Grafts that are kept in memory: each is as large as a brain."""
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
    style
        Number of the style in which they were outlined; None where it may be any.
    """

    labels: Tensor
    signal: Tensor | None = None
    shift: tuple[int, int, int] = (0, 0, 0)
    style: int | None = None

    def cropped(self, centre: tuple[int, int, int], edge: int) -> Tensor | None:
        """The signal in a cube of the brain."""
        z, y, x = (c - s for c, s in zip(centre, self.shift, strict=True))
        return None if self.signal is None else _crop(self.signal, (z, y, x), edge).float()


class Patches(Dataset):
    """Numbered patches: what the network reads, and what it is to say of it.

    Each is a dictionary: `image` (3, z, y, x), `raters` (raters, z, y, x), `reference`, `weight` of the
    voxels and `regions` of the lesions (z, y, x), see `lesion_regions`, and `style`, the number of the style
    in which the reference is outlined.

    Parameters
    ----------
    configuration
        How patches are drawn.
    cohort
        From what they are drawn.
    seed
        Patch `i` of one seed is always the same.
    length
        Number of patches.
    """

    def __init__(self, configuration: DataConfiguration, cohort: Cohort, *, seed: int, length: int) -> None:
        self.configuration = configuration
        self.cohort = cohort
        self.seed = seed
        self.length = length
        self._grafts: dict[tuple[int, int, bool], tuple[Tensor, Tensor]] = {}

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        if not 0 <= index < self.length:
            raise IndexError(index)
        draw = Draw.seeded(self.seed * 1_000_003 + index)
        subject = self._drawn_subject(draw)
        planted = bool(self.cohort.masks) and (
            subject.is_background or draw.chance(self.configuration.planted)
        )
        new = self._drawn_lesions(subject, draw) if planted else NewLesions(_fewer(subject.labels, draw))
        whole = (subject.images, subject.healthy, subject.brain, new.labels, subject.ignored, subject.labels)
        edge = self.configuration.patch + _MARGIN
        where = _centre(new.labels, subject.inside, self.configuration, draw)
        scanned, healthy, brain, labels, ignored, real = (_crop(x, where, edge) for x in whole)
        scanned, healthy = scanned.float(), healthy.float()
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
            images, lesions = _plant_as_scanned(images, labels, brain, subject.spacing, draw)
        else:
            lesions = labels > 0
        patch = self._finish(images, torch.stack([brain, lesions, ignored & ~lesions]), draw)
        style = new.style if subject.style is None else subject.style
        patch["style"] = torch.tensor(draw.integer(self.cohort.styles) if style is None else style)
        return patch

    def _drawn_subject(self, draw: Draw) -> Subject:
        """Mostly a subject with a mask: only there are lesions real."""
        if self.cohort.backgrounds and draw.chance(self.configuration.background_share):
            return self.cohort.draw_background(draw)
        return self.cohort.draw_subject(draw)

    def _drawn_lesions(self, subject: Subject, draw: Draw) -> NewLesions:
        """Another patient's lesions, fitted to the brain's box, moved a little and perhaps mirrored.

        A brain that was drawn with places for its patient's own lesions is mostly given those.

        Real ones come from a patient who was outlined in the brain's own style: what its experts leave out
        stays left out.
        """
        if subject.is_background and int(subject.labels.max()) > 0 and draw.chance(_OWN):
            return NewLesions(_fewer(subject.labels, draw))
        grafted, mirrored, style = draw.chance(_GRAFTED), draw.chance(0.5), None
        if grafted:
            donor = self.cohort.draw_subject(draw, subject.style)
            labels, signal = self._graft(donor, subject, mirrored)
            style = donor.style
        else:
            mask = self.cohort.masks[draw.integer(len(self.cohort.masks))]
            labels = place_mask(mask.flip(2) if mirrored else mask, subject.brain, subject.box)
            signal = None
        labels = _fewer(labels, draw)
        z, y, x = (draw.integer(9) - 4 for _ in range(3))
        return NewLesions(torch.roll(labels, (z, y, x), dims=(0, 1, 2)), signal, (z, y, x), style)

    def _graft(self, donor: Subject, subject: Subject, mirrored: bool) -> tuple[Tensor, Tensor]:
        """A subject's real lesions on another brain: labels, and by how much they change the scan."""
        key = (id(donor), id(subject), mirrored)
        if key not in self._grafts:
            if len(self._grafts) >= _GRAFTS_KEPT:
                self._grafts.pop(next(iter(self._grafts)))
            self._grafts[key] = _fitted(donor, subject, mirrored)
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
            "regions": lesion_regions(lesions),
            "raters": torch.from_numpy(raters),
        }


def _fitted(donor: Subject, subject: Subject, mirrored: bool) -> tuple[Tensor, Tensor]:
    """Stretch a donor's lesions from its brain's box to another brain's."""
    labels = donor.labels[donor.box]
    signal = (donor.images.float() - donor.healthy)[(slice(None), *donor.box)]
    if mirrored:
        labels, signal = labels.flip(2), signal.flip(3)
    fitted = F.interpolate(signal[None], size=subject.brain[subject.box].shape, mode="trilinear")[0]
    placed = torch.zeros(subject.images.shape, dtype=torch.float16)
    placed[(slice(None), *subject.box)] = fitted.half()
    return place_mask(labels, subject.brain, subject.box), placed


def _plant_as_scanned(
    images: Tensor, labels: Tensor, brain: Tensor, spacing: tuple[float, float, float], draw: Draw
) -> tuple[Tensor, Tensor]:
    """Plant lesions as the scan's own voxels would show them, and as an expert would outline them there."""
    labels = synthesis.outlined_on_slices(labels, spacing)
    planted, lesions = planting.plant_lesions(images, labels.long(), brain, draw)
    return images + synthesis.averaged_over_slices(planted - images, spacing) * brain, lesions


def lesion_regions(lesions: Tensor) -> Tensor:
    """Which lesion each voxel belongs to: the nearest one, where one is near.

    Parameters
    ----------
    lesions
        bool (z, y, x).

    Returns
    -------
    Tensor
        int16 (z, y, x), from 1 on; 0 is far from every lesion.
    """
    labels = cc3d.connected_components(lesions.numpy(), connectivity=26).astype(np.int16)
    if not labels.any():
        return torch.from_numpy(labels)
    distance, nearest = ndimage.distance_transform_edt(labels == 0, return_indices=True)
    return torch.from_numpy(np.where(distance <= _NEAR, labels[tuple(nearest)], np.int16(0)))


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


def _centre(
    labels: Tensor, brain: Tensor, configuration: DataConfiguration, draw: Draw
) -> tuple[int, int, int]:
    """Where a patch is centred: anywhere, at one of the lesions, or in them, so that large ones are seen."""
    voxels = brain
    kind = draw.number(0, 1)
    if int(labels.max()) > 0:
        if kind < configuration.by_lesion:
            voxels = (labels == _one_lesion(labels, configuration.favour_small, draw)).nonzero()
        elif kind < configuration.by_lesion + configuration.in_lesions:
            voxels = labels.nonzero()
    if len(voxels) == 0:
        voxels = brain
    moved = torch.tensor([draw.integer(41) - 20 for _ in range(3)])
    z, y, x = (voxels[draw.integer(len(voxels))] + moved).tolist()
    return z, y, x


def _one_lesion(labels: Tensor, favour_small: float, draw: Draw) -> int:
    """Number of one of the lesions, small ones favoured."""
    sizes = torch.bincount(labels.flatten())[1:]
    chances = torch.where(sizes > 0, sizes.clamp_min(1).double() ** -favour_small, 0).cumsum(0)
    index = int(torch.searchsorted(chances, draw.number(0, float(chances[-1])), right=True))
    return 1 + min(index, len(sizes) - 1)


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
