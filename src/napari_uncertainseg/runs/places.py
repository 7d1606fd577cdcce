"""Where the results of a run lie: a folder for each visit, and beside them what BIDS asks for.

Both layouts have one truth: ``visits/NAME`` is a folder of results as `segment` writes it, which every other
part of the program opens. In a BIDS dataset, files with the names of BIDS derivatives lead to the same data.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_uncertainseg._base import InputError
from napari_uncertainseg.disk.columns import Column, Layout, a_name, any_text, read_table
from napari_uncertainseg.evaluate.worklist import RESULTS, WorkCase
from napari_uncertainseg.images.files import stem

MOST = 2_000_000
"""Visits of a table, or files and folders of a dataset."""
COHORT = "cohort.json"
"""What a run was started with."""
REPORT, TABLE, REFERRAL = "report.html", "report.tsv", "referral.tsv"
"""What a run writes about all its visits."""
_REFERRAL = Layout(
    "the referral list of a run",
    "visit",
    (
        Column("rank", any_text("a number that says how soon it is read")),
        Column("name", a_name("what the visit is called")),
        Column(RESULTS, any_text("a folder of results")),
    ),
)
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST = 100
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?$", re.I)
_SUBJECT = re.compile(r"sub-[A-Za-z0-9]+")
_SESSION = re.compile(r"ses-[A-Za-z0-9]+")


@dataclass(frozen=True)
class BidsPlace:
    """Where BIDS has the derivatives of a scan.

    Attributes
    ----------
    folder
        ``sub-*/[ses-*/]anat`` within the derivatives.
    start
        Of the files' names: the entities of the scan.
    source
        The scan, relative to the dataset, with slashes.
    """

    folder: Path
    start: str
    source: str


def folder_names(names: Sequence[str]) -> Mapping[str, str]:
    """A folder name for each visit, which every file system can hold, no two alike there.

    A visit keeps its folder when others join the cohort: digits of its hash tell a name that had to be
    changed from all others. Of names that differ in capitals only, the one without keeps its own.

    Parameters
    ----------
    names
        Of the visits, no two alike.
    """
    often = Counter(name.casefold() for name in names)
    return {name: _plain(name, alone=often[name.casefold()] == 1) for name in names}


def _plain(name: str, *, alone: bool) -> str:
    """A name in letters, digits, dots and hyphens."""
    safe = _UNSAFE.sub("_", name).strip("._")[:_LONGEST] or "visit"
    safe = f"_{safe}" if _RESERVED.match(safe) else safe
    if safe == name and (alone or name == name.casefold()):
        return name
    return f"{safe}-{hashlib.sha256(name.encode(errors='surrogatepass')).hexdigest()[:8]}"


def bids_place(case: WorkCase, dataset: Path, out: Path) -> BidsPlace | None:
    """Where the derivatives of a visit go; None where its scan has no name of BIDS."""
    within = case.main.relative_to(dataset)
    subject, *session, _ = within.parent.parts
    if not _SUBJECT.fullmatch(subject) or not all(map(_SESSION.fullmatch, session)):
        return None
    return BidsPlace(out / within.parent, stem(case.main).rpartition("_")[0], within.as_posix())


def find_referral(source: Path) -> Path:
    """The referral list of a run.

    Parameters
    ----------
    source
        The list, the report beside it, or the folder of the run.

    Raises
    ------
    InputError
        If it is none of these, or the run has no referral list.
    """
    source = source.absolute()
    folder = source if source.is_dir() else source.parent
    is_run = (folder / COHORT).is_file() or (folder / REPORT).is_file()
    if source.is_dir() or source.name == REPORT:
        if not source.exists():
            raise InputError(f"There is no {source}; name the folder of a run, or its {REFERRAL}.")
        if not is_run:
            raise InputError(f"{source} is not the folder of a run: it holds no {REPORT} and no {REFERRAL}.")
        if not (folder / REFERRAL).is_file():
            raise InputError(
                f"{folder}: this run has no referral list yet. It is written when the run has ended, if a "
                "visit was segmented."
            )
        return folder / REFERRAL
    if not source.is_file():
        raise InputError(f"There is no {source}; name the folder of a run, or its {REFERRAL}.")
    return source


def referral_rows(referral: Path) -> Sequence[Mapping[str, str]]:
    """The visits of a referral list.

    Raises
    ------
    InputError
        If it is none, or lists no visit.
    """
    return [row.cells for row in read_table(referral, _REFERRAL).rows]
