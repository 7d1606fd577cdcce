"""How far the cases of a worklist have been read, by the sessions that there are."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from napari_uncertainseg.evaluate.worklist import WorkCase
from napari_uncertainseg.review.database.allowed_content import Unreadable
from napari_uncertainseg.review.database.schema import READINGS
from napari_uncertainseg.review.store.records import Session
from napari_uncertainseg.review.store.store import Store


@dataclass(frozen=True)
class CaseReading:
    """The furthest reading of one case.

    Attributes
    ----------
    judged, tasks
        How many of its tasks have a verdict, and how many there are.
    closed
        Whether it has ended for good.
    """

    judged: int
    tasks: int
    closed: bool


class CaseReadings:
    """Reads from a store how far cases are; what cannot change any more is read once.

    A case is known by where its main scan lies: a session keeps the path of the scan that it was begun on.

    Parameters
    ----------
    store
        Of the sessions; stays open.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._closed: dict[str, tuple[str, CaseReading]] = {}

    def furthest(self, cases: Sequence[WorkCase], annotator: str = "") -> tuple[CaseReading | None, ...]:
        """The furthest reading of each case, None where there is none.

        Parameters
        ----------
        cases
            Of a worklist.
        annotator
            Whose sessions count; everybody's if empty.

        Raises
        ------
        InputError
            If the store cannot be read.
        """
        name = " ".join(annotator.split())
        found: dict[str, CaseReading] = {}
        with self._store.reading():
            for session in self._store.sessions():
                if session.kind in READINGS and name in ("", session.annotator):
                    with suppress(Unreadable):  # the Session dock says what is wrong with it
                        flair, reading = self._read(session)
                        found[flair] = max(found.get(flair, reading), reading, key=_how_far)
        return tuple(found.get(os.path.realpath(case.main)) for case in cases)

    def _read(self, session: Session) -> tuple[str, CaseReading]:
        """Where the main scan of a session lies, and how far the session is."""
        if session.id not in self._closed:
            tasks, judged = self._store.tasks(session.id), len(self._store.verdicts(session.id))
            if not tasks:  # they were deleted, so the case is unknown
                return "", CaseReading(0, 0, False)
            flair = self._store.folder(tasks[0].case)
            flair = os.path.realpath(flair) if flair else ""  # nobody knows where
            read = flair, CaseReading(judged, len(tasks), session.closed is not None)
            if session.closed is None:
                return read
            self._closed[session.id] = read
        return self._closed[session.id]


def latest_annotator(store: Store) -> str:
    """Who began the latest session that reads a case; empty where there is none."""
    return next((session.annotator for session in store.sessions() if session.kind in READINGS), "")


def next_to_read(found: Sequence[CaseReading | None], at: int | None = None) -> int | None:
    """The first case that is not closed, after the one at hand and then from the beginning.

    Parameters
    ----------
    found
        Of each case of the list.
    at
        Index of the case at hand, which does not count.

    Returns
    -------
    Its index; None where all others are closed.
    """
    start = 0 if at is None else at + 1
    order = [i % len(found) for i in range(start, start + len(found))]
    return next((i for i in order if i != at and not is_closed(found[i])), None)


def is_closed(reading: CaseReading | None) -> bool:
    """Whether a case has been read to the end."""
    return reading is not None and reading.closed


def _how_far(reading: CaseReading) -> tuple[bool, int]:
    return reading.closed, reading.judged
