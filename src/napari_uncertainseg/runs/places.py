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

from napari_uncertainseg.evaluate.worklist import WorkCase
from napari_uncertainseg.images.files import stem

COHORT = "cohort.json"
"""What a run was started with."""
REPORT, TABLE, REFERRAL = "report.html", "report.tsv", "referral.tsv"
"""What a run writes about all its visits."""
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

    It depends on the names alone; a visit whose name had to be changed into one that others have too gets
    some digits of its hash.

    Parameters
    ----------
    names
        Of the visits, no two alike.
    """
    plain = {name: _plain(name) for name in names}
    often = Counter(one.casefold() for one in plain.values())
    return {
        name: one if often[one.casefold()] == 1 else f"{one}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
        for name, one in plain.items()
    }


def _plain(name: str) -> str:
    """A name in letters, digits, dots and hyphens."""
    safe = _UNSAFE.sub("_", name).strip("._") or "visit"
    return f"_{safe}" if _RESERVED.match(safe) else safe[:_LONGEST]


def bids_place(case: WorkCase, dataset: Path, out: Path) -> BidsPlace | None:
    """Where the derivatives of a visit go; None where its scan has no name of BIDS."""
    within = case.main.relative_to(dataset)
    subject, *session, _ = within.parent.parts
    if not _SUBJECT.fullmatch(subject) or not all(map(_SESSION.fullmatch, session)):
        return None
    return BidsPlace(out / within.parent, stem(case.main).rpartition("_")[0], within.as_posix())
