"""What cases are called: by subject, session or folder, and no two of a store alike.

A name is only shown. Which case it is, its hash says.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import Connection

from napari_uncertainseg._base import InputError
from napari_uncertainseg.images.identity import case_name
from napari_uncertainseg.review.database import schema
from napari_uncertainseg.review.database.allowed_content import is_plain, made_plain

LONGEST = 200
"""Characters of a name."""
_OLD = re.compile(r"(?P<file>.+) (?P<hash>[0-9a-f]{8})(?P<part> \(\d+\))?")
"""How an older version called a case: by its FLAIR's file, and a hash of the files."""


def name_of(text: str) -> str:
    """A name of a person or project as it is kept.

    Raises
    ------
    InputError
        If it is empty, too long, or no text.
    """
    found = " ".join(text.split())
    if not found or len(found) > LONGEST:
        raise InputError(f"A name has from 1 to {LONGEST} characters.")
    if not is_plain(found):
        raise InputError("A name is made of letters; this one has half a character in it: type it again.")
    return found


def free_name(connection: Connection, wanted: str, sha256: str) -> str:
    """A name for a new case that no other case of the store has: as wanted, or with some of its hash."""
    c = schema.cases
    for name in _proposals(made_plain(" ".join(wanted.split())) or "scan", sha256):
        others = sa.select(c.c.id).where(c.c.name == name, sa.func.coalesce(c.c.sha256, "") != sha256)
        if connection.execute(others).first() is None:
            return name
    raise InputError(f"There is no name left for {wanted[:LONGEST]}.")


def _proposals(wanted: str, sha256: str) -> Iterator[str]:
    yield wanted[:LONGEST]
    for digits in (4, 8, 16, 64):
        yield f"{wanted[: LONGEST - digits - 1]} {sha256[:digits]}"


def labels(connection: Connection) -> dict[int, str]:
    """What each case of a store is called, by its number; two are called alike only if they are one."""
    c, p = schema.cases, schema.projects
    query = (
        sa.select(c.c.id, c.c.name, c.c.folder, c.c.sha256, p.c.name)
        .outerjoin(p, c.c.project_id == p.c.id)
        .order_by(c.c.id)
    )
    rows = connection.execute(query)
    cases = [_Case(i, _text(n), _text(f), sha256, _text(p)) for i, n, f, sha256, p in rows]
    often = Counter(name for name, _ in {(case.called, case.whose) for case in cases})
    taken: dict[str, str] = {}
    return {
        case.id: next(
            way for way in case.ways(often[case.called]) if taken.setdefault(way, case.whose) == case.whose
        )
        for case in cases
    }


@dataclass(frozen=True)
class _Case:
    """A row; its hash is None of a case that an older version kept."""

    id: int
    name: str
    folder: str
    sha256: str | None
    project: str

    @property
    def whose(self) -> str:
        return str(self.sha256 or self.id)

    @property
    def _old(self) -> re.Match[str] | None:
        return _OLD.fullmatch(self.name) if self.sha256 is None else None

    @cached_property
    def called(self) -> str:
        """What it is called where nothing else is."""
        old = self._old
        if old is None:
            return self.name
        if not self.folder:
            return f"{old['file']}{old['part'] or ''}"
        try:
            return case_name(Path(self.folder), old["file"])
        except (OSError, ValueError):  # a name that is too long, or a share that is gone
            return old["file"]

    def ways(self, often: int) -> Iterator[str]:
        """What else it may be called, where several are."""
        name, old = self.called, self._old
        if often == 1 or self.sha256 is not None:
            yield name
        yield f"{name} {old['hash']}" if old is not None else f"{name} ({self.project})"
        yield f"{name} (case {self.id})"
        yield f"{name} ({self.project}, case {self.id})"


def _text(value: object) -> str:
    return made_plain(value) if isinstance(value, str) else "?"
