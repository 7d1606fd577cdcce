"""Whose scans are acquired in other ways: by files, or by a table. No scan is read here."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_uncertainseg._base import InputError
from napari_uncertainseg.disk.columns import FILE, Column, Layout, a_name, perhaps, read_table
from napari_uncertainseg.images.identity import case_name
from napari_uncertainseg.modalities import MODALITIES, REFERENCE

_TABLE = Layout(
    "a table of scans to imitate",
    "person",
    (
        Column(REFERENCE, FILE),
        *(perhaps(name, FILE) for name in MODALITIES if name != REFERENCE),
        perhaps("reference", FILE),
        perhaps("patient", a_name("the patient's name")),
        perhaps("name", a_name("the patient's name, where there is no column patient")),
    ),
)
_PLAIN = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True)
class Person:
    """Whose scans are acquired in other ways.

    Attributes
    ----------
    name
        Of the person.
    paths
        Scans by modality.
    reference
        An expert's mask on the FLAIR's grid, if there is one.
    """

    name: str
    paths: Mapping[str, Path]
    reference: Path | None = None

    @property
    def folder(self) -> str:
        """A name for a folder."""
        return _PLAIN.sub("_", self.name).strip("._") or "person"


def people_of_scans(
    paths: Sequence[Path], others: Mapping[str, Sequence[Path]] | None = None
) -> list[Person]:
    """People by their FLAIRs, or by a table of scans.

    Parameters
    ----------
    paths
        FLAIRs; or one table with the columns ``flair``, perhaps ``t1``, ``t2``, ``patient`` and
        ``reference``.
    others
        Other scans by modality, and ``"reference"`` masks: as many as FLAIRs, in their order.

    Raises
    ------
    InputError
        If numbers differ, a row has no FLAIR, or a person is named twice.
    """
    given = {name: list(files) for name, files in (others or {}).items() if files}
    if len(paths) == 1 and paths[0].suffix == ".tsv":
        if given:
            raise InputError(
                f"{paths[0]}: a table has columns for {' and '.join(given)}; leave the options out."
            )
        people = list(_listed(paths[0]))
    else:
        for name, files in given.items():
            if len(files) != len(paths):
                raise InputError(
                    f"There are {len(paths)} FLAIRs and {len(files)} for {name}: give one for each, in "
                    "their order."
                )
        people = [
            Person(
                case_name(path.absolute(), path.name),
                {REFERENCE: path, **{m: given[m][i] for m in MODALITIES if m in given}},
                given["reference"][i] if "reference" in given else None,
            )
            for i, path in enumerate(paths)
        ]
    seen: dict[str, Person] = {}
    for one in people:
        if seen.setdefault(one.folder, one) is not one:
            raise InputError(
                f"'{one.name}' and '{seen[one.folder].name}' would have one folder; give people names that "
                "differ, "
                "in the column patient of a table."
            )
    return people


def _listed(path: Path) -> Iterator[Person]:
    for row in read_table(path, _TABLE).rows:
        paths = {m: path.parent / row[m] for m in MODALITIES if row.known(m)}
        name = row.name("patient") or row.name("name") or case_name(paths[REFERENCE].absolute(), "")
        yield Person(name, paths, path.parent / row["reference"] if row.known("reference") else None)
