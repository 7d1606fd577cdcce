"""Which scans belong together: by the rules of BIDS, or by name where there are none."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from napari_uncertainseg._base import Progress, silent
from napari_uncertainseg.images.files import stem
from napari_uncertainseg.images.formats.dicom import is_dicom
from napari_uncertainseg.images.formats.formats import DICOM, NIFTI, one_file_suffixes, suffix_of
from napari_uncertainseg.modalities import OWN_SCANS, REFERENCE, WantedScans, described, title_of

MOST = 10_000
"""Files and folders after which the search ends."""
_NOTES = 200
_NO_SCAN = re.compile(
    r"mask(?!ed)|lesion|(?<![a-z])(labels?|seg|segmentations?|consensus|raters?\d*|gt)(?![a-z])",
    re.IGNORECASE,
)
"""Masks are often named after the scan that they were drawn on."""
_DERIVED = re.compile(r"_(space|desc|label|res|den)-")
_CONTRAST = re.compile(r"_ce-|_acq-[a-z0-9]*(gd|gad|post|contrast)", re.IGNORECASE)
"""With a contrast agent, said by its entity, or by the acquisition's name as many data sets do."""
_PHASE = re.compile(r"_part-(?!mag_)")
"""Phase, real and imaginary images: they look like no scan that a network knows."""
_MP2RAGE = re.compile(r"_acq-[a-z0-9]*mp2rage", re.IGNORECASE)
"""A T1 whose acquisition is called so, as in datasets that are older than the suffix UNIT1."""


@dataclass(frozen=True)
class FoundScans:
    """A case that was found: a name, and its scans by modality."""

    name: str
    images: Mapping[str, Path]


@dataclass
class Budget:
    """What one search has seen, and has to say.

    Attributes
    ----------
    progress
        Told of each folder.
    most
        Files and folders that may be looked at.
    notes
        What was left out, and why.
    stopped
        Whether there was more than may be looked at.
    """

    progress: Progress = silent
    most: int = MOST
    notes: list[str] = field(default_factory=list)
    stopped: bool = False
    _seen: set[tuple[int, int]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.left = self.most

    def note(self, sentence: str) -> None:
        """Keep a sentence, unless there are very many."""
        if len(self.notes) < _NOTES:
            self.notes.append(sentence)
        elif len(self.notes) == _NOTES:
            self.notes.append("More was left out.")

    def listing(self, folder: Path) -> list[Path]:
        """What a folder holds, by name, without what is hidden; nothing where it was listed before.

        A folder that links lead back to would never end otherwise.
        """
        if self.left <= 0:
            self._stop(folder)
            return []
        self.progress(f"looking into {folder.name}", 0.0)
        try:
            about = folder.stat()
            if (about.st_dev, about.st_ino) in self._seen:
                return []
            self._seen.add((about.st_dev, about.st_ino))
            found = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
        except OSError as error:
            self.note(f"{folder}: cannot be read ({error.strerror or error}).")
            return []
        if any(map(_is_slice, found)):
            self.left -= 1  # the slices of a DICOM series count as one
            return found
        if len(found) > self.left:
            self._stop(folder)
        kept = found[: self.left]
        self.left -= len(kept)
        return kept

    def _stop(self, folder: Path) -> None:
        if not self.stopped:
            self.stopped = True
            self.notes.insert(
                0,
                f"Stopped after {self.most:,} files and folders, at {folder}: what comes later is not in the "
                "list. Choose a smaller folder, or a table of cases.",
            )


def _is_slice(path: Path) -> bool:
    return suffix_of(path) in DICOM.suffixes


# -- BIDS -------------------------------------------------------------------------------------------


def is_bids(folder: Path, wanted: WantedScans = OWN_SCANS) -> bool:
    """Whether a folder is a BIDS dataset, by its description or by how it is laid out."""
    if (folder / "dataset_description.json").is_file():
        return True
    return any(_says(path, wanted.main) for _, files in _visits(folder, wanted, Budget()) for path in files)


def bids_cases(folder: Path, budget: Budget, wanted: WantedScans = OWN_SCANS) -> list[FoundScans]:
    """One case for each main scan of a BIDS dataset, with the others of the same subject and session."""
    cases: dict[str, FoundScans] = {}
    for place, files in _visits(folder, wanted, budget):
        derived = [path for path in files if _DERIVED.search(path.name)]
        if any(_says(path, modality) for path in derived for modality in wanted.names):
            budget.note(f"{place}: files with space-, desc-, label-, res- or den- are derivatives.")
        files = [path for path in files if path not in derived and not _PHASE.search(path.name)]
        for scan in (path for path in files if _says(path, wanted.main)):
            name = stem(scan).rpartition("_")[0]
            if name in cases:  # .nii beside .nii.gz
                budget.note(f"{scan}: left out, {cases[name].images[wanted.main].name} is the same scan.")
                continue
            others = {modality: _companion(scan, files, modality, budget) for modality in wanted.others}
            cases[name] = FoundScans(
                name, {wanted.main: scan} | {m: p for m, p in others.items() if p is not None}
            )
    return list(cases.values())


def _visits(folder: Path, wanted: WantedScans, budget: Budget) -> Iterator[tuple[Path, list[Path]]]:
    """The folder of each visit that has one with main scans, and the files beside them."""
    kinds = list(dict.fromkeys(described(name).bids_folder for name in wanted.names))
    for subject in _folders(budget.listing(folder), "sub-"):
        inside = budget.listing(subject)
        for visit in (subject, *_folders(inside, "ses-")):
            if (visit / kinds[0]).is_dir():
                places = [visit / kind for kind in kinds if (visit / kind).is_dir()]
                yield places[0], [path for place in places for path in budget.listing(place)]


def _folders(paths: Iterable[Path], start: str) -> list[Path]:
    return [path for path in paths if path.name.startswith(start) and path.is_dir()]


def _says(path: Path, modality: str) -> bool:
    if suffix_of(path) not in NIFTI.suffixes:
        return False
    name = stem(path)
    if modality == "mp2rage" and name.endswith("_T1w"):
        return _MP2RAGE.search(name) is not None
    if not name.casefold().endswith(f"_{described(modality).bids_suffix}".casefold()):
        return False
    with_contrast = _CONTRAST.search(name) is not None  # a FLAIR is one with and without
    return modality == REFERENCE or with_contrast == (modality == "t1ce")


def _companion(scan: Path, files: list[Path], modality: str, budget: Budget) -> Path | None:
    """The scan that shares most with the main one (its run), the first where several do."""
    ours = set(stem(scan).split("_"))
    fit = [path for path in files if path != scan and _says(path, modality)]
    best = max(fit, key=lambda path: _nearness(ours, path), default=None)
    if best is not None and len({stem(path) for path in fit}) > 1:
        budget.note(
            f"{scan.name}: of {len(fit)} {described(modality).bids_suffix} scans, {best.name} is taken."
        )
    return best


def _nearness(ours: set[str], path: Path) -> tuple[int, int]:
    """How many entities are shared, and then how few there are beside them: a plain scan comes first."""
    theirs = set(stem(path).split("_"))
    return len(ours & theirs), -len(theirs - ours)


# -- any other folder -------------------------------------------------------------------------------


def folder_cases(folder: Path, budget: Budget, wanted: WantedScans = OWN_SCANS) -> list[FoundScans]:
    """One case for each folder in which the name of exactly one scan says that it is the main one."""
    cases: list[FoundScans] = []
    to_do = [folder]
    while to_do:
        here = to_do.pop()
        paths = budget.listing(here)
        series = {path for path in paths if path.is_dir() and _is_series(path)}
        readable = [p for p in paths if p in series or suffix_of(p) in one_file_suffixes()]
        scans = [path for path in readable if not _NO_SCAN.search(stem(path))]
        to_do += reversed([path for path in paths if path.is_dir() and path not in series])
        name = folder.name if here == folder else here.relative_to(folder).as_posix()
        found = _by_name(name, scans, wanted, budget)
        if found is not None:
            cases.append(found)
    return cases


def _is_series(folder: Path) -> bool:
    """Whether a folder is a DICOM series, and no case with a stray DICOM file in it."""
    try:
        suffixes = {suffix_of(path) for path in folder.iterdir()}
        return is_dicom(folder) and suffixes.isdisjoint(one_file_suffixes())
    except OSError:  # `listing` says so
        return False


def _by_name(name: str, scans: list[Path], wanted: WantedScans, budget: Budget) -> FoundScans | None:
    by_modality: dict[str, list[Path]] = {modality: [] for modality in wanted.names}
    for scan in scans:
        modality = wanted.named(stem(scan))
        if modality is not None:
            by_modality[modality].append(scan)
    main = by_modality[wanted.main]
    if len(main) != 1:
        if scans:
            what = f"{len(main)} names of scans say" if main else "no name of a scan says"
            budget.note(f"{name}: left out, {what} {title_of(wanted.main)}; one is needed.")
        return None
    images = {wanted.main: main[0]}
    for modality in wanted.others:
        if len(by_modality[modality]) == 1:
            images[modality] = by_modality[modality][0]
        elif by_modality[modality]:
            budget.note(
                f"{name}: {len(by_modality[modality])} names of scans say {title_of(modality)}; none is used."
            )
    return FoundScans(name, images)
