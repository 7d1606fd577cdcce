"""An append-only journal in which each entry holds the hash of the one before it.

Whoever changes, takes out or puts in an entry afterwards has to change all that follow; the last hash,
which reports print, then differs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from napari_uncertainseg.review.database.allowed_content import canonical, from_json, to_json
from napari_uncertainseg.review.store.entry_details import EntryDetails, entry_details

GENESIS = "0" * 64
"""What the first entry of a session follows."""
NewEntry = tuple[int | None, Mapping[str, Any]]
"""On which task of its session an entry is, if on one, and what it says."""

_Details = TypeVar("_Details", bound=EntryDetails)


@dataclass(frozen=True)
class Entry:
    """One thing that happened in a session.

    Attributes
    ----------
    session
        Whose entry it is.
    number
        From 1 up, without gaps.
    at
        When, ISO 8601 in UTC.
    kind
        Such as ``"verdict"``.
    task
        What it is about, if it is about one.
    content
        The rest, as canonical JSON.
    previous
        Hash of the entry before.
    """

    session: str
    number: int
    at: str
    kind: str
    task: int | None
    content: str
    previous: str

    @property
    def hash(self) -> str:
        """SHA-256 of all of it, hexadecimal."""
        fields = [self.session, self.number, self.at, self.kind, self.task, self.content, self.previous]
        return hashlib.sha256(canonical(fields).encode()).hexdigest()

    @cached_property
    def details(self) -> EntryDetails:
        """The content, checked.

        Raises
        ------
        Unreadable
            If somebody changed it into what this program does not write.
        """
        name = f"Entry {self.number} of session {self.session}"
        return entry_details(self.kind, from_json(self.content, name), name)


def append_entry(
    last: tuple[int, str], session_id: str, at: str, kind: str, task: int | None, content: Mapping[str, Any]
) -> Entry:
    """The entry after the last one, of which number and hash are given; ``(0, GENESIS)`` at first."""
    number, previous = last
    return Entry(session_id, number + 1, at, kind, task, to_json(content, "An entry"), previous)


def details_of(entries: Iterable[Entry], kind: type[_Details]) -> list[tuple[Entry, _Details]]:
    """The entries with details of a kind, and these."""
    return [(entry, entry.details) for entry in entries if isinstance(entry.details, kind)]


def first_fault(entries: Iterable[tuple[Entry, str]]) -> str:
    """What is wrong with a chain, in a sentence; empty where nothing is.

    Parameters
    ----------
    entries
        In the order of their numbers, each with the hash that is kept beside it.
    """
    number, previous = 0, GENESIS
    for entry, kept in entries:
        if entry.number != number + 1:
            return f"Entry {number + 1} of session {entry.session} is missing."
        if entry.previous != previous or entry.hash != kept:
            return f"Entry {entry.number} of session {entry.session} was changed after it was written."
        number, previous = entry.number, kept
    return ""
