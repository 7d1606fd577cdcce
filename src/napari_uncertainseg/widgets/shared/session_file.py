"""The file of sessions that the docks of a window share, opened when needed; and the annotator's name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from psygnal import Signal
from qtpy.QtCore import QEvent
from qtpy.QtWidgets import QLineEdit, QWidget

from napari_uncertainseg._base import InputError
from napari_uncertainseg.review.database import schema
from napari_uncertainseg.review.database.connection import target_name
from napari_uncertainseg.review.made_with import SCANS_NOT_NOTED, other_scans
from napari_uncertainseg.review.reports.snapshot import SnapshotTask, take_snapshot
from napari_uncertainseg.review.session.opening import UNNAMED, may_resume
from napari_uncertainseg.review.session.place import make_folder
from napari_uncertainseg.review.store.records import Session
from napari_uncertainseg.review.store.session_settings import SECOND, THIRD, RereadingSettings, ReviewSettings
from napari_uncertainseg.review.store.store import Store

_SAME_BUT = (
    "its scans, model and method are the same, but not all options, such as the brain mask, or not the "
    "version of this program."
)
EXERCISE = "exercise"
"""What a session of kind ``training`` is called on screen."""
COLUMNS = ("case", "annotator", "reviewed", "state", "opened")
REVIEWED = COLUMNS.index("reviewed")
_LONGEST_NAME = 200
"""Characters of a name that the store accepts."""
_LONGEST = 24
"""Characters of a name that fit into a narrow dock."""
COLUMN = 15
"""Characters of a name that fit into one of several columns."""


class SessionFile:
    """A file (or a server) of sessions, opened when it is needed; the docks of a window share one.

    Parameters
    ----------
    target
        The file, made when something is written; or a ``postgresql://`` URL.
    masks
        Folder of the masks; needed for a server.
    """

    changed = Signal()
    """Another file or server was chosen."""
    annotator_changed = Signal(str)
    """The annotator's name was changed."""

    def __init__(self, target: Path | str, masks: Path | None = None) -> None:
        self._target, self._masks = target, masks
        self._store: Store | None = None
        self._annotator = ""

    @property
    def annotator(self) -> str:
        """Name of the annotator in this window, as typed."""
        return self._annotator

    @annotator.setter
    def annotator(self, name: str) -> None:
        if name != self._annotator:
            self._annotator = name
            self.annotator_changed.emit(name)

    @property
    def reader(self) -> str:
        """The annotator as in the store, without surplus spaces; empty where no name is typed."""
        return " ".join(self._annotator.split())

    def resume_as(self, annotator: str) -> None:
        """Take over the name of a session that is resumed; one without a name is resumed by anybody.

        Parameters
        ----------
        annotator
            Of the session.

        Raises
        ------
        InputError
            If another name is typed in this window.
        """
        if not may_resume(self.reader, annotator):
            raise InputError(
                f"This session belongs to {shortened(annotator)}, and the name here is "
                f"{shortened(self.reader)}. Enter that name in Session, or start your own session."
            )
        if annotator not in (UNNAMED, self.reader):
            self.annotator = annotator

    @property
    def name(self) -> str:
        """For display: the file's name, or the server without its password."""
        return self._target.name if isinstance(self._target, Path) else target_name(self._target)

    @property
    def location(self) -> str:
        """For display: the whole path, or the server without its password."""
        return target_name(self._target) if not isinstance(self._target, Path) else str(self._target)

    @property
    def exists(self) -> bool:
        """Whether there is something to read. Reading never makes a file."""
        return not isinstance(self._target, Path) or self._target.exists()

    def choose(self, target: Path | str, masks: Path | None = None) -> None:
        """Close this file, and use another."""
        self.close()
        self._target, self._masks = target, masks
        self.changed.emit()

    def store(self) -> Store:
        """The store, made when it is not there.

        Raises
        ------
        InputError
            If it cannot be opened or made.
        """
        if self._store is None:
            if isinstance(self._target, Path):
                make_folder(self._target.parent)
            self._store = Store(self._target, self._masks)
        return self._store

    def another_store(self) -> Store:
        """The same store opened once more, for another thread; its user closes it.

        Raises
        ------
        InputError
            If it cannot be opened or made.
        """
        if isinstance(self._target, Path):
            make_folder(self._target.parent)
        return Store(self._target, self._masks)

    def close(self) -> None:
        """Close the database. May be called twice."""
        if self._store is not None:
            self._store.close()
            self._store = None

    def listed(self) -> tuple[list[Session], list[tuple[str, ...]], list[str]]:
        """Sessions, the latest first, with their rows in the table, and why others cannot be read.

        There are none where there is no file. This runs in the window's thread: it takes the same few
        queries for any number of sessions, and counts verdicts in their table. Whether the journals say the
        same is for `Store.verify`.
        """
        if not self.exists:
            return [], [], []
        snapshot = take_snapshot(self.store())
        sessions = list(reversed(snapshot.sessions))
        rows = [_row(session, snapshot.tasks[session.id], snapshot.cases) for session in sessions]
        return sessions, rows, list(snapshot.odd.values())


def _row(session: Session, tasks: Sequence[SnapshotTask], names: Mapping[int, str]) -> tuple[str, ...]:
    opened = session.opened[5:16].replace("T", " ")
    if not tasks:  # they were deleted from the file
        return "?", session.annotator, "0 of 0", _state_of(session), opened
    case, _, _ = tasks[0].location
    reviewed = f"{sum(task.decision is not None for task in tasks)} of {len(tasks)}"
    return names[case], session.annotator, reviewed, _state_of(session), opened


def _state_of(session: Session) -> str:
    """Whether a session is open, and which reading it is; of an exercise only that."""
    if session.kind == "training":
        return EXERCISE
    reading = session.settings.reading if isinstance(session.settings, RereadingSettings) else None
    number = "2nd " if reading == SECOND else "3rd " if reading == THIRD else ""
    return f"{number}{'open' if session.closed is None else 'closed'}"


def shortened(text: str, longest: int = _LONGEST, *, ends: bool = False) -> str:
    """A name that fits into a narrow dock: its beginning, or both ends where the end tells names apart."""
    if len(text) <= longest:
        return text
    last = (longest - 1) // 2 if ends else 0
    return f"{text[: longest - 1 - last]}…{text[len(text) - last :]}"


def how_made(store: Store, output: int | None, session: Session, about: Mapping[str, Any]) -> str:
    """In what the prediction that a session belongs to differs, and how to make it: ends a sentence.

    Parameters
    ----------
    store
        That has it.
    output
        Its number; None where the session has no task.
    session
        Its session.
    about
        What the prediction that is open says of itself.
    """
    settings = session.settings if isinstance(session.settings, ReviewSettings) else ReviewSettings()
    scans = other_scans(settings, about)
    scans = f"{scans[:1].lower()}{scans[1:]}"
    unknown = f"{SCANS_NOT_NOTED}; " if session.kind == "review" and not settings.scans else ""
    with store.reading() as connection:
        made = connection.execute(sa.select(schema.outputs).where(schema.outputs.c.id == output)).first()
    if made is None or not made.model:
        return scans or f"{unknown}first segment its scans with the same settings."
    count = "" if settings.members is None else f", {settings.members} members"
    ours = about.get("model"), about.get("method"), about.get("members")
    same = ours == (made.model, made.method, settings.members)
    if scans:
        return scans if same else f"{scans} The model was '{made.model}', the method {made.method}{count}."
    if same and settings.case is not None and settings.case == about.get("case", {}).get("sha256"):
        return _SAME_BUT
    return (
        f"{unknown}first run its scans in Segment with the model '{made.model}' and the method "
        f"{made.method}{count} (its threshold is {made.threshold:.2f})."
    )


class AnnotatorField(QLineEdit):
    """A name or pseudonym, shared with the other docks; a disabled field (during a session) keeps its name.

    Parameters
    ----------
    file
        The sessions that the docks share, and the name with them.
    parent
        Qt parent.
    """

    def __init__(self, file: SessionFile, parent: QWidget | None = None) -> None:
        super().__init__(file.annotator, parent)
        self._file = file
        self.setMaxLength(_LONGEST_NAME)
        self.setPlaceholderText("name or pseudonym")
        self.setToolTip(
            "Name of the annotator: one for this window, the same in Session and in Exercises. It is "
            "written\ninto sessions, into exercises, into reviews that are saved automatically, and into "
            "exports."
        )
        self.textChanged.connect(self._share)
        file.annotator_changed.connect(self._follow)

    def cleanup(self) -> None:
        """Disconnect. May be called twice."""
        self._file.annotator_changed.disconnect(self._follow, missing_ok=True)

    @property
    def name(self) -> str:
        """As in the store: without surplus spaces."""
        return " ".join(self.text().split())

    def changeEvent(self, event: QEvent | None) -> None:
        """Take over what was typed in other docks while this field was disabled."""
        super().changeEvent(event)
        if event is not None and event.type() == QEvent.Type.EnabledChange:
            self._follow(self._file.annotator)

    def _share(self, text: str) -> None:
        self._file.annotator = text

    def _follow(self, name: str) -> None:
        if self.isEnabled() and name != self.text():
            self.setText(name)
