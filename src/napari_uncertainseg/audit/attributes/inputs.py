"""What an attribute may be told from, patient by patient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from napari_uncertainseg._base import InputError, Progress, pluralised, silent
from napari_uncertainseg.audit.attributes.case_features import CaseFeatures, FeatureSetting, kept_features
from napari_uncertainseg.audit.attributes.common_grid import SHAPE
from napari_uncertainseg.audit.attributes.encoder import check_encoder
from napari_uncertainseg.audit.cohort import AuditCohort
from napari_uncertainseg.disk.errors import why_not
from napari_uncertainseg.modalities import title_of
from napari_uncertainseg.networks.catalog import find_model
from napari_uncertainseg.networks.engines.device import cpu_device
from napari_uncertainseg.progress.parts import part_of

IMAGE, MASK, BOTH, CROPPED, BOTTLENECK = "image", "mask", "both", "cropped", "bottleneck"
INPUTS = (IMAGE, MASK, BOTH, CROPPED, BOTTLENECK)


@dataclass(frozen=True, eq=False)
class CohortFeatures:
    """Features of all cases of a cohort.

    Attributes
    ----------
    cases
        Of each case.
    notes
        What the user should know, a sentence each.
    encoder
        The model whose network read whole scans.
    """

    cases: tuple[CaseFeatures, ...]
    notes: tuple[str, ...]
    encoder: str


def cohort_features(
    cohort: AuditCohort,
    kept: Path,
    *,
    encoder: str = "bundled",
    stage: str | None = None,
    model: str | None = None,
    device: str = "auto",
    progress: Progress = silent,
) -> CohortFeatures:
    """Make the features of all cases, one scan in memory at a time, or read those that were made before.

    Parameters
    ----------
    cohort
        The cases.
    kept
        Folder where features are kept.
    encoder
        A model of ours whose first network reads whole scans.
    stage
        The bottleneck of the networks that made the results; the deepest of the encoder if None.
    model, device
        As for `open_case`.
    progress
        Told which case; what it raises ends the work, and the features that are made stay.

    Raises
    ------
    InputError
        If the encoder is none of ours, or a case cannot be read; with its row.
    """
    reader = find_model(encoder)
    engine = reader.engine(cpu_device("torch").at("float32"), 0)
    check_encoder(engine)
    try:
        kept.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{kept}: features cannot be kept there {why_not(error)}.") from error
    setting = FeatureSetting(reader.weight_sha256(0), stage, SHAPE)
    made, count = [], len(cohort.cases)
    for number, case in enumerate(cohort.cases):
        what = f"case {number + 1} of {count}"
        part = part_of(progress, number / count, (number + 1) / count, what)
        part("reading", 0.0)
        try:
            found = kept_features(case, setting, engine, kept, model=model, device=device, progress=part)
        except InputError as error:
            where = f"{cohort.source}, row {case.line}" if case.line else str(case.folder)
            raise InputError(f"{where}: {error}") from error
        made.append(found)
    return CohortFeatures(tuple(made), tuple(_notes(made)), reader.name)


def _notes(made: Sequence[CaseFeatures]) -> list[str]:
    """What the inputs lack."""
    notes = []
    without = sum(one.mask is None for one in made)
    if without:
        notes.append(
            f"{pluralised(without, 'case')} of {len(made)} {'has' if without == 1 else 'have'} no reference, "
            "and count neither for the mask nor for both."
        )
    lacking = [one for one in made if one.bottleneck is None]
    if lacking:
        notes.append(
            f"{pluralised(len(lacking), 'case')} of {len(made)} "
            f"{'has' if len(lacking) == 1 else 'have'} no bottleneck: {lacking[0].why_not}"
        )
    if len({one.network for one in made if one.network}) > 1:
        notes.append("The results are of several networks, whose bottlenecks cannot be compared.")
    for name in dict.fromkeys(name for one in made for name in one.given):
        given = sum(name in one.given for one in made)
        if given < len(made):
            notes.append(
                f"The {title_of(name)} was given for {given} of {len(made)} cases. The bottleneck sees "
                "whether it was; the other inputs use the main scan only."
            )
    return notes


def rows_of(features: CohortFeatures, patient_of: np.ndarray, name: str) -> tuple[np.ndarray, np.ndarray]:
    """A row for each patient who has the input: the mean over the visits that have it.

    Parameters
    ----------
    features
        Of all cases.
    patient_of
        Number of each case's patient, int (cases,).
    name
        One of `INPUTS`.

    Returns
    -------
    rows
        float64 (patients who have it, features).
    patients
        Their numbers, ascending.
    """
    found = [_row(one, name) for one in features.cases]
    if name == BOTTLENECK and len({one.network for one in features.cases if one.network}) > 1:
        found = [None] * len(found)
    there = np.array([one is not None for one in found], bool)
    patients = np.unique(patient_of[there])
    if not len(patients):
        return np.zeros((0, 0)), patients
    values = np.array([one for one in found if one is not None], np.float64)
    own = patient_of[there]
    return np.array([values[own == patient].mean(0) for patient in patients]), patients


def _row(one: CaseFeatures, name: str) -> np.ndarray | None:
    if name == IMAGE:
        return one.image.mean
    if name == CROPPED:
        return one.cropped.mean
    if name == BOTTLENECK:
        return one.bottleneck
    if one.mask is None:
        return None
    return one.mask if name == MASK else np.concatenate([one.image.mean, one.mask])
