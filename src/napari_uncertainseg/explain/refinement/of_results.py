"""Refinements of folders of results: learned from those with a reference, applied to others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from napari_uncertainseg._base import InputError, Progress, silent
from napari_uncertainseg.evaluate.listed_cases import ListedCase, read_cases
from napari_uncertainseg.evaluate.written_results import result_file
from napari_uncertainseg.explain.radiomics.features import FEATURE_NAMES, LABEL
from napari_uncertainseg.explain.radiomics.of_results import radiomics_of_results
from napari_uncertainseg.explain.refinement.counts import Interval, LesionCounts, count_lesions, intervals
from napari_uncertainseg.explain.refinement.fit import fit_refinement, left_out_probabilities
from napari_uncertainseg.explain.refinement.model import CUT_OFF, KEPT, P_TRUE, Measuring, Refinement
from napari_uncertainseg.images.files import read_labels
from napari_uncertainseg.lesions.matching import detections, lesions_touching

MEASURES: Mapping[str, Callable[[LesionCounts], float]] = {
    "precision": lambda counts: counts.precision,
    "recall": lambda counts: counts.recall,
    "F1": lambda counts: counts.f1,
}


@dataclass(frozen=True)
class JudgedLesions:
    """Lesions of cases with a reference.

    Attributes
    ----------
    rows
        A row for each lesion: ``patient``, ``source``, ``label``, ``true``, and the features.
    missed
        Number of lesions of the reference of which nothing was found, by patient.
    features
        Names of the features.
    """

    rows: pd.DataFrame
    missed: pd.Series
    features: tuple[str, ...]


@dataclass(frozen=True)
class LeftOutResult:
    """What refinements did on what they had not seen.

    Attributes
    ----------
    group
        What was left out together, ``"patient"`` or ``"source"``.
    before, after
        Counts of all lesions.
    measures
        By the names of `MEASURES`: before, after and the difference, each with a 95 % interval from drawing
        patients anew.
    """

    group: str
    before: LesionCounts
    after: LesionCounts
    measures: Mapping[str, tuple[Interval, Interval, Interval]]


def read_judged_lesions(path: Path, measuring: Measuring, progress: Progress = silent) -> JudgedLesions:
    """Measure the lesions of the cases that a table lists.

    Parameters
    ----------
    path
        Tab-separated, with the columns ``folder`` (what `segment` wrote) and ``reference``; perhaps
        ``patient`` (else each row is a patient), ``source`` (such as the hospital), and one for each map that
        `measuring` names and that is no scan. Relative paths count from the table's folder.
    measuring
        Which images are measured, and how. Names that are a column of the table are maps.
    progress
        Told before each case.

    Raises
    ------
    InputError
        If the table or one of its cases cannot be used; the message names the row.
    """
    cases = read_cases(path)
    rows, missed = [], []
    for number, case in enumerate(cases):
        progress(f"case {number + 1} of {len(cases)}", number / len(cases))
        try:
            own, gone = _judged_case(path.parent, case, measuring)
        except InputError as error:
            raise InputError(f"{path}, row {case.line}: {error}") from error
        patient = case.row.name("patient") or f"row {case.line}"
        rows.append(own.assign(patient=patient, source=case.row.name("source")))
        missed.append((patient, gone))
    by_patient = (
        pd.DataFrame(missed, columns=["patient", "missed"]).groupby("patient", sort=False)["missed"].sum()
    )
    features = tuple(f"{image}_{name}" for image in measuring.images for name in FEATURE_NAMES)
    return JudgedLesions(pd.concat(rows, ignore_index=True), by_patient, features)


def _judged_case(base: Path, case: ListedCase, measuring: Measuring) -> tuple[pd.DataFrame, int]:
    maps = {name: base / case.row[name] for name in measuring.images if case.row.known(name)}
    own = _measured(case.folder, measuring, maps)
    labels = read_labels(result_file(case.folder, "lesions"))
    reference = read_labels(case.reference, labels.grid).data > 0
    n = int(labels.data.max(initial=0))
    real = lesions_touching(labels.data, reference, n)[own[LABEL].to_numpy() - 1]
    return own.assign(true=real), detections(labels.data, reference).fn


def _measured(folder: Path, measuring: Measuring, maps: Mapping[str, Path]) -> pd.DataFrame:
    scans = [name for name in measuring.images if name not in maps]
    return radiomics_of_results(folder, scans, maps, levels=measuring.levels, margin=measuring.margin)


def check_left_out(judged: JudgedLesions, group: str) -> LeftOutResult:
    """Leave out each patient, or each source, and see what a refinement fitted on the others does.

    Parameters
    ----------
    judged
        Lesions of two groups at least.
    group
        ``"patient"`` or ``"source"``.

    Raises
    ------
    InputError
        As `left_out_probabilities`.
    """
    kept = left_out_probabilities(judged.rows, judged.features, group) >= CUT_OFF
    return LeftOutResult(
        group,
        count_lesions(judged.rows, judged.missed),
        count_lesions(judged.rows, judged.missed, kept),
        {name: intervals(judged.rows, judged.missed, kept, one) for name, one in MEASURES.items()},
    )


def check_without(judged: JudgedLesions, group: str, image: str) -> tuple[Interval, Interval, Interval]:
    """F1 of refinements that do without an image, of those with all images, and the difference.

    Parameters
    ----------
    judged
        Lesions with the features of two images at least.
    group
        What is left out together, ``"patient"`` or ``"source"``.
    image
        Such as the name of a saliency map.

    Raises
    ------
    InputError
        As `left_out_probabilities`.
    """
    own = {f"{image}_{name}" for name in FEATURE_NAMES}
    others = [name for name in judged.features if name not in own]
    without, with_all = (
        left_out_probabilities(judged.rows, features, group) >= CUT_OFF
        for features in (others, judged.features)
    )
    return intervals(judged.rows, judged.missed, with_all, MEASURES["F1"], kept_before=without)


def refine(judged: JudgedLesions, measuring: Measuring) -> Refinement:
    """Fit a refinement on all judged lesions, which says how its features are measured."""
    return fit_refinement(judged.rows, judged.features).model_copy(update={"measuring": measuring})


def refined_lesions(
    refinement: Refinement, folder: Path, maps: Mapping[str, Path] | None = None
) -> pd.DataFrame:
    """What a refinement says of the lesions in a folder of results.

    Parameters
    ----------
    refinement
        That was fitted on folders of results.
    folder
        That `segment` wrote.
    maps
        The maps that it measures besides scans, by name.

    Returns
    -------
    pandas.DataFrame
        ``label``, ``p_true`` (how probable it is that the lesion is real) and ``kept`` (at least `CUT_OFF`),
        in the order of the labels.

    Raises
    ------
    InputError
        If it was fitted on another kind of table, or the folder cannot be measured.
    """
    if refinement.measuring is None:
        raise InputError(
            "This refinement does not say how its features are measured; it was made of a table."
        )
    given = maps or {}
    if unknown := [name for name in given if name not in refinement.measuring.images]:
        names = ", ".join(refinement.measuring.images)
        raise InputError(f"This refinement measures {names}, and no '{unknown[0]}'.")
    own = _measured(folder, refinement.measuring, given)
    said = refinement.probability(own)
    return pd.DataFrame({LABEL: own[LABEL], P_TRUE: said, KEPT: np.asarray(said >= CUT_OFF)})
