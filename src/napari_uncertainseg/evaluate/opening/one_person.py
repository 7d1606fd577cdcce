"""Which scans a user means who chooses files, or a folder: those of one visit of one person."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from napari_uncertainseg._base import InputError, pluralised
from napari_uncertainseg.evaluate.scan_folders import Budget, FoundScans, bids_cases, folder_cases, is_bids
from napari_uncertainseg.images.belonging import ScanOrigin, contradiction
from napari_uncertainseg.images.files import stem
from napari_uncertainseg.images.formats.formats import format_of, formats_in_words
from napari_uncertainseg.modalities import REFERENCE, guess_modality

MOST = 2000
"""Files and folders that are looked at: the folder of one person has few."""
_NAMED = 3


def scans_of_person(paths: Sequence[Path]) -> list[Path]:
    """The scans to open, the FLAIR first. For any thread.

    Parameters
    ----------
    paths
        Files of scans, DICOM folders, or one folder that holds them; of a folder only scans are taken, by
        their names, and no masks.

    Raises
    ------
    InputError
        If something is no scan, a folder has the scans of several visits, or files seem to be of several.
    """
    found: list[Path] = []
    for path in paths:
        found += [path] if format_of(path) is not None else _inside(path)
    found = sorted(dict.fromkeys(found), key=lambda path: guess_modality(stem(path)) != REFERENCE)
    first = ScanOrigin("", found[0].absolute())
    for other in found[1:]:
        if reason := contradiction(ScanOrigin("", other.absolute()), first):
            raise InputError(
                f"{other.name} does not belong to {found[0].name}: {reason}; choose the scans of one person "
                "and visit."
            )
    return found


def _inside(path: Path) -> list[Path]:
    if not path.is_dir():
        there = "this is no scan that can be read" if path.exists() else "there is no such file or folder"
        raise InputError(f"{path}: {there}; choose {formats_in_words()}.")
    budget = Budget(most=MOST)
    cases = bids_cases(path, budget) if is_bids(path) else folder_cases(path, budget)
    if len(cases) == 1 and not budget.stopped:
        return list(cases[0].images.values())
    raise InputError(f"{path}: {_why_not_one(cases, budget)}")


def _why_not_one(cases: Sequence[FoundScans], budget: Budget) -> str:
    if len(cases) > 1:
        names = ", ".join(case.name for case in cases[:_NAMED])
        more = f" and {len(cases) - _NAMED} more" if len(cases) > _NAMED else ""
        return f"it holds the scans of {len(cases)} visits ({names}{more}); choose the folder of one."
    if budget.stopped:
        return f"it holds more than {pluralised(MOST, 'file')}; choose the folder of one person."
    why = f" ({budget.notes[0].rstrip('.')})" if budget.notes else ""
    return f"no scan in it is called FLAIR, or several are{why}; choose the files."
