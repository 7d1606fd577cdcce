"""What the brain network learns from: a head and its brain for each step of a training."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from napari_uncertainseg.images.resample import isotropic, resample_to
from napari_uncertainseg.images.volume import Volume
from napari_uncertainseg.networks.brain import SPACING
from napari_uncertainseg.training.brain.configuration import BrainTraining
from napari_uncertainseg.training.brain.real_heads import real_heads
from napari_uncertainseg.training.heads.collection import HeadCollection
from napari_uncertainseg.training.heads.head import draw_head
from napari_uncertainseg.training.heads.scanner import (
    coil_field,
    draw_slices,
    field_of_view,
    move_patient,
    thick_slices,
)
from napari_uncertainseg.training.randomness import Draw

SHAPE = (80, 96, 80)
"""Voxels of what the network is shown."""
_SEQUENCES = ("flair", "flair", "flair", "flair", "flair", "t1", "t1", "t2", None, None)
_STRIPPED = 0.03
_BATCH = 2  # with one, torch takes slower convolutions
_SHIFT = 14.0  # mm, by which the brain is off the middle


@dataclass(frozen=True, eq=False)
class RealExample:
    """A real head on cubic voxels of `SPACING`: scan and share of brain, float32 (z, y, x)."""

    modality: str
    scan: Tensor
    brain: Tensor


class Examples:
    """Heads for a training, drawn by step."""

    def __init__(self, configuration: BrainTraining) -> None:
        self._seed, self._real_share = configuration.seed, configuration.real
        self._heads = HeadCollection(
            configuration.label_maps, configuration.lesion_masks, configuration.cache
        )
        sources = configuration.sources if configuration.real > 0 else ()
        data, cache = configuration.data, configuration.cache
        self._real = [each for source in sources for each in real_examples(data, source, cache)]
        self._flair = [n for n, each in enumerate(self._real) if each.modality == "flair"]

    def __call__(self, step: int) -> tuple[Tensor, Tensor]:
        """Two scans and their shares of brain of a step, float32 (2, 1, z, y, x); the same each time."""
        draw = Draw.seeded(self._seed * 10_000_019 + step)
        pairs = [self._head(Draw.seeded(draw.integer(2**31))) for _ in range(_BATCH)]
        scans, brains = zip(*pairs, strict=True)
        return torch.stack(scans)[:, None], torch.stack(brains)[:, None]

    def _head(self, draw: Draw) -> tuple[Tensor, Tensor]:
        if self._real and draw.chance(self._real_share):
            number = self._flair[draw.integer(len(self._flair))]
            if draw.chance(0.3):
                number = draw.integer(len(self._real))
            return vary_real(self._real[number], SHAPE, draw)
        anatomy, lesions = self._heads.draw(draw)
        centre = anatomy.box.float().mean(0) + draw.uniform(-_SHIFT, _SHIFT, 3) - torch.tensor([8.0, 0, 0])
        head = draw_head(
            anatomy,
            draw.integer(2**31),
            shape=SHAPE,
            spacing=SPACING,
            modalities=(_SEQUENCES[draw.integer(len(_SEQUENCES))],),
            lesions=lesions,
            centre=centre,
            stripped=_STRIPPED,
        )
        return head.images[0], head.brain


def real_examples(data: Path, source: str, cache: Path) -> list[RealExample]:
    """The heads of a source whose masks show a brain, on the voxels that the network reads.

    Parameters
    ----------
    data
        Folder of the sets.
    source
        See `real_heads.SOURCES`.
    cache
        Folder in which they are kept; nothing there is executed.
    """
    stored = cache / f"{source}-1.npz"
    if not stored.exists():
        arrays = {}
        for number, head in enumerate(each for each in real_heads(data, source) if not each.wrong):
            cubic = isotropic(head.scan, SPACING)
            share = resample_to(Volume(head.share, head.scan.grid, head.scan.name), cubic.grid)
            arrays[f"{number:03d} {head.modality}"] = np.stack([cubic.data, share])
        stored.parent.mkdir(parents=True, exist_ok=True)
        np.savez(stored, allow_pickle=False, **arrays)
    with np.load(stored, allow_pickle=False) as arrays:
        pairs = {name: torch.from_numpy(arrays[name]) for name in arrays.files}
    return [RealExample(name.split()[1], pair[0], pair[1]) for name, pair in pairs.items()]


def vary_real(example: RealExample, shape: tuple[int, int, int], draw: Draw) -> tuple[Tensor, Tensor]:
    """Turn, scale, shift and mirror a real head; change its coil, slices and brightness a little."""
    positions = torch.nonzero(example.brain >= 0.5)
    middle = (positions.amin(0) + positions.amax(0)) / 2 + draw.uniform(-_SHIFT, _SHIFT, 3) / SPACING
    matrix = torch.diag(draw.uniform(0.9, 1.1, 3)) + 0.06 * draw.normal(3, 3).clamp(-2, 2)
    if draw.chance(0.5):
        matrix[2] *= -1
    points = torch.stack(
        torch.meshgrid(*[torch.arange(n) - (n - 1) / 2 for n in shape], indexing="ij"), dim=-1
    )
    bend = torch.stack([draw.smooth(shape, draw.number(12, 30)) for _ in range(3)], dim=-1)
    points = points @ matrix.T + middle + draw.number(0, 1.5) * bend
    half = (torch.tensor(example.scan.shape) - 1) / 2
    grid = (points / half - 1).flip(-1)[None]
    both = torch.stack([example.scan, example.brain])[None]
    scan, brain = F.grid_sample(both, grid, padding_mode="zeros", align_corners=True)[0]
    scale = torch.quantile(scan.flatten()[::13], 0.98).clamp_min(1e-6)
    unit = (scan / scale).clamp_min(0) ** draw.number(0.6, 1.5)
    unit = unit * coil_field(shape, SPACING, draw)
    if draw.chance(0.3):
        unit = thick_slices(unit, *draw_slices(draw), SPACING)
    unit = move_patient(unit, draw)
    unit = unit + draw.number(0, 0.05) * draw.normal(*shape)
    if draw.chance(0.4) and bool((brain >= 0.5).any()):
        seen = field_of_view(shape, brain >= 0.5, SPACING, draw)
        unit, brain = unit * seen, brain * seen
    return unit, brain
