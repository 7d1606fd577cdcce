"""Who was acquired how, and the results of each acquisition: the table that stability is computed from."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_uncertainseg._base import InputError
from napari_uncertainseg.disk.columns import (
    RESULTS_FOLDER,
    Column,
    Layout,
    a_name,
    a_number,
    any_text,
    perhaps,
    read_table,
)
from napari_uncertainseg.disk.result_folder import load_summary
from napari_uncertainseg.disk.tables import Row
from napari_uncertainseg.modalities import main_of

FOLDER, PATIENT, ACQUISITION = "folder", "patient", "acquisition"
_TABLE = Layout(
    "a table of acquisitions",
    "acquisition",
    (
        Column(FOLDER, RESULTS_FOLDER),
        Column(PATIENT, a_name("the patient's name")),
        Column(ACQUISITION, a_name("what the scanner, dose or setting is called")),
        perhaps("kind", any_text("how it was imitated")),
        perhaps("strength", a_number()),
        perhaps("harmonised", any_text("how the scan was harmonised")),
        perhaps("reference", any_text("a mask to compare with")),
    ),
)


@dataclass(frozen=True)
class Acquisition:
    """The results of one acquisition of one person.

    Attributes
    ----------
    folder
        That `segment` wrote.
    patient, name
        Whose, and of which acquisition: the same name in all people is the same scanner, dose or setting.
    kind, strength
        Of an imitated acquisition; empty and NaN of a real one.
    harmonised
        How the scan was harmonised, or empty.
    reference
        An expert's mask on the grid of the person's first acquisition.
    scan, model
        Hashes of the scan and of the model that segmented it.
    """

    folder: Path
    patient: str
    name: str
    kind: str = ""
    strength: float = math.nan
    harmonised: str = ""
    reference: Path | None = None
    scan: str = ""
    model: str = ""

    @property
    def imitated(self) -> bool:
        """Whether no scanner made it (the baseline of imitated ones counts as one of them)."""
        return bool(self.kind)


def read_acquisitions(path: Path) -> tuple[tuple[Acquisition, ...], tuple[str, ...]]:
    """Read a table of acquisitions.

    Parameters
    ----------
    path
        Tab-separated, with the columns ``folder`` (results; relative to the table), ``patient`` and
        ``acquisition``, perhaps ``kind``, ``strength``, ``harmonised`` and ``reference``. The first row of a
        person is what the others are compared with.

    Returns
    -------
    acquisitions, notes
        In the order of the rows, and what the user should know, a sentence each.

    Raises
    ------
    InputError
        If a column or cell is missing, a folder holds no results or stands there twice, an acquisition of a
        person stands there twice, a scan belongs to two people, or nobody has two acquisitions.
    """
    found = [_acquisition(path, row) for row in read_table(path, _TABLE).rows]
    _check(path, found)
    return tuple(found), tuple(_notes(found))


def _acquisition(path: Path, row: Row) -> Acquisition:
    folder = path.parent / row[FOLDER]
    said = load_summary(folder)
    inputs = said.get("inputs")
    main = inputs.get(main_of(inputs)) if isinstance(inputs, dict) and inputs else None
    scan = str(main.get("scan_sha256") or "") if isinstance(main, dict) else ""
    reference = row.known("reference")
    return Acquisition(
        folder,
        row[PATIENT],
        row[ACQUISITION],
        row.known("kind"),
        row.number("strength"),
        row.known("harmonised"),
        path.parent / reference if reference else None,
        scan,
        str(said.get("model_sha256") or ""),
    )


def _check(path: Path, found: Sequence[Acquisition]) -> None:
    folders: set[Path] = set()
    cells: set[tuple[str, str, str]] = set()
    owners: dict[str, str] = {}
    for one in found:
        place, cell = one.folder.resolve(), (one.patient, one.name, one.harmonised)
        if place in folders:
            raise InputError(f"{path}: {one.folder} is there twice.")
        if cell in cells:
            raise InputError(
                f"{path}: '{one.patient}' has the acquisition '{one.name}' twice; call repeats by "
                "different names."
            )
        if one.scan and owners.setdefault(one.scan, one.patient) != one.patient:
            raise InputError(
                f"{path}: '{one.patient}' and '{owners[one.scan]}' have the same scan; one person has two "
                "names."
            )
        folders.add(place)
        cells.add(cell)
    counts = Counter((one.patient, one.harmonised) for one in found)
    if max(counts.values(), default=0) < 2:
        raise InputError(
            f"{path}: nobody has two acquisitions, so nothing can be said about stability; "
            "give the scans of one person the same name in the column patient."
        )


def _other_references(found: Sequence[Acquisition]) -> list[str]:
    """A note where acquisitions of a person name other references than the first, which alone counts."""
    first: dict[str, Acquisition] = {}
    other = [
        one.patient
        for one in found
        if first.setdefault(one.patient, one).reference != one.reference and one.reference is not None
    ]
    if not other:
        return []
    return [
        f"Of {', '.join(dict.fromkeys(other))} only a reference of the first acquisition counts: those of "
        "the others are not looked at, and their Dice is with the first one's, if there is one."
    ]


def _notes(found: Sequence[Acquisition]) -> list[str]:
    notes = []
    scans: dict[tuple[str, str, str], Acquisition] = {}
    for one in found:
        first = scans.setdefault((one.scan, one.harmonised, one.model), one) if one.scan else one
        if first is not one:
            notes.append(
                f"'{first.name}' and '{one.name}' of '{one.patient}' are one and the same scan: that they "
                "agree "
                "says nothing."
            )
    if len({one.model for one in found}) > 1:
        pairs = {(one.patient, one.scan) for one in found}
        notes.append(
            "Several models segmented the same scans: what is compared is the models, not acquisitions."
            if len(pairs) < len(found)
            else "The results were made by several models: differences may be the model's."
        )
    notes += _other_references(found)
    alone = [
        p for p in dict.fromkeys(one.patient for one in found) if sum(one.patient == p for one in found) == 1
    ]
    if alone:
        notes.append(f"Left out, with one acquisition only: {', '.join(alone)}.")
    return notes
