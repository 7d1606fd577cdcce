"""The cohort that an audit is about: folders of results with patients, references and attributes.

No image is read here, only the table, the summaries and the records of a run.
"""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from napari_uncertainseg._base import InputError, pluralised
from napari_uncertainseg.disk.columns import FILE, Column, Layout, a_name, any_text, lacking, perhaps
from napari_uncertainseg.disk.result_folder import load_summary
from napari_uncertainseg.disk.tables import known, named, stated
from napari_uncertainseg.evaluate.patients.visits import PATIENT, TABLE, Visit, find_visits
from napari_uncertainseg.evaluate.worklist import RESULTS
from napari_uncertainseg.modalities import main_of
from napari_uncertainseg.runs.record import read_record

REFERENCE, NAME = "reference", "name"
_OWN = (RESULTS, PATIENT, REFERENCE, NAME)
_MOST_NAMES = 5


@dataclass(frozen=True)
class AuditCase:
    """One scan of a cohort with its results.

    Attributes
    ----------
    name
        No two cases have the same.
    folder
        Of results, as `segment` or `run` wrote it.
    patient
        The same for all visits of a patient.
    reference
        A mask to compare with; None where there is none.
    attributes
        What the table says of it, as text by column; without those that are missing.
    line
        Of the table; 0 where no table lists it.
    scan_sha256
        Of the scan that was segmented; empty where the results do not say.
    """

    name: str
    folder: Path
    patient: str
    reference: Path | None
    attributes: Mapping[str, str]
    line: int = 0
    scan_sha256: str = ""


@dataclass(frozen=True)
class AuditCohort:
    """Cases in the order of the table, at least one.

    Attributes
    ----------
    cases
        The cases.
    notes
        What the user should know, a sentence each.
    source
        The table or folder that they come from.
    """

    cases: tuple[AuditCase, ...]
    notes: tuple[str, ...]
    source: Path

    @property
    def patients(self) -> tuple[str, ...]:
        """Names of the patients, each once, in the order of the cases."""
        return tuple(dict.fromkeys(case.patient for case in self.cases))

    @property
    def patient_of(self) -> np.ndarray:
        """Number of each case's patient, in the order of `patients`, int (cases,)."""
        number = {name: i for i, name in enumerate(self.patients)}
        return np.array([number[case.patient] for case in self.cases])

    def group_of(self, attribute: str) -> dict[str, str]:
        """Group of each patient, by name; without patients of whom it is missing.

        Parameters
        ----------
        attribute
            One of those that `read_audit_cohort` was asked for.
        """
        return {
            case.patient: case.attributes[attribute] for case in self.cases if attribute in case.attributes
        }


def read_audit_cohort(
    path: str | Path, attributes: Sequence[str] = (), *, columns: Sequence[str] = ()
) -> AuditCohort:
    """Read the cohort that an audit is about.

    Parameters
    ----------
    path
        A tab-separated table with the column ``folder`` (results) and perhaps ``patient``, ``reference`` (a
        mask), ``name`` and any others; relative paths count from the table's folder. Or the folder of a run.
        Where no patient is said, it is the ``sub-`` of BIDS in the path of the scan, else each folder counts
        as one. Where no reference is said, it is the mask that the run compared with.
    attributes
        Columns that part the patients into groups: all visits of a patient must be in one group.
    columns
        Further columns that must be there; they may differ between the visits of a patient.

    Raises
    ------
    InputError
        If the table cannot be read or lists no case; a column that is asked for is missing; a folder or a
        scan is there twice; two cases have one name; a reference is not there; or a patient is in two groups.
    """
    path = Path(path)
    layout = _layout((*attributes, *columns))
    visits, notes = find_visits([path], layout)
    for name in (*attributes, *columns):
        if name not in visits[0].said:  # no table, but the folder of a run
            raise lacking(path, layout, name, ())
    names = _names(visits)
    cases = tuple(_case(path, visit, name) for visit, name in zip(visits, names, strict=True))
    _check_scans(path, cases)
    for attribute in attributes:
        _check_groups(path, cases, attribute)
    notes += _gone_references(visits, cases)
    if len({_made_by(case.folder) for case in cases}) > 1:
        notes.append(
            "These results are of several models, methods or thresholds: what differs between cases may "
            "differ because of that."
        )
    for name in dict.fromkeys((*attributes, *columns)):
        notes += [*_spelt_apart(cases, name), *_without(cases, name)]
    return AuditCohort(cases, tuple(notes), path)


def _layout(asked: Sequence[str]) -> Layout:
    """What a table must hold in which some columns are asked for."""
    for name in asked:
        if name in _OWN:
            raise InputError(f"The column '{name}' says which case it is, and makes no groups; name another.")
    own = (
        perhaps(REFERENCE, FILE),
        Column(NAME, a_name("what the case is called"), needed=False, filled=False, unique=True),
    )
    others = (Column(name, any_text("what is known of the case"), filled=False) for name in asked)
    return replace(TABLE, columns=(*TABLE.columns, *others, *own))


def _names(visits: Sequence[Visit]) -> list[str]:
    """Names as the table says; else as the results say, and where those are alike, with the folder."""
    found = [named(visit.said.get(NAME, "")) or _called(visit.folder) for visit in visits]
    often = Counter(found)
    return [n if often[n] == 1 else f"{n} ({v.folder})" for n, v in zip(found, visits, strict=True)]


def _called(folder: Path) -> str:
    """What a run calls the visit; else what its results call the case, or the folder's name."""
    record = read_record(folder)
    case = load_summary(folder).get("case")
    said = case.get("name") if isinstance(case, dict) else None
    if record is not None:
        return record.name
    return said if isinstance(said, str) and said else folder.name


def _case(path: Path, visit: Visit, name: str) -> AuditCase:
    said = {column: text for column, text in visit.said.items() if column not in _OWN and known(text)}
    return AuditCase(
        name,
        visit.folder,
        visit.patient,
        _reference(path, visit),
        said,
        visit.line,
        _scan_sha256(visit.folder),
    )


def _reference(path: Path, visit: Visit) -> Path | None:
    if text := stated(visit.said.get(REFERENCE, "")):
        return path.parent / text
    record = read_record(visit.folder)
    if record is None or record.reference is None:
        return None
    file = Path(record.reference.path)
    return file if os.path.isfile(file) else None  # noqa: PTH113 - Path.is_file raises: long names


def _scan_sha256(folder: Path) -> str:
    inputs = load_summary(folder).get("inputs")
    about = inputs.get(main_of(inputs)) if isinstance(inputs, dict) else None
    said = about.get("scan_sha256") if isinstance(about, dict) else None
    return said if isinstance(said, str) else ""


def _made_by(folder: Path) -> str:
    """What decides the numbers of a folder of results: two that are alike can be compared."""
    said = load_summary(folder)
    return repr(
        [said.get(key) for key in ("model_sha256", "method", "members", "threshold", "min_volume_mm3")]
    )


def _check_scans(path: Path, cases: Sequence[AuditCase]) -> None:
    first: dict[str, AuditCase] = {}
    for case in cases:
        if not case.scan_sha256:
            continue
        other = first.setdefault(case.scan_sha256, case)
        if other is not case:
            raise InputError(
                f"{path}: {_place(other)} and {_place(case)} are results of the same scan, which would count "
                "twice; leave out one of them."
            )


def _check_groups(path: Path, cases: Sequence[AuditCase], attribute: str) -> None:
    first: dict[str, AuditCase] = {}
    for case in cases:
        if attribute not in case.attributes:
            continue
        other = first.setdefault(case.patient, case)
        own, before = case.attributes[attribute], other.attributes[attribute]
        if own != before:
            raise InputError(
                f"{path}: the patient '{case.patient}' is in two groups of {attribute}, '{before}' "
                f"({_place(other)}) and '{own}' ({_place(case)}); a patient can be in one group only."
            )


def _place(case: AuditCase) -> str:
    return f"row {case.line}" if case.line else str(case.folder)


def _gone_references(visits: Sequence[Visit], cases: Sequence[AuditCase]) -> list[str]:
    """A note on references that a run compared with and that are not there now."""
    gone = []
    for visit, case in zip(visits, cases, strict=True):
        record = read_record(visit.folder) if case.reference is None else None
        if record is not None and record.reference is not None:
            gone.append(case.name)
    if not gone:
        return []
    return [
        f"{pluralised(len(gone), 'case')} had a reference that is not where the run found it, and count as "
        f"without one: {_listed(gone)}."
    ]


def _spelt_apart(cases: Sequence[AuditCase], column: str) -> list[str]:
    """A note on values that may be one, as ``F`` and ``f``: they count as two."""
    alike: dict[str, dict[str, None]] = {}
    for text in (case.attributes.get(column, "") for case in cases):
        plain = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
        alike.setdefault(plain, {})[text] = None
    return [
        f"{column}: {_and([repr(text) for text in texts])} differ only in upper and lower case or in spaces, "
        "and count as different values; write them alike if they mean the same."
        for texts in alike.values()
        if len(texts) > 1
    ]


def _and(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _without(cases: Sequence[AuditCase], column: str) -> list[str]:
    lacking = [case.name for case in cases if column not in case.attributes]
    if not lacking:
        return []
    return [
        f"{pluralised(len(lacking), 'case')} without a value of {column} "
        f"{'is' if len(lacking) == 1 else 'are'} left out where it is needed: {_listed(lacking)}."
    ]


def _listed(names: Collection[str]) -> str:
    shown = list(names)[:_MOST_NAMES]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")
