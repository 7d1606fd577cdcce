"""Lesions of many folders of results, with whose they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from napari_uncertainseg._base import InputError, Progress, silent
from napari_uncertainseg.disk.result_folder import load_summary
from napari_uncertainseg.evaluate.patients.visits import PATIENT, SOURCE, Visit, find_visits
from napari_uncertainseg.explain.drivers.measure import LABEL
from napari_uncertainseg.explain.drivers.of_results import DOUBTS, drivers_of_results


@dataclass(frozen=True, eq=False)
class CohortLesions:
    """Lesions of many visits.

    Attributes
    ----------
    rows
        A row for each lesion: ``patient``, ``source``, ``folder``, ``label``, then drivers and doubts.
    visits
        Where they come from; some may have no lesion.
    notes
        What the user should know, a sentence each.
    model_sha256
        Of the model that made them all; empty if there were several.
    """

    rows: pd.DataFrame
    visits: tuple[Visit, ...]
    notes: tuple[str, ...]
    model_sha256: str


def measure_cohort(
    paths: Sequence[Path], measures: Sequence[str] = DOUBTS, progress: Progress = silent
) -> CohortLesions:
    """Measure the lesions of all visits.

    Parameters
    ----------
    paths
        As for `find_visits`.
    measures
        As for `drivers_of_results`.
    progress
        Told before each visit; may raise ``Cancelled``.

    Raises
    ------
    InputError
        As `find_visits`, or if a visit cannot be measured, or none has a lesion.
    """
    visits, notes = find_visits(paths)
    parts = []
    for number, visit in enumerate(visits):
        progress(f"visit {number + 1} of {len(visits)}", number / len(visits))
        own = drivers_of_results(visit.folder, measures=measures).reset_index()
        own.insert(0, "folder", str(visit.folder))
        own.insert(0, SOURCE, visit.source)
        own.insert(0, PATIENT, visit.patient)
        if len(own):
            parts.append(own)
    if not parts:
        raise InputError("There is no lesion in these results: nothing to compare doubt with.")
    rows = pd.concat(parts, ignore_index=True)
    first = [PATIENT, SOURCE, "folder", LABEL]
    rows = rows[[*first, *rows.columns.difference(first, sort=False)]]
    models = {str(load_summary(visit.folder).get("model_sha256", "")) for visit in visits}
    if len(models) > 1:
        notes.append("These results are of several models, whose doubt need not go with the same.")
    return CohortLesions(rows, tuple(visits), tuple(notes), models.pop() if len(models) == 1 else "")
