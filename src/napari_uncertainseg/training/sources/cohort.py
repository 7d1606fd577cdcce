"""All that patches are drawn from: subjects with masks, brains without, and masks to plant."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from napari_uncertainseg._base import InputError
from napari_uncertainseg.training.configuration import DataConfiguration
from napari_uncertainseg.training.randomness import Draw
from napari_uncertainseg.training.sources.prepared_cache import (
    drawn_healthy,
    drawn_patient,
    prepared_visit,
)
from napari_uncertainseg.training.sources.source_configuration import SourceConfiguration
from napari_uncertainseg.training.sources.visits import Visit
from napari_uncertainseg.training.subjects import (
    Subject,
    read_masks,
    read_subject,
    simulated_background,
)


@dataclass(frozen=True, eq=False)
class Cohort:
    """What patches are drawn from.

    Attributes
    ----------
    subjects
        With masks, some of them the same visit prepared in two ways.
    backgrounds
        Without masks.
    masks
        Numbered lesions to be planted, int16, each in the box of the brain that it fits.
    styles
        Number of styles.
    """

    subjects: Sequence[Subject]
    backgrounds: Sequence[Subject]
    masks: Sequence[Tensor]
    styles: int

    def draw_subject(self, draw: Draw, style: int | None = None) -> Subject:
        """Draw a subject with a mask; one of a style where one is given."""
        return _drawn([s for s in self.subjects if style is None or s.style == style], draw)

    def draw_background(self, draw: Draw) -> Subject:
        """Draw a brain without a mask."""
        return _drawn(self.backgrounds, draw)


def _drawn(subjects: Sequence[Subject], draw: Draw) -> Subject:
    """One of the subjects, by their shares."""
    until = torch.tensor([subject.share for subject in subjects]).cumsum(0)
    index = int(torch.searchsorted(until, draw.number(0, float(until[-1])), right=True))
    return subjects[min(index, len(subjects) - 1)]


def read_cohort(data: DataConfiguration, cache: Path) -> Cohort:
    """Read all that a run trains on.

    Parameters
    ----------
    data
        Which files.
    cache
        Folder of the prepared scans.

    Raises
    ------
    InputError
        If a file is missing or cannot be used.
    """
    subjects = [read_subject(data.folder, name) for name in data.subjects]
    for source in data.training_sources:
        subjects += _subjects_of(source, data, cache)
    backgrounds: list[Subject] = []
    for name in data.backgrounds:
        both = prepared_twice(Visit(data.folder, name, is_background=True), cache)
        backgrounds += [replace(subject, share=1 / len(both)) for subject in both]
    backgrounds += [simulated_background(seed) for seed in range(data.phantoms)]
    backgrounds += _drawn_heads(data, cache)
    masks: list[Tensor] = []
    if data.masks is not None:
        folder = data.folder / data.masks
        masks = read_masks(folder, _brain_of_masks(subjects, folder), data.masks_not_planted)
    return Cohort(subjects, backgrounds, masks, max(1, len(data.styles)))


def _drawn_heads(data: DataConfiguration, cache: Path) -> list[Subject]:
    """Heads from the label maps, each as often as another, and one of each patient's tissue map."""
    maps, patients = data.label_map_files, data.tissue_map_files
    drawn = [drawn_healthy(maps[seed % len(maps)], seed, cache) for seed in range(data.drawn_heads)]
    return drawn + [drawn_patient(files, seed, cache) for seed, files in enumerate(patients)]


def _subjects_of(source: SourceConfiguration, data: DataConfiguration, cache: Path) -> list[Subject]:
    """A source's visits in its style.

    A source of more patients is drawn more often, but in proportion to the root of their number: it would
    otherwise drown the others. Scans with a skull come twice, with their bias field and without it: a user
    may choose either, and neither removes it whole.
    """
    found = []
    for patient in source.subjects:
        share = 1 / math.sqrt(len(source.subjects)) / len(patient)
        for visit in patient:
            both = prepared_twice(Visit.of_source(source, data.folder, visit), cache)
            style = data.styles.index(source.style_name)
            found += [replace(subject, style=style, share=share / len(both)) for subject in both]
    return found


def prepared_twice(visit: Visit, cache: Path) -> tuple[Subject, ...]:
    """A visit as scanned; before it, where the skull is shown, the same with its bias field corrected.

    Parameters
    ----------
    visit
        Where the files are.
    cache
        Folder of the prepared scans.
    """
    plain = prepared_visit(visit, cache, bias_correction=False)
    return (plain,) if plain.stripped else (prepared_visit(visit, cache, bias_correction=True), plain)


def _brain_of_masks(subjects: Sequence[Subject], folder: Path) -> Tensor:
    """The brain, on its whole grid, that the masks in a folder fit."""
    first = subjects[0]
    if first.frame is None and first.style is None:
        return first.brain
    for subject in subjects:
        if subject.frame is not None and subject.stripped:
            return subject.frame.uncut(subject.brain)
    raise InputError(
        f"No subject lies on the grid of the masks in {folder}: one of those trained on must, with 1 mm "
        "voxels and without the skull. Or leave [data] masks out."
    )
