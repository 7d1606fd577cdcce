"""One visit of a patient, with the lesions that an expert outlined, prepared as a user's scan is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from napari_uncertainseg._base import InputError
from napari_uncertainseg.images.files import read_labels
from napari_uncertainseg.images.preparation.prepare import prepare
from napari_uncertainseg.images.preparation.skull import surroundings
from napari_uncertainseg.images.volume import Grid, Volume
from napari_uncertainseg.modalities import MODALITIES
from napari_uncertainseg.training import planting
from napari_uncertainseg.training.randomness import Draw
from napari_uncertainseg.training.sources.source_configuration import SourceConfiguration
from napari_uncertainseg.training.subjects import (
    Frame,
    Subject,
    as_background,
    find_image,
    lesion_labels,
    read_scans,
    stacked,
)

_LESIONS, _BRAIN = "lesion", "brainmask"
"""What the names of masks begin with."""


@dataclass(frozen=True)
class Visit:
    """Where the files of one visit are.

    Attributes
    ----------
    folder, prefix
        What the names of its files begin with, see `subjects.find_image`.
    ignore
        Likewise of the mask of what counts neither way; None where there is none.
    brain_mask
        Whether to use the brain mask where there is one.
    is_background
        Whether there is no lesion mask.
    """

    folder: Path
    prefix: str
    ignore: str | None = None
    brain_mask: bool = True
    is_background: bool = False

    @classmethod
    def of_source(cls, source: SourceConfiguration, folder: Path, prefix: str) -> Visit:
        """A visit of a patient of a source."""
        return cls(folder, prefix, source.ignore, source.brain_masks)

    @property
    def files(self) -> dict[str, Path]:
        """Its files by what they are: those that there are."""
        masks = [_LESIONS, _BRAIN] if self.brain_mask else [_LESIONS]
        masks += [self.ignore] if self.ignore else []
        names = (*MODALITIES, *([] if self.is_background else masks))
        found = {name: find_image(self.folder, self.prefix, name) for name in names}
        return {name: path for name, path in found.items() if path is not None}


def read_visit(visit: Visit, *, bias_correction: bool) -> Subject:
    """Read a visit's scans and masks, and bring them to 1 mm as a user's scan is brought.

    Parameters
    ----------
    visit
        Where the files are.
    bias_correction
        Whether to correct the scans' bias fields.

    Returns
    -------
    Subject
        The brain's box, its images in half precision.

    Raises
    ------
    InputError
        If there is no FLAIR or lesion mask, or they cannot be used.
    """
    scans = read_scans(visit.folder, visit.prefix)
    if visit.is_background:
        return _read_background(scans, bias_correction)
    grid = scans["flair"].grid
    lesions = _mask(visit, _LESIONS, grid)
    if lesions is None:
        raise InputError(
            f"There is no file {visit.folder / visit.prefix}{_LESIONS}*: without it it is a background."
        )
    ignored = None if visit.ignore is None else _mask(visit, visit.ignore, grid)
    brain_mask = _mask(visit, _BRAIN, grid) if visit.brain_mask else None
    correction = "on" if bias_correction else "off"
    prepared = prepare(scans, mask=brain_mask, bias_correction=correction)
    ready = prepared.network_input(1.0)
    images, brain = stacked(ready), torch.from_numpy(ready.brain)
    labels = resampled_labels(lesion_labels(lesions.data > 0)[ready.box], ready.brain.shape) * brain
    unknown = torch.zeros_like(brain)
    if ignored is not None:
        unknown = resampled_labels(lesion_labels(ignored.data > 0)[ready.box], ready.brain.shape) > 0
    healthy = planting.fill_lesions(images, labels > 0, brain, Draw.seeded(0))
    same = tuple(part.stop - part.start for part in ready.box) == ready.brain.shape
    return Subject(
        images.half(),
        healthy.half(),
        brain,
        labels,
        unknown & (labels == 0),
        stripped=_is_stripped(scans),
        spacing=grid.spacing,
        frame=Frame(grid.shape, ready.box) if same else None,
    )


def _read_background(scans: Mapping[str, Volume], bias_correction: bool) -> Subject:
    subject = as_background(scans, bias_correction=bias_correction)
    images = subject.images.half()
    spacing = scans["flair"].grid.spacing
    return replace(subject, images=images, healthy=images, stripped=_is_stripped(scans), spacing=spacing)


def _is_stripped(scans: Mapping[str, Volume]) -> bool:
    return surroundings(scans["flair"]).skull == "removed"


def _mask(visit: Visit, name: str, grid: Grid) -> Volume | None:
    path = find_image(visit.folder, visit.prefix, name)
    return None if path is None else read_labels(path, grid)


def resampled_labels(labels: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Bring numbered lesions to another number of voxels over the same extent; none of them is lost.

    Each voxel takes the nearest label, so that volumes stay. A lesion so thin that no voxel is nearest to it
    gets the one voxel that its middle lies in.

    Parameters
    ----------
    labels
        int16 (z, y, x), 0 is background.
    shape
        Number of voxels along each axis.

    Returns
    -------
    Tensor
        int16, of that shape.
    """
    out = labels
    for axis, (old, new) in enumerate(zip(labels.shape, shape, strict=True)):
        nearest = ((torch.arange(new) + 0.5) * old / new).long().clamp(max=old - 1)
        out = out.index_select(axis, nearest)
    ratio = torch.tensor(shape) / torch.tensor(labels.shape)
    for lost in sorted(set(labels.unique().tolist()) - set(out.unique().tolist())):
        middle = ((labels == lost).nonzero().float() + 0.5).mean(0) * ratio
        z, y, x = middle.long().tolist()
        out[z, y, x] = lost
    return out
