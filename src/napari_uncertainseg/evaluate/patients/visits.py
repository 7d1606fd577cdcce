"""Folders of results and whose they are: alone, of a run, or in a table. No image is read here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from napari_uncertainseg._base import InputError, pluralised
from napari_uncertainseg.disk.columns import (
    RESULTS_FOLDER,
    Column,
    Layout,
    a_name,
    perhaps,
    read_table,
)
from napari_uncertainseg.disk.result_folder import is_results
from napari_uncertainseg.evaluate.listed_cases import notes_on_patients
from napari_uncertainseg.evaluate.patients.names import PATIENT, patient_of
from napari_uncertainseg.evaluate.worklist import RESULTS, VISITS

SOURCE = "source"
TABLE = Layout(
    "a table of visits",
    "visit",
    (
        Column(RESULTS, RESULTS_FOLDER),
        perhaps(PATIENT, a_name("the patient's name")),
        perhaps(SOURCE, a_name("the hospital or data set")),
    ),
)
"""Of folders of results."""


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


def find_visits(paths: Sequence[Path], layout: Layout = TABLE) -> tuple[list[Visit], list[str]]:
    """Folders of results, in order, and what is to be said about whose they are.

    Parameters
    ----------
    paths
        Each a folder that `segment` wrote, the folder of a run (all of its visits), or a table with the
        column ``folder`` and perhaps ``patient`` and ``source``; relative paths in it count from its folder.
        Where no table says the patient, it is the ``sub-`` of BIDS in the path of the scan, else the folder
        counts as one.
    layout
        What such a table must hold.

    Raises
    ------
    InputError
        If one of them is none of these, a folder is named twice, or a row has no folder.
    """
    found = [visit for path in paths for visit in _visits_of(path, layout)]
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
    return found, notes + notes_on_patients(one.patient for one in found)


def _visits_of(path: Path, layout: Layout) -> Iterator[Visit]:
    if is_results(path):
        yield Visit(path, patient_of(path))
    elif (path / VISITS).is_dir():
        own = [folder for folder in sorted((path / VISITS).iterdir()) if is_results(folder)]
        if not own:
            raise InputError(f"{path}: the run has no finished visit.")
        yield from (Visit(folder, patient_of(folder)) for folder in own)
    elif path.is_file():
        yield from _listed(path, layout)
    else:
        raise InputError(f"{path} is no folder of results, no folder of a run and no table.")


def _listed(path: Path, layout: Layout) -> Iterator[Visit]:
    for row in read_table(path, layout).rows:
        folder = path.parent / row[RESULTS]
        own = row.name(PATIENT) or patient_of(folder)
        yield Visit(folder, own, row.name(SOURCE), row.line, row.cells)
