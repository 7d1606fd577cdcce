"""Whether two scans are of one visit, from where they lie, what they are called and what DICOM says.

Files and series carry no proof. So there are three answers: something says that they belong together,
something speaks against it, or nothing is known; only the first lets a scan be used unasked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise, product
from pathlib import Path

import numpy as np

from napari_uncertainseg.images.formats.formats import suffix_of
from napari_uncertainseg.images.volume import Grid
from napari_uncertainseg.modalities import guess_modality

_ENTITY = re.compile(r"(?:^|[_/\\-])(sub|ses)-([A-Za-z0-9]+)")
_KIND = re.compile(
    r"^(anat|nifti|nii|dicom|dcm|raw|images?|scans?|series\w*|flair\w*|t[12]\w*|masks?|brains?|brainmasks?)$",
    re.I,
)
"""Folders that sort the scans of one patient, or of all of them, by kind."""
_TOKEN = re.compile(r"[A-Za-z0-9]+")
_PLAIN = re.compile(
    r"^([23]d|ax\w*|tra\w*|sag\w*|cor\w*|mprage|series|scan|image|wip|iso|brain\w*|mask)$", re.I
)
"""Words in names that say how a scan was made, not of whom."""
_CODE = re.compile(r"^([A-Za-z]+)0*([0-9]+)$")
_COUNTED = {
    **dict.fromkeys(("patient", "pat", "subject", "subj", "sub", "proband", "case", "id"), "patient"),
    **dict.fromkeys(("session", "ses", "visit", "timepoint", "tp", "study", "exam"), "session"),
}
"""Words before a number, with or without a space, and what differs where the number does."""
_UNCLEAR = re.compile(
    r"^(v|m|mo|month|w|week|y|yr|year|fu|bl|run|rep|acq|site|cent(er|re)|scanner|hospital|group)$"
)
"""Letters of codes that many patients share, such as ``m06`` or ``site2``: they never say whose a scan is."""
_VISIT = re.compile(
    r"(?<![a-z])(?:session|ses|visit|timepoint|tp|study|exam)[-_ ]?[0-9]+(?![0-9])"
    r"|(?<![0-9])(?:19|20)[0-9]{2}[-_]?[01][0-9][-_]?[0-3][0-9](?![0-9])",
    re.IGNORECASE,
)
"""Numbers of visits, and dates, in names of files and folders."""
_WHOLE = 0.5
"""Share of the smaller scan that lies over the other, where nothing else says that they belong together."""


@dataclass(frozen=True, eq=False)
class ScanOrigin:
    """What tells of whom a scan is.

    Attributes
    ----------
    name
        Of the layer or file.
    path
        The file or DICOM folder it came from, if any.
    uids
        As `Volume.uids`.
    grid
        Where it lies; None where that is not known.
    """

    name: str
    path: Path | None = None
    uids: Mapping[str, str] = field(default_factory=dict)
    grid: Grid | None = None


def mismatch(scan: ScanOrigin, flair: ScanOrigin) -> str:
    """What speaks against a scan being of the FLAIR's visit, half a sentence; empty where nothing does."""
    return contradiction(scan, flair) or ("" if _same_study(scan, flair) else _other_folder(scan, flair))


def contradiction(scan: ScanOrigin, flair: ScanOrigin) -> str:
    """As `mismatch`, but another folder alone speaks against nothing: masks often lie in one of their own."""
    for found in (_other_study(scan, flair), _other_space(scan, flair)):
        if found:
            return found
    return "" if _same_study(scan, flair) else _other_names(scan, flair)


def belongs(scan: ScanOrigin, flair: ScanOrigin) -> bool:
    """Whether something says that a scan is of the FLAIR's visit, and nothing speaks against it.

    One study and, where both are known, one frame of reference; or one subject and session of one data set;
    or one folder, and names that do not differ in what stands before the kind of scan. Of scans of which
    neither place nor identifiers are known, at least half of the smaller must lie over the other.
    """
    if mismatch(scan, flair):
        return False
    if _both(scan, flair, "study"):
        return not _differ(scan, flair, "frame")
    entities = _entities(scan), _entities(flair)
    if _both_subjects(scan, flair):
        return entities[0] == entities[1] and _same_data_set(scan, flair)
    if _before_kind(scan) and _before_kind(flair) and _before_kind(scan) != _before_kind(flair):
        return False
    if scan.path is not None and flair.path is not None:
        return visit_folder(scan.path) == visit_folder(flair.path)
    unknown = not any(o.path or o.uids for o in (scan, flair))
    return unknown and scan.grid is not None and flair.grid is not None and _overlap(scan, flair) >= _WHOLE


# -- two scans of one patient ---------------------------------------------------------------------


@dataclass(frozen=True)
class SamePatient:
    """Whether two scans are of one patient, be it of another visit.

    Attributes
    ----------
    known
        Whether they are; None where nothing says so, and nothing says that they are not.
    why
        What speaks against it, half a sentence; empty where nothing does. Where nothing is known for sure, it
        is what speaks against one visit, unless only numbers of visits and dates differ.
    """

    known: bool | None
    why: str = ""


def same_patient(scan: ScanOrigin, flair: ScanOrigin) -> SamePatient:
    """Whether two scans are of one patient: by DICOM identifiers, else by the names of files and folders."""
    if _both(scan, flair, "patient"):
        differ = _differ(scan, flair, "patient")
        return SamePatient(not differ, _other_study(scan, flair) if differ else "")
    if _both_subjects(scan, flair) and _entities(scan)["sub"] == _entities(flair)["sub"]:
        same = _same_data_set(scan, flair)
        return SamePatient(True) if same else SamePatient(None, "it lies in another data set")
    only_visits = scan.path is not None and flair.path is not None
    only_visits = only_visits and _without_visit(scan) == _without_visit(flair)
    sentences = (text for what, text in _differences(scan, flair) if what == "patient")
    other = "" if only_visits else next(sentences, "") or _other_folder_code(scan, flair)
    if other:
        return SamePatient(False, other)
    if _named_alike(scan, flair):
        return SamePatient(True)
    return SamePatient(None, "" if only_visits else mismatch(scan, flair))


def _named_alike(scan: ScanOrigin, flair: ScanOrigin) -> bool:
    """Whether names or folders have the number or the code of one patient."""
    counted = _counted(scan), _counted(flair)
    if any(_COUNTED[word] == "patient" for word in counted[0].keys() & counted[1].keys()):
        return True
    return _one_code(_before_kind(scan), _before_kind(flair)) or _one_code(*_folder_words(scan, flair))


def _one_code(words: list[str], others: list[str]) -> bool:
    """Whether names have the code of one patient, and what stands before it is the same, too."""
    for word, other in zip(words, others, strict=False):
        for mine, theirs in _patient_codes([word], [other]):
            return mine == theirs
        if word != other:
            return False
    return False


def _other_folder_code(scan: ScanOrigin, flair: ScanOrigin) -> str:
    """What differs in the codes of patients in the names of two folders of visits."""
    differing = (
        (word, other) for word, other in _patient_codes(*_folder_words(scan, flair)) if word != other
    )
    return next((f"its folder is of {word}, not {other}" for word, other in differing), "")


def _folder_words(scan: ScanOrigin, flair: ScanOrigin) -> tuple[list[str], list[str]]:
    """Words of the names of two folders of visits, such as ``P14_visit2``."""
    if scan.path is None or flair.path is None or _both_subjects(scan, flair):
        return [], []
    return _words_of(visit_folder(scan.path).name), _words_of(visit_folder(flair.path).name)


def _patient_codes(words: list[str], others: list[str]) -> Iterator[tuple[str, str]]:
    """As `_same_codes`, but only codes that may be of patients."""
    return ((word, other) for word, other in _same_codes(words, others) if _meant(word) == "patient")


# -- DICOM ----------------------------------------------------------------------------------------


def _both(one: ScanOrigin, other: ScanOrigin, uid: str) -> bool:
    return bool(one.uids.get(uid) and other.uids.get(uid))


def _differ(one: ScanOrigin, other: ScanOrigin, uid: str) -> bool:
    return _both(one, other, uid) and one.uids[uid] != other.uids[uid]


def _same_study(one: ScanOrigin, other: ScanOrigin) -> bool:
    return _both(one, other, "study") and not _differ(one, other, "study")


def _other_study(scan: ScanOrigin, flair: ScanOrigin) -> str:
    if _differ(scan, flair, "patient"):
        return "it is of another patient: the DICOM patient IDs differ"
    return "it is of another DICOM study" if _differ(scan, flair, "study") else ""


# -- space ----------------------------------------------------------------------------------------


def _box(grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest corner of a scan, RAS mm."""
    corners = np.array([[*c, 1.0] for c in product(*((-0.5, n - 0.5) for n in grid.shape))])
    points = corners @ grid.affine[:3].T
    return points.min(axis=0), points.max(axis=0)


def _overlap(one: ScanOrigin, other: ScanOrigin) -> float:
    """Share of the smaller scan's box that the other's box covers, 0 to 1."""
    assert one.grid is not None and other.grid is not None
    (low, high), (other_low, other_high) = _box(one.grid), _box(other.grid)
    shared = np.clip(np.minimum(high, other_high) - np.maximum(low, other_low), 0, None).prod()
    return float(shared / min((high - low).prod(), (other_high - other_low).prod()))


def _other_space(scan: ScanOrigin, flair: ScanOrigin) -> str:
    if scan.grid is None or flair.grid is None or _overlap(scan, flair) > 0:
        return ""
    return "no part of it lies over the FLAIR"


# -- names and folders ----------------------------------------------------------------------------


def _text(origin: ScanOrigin) -> str:
    return origin.name if origin.path is None else str(origin.path)


def _entities(origin: ScanOrigin) -> dict[str, str]:
    return dict(_ENTITY.findall(_text(origin)))


def _both_subjects(one: ScanOrigin, other: ScanOrigin) -> bool:
    """Whether both names say whose they are as BIDS does; a session alone does not."""
    return "sub" in _entities(one) and "sub" in _entities(other)


def _stem(origin: ScanOrigin) -> str:
    """The file's name; that of a DICOM folder is of one series."""
    path = origin.path
    return origin.name if path is None else path.name.removesuffix(suffix_of(path) or "")


def _words(origin: ScanOrigin) -> list[str]:
    return _words_of(_stem(origin))


def _words_of(name: str) -> list[str]:
    return [word.lower() for word in _TOKEN.findall(name)]


def _before_kind(origin: ScanOrigin) -> list[str]:
    """Words of a name before the one that says what kind of scan it is; all of a file's that has none."""
    words = _words(origin)
    kind = next((i for i, word in enumerate(words) if guess_modality(word)), None)
    if kind is None and origin.path is None:
        return []
    return [word for word in words[:kind] if not _PLAIN.match(word)]


def _other_names(scan: ScanOrigin, flair: ScanOrigin) -> str:
    return next((sentence for _, sentence in _differences(scan, flair)), "")


def _differences(scan: ScanOrigin, flair: ScanOrigin) -> Iterator[tuple[str, str]]:
    """What differs by names and folders (``patient`` or ``session``), and half a sentence that says so."""
    ours, theirs = _entities(scan), _entities(flair)
    for key, what in (("sub", "patient"), ("ses", "session")):
        if key in ours and key in theirs and ours[key] != theirs[key]:
            yield what, f"it is of another {what}: {key}-{ours[key]}, not {key}-{theirs[key]}"
    if _both_subjects(scan, flair):
        return
    for word, other in _same_codes(_before_kind(scan), _before_kind(flair)):
        if word != other:
            what = _meant(word)
            said = f"is of another {what}:" if what else "says"
            yield what, f"its name {said} {word}, not {other}"
    counted, other_counted = _counted(scan), _counted(flair)
    for word in counted.keys() & other_counted.keys():
        number, other_number = counted[word], other_counted[word]
        if number.lstrip("0") != other_number.lstrip("0"):
            what = _COUNTED[word]
            yield what, f"its path is of another {what}: {word} {number}, not {word} {other_number}"


def _meant(code: str) -> str:
    """What differs where the number of a code does: ``patient``, ``session``, or nothing that is clear."""
    letters = _code(code)[0]
    return "" if _UNCLEAR.match(letters) else _COUNTED.get(letters, "patient")


def _code(word: str) -> tuple[str, str]:
    """Letters and number of a word such as ``ms012``; empty where it is no such word."""
    found = _CODE.match(word)
    return ("", "") if found is None else (found[1], found[2])


def _same_codes(words: list[str], others: list[str]) -> Iterator[tuple[str, str]]:
    """Pairs of words at one place with the same letters before a number; one word twice for one number."""
    for word, other in zip(words, others, strict=False):
        (letters, number), (other_letters, other_number) = _code(word), _code(other)
        if letters and letters == other_letters:
            yield word, word if number == other_number else other


def _counted(origin: ScanOrigin) -> dict[str, str]:
    """Words of a name and its folders that count patients or visits, and the number of each; the nearest."""
    folders = () if origin.path is None else reversed(origin.path.parents)
    counted: dict[str, str] = {}
    for words in (*(_words_of(folder.name) for folder in folders), _before_kind(origin)):
        codes = (code for word in words if (code := _CODE.match(word)))
        counted |= {code[1]: code[2] for code in codes if code[1] in _COUNTED}
        counted |= {word: after for word, after in pairwise(words) if word in _COUNTED and after.isdecimal()}
    return counted


def _other_folder(scan: ScanOrigin, flair: ScanOrigin) -> str:
    if scan.path is None or flair.path is None or _both_subjects(scan, flair):
        return ""
    ours, theirs = visit_folder(scan.path), visit_folder(flair.path)
    return "" if ours == theirs else f"it lies in another folder: {ours}, not {theirs}"


def visit_folder(path: Path) -> Path:
    """The folder of a visit: the nearest that does not sort by kind; a DICOM folder is one series of it."""
    folder = path.parent
    while _KIND.match(folder.name) and folder != folder.parent:
        folder = folder.parent
    return folder


def _without_visit(origin: ScanOrigin) -> tuple[str, str]:
    """Folder and beginning of the name, without numbers of visits and without dates."""
    assert origin.path is not None
    folder = str(visit_folder(origin.path))
    return _VISIT.sub("#", folder), _VISIT.sub("#", " ".join(_before_kind(origin)))


def _same_data_set(one: ScanOrigin, other: ScanOrigin) -> bool:
    """Whether one name means one subject: both lie in one data set, or in what was derived of it."""
    if one.path is None or other.path is None:
        return one.path is other.path
    return _data_set(one.path) == _data_set(other.path)


def _data_set(path: Path) -> Path:
    parts = path.parts
    cut = next((i for i, part in enumerate(parts) if part.startswith("sub-")), len(parts) - 1)
    if "derivatives" in parts[:cut]:
        cut = parts.index("derivatives")
    return Path(*parts[:cut])
