"""The whole of stability: agreement of each measure, distances of images, and what moves what."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from napari_uncertainseg._base import InputError, Progress, silent
from napari_uncertainseg.audit.stability.cases import Acquisition
from napari_uncertainseg.audit.stability.changes import Change, changes_of
from napari_uncertainseg.audit.stability.images import Distances, feature_distances
from napari_uncertainseg.audit.stability.measures import (
    LESION_MEASURES,
    PERSON_MEASURES,
    RADIOMICS,
    Measure,
)
from napari_uncertainseg.audit.stability.person import MeasuredPerson, measure_person
from napari_uncertainseg.audit.stability.reliability import (
    FEWEST,
    Estimate,
    MeanSquares,
    Reliability,
    complete_block,
    reliability,
)
from napari_uncertainseg.explain.drivers.statistics.intervals import bounds, draw_patients
from napari_uncertainseg.explain.radiomics.features import FEATURE_NAMES

PERSONS, LESIONS = "persons", "lesions"
FEW_PEOPLE = 5
"""Below as many people no interval can be had from drawing them."""
_PEOPLE = "patient"


@dataclass(frozen=True)
class MeasuredStability:
    """How stable one measure is.

    Attributes
    ----------
    measure
        Which.
    level
        ``"persons"`` or ``"lesions"``: what the targets are.
    agreement
        None where nothing is left to compare.
    people
        Whose targets are compared.
    left_out
        Targets that lack a value in an acquisition, which were left out.
    without
        Acquisitions that were left out because they lack values: of lesions only where fewer than
        `FEWEST` are in all acquisitions.
    drawn
        Whether the ICC's interval is from drawing people, and not from F.
    """

    measure: Measure
    level: str
    agreement: Reliability | None
    people: int
    left_out: int
    without: tuple[str, ...]
    drawn: bool = False


@dataclass(frozen=True, eq=False)
class Stability:
    """Stability of one set of acquisitions: as they are, or harmonised in one way.

    Attributes
    ----------
    harmonised
        How, or empty.
    people
        Names.
    acquisitions
        Names, in order.
    imitated
        Whether all are.
    measured
        Of each measure and level.
    distances
        Of each person's acquisitions.
    changes
        Of each acquisition against the first, and each measure of people.
    rows, lesions, radiomics
        What it is computed from: `MeasuredPerson`'s tables of all people.
    notes
        What the user should know, a sentence each.
    """

    harmonised: str
    people: tuple[str, ...]
    acquisitions: tuple[str, ...]
    imitated: bool
    measured: tuple[MeasuredStability, ...]
    distances: tuple[Distances, ...]
    changes: tuple[Change, ...]
    rows: pd.DataFrame
    lesions: pd.DataFrame
    radiomics: pd.DataFrame
    notes: tuple[str, ...]

    def of(self, level: str, *groups: str) -> list[MeasuredStability]:
        """Those of a level and groups."""
        return [one for one in self.measured if one.level == level and one.measure.group in groups]


def stability_of(
    acquisitions: Sequence[Acquisition], progress: Progress = silent, *, images: bool = True
) -> tuple[Stability, ...]:
    """Measure and compare all acquisitions: a set for each way of harmonising, as they are first.

    Parameters
    ----------
    acquisitions
        From `cases.read_acquisitions`.
    progress
        Called before each acquisition; what it raises ends the work.
    images
        As for `measure_person`.

    Raises
    ------
    InputError
        If a folder cannot be read, or nobody has two acquisitions.
    """
    sets: dict[str, dict[str, list[Acquisition]]] = {}
    for one in acquisitions:
        sets.setdefault(one.harmonised, {}).setdefault(one.patient, []).append(one)
    total, done, found = len(acquisitions), 0, []
    for way in sorted(sets):
        measured = []
        for own in sets[way].values():
            if len(own) > 1:

                def told(stage: str, fraction: float, done: int = done, count: int = len(own)) -> None:
                    progress(stage, (done + fraction * count) / total)

                measured.append(measure_person(own, told, images=images))
            done += len(own)
        if not measured:
            raise InputError(f"Nobody has two acquisitions{f' harmonised by {way}' if way else ''}.")
        imitated = all(one.imitated for own in sets[way].values() for one in own)
        found.append(compare(way, measured, imitated=imitated))
    return tuple(found)


def compare(harmonised: str, measured: Sequence[MeasuredPerson], *, imitated: bool) -> Stability:
    """Compare the acquisitions of people who were measured."""
    rows = pd.concat([one.rows for one in measured], ignore_index=True)
    lesions = pd.concat([one.lesions for one in measured], ignore_index=True)
    radiomics = pd.concat([one.radiomics for one in measured], ignore_index=True)
    outlined = pd.concat([one.outlined for one in measured], ignore_index=True)
    features = tuple(Measure(name, name, "", RADIOMICS) for name in FEATURE_NAMES)
    names = tuple(dict.fromkeys(n for one in measured for n in one.names))
    tables = (
        (PERSONS, rows, PERSON_MEASURES),
        (LESIONS, lesions, LESION_MEASURES),
        (PERSONS, outlined, features),
        (LESIONS, radiomics, features),
    )
    found = [
        measured_stability(table, measure, level, names)
        for level, table, measures in tables
        for measure in measures
        if measure.name in table and table[measure.name].notna().any()
    ]
    spread = _spread(np.concatenate([one.region for one in measured]))
    distances = [
        Distances(one.names, one.images | {"features": feature_distances(one.region, spread)})
        for one in measured
    ]
    return Stability(
        harmonised,
        tuple(one.name for one in measured),
        names,
        imitated,
        tuple(found),
        tuple(distances),
        tuple(changes_of(rows, PERSON_MEASURES, names)),
        rows,
        lesions,
        radiomics,
        tuple(note for one in measured for note in one.notes),
    )


def _spread(features: np.ndarray) -> np.ndarray:
    """Standard deviation of each feature over all acquisitions of all people; NaN where one is not known."""
    known = np.isfinite(features)
    counts = known.sum(0)
    mean = np.where(known, features, 0).sum(0) / np.maximum(counts, 1)
    square = np.where(known, (features - mean) ** 2, 0).sum(0)
    spread = np.sqrt(square / np.maximum(counts - 1, 1))
    large = np.where(known, np.abs(features), 0).max(0, initial=0)
    return np.where((counts > 1) & (spread > 1e-9 * large), spread, math.nan)


def measured_stability(
    table: pd.DataFrame, measure: Measure, level: str, names: Sequence[str]
) -> MeasuredStability:
    """Agreement of one measure.

    Parameters
    ----------
    table
        A row for each target and acquisition: ``patient``, ``acquisition``, perhaps ``target``, measures.
    measure, level
        Which, and of what.
    names
        Acquisitions, in order.
    """
    keys = [_PEOPLE] if level == PERSONS else [_PEOPLE, "target"]
    wide = table.pivot(index=keys, columns="acquisition", values=measure.name).reindex(columns=list(names))
    values = wide.to_numpy(float)
    # A target of which no acquisition knows anything, such as a lesion that a human drew, is none.
    wide, values = wide[np.isfinite(values).any(1)], values[np.isfinite(values).any(1)]
    rows, columns = np.isfinite(values).all(1), np.ones(values.shape[1], bool)
    if level == PERSONS or rows.sum() < FEWEST:
        rows, columns = complete_block(values)
    block = values[np.ix_(rows, columns)]
    whose = wide.index.get_level_values(_PEOPLE)[rows]
    people = int(whose.nunique())
    agreement, drawn = None, False
    if block.shape[0] >= 1 and block.shape[1] >= 2:
        agreement = reliability(block)
        if level == LESIONS and people >= FEW_PEOPLE and agreement.icc3.known:
            agreement, drawn = _with_drawn_people(agreement, block, pd.factorize(whose)[0]), True
    without = tuple(n for n, kept in zip(names, columns, strict=True) if not kept)
    return MeasuredStability(measure, level, agreement, people, int((~rows).sum()), without, drawn)


def _with_drawn_people(found: Reliability, block: np.ndarray, whose: np.ndarray) -> Reliability:
    """The same with intervals from drawing people with all their lesions: these are not independent."""
    people = int(whose.max()) + 1
    drawn = []
    for often in draw_patients(people).astype(int)[:, whose]:
        own = np.repeat(block, often, axis=0)
        squares = MeanSquares.of(own) if len(own) >= FEWEST else None
        drawn.append((squares.icc2_value(), squares.icc3_value()) if squares else (math.nan, math.nan))
    low, high = bounds(np.array(drawn), np.bincount(whose))
    return Reliability(
        found.targets,
        found.acquisitions,
        Estimate(found.icc2.value, float(low[0]), float(high[0])),
        Estimate(found.icc3.value, float(low[1]), float(high[1])),
        found.sem,
        found.sem_consistency,
        found.mean,
        found.why,
    )
