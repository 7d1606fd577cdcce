"""Real cases for comparing methods under real shift: each source left out in turn, FLAIR alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch
from planted import Case, Cases, whole_box

from napari_uncertainseg.training.configuration_file import read_configuration
from napari_uncertainseg.training.sources.cohort import prepared_twice
from napari_uncertainseg.training.sources.source_configuration import SourceConfiguration
from napari_uncertainseg.training.sources.visits import Visit
from napari_uncertainseg.training.subjects import Subject

RECIPE = Path(__file__).with_name("all-sources.toml")


def folds() -> Iterator[Cases]:
    """For each hospital: the visits of all others to learn from, its own to test on.

    Scans that show the skull are taken with their bias field corrected, as a user's scans are.
    """
    configuration = read_configuration(RECIPE)
    by_group: dict[str, list[Case]] = {}
    for source in configuration.data.sources:
        cases = cases_of(source, configuration.data.folder, configuration.cache)
        by_group.setdefault(source.group_name, []).extend(cases)
    for left_out, testing in by_group.items():
        others = [case for group, cases in by_group.items() if group != left_out for case in cases]
        yield Cases(others, testing)


def cases_of(source: SourceConfiguration, folder: Path, cache: Path) -> Iterator[Case]:
    """The visits of a source; visits of one patient have one name."""
    for patient in source.subjects:
        for visit in patient:
            subject = prepared_twice(Visit.of_source(source, folder, visit), cache)[0]
            yield case_of(f"{source.name} {patient[0]}", source.name, subject)


def case_of(name: str, domain: str, subject: Subject) -> Case:
    """A visit, cut to what networks can divide."""
    box = whole_box(subject.brain)
    image = subject.images[(slice(None), *box)].float()
    image = torch.cat([image[:1], torch.zeros_like(image[1:])])
    inside, lesions = subject.brain[box], subject.labels[box] > 0
    return Case(name, domain, image, lesions & inside, inside & ~subject.ignored[box])
