"""Lesions of many folders of results, with whose they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from napari_uncertainseg._base import InputError, Progress, pluralised, silent
from napari_uncertainseg.disk.result_folder import load_summary
from napari_uncertainseg.disk.tables import known, read_tsv
from napari_uncertainseg.evaluate.patients.names import PATIENT, patient_of
from napari_uncertainseg.evaluate.saved_results import is_results
from napari_uncertainseg.evaluate.worklist import RESULTS, VISITS
from napari_uncertainseg.explain.drivers.measure import LABEL
from napari_uncertainseg.explain.drivers.of_results import DOUBTS, drivers_of_results

SOURCE = "source"


@dataclass(frozen=True)
class Visit:
    """A folder of results, and whose it is.

    Attributes
    ----------
    folder
        That `segment` wrote.
    patient
        The same for all visits of a patient.
    source
        Such as the hospital; empty where nobody said.
    line
        Of the table that names it; 0 where none does.
    said
        All that the table says of it, by column.
    """

    folder: Path
    patient: str
    source: str = ""
    line: int = 0
    said: Mapping[str, str] = field(default_factory=dict)


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


def find_visits(paths: Sequence[Path]) -> tuple[list[Visit], list[str]]:
    """Folders of results, in order, and what is to be said about whose they are.

    Parameters
    ----------
    paths
        Each a folder that `segment` wrote, the folder of a run (all of its visits), or a table with the
        column ``folder`` and perhaps ``patient`` and ``source``; relative paths in it count from its folder.
        Where no table says the patient, it is the ``sub-`` of BIDS in the path of the scan, else the folder
        counts as one.

    Raises
    ------
    InputError
        If one of them is none of these, a folder is named twice, or a row has no folder.
    """
    found = [visit for path in paths for visit in _visits_of(path)]
    seen: set[Path] = set()
    for one in found:
        place = one.folder.resolve()
        if place in seen:
            raise InputError(f"{one.folder} is named twice; it would count twice.")
        seen.add(place)
    guessed = sum(one.patient == str(one.folder) for one in found)
    notes = []
    if guessed > 1:
        notes.append(
            f"{pluralised(guessed, 'folder')} do not say whose they are: each counts as a patient. Where "
            "some are visits of one patient, give a table with the columns folder and patient."
        )
    sources: dict[str, set[str]] = {}
    for one in found:
        sources.setdefault(one.patient, set()).add(one.source)
    if several := [name for name, own in sources.items() if len(own) > 1]:
        notes.append(
            f"The patient '{several[0]}' is in several sources, and counts as one person: give different "
            "people different names."
        )
    return found, notes


def _visits_of(path: Path) -> Iterator[Visit]:
    if is_results(path):
        yield Visit(path, patient_of(path))
    elif (path / VISITS).is_dir():
        own = [folder for folder in sorted((path / VISITS).iterdir()) if is_results(folder)]
        if not own:
            raise InputError(f"{path}: the run has no finished visit.")
        yield from (Visit(folder, patient_of(folder)) for folder in own)
    elif path.is_file():
        yield from _listed(path)
    else:
        raise InputError(f"{path} is no folder of results, no folder of a run and no table.")


def _listed(path: Path) -> Iterator[Visit]:
    table = read_tsv(path, texts=True).rename(columns=str.strip).apply(lambda column: column.str.strip())
    if RESULTS not in table:
        raise InputError(f"{path} lacks the column '{RESULTS}' with folders of results.")
    for line, row in table[(table != "").any(axis=1)].iterrows():
        if not row[RESULTS]:
            raise InputError(f"{path}, row {int(str(line)) + 2}: the column {RESULTS} is empty.")
        folder = path.parent / row[RESULTS]
        if not is_results(folder):
            raise InputError(f"{path}, row {int(str(line)) + 2}: {folder} is no folder of results.")
        own = known(row.get(PATIENT, "")) or patient_of(folder)
        said = {str(column): text for column, text in row.items()}
        yield Visit(folder, own, row.get(SOURCE, ""), int(str(line)) + 2, said)


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
