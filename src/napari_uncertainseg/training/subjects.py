"""Brains to train on, read from files."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import cc3d
import numpy as np
import torch
from scipy import ndimage
from torch import Tensor
from torch.nn import functional as F

from napari_uncertainseg._base import InputError
from napari_uncertainseg.images.files import read_labels, read_volume
from napari_uncertainseg.images.phantom import PhantomModel, simulate_patient
from napari_uncertainseg.images.preparation.normalise import normalise
from napari_uncertainseg.images.preparation.prepare import NetworkInput, prepare
from napari_uncertainseg.images.volume import Volume
from napari_uncertainseg.modalities import MODALITIES
from napari_uncertainseg.training import planting
from napari_uncertainseg.training.randomness import Draw, widest

_RIM, _BRIGHT = 8.0, 0.85
"""In scans without a mask, what is deeper than this (mm) and brighter may be lesion."""


@dataclass(frozen=True)
class Frame:
    """Where a brain that was cut out lies on its scan's own grid of 1 mm.

    Attributes
    ----------
    shape
        Of the grid, (z, y, x).
    box
        The part of it that the brain's arrays cover.
    """

    shape: tuple[int, int, int]
    box: tuple[slice, slice, slice]

    def uncut(self, mask: Tensor) -> Tensor:
        """A mask of the brain's box on the whole grid; bool (z, y, x)."""
        whole = torch.zeros(self.shape, dtype=torch.bool)
        whole[self.box] = mask
        return whole


@dataclass(frozen=True, eq=False)
class Subject:
    """A brain to train on, as scanned and as if without lesions.

    Attributes
    ----------
    images, healthy
        float32 or float16 (3, z, y, x), 1 mm, normalised in the brain; a missing modality is 0.
    brain
        bool (z, y, x).
    labels
        int16 (z, y, x), components of the lesion mask; all 0 where there is no mask.
    ignored
        bool (z, y, x): nobody knows whether this is lesion.
    is_background
        Whether there is no mask, and lesions can only be planted.
    stripped
        Whether the scans came without the skull.
    spacing
        The scan's own voxel size, mm (z, y, x).
    frame
        Where the arrays lie on the scan's own grid; None where they were resampled, or are the whole of it.
    style
        Number of the style in which it is outlined; None where it may be any.
    share
        How often it is drawn, in proportion to the others'.
    """

    images: Tensor
    healthy: Tensor
    brain: Tensor
    labels: Tensor
    ignored: Tensor
    is_background: bool = False
    stripped: bool = True
    spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)
    frame: Frame | None = None
    style: int | None = None
    share: float = 1.0

    @cached_property
    def box(self) -> tuple[slice, slice, slice]:
        """Bounding box of the brain."""
        return brain_box(self.brain)

    @cached_property
    def inside(self) -> Tensor:
        """Where the brain's voxels are, (n, 3)."""
        return self.brain.nonzero().to(torch.int16)

    @cached_property
    def gap(self) -> float:
        """By how much grey matter is brighter than white on FLAIR."""
        return planting.gap_of(self.healthy.float(), self.brain)


def find_image(folder: Path, prefix: str, name: str) -> Path | None:
    """The file in `folder` whose path begins with the prefix and the name, whatever the case."""
    inner, _, start = prefix.rpartition("/")
    wanted = f"{start}{name}".lower()
    return next((p for p in sorted((folder / inner).iterdir()) if p.name.lower().startswith(wanted)), None)


def lesion_labels(mask: np.ndarray) -> Tensor:
    """Number the lesions of a mask (z, y, x); int16, 0 is background."""
    return torch.from_numpy(cc3d.connected_components(mask, connectivity=26).astype(np.int16))


def read_scans(folder: Path, prefix: str) -> dict[str, Volume]:
    """Read what a subject's file names begin with: a FLAIR, and T1 and T2 where there are any."""
    found = {m: path for m in MODALITIES if (path := find_image(folder, prefix, m)) is not None}
    if "flair" not in found:
        raise InputError(f"There is no file {folder / prefix}flair*: each subject needs a FLAIR named so.")
    return {m: read_volume(path, modality=m) for m, path in found.items()}


def read_subject(folder: Path, prefix: str) -> Subject:
    """Read a subject's scans and lesion mask.

    Raises
    ------
    InputError
        If there is no FLAIR or mask, or they do not all lie on one grid of 1 mm.
    """
    scans = read_scans(folder, prefix)
    path = find_image(folder, prefix, "lesions")
    if path is None:
        raise InputError(f"There is no file {folder / prefix}lesions*: without it it is a background.")
    flair = scans["flair"]
    _check_grids(folder / prefix, scans)
    mask = read_labels(path, flair.grid).data > 0
    brain = flair.data != 0
    blank = np.zeros(brain.shape, np.float32)
    images = torch.from_numpy(
        np.stack([normalise(scans[m].data, brain, m) if m in scans else blank for m in MODALITIES])
    )
    inside = torch.from_numpy(brain)
    healthy = planting.fill_lesions(images, torch.from_numpy(mask), inside, Draw.seeded(0))
    return Subject(images, healthy, inside, lesion_labels(mask), torch.zeros_like(inside))


def _check_grids(where: Path, scans: Mapping[str, Volume]) -> None:
    grid = scans["flair"].grid
    if not np.allclose(grid.spacing, 1.0, atol=0.01):
        size = " x ".join(f"{s:.2f}" for s in grid.spacing)
        raise InputError(f"{where}flair* has voxels of {size} mm: resample the subject to 1 mm first.")
    for name, scan in scans.items():
        if not scan.grid.same_as(grid, tolerance=1e-2):
            raise InputError(f"{where}{name}* does not lie on the FLAIR's grid: resample it onto the FLAIR.")


def stacked(ready: NetworkInput) -> Tensor:
    """What the network reads of a visit, float32 (3, z, y, x); a missing modality is 0."""
    blank = np.zeros(ready.brain.shape, np.float32)
    return torch.from_numpy(np.stack([ready.channels.get(m, blank) for m in MODALITIES]))


def as_background(scans: Mapping[str, Volume], *, bias_correction: bool = False) -> Subject:
    """Prepare scans without a lesion mask; what is bright deep in them may be lesion, and is ignored."""
    ready = prepare(scans, bias_correction="on" if bias_correction else "off").network_input(1.0)
    images = stacked(ready)
    deep = ndimage.distance_transform_edt(ready.brain) > _RIM
    ignored = widest((torch.from_numpy(deep) & (images[0] > _BRIGHT)).float(), 1) > 0
    brain = torch.from_numpy(ready.brain)
    return Subject(images, images, brain, torch.zeros(brain.shape, dtype=torch.int16), ignored, True)


def simulated_background(seed: int) -> Subject:
    """Make the brain of a simulated patient without lesions; all of it counts."""
    drawn = simulate_patient(seed, PhantomModel(places=(0, 0, 0)))
    subject = as_background({"flair": drawn.flair, "t1": drawn.t1})
    return replace(subject, ignored=torch.zeros_like(subject.ignored))


def mask_paths(folder: Path, excluded: Collection[str] = ()) -> list[Path]:
    """Files of lesion masks in a folder, by name, without those excluded."""
    return sorted(p for p in folder.iterdir() if p.name.split(".")[0] not in excluded)


def read_masks(folder: Path, brain: Tensor, excluded: Collection[str] = ()) -> list[Tensor]:
    """Read lesion masks on a brain's grid as numbered lesions, cut to the brain's bounding box.

    Parameters
    ----------
    folder
        Of the files.
    brain
        bool (z, y, x).
    excluded
        Names of masks that are not read.

    Returns
    -------
    list of Tensor
        int16 (z, y, x) each: 0 is background, 1 and on are lesions.
    """
    masks = [lesion_labels(read_labels(p).data > 0) for p in mask_paths(folder, excluded)]
    if any(m.shape != brain.shape for m in masks):
        raise InputError(f"The lesion masks in {folder} must lie on the grid of the first subject.")
    return [m[brain_box(brain)] for m in masks]


def place_mask(mask: Tensor, brain: Tensor, box: tuple[slice, slice, slice]) -> Tensor:
    """Lesion labels of one brain's bounding box, stretched to another brain's; int16 (z, y, x).

    Parameters
    ----------
    mask
        Labels in the first brain's box, int16 (z, y, x).
    brain
        The other brain, bool (z, y, x).
    box
        Its bounding box.
    """
    labels = torch.zeros(brain.shape, dtype=torch.int16)
    size = labels[box].shape
    if size != mask.shape:
        mask = F.interpolate(mask[None, None].float(), size=size, mode="nearest-exact")[0, 0].short()
    labels[box] = mask
    return labels


def brain_box(mask: Tensor) -> tuple[slice, slice, slice]:
    """Bounding box of a mask that is not empty.

    Parameters
    ----------
    mask
        bool (z, y, x), with a voxel or more.
    """
    where = mask.nonzero()
    z, y, x = (slice(int(a), int(b) + 1) for a, b in zip(where.amin(0), where.amax(0), strict=True))
    return z, y, x
