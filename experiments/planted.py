"""Cases for comparing methods in 3-D: real lesion masks planted into real brains.

Two patients with a mask are too few to compare methods. Here real lesion shapes are planted into brains
whose own lesions have been filled in, so that there are many cases, each with a mask that is true. Networks
learn from some masks in the brains of 3D-MR-MS; other masks in these brains are "in domain", and in the
brains of two other studies and scanners "shifted".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from napari_uncertainseg.training import planting
from napari_uncertainseg.training.randomness import Draw
from napari_uncertainseg.training.subjects import (
    Subject,
    as_background,
    brain_box,
    place_mask,
    read_masks,
    read_scans,
    read_subject,
)

IN_DOMAIN = ("3d-mr-ms/patient07/", "3d-mr-ms/patient19/")
SHIFTED = ("stroke-flair/", "3d-mr-ms-longitudinal/patient01/study1_")
UNSEEN = 8
"""Masks kept for testing; each goes into every brain."""
DIVISOR = 16


@dataclass(frozen=True, eq=False)
class Case:
    """A brain with planted lesions, cut to its bounding box.

    Attributes
    ----------
    domain
        "in domain" or "shifted"; of real scans, see real_cases.py, the source.
    image
        (3, z, y, x): FLAIR, T1, T2, normalised, sizes multiples of 16.
    lesions
        bool (z, y, x).
    counted
        bool (z, y, x): the brain, less what may be a lesion of its own.
    """

    name: str
    domain: str
    image: Tensor
    lesions: Tensor
    counted: Tensor


@dataclass(frozen=True, eq=False)
class Cases:
    """Cases to learn from and cases to test on: neither masks nor, where shifted, brains are shared."""

    training: list[Case]
    testing: list[Case]


def plant(data: Path, *, per_brain: int = 14, seed: int = 0) -> Cases:
    """Plant all cases; the same seed gives the same."""
    home = [read_subject(data, s) for s in IN_DOMAIN]
    away = [as_background(read_scans(data, s)) for s in SHIFTED]
    masks = read_masks(data / "3d-mr-ms" / "masks", home[0].brain)
    order = torch.randperm(len(masks), generator=torch.Generator().manual_seed(seed)).tolist()
    unseen, seen = order[:UNSEEN], order[UNSEEN:]
    training = [
        _case(f"training {b}.{k}", "in domain", brain, masks[seen[(k + b) % len(seen)]], seed + 1000 * b + k)
        for b, brain in enumerate(home)
        for k in range(per_brain)
    ]
    testing = [
        _case(f"{name}, mask {m}", domain, brain, masks[m], seed + 7777 + m)
        for domain, names, brains in (("in domain", IN_DOMAIN, home), ("shifted", SHIFTED, away))
        for name, brain in zip(names, brains, strict=True)
        for m in unseen
    ]
    return Cases(training, testing)


def _case(name: str, domain: str, brain: Subject, mask: Tensor, seed: int) -> Case:
    draw = Draw.seeded(seed)
    labels = place_mask(mask, brain.brain, brain.box)
    box = whole_box(brain.brain)
    healthy, inside, ignored = brain.healthy[(slice(None), *box)], brain.brain[box], brain.ignored[box]
    confounded = planting.plant_confounders(healthy, inside, draw)
    image, lesions = planting.plant_lesions(confounded, labels[box].long(), inside, draw)
    image = image + 0.05 * draw.normal(*image.shape) * inside
    return Case(name, domain, image, lesions, inside & (~ignored | lesions))


def whole_box(brain: Tensor) -> tuple[slice, slice, slice]:
    """The brain's bounding box, widened to multiples of what networks divide by."""
    box = []
    for inner, n in zip(brain_box(brain), brain.shape, strict=True):
        length = -(-(inner.stop - inner.start) // DIVISOR) * DIVISOR
        start = max(0, min(inner.start, n - length))
        if length > n:
            start, length = 0, n // DIVISOR * DIVISOR
        box.append(slice(start, start + length))
    return box[0], box[1], box[2]


def batches(
    cases: list[Case], *, steps: int, batch: int, edge: int, seed: int
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Draw patches, half of them at a lesion voxel, mirrored at random.

    Yields
    ------
    tuple
        Images (B, 3, n, n, n), lesions and counted voxels (B, 1, n, n, n), float.
    """
    draw = Draw.seeded(seed)
    places = [(c.lesions.nonzero(), c.counted.nonzero()) for c in cases]
    for _ in range(steps):
        parts = []
        for _ in range(batch):
            chosen = draw.integer(len(cases))
            voxels = places[chosen][0 if draw.chance(0.5) and len(places[chosen][0]) else 1]
            centre = voxels[draw.integer(len(voxels))].tolist()
            case = cases[chosen]
            window = tuple(
                slice(s := max(0, min(c - edge // 2 + draw.integer(17) - 8, n - edge)), s + edge)
                for c, n in zip(centre, case.lesions.shape, strict=True)
            )
            masks = torch.stack([case.lesions[window], case.counted[window]]).float()
            patch = torch.cat([case.image[(slice(None), *window)], masks])
            parts.append(patch.flip(3) if draw.chance(0.5) else patch)
        stacked = torch.stack(parts)
        yield stacked[:, :3], stacked[:, 3:4], stacked[:, 4:5]
