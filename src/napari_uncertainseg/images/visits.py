"""Other visits of a patient: what a visit is called, which are earlier, and which lie beside a scan."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import islice
from pathlib import Path

from napari_uncertainseg.images.belonging import ScanOrigin, same_patient, visit_folder
from napari_uncertainseg.images.formats.formats import suffix_of
from napari_uncertainseg.modalities import guess_modality

_DATE = re.compile(r"(?<!\d)((?:19|20)\d\d)([-_.]?)(\d\d)\2(\d\d)(?!\d)")
_SESSION = re.compile(r"(?:^|[/_\\-])ses-([A-Za-z0-9]+)")
_COUNTED = re.compile(r"(?<![a-z])(visit|session|ses|timepoint|tp)[-_ ]?0*(\d+)(?!\d)", re.I)
_MASK = re.compile(r"mask|seg|lesion|label|(?<![a-z])gt(?![a-z])|brain", re.I)
"""Words of files that are no scans."""
_MOST_FOLDERS, _MOST_FILES = 1000, 200
"""So many names of a folder are looked at: a reader must not wait for a share with everything in it."""


@dataclass(frozen=True)
class VisitName:
    """What a visit is called.

    Attributes
    ----------
    words
        ``"visit 2026-03-01"``, ``"visit 2"``, ``"session followup"``, or a folder's name.
    order
        A date or a number to sort by, the kind of it first; empty where nothing tells.
    """

    words: str
    order: tuple[str, int] | tuple[()] = ()

    def against(self, other: VisitName) -> str:
        """``"earlier"`` or ``"later"`` than another visit; ``"other visit"`` where that is not known."""
        if not self.order or not other.order or self.order[0] != other.order[0]:
            return "other visit"
        if self.order == other.order:
            return "same date" if self.order[0] == "date" else "other visit"
        return "earlier" if self.order < other.order else "later"


def name_of_visit(path: Path | None, name: str = "", dated: str = "") -> VisitName:
    """The date of a scan's visit where it is known, else its number, else its folder.

    Parameters
    ----------
    path
        Of the scan; a folder for DICOM.
    name
        Of the scan, where it has no path.
    dated
        The date that the file itself says, as DICOM writes it (``"20260301"``).
    """
    parts = [name] if path is None else [path.name, *(folder.name for folder in path.parents)]
    for text in (dated, *parts):
        if when := _date_in(text):
            return VisitName(f"visit {when.isoformat()}", ("date", when.toordinal()))
        if counted := _COUNTED.search(text):
            number = int(counted[2][:9])
            return VisitName(f"visit {number}", ("number", number))
        if session := _SESSION.search(text):
            return VisitName(f"session {session[1]}")
    return VisitName(name if path is None else visit_folder(path).name or name)


def _date_in(text: str) -> date | None:
    for found in _DATE.finditer(text):
        try:
            return date(int(found[1]), int(found[3]), int(found[4]))
        except ValueError:  # eight digits that are no date
            continue
    return None


@dataclass(frozen=True)
class OtherVisit:
    """A scan of another visit that was found.

    Attributes
    ----------
    path
        Of the scan.
    name
        Of the visit.
    when
        As `VisitName.against` says it.
    """

    path: Path
    name: VisitName
    when: str


def visits_beside(path: Path, modality: str) -> list[OtherVisit]:
    """Scans of one kind in the folders beside a scan's visit that are of the same patient.

    The visit before this one comes first, then the earlier ones, then all others. Nothing is opened: only
    names of folders and files are read.

    Parameters
    ----------
    path
        Of the scan that is under review.
    modality
        Which scan of another visit is looked for.
    """
    path = path.absolute()
    own, mine = visit_folder(path), name_of_visit(path)
    found = []
    for folder in _folders(own.parent):
        if folder == own:
            continue
        scans = (each for each in _scans_in(folder) if guess_modality(each.name) == modality)
        scan = next((each for each in scans if same_patient(_origin(each), _origin(path)).known), None)
        if scan is not None:
            name = name_of_visit(scan)
            found.append(OtherVisit(scan, name, name.against(mine)))
    rank = {"earlier": 0, "other visit": 1, "same date": 1, "later": 2}
    nearest = sorted(found, key=lambda visit: visit.name.order or ("", 0), reverse=True)
    return sorted(nearest, key=lambda visit: rank[visit.when])


def _origin(path: Path) -> ScanOrigin:
    return ScanOrigin(path.name, path)


def _scans_in(folder: Path) -> Iterator[Path]:
    """Files of a visit's folder that may be scans, and of folders in it that sort by kind."""
    entries = _entries(folder, _MOST_FILES)
    yield from (each for each in entries if suffix_of(each) and not _MASK.search(each.name))
    for inner in entries:
        if visit_folder(inner / "x") == folder and inner.is_dir():
            own = _entries(inner, _MOST_FILES)
            yield from (each for each in own if suffix_of(each) and not _MASK.search(each.name))


def _folders(folder: Path) -> list[Path]:
    return [each for each in _entries(folder, _MOST_FOLDERS) if each.is_dir()]


def _entries(folder: Path, most: int) -> list[Path]:
    try:
        found = [each for each in islice(folder.iterdir(), most) if not each.name.startswith(".")]
    except OSError:  # it may have gone, or be another's
        return []
    return sorted(found)
