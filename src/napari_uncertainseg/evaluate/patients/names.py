"""Whose a folder of results is: a patient may have several visits, which are no cases of their own."""

from __future__ import annotations

import re
from pathlib import Path

from napari_uncertainseg.disk.result_folder import load_summary
from napari_uncertainseg.evaluate.listed_cases import read_cases

PATIENT = "patient"
_SUBJECT = re.compile(r"(?:^|[/\\_])(sub-[A-Za-z0-9]+)(?=[/\\_.]|$)")


def patient_of(folder: Path) -> str:
    """The subject of BIDS in the path of the scan or of the folder; else the folder.

    Raises
    ------
    InputError
        If it is no folder of results.
    """
    inputs = load_summary(folder).get("inputs")
    given = inputs.values() if isinstance(inputs, dict) else ()
    paths = [str(scan["path"]) for scan in given if isinstance(scan, dict) and scan.get("path")]
    for text in (*paths, str(folder)):
        if subjects := _SUBJECT.findall(text):
            return str(subjects[-1])
    return str(folder)


def patients_of_table(path: Path) -> list[str]:
    """Whose each case of a table is: its column ``patient``, else `patient_of` its folder.

    Parameters
    ----------
    path
        As of `cohort.evaluate_cases`.

    Raises
    ------
    InputError
        If the table or a folder cannot be read.
    """
    return [case.row.name(PATIENT) or patient_of(case.folder) for case in read_cases(Path(path))]
