"""The whole audit: each attribute from each input, where classifiers look, and the bottleneck in two axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from napari_uncertainseg._base import InputError, Progress, silent
from napari_uncertainseg.audit.attributes.inputs import (
    CROPPED,
    IMAGE,
    INPUTS,
    CohortFeatures,
    rows_of,
)
from napari_uncertainseg.audit.attributes.looking import Looking, look
from napari_uncertainseg.audit.attributes.telling import FEWEST, InputTold, tell_input
from napari_uncertainseg.audit.cohort import AuditCohort
from napari_uncertainseg.explain.drivers.statistics.holm import holm
from napari_uncertainseg.progress.parts import part_of

_MOST_CLASSES = 20


@dataclass(frozen=True)
class TellingSetting:
    """How attributes are told.

    Attributes
    ----------
    permutations
        At most, of each test.
    seed
        Of all that is drawn.
    """

    permutations: int = 199
    seed: int = 0


@dataclass(frozen=True, eq=False)
class InputFound:
    """What is found for one input.

    Attributes
    ----------
    told
        How well the attribute is told.
    looking
        Of each tested class by its name: where the classifier looks. Only of the image and of what is cut.
    """

    told: InputTold
    looking: dict[str, Looking]


@dataclass(frozen=True, eq=False)
class AttributeFound:
    """What is found for one attribute.

    Attributes
    ----------
    attribute
        Its name.
    names
        Of the classes.
    counts
        Patients of each.
    inputs
        By name, in the order of `INPUTS`; without those that nobody has.
    why_not
        Why nothing could be told, a sentence; empty where something could.
    """

    attribute: str
    names: tuple[str, ...]
    counts: tuple[int, ...]
    inputs: dict[str, InputFound]
    why_not: str = ""


@dataclass(frozen=True, eq=False)
class Plane:
    """The bottlenecks of all cases in the plane in which they differ most.

    Attributes
    ----------
    places
        float64 (cases, 2).
    shares
        Of the variance, of each axis.
    cases
        Their numbers.
    """

    places: np.ndarray
    shares: tuple[float, float]
    cases: np.ndarray


def audit_attributes(
    cohort: AuditCohort,
    features: CohortFeatures,
    attributes: Sequence[str],
    setting: TellingSetting | None = None,
    progress: Progress = silent,
) -> tuple[AttributeFound, ...]:
    """Tell each attribute from each input.

    Parameters
    ----------
    cohort
        Read with these attributes.
    features
        Of its cases.
    attributes
        Columns.
    setting
        How.
    progress
        What it raises ends the work.

    Raises
    ------
    InputError
        If an attribute has so many values that it parts nobody.
    """
    setting = setting or TellingSetting()
    found = []
    for number, attribute in enumerate(attributes):
        part = part_of(progress, number / len(attributes), (number + 1) / len(attributes), attribute)
        found.append(_attribute(cohort, features, attribute, setting, part))
    return tuple(found)


def _attribute(
    cohort: AuditCohort, features: CohortFeatures, attribute: str, setting: TellingSetting, progress: Progress
) -> AttributeFound:
    group_of = cohort.group_of(attribute)
    names = tuple(sorted(set(group_of.values())))
    counts = tuple(sum(one == name for one in group_of.values()) for name in names)
    if len(names) > _MOST_CLASSES:
        raise InputError(
            f"{cohort.source}: {attribute} has {len(names)} values; make bands of it, at most "
            f"{_MOST_CLASSES}."
        )
    if len(names) < 2 or (sorted(counts)[-2] < 2 and len(names) == 2) or max(counts) < 2:
        return AttributeFound(attribute, names, counts, {}, _why_not(attribute, names, counts))
    number_of = {name: i for i, name in enumerate(names)}
    label_of = np.array([number_of.get(group_of.get(name, ""), -1) for name in cohort.patients])
    inputs: dict[str, InputFound] = {}
    for number, name in enumerate(INPUTS):
        part = part_of(progress, number / len(INPUTS), (number + 1) / len(INPUTS), name)
        rows, patients = rows_of(features, cohort.patient_of, name)
        labels = label_of[patients] if len(patients) else np.zeros(0, int)
        known = labels >= 0
        if len(set(labels[known])) < 2:
            continue
        told = tell_input(
            name, rows[known], patients[known], labels[known], names, permutations=setting.permutations,
            seed=setting.seed, done=partial(part, "permuting"),
        )  # fmt: skip
        inputs[name] = InputFound(told, _looks(cohort, features, told, names, name))
    return AttributeFound(attribute, names, counts, _corrected(inputs))


def _why_not(attribute: str, names: tuple[str, ...], counts: tuple[int, ...]) -> str:
    if not names:
        return f"{attribute}: no patient has a value, so that nothing can be told."
    if len(names) == 1:
        return f"{attribute}: every patient with a value is '{names[0]}' ({counts[0]}): nothing to tell."
    return (
        f"{attribute}: there are not two patients of a value and two others; when one is left out, nobody "
        "would be left to learn from."
    )


def _looks(
    cohort: AuditCohort, features: CohortFeatures, told: InputTold, names: Sequence[str], name: str
) -> dict[str, Looking]:
    if name not in (IMAGE, CROPPED):
        return {}
    patient_of = cohort.patient_of
    visits = [
        [getattr(features.cases[case], name) for case in np.flatnonzero(patient_of == patient)]
        for patient in told.patients
    ]
    return {
        one.name: look(one.told, told.labels == names.index(one.name), visits)
        for one in told.classes
        if one.told is not None
    }


def _corrected(inputs: dict[str, InputFound]) -> dict[str, InputFound]:
    """With p of all inputs corrected for their number."""
    p = holm(np.array([one.told.p for one in inputs.values()]))
    return {
        name: replace(one, told=replace(one.told, p_holm=float(own)))
        for (name, one), own in zip(inputs.items(), p, strict=True)
    }


def plane_of(features: CohortFeatures) -> Plane | None:
    """The bottlenecks by their first two principal axes; None with fewer than three, or all alike."""
    cases = [i for i, one in enumerate(features.cases) if one.bottleneck is not None]
    several = len({features.cases[i].network for i in cases}) > 1
    if len(cases) < 3 or several:
        return None
    rows = np.array([features.cases[i].bottleneck for i in cases], np.float64)
    deviation = rows.std(0)
    kept = deviation > 1e-6 * np.abs(rows).max()
    if kept.sum() < 2:
        return None
    rows = (rows[:, kept] - rows[:, kept].mean(0)) / deviation[kept]
    turned, size, _ = np.linalg.svd(rows, full_matrices=False)
    shares = size**2 / (size**2).sum()
    return Plane(turned[:, :2] * size[:2], (float(shares[0]), float(shares[1])), np.array(cases))


def too_few(found: AttributeFound) -> list[str]:
    """Classes with too few patients for a test."""
    return [name for name, count in zip(found.names, found.counts, strict=True) if count < FEWEST]
