"""A file of sessions as the docks use it: opened when it is needed, listed, and a prediction kept in it."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

import platformdirs
import sqlalchemy as sa
from psygnal import Signal

from napari_uncertainseg._base import InputError
from napari_uncertainseg.images.identity import case_name
from napari_uncertainseg.prediction.prediction import Prediction
from napari_uncertainseg.review.database import schema
from napari_uncertainseg.review.database.allowed_content import is_sha256
from napari_uncertainseg.review.database.connection import target_name
from napari_uncertainseg.review.session.recorder import Recorder
from napari_uncertainseg.review.session.remaining_errors import FEWEST, RemainingErrors
from napari_uncertainseg.review.session.rereading import SECOND, THIRD
from napari_uncertainseg.review.store.records import Session
from napari_uncertainseg.review.store.store import DATABASE, Store

PROJECT = "review"
COLUMNS = ("case", "annotator", "judged", "state", "opened")
JUDGED = COLUMNS.index("judged")
_LONGEST = 24
"""Characters of a name in a narrow dock."""
COLUMN = 15
"""Likewise in one of several columns."""


def default_file() -> Path:
    """Where sessions are kept unless the user says otherwise."""
    return Path(platformdirs.user_data_dir("napari-uncertainseg", appauthor=False)) / DATABASE


class SessionFile:
    """A file (or a server) of sessions, opened when it is needed; the docks of a window share one.

    Parameters
    ----------
    target
        The file, made when something is kept in it; or a ``postgresql://`` URL.
    masks
        Folder of the masks; needed for a server.
    """

    changed = Signal()
    """Another file or server was chosen."""
    annotator_changed = Signal(str)
    """Somebody else judges."""

    def __init__(self, target: Path | str, masks: Path | None = None) -> None:
        self._target, self._masks = target, masks
        self._store: Store | None = None
        self._annotator = ""

    @property
    def annotator(self) -> str:
        """Who judges in this window, as typed."""
        return self._annotator

    @annotator.setter
    def annotator(self, name: str) -> None:
        if name != self._annotator:
            self._annotator = name
            self.annotator_changed.emit(name)

    @property
    def name(self) -> str:
        """For the eye: the file's name, or the server without its password."""
        return self._target.name if isinstance(self._target, Path) else target_name(self._target)

    @property
    def place(self) -> str:
        """Where it is: the whole path, or the server without its password."""
        return target_name(self._target) if not isinstance(self._target, Path) else str(self._target)

    @property
    def exists(self) -> bool:
        """Whether there is something to look at: files are not made by looking."""
        return not isinstance(self._target, Path) or self._target.exists()

    def choose(self, target: Path | str, masks: Path | None = None) -> None:
        """Let this one go, and take another."""
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
                _make_folder(self._target.parent)
            self._store = Store(self._target, self._masks)
        return self._store

    def close(self) -> None:
        """Let it go. May be called twice."""
        if self._store is not None:
            self._store.close()
            self._store = None

    def listed(self) -> tuple[list[Session], list[tuple[str, ...]], list[str]]:
        """Sessions, the latest first, their rows in the table, and why others cannot be read.

        There are none where there is no file.
        """
        if not self.exists:
            return [], [], []
        store = self.store()
        sessions, odd = store.readable()
        called = store.case_names()
        return sessions, [_row(store, session, called) for session in sessions], list(odd.values())


def _row(store: Store, session: Session, called: Mapping[int, str]) -> tuple[str, ...]:
    opened = session.opened[5:16].replace("T", " ")
    tasks = store.tasks(session.id)
    if not tasks:  # somebody took them away
        return "?", session.annotator, "0 of 0", session.kind, opened
    judged = f"{len(store.verdicts(session.id))} of {len(tasks)}"
    return called[tasks[0].case], session.annotator, judged, _state_of(session), opened


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"{folder} cannot be made ({error.strerror or error}); choose another file."
        ) from error


def _state_of(session: Session) -> str:
    """Whether a session is open, and which reading it is where it is not the first."""
    if session.kind == "training":
        return session.kind
    reading = session.settings.get("reading")  # from a file: it may be anything
    which = "2nd " if reading == SECOND else "3rd " if reading == THIRD else ""
    return f"{which}{'open' if session.closed is None else 'closed'}"


def shortened(text: str, longest: int = _LONGEST, *, ends: bool = False) -> str:
    """A name that fits into a narrow dock: its beginning, or both ends where the end tells names apart."""
    if len(text) <= longest:
        return text
    last = (longest - 1) // 2 if ends else 0
    return f"{text[: longest - 1 - last]}…{text[len(text) - last :]}"


def describe_progress(recorder: Recorder) -> str:
    """How far a session is, for the eye."""
    pace = recorder.seconds_each
    each = "" if pace is None else f", {pace:.1f} s each (median)"
    left = len(recorder.tasks) - len(recorder.standing)
    hint = "" if recorder.standing else " Press N for the first."
    hint = hint if left else " Nothing is left: close the session."
    return (
        f"<b>{escape(shortened(recorder.session.annotator))}</b>: {len(recorder.standing)} of "
        f"{len(recorder.tasks)} judged{each}. All of it is on disk.{hint}"
    )


def describe_remaining_errors(found: RemainingErrors) -> str:
    """When to stop, for the eye."""
    if not found.unseen:
        return "Nothing is left unseen."
    expected = (
        f"Of {found.unseen} unseen, about {found.expected:.0f} may be wrong: a guess."
        if found.judged >= FEWEST
        else f"{found.unseen} unseen. A guess how many are wrong is made after {FEWEST} verdicts."
    )
    checks = f"{found.checks} random check{'s' if found.checks != 1 else ''}"
    if not found.checks:
        return f"{expected} How many at most is not known: no random check is judged yet."
    if found.most >= found.unseen:
        return f"{expected} With {checks} it cannot be excluded that all are wrong."
    return f"{expected} <b>At most {found.most}</b>, 95 % sure, by {checks}."


def describe_calibration(found: RemainingErrors) -> str:
    """How far the diagram's points can be trusted, for the eye; empty where that need not be said."""
    if found.judged >= FEWEST:
        return ""
    return f"Fewer than {FEWEST} verdicts: the points are mostly the model's own probabilities."


def describe_stopping(found: RemainingErrors, target: int) -> str:
    """Whether the stop rule is met, for the eye; and when it cannot be trusted."""
    if not found.unseen:
        return "all seen"
    if found.unseen <= target:
        return f"<b>✔ you may stop</b>: {found.unseen} left"
    if not found.checks:
        return "not known: no random checks yet"
    if found.most <= target:
        return "<b>✔ you may stop</b>"
    return f"not yet: up to {found.most}"


def register_prediction(store: Store, prediction: Prediction) -> tuple[int, int]:
    """Numbers of the case and of the prediction in the store, made where they are not there."""
    about: Mapping[str, Any] = prediction.information
    flair, whose = about.get("inputs", {}).get("flair", {}), about.get("case", {})
    path, file = flair.get("path"), str(flair.get("name") or "scan")
    # What an older version made does not say whose it is: then it is a case of its own.
    sha256 = whose["sha256"] if is_sha256(whose.get("sha256")) else prediction.sha256
    name = whose.get("name") or case_name(Path(path) if path else None, file)
    case = store.case(store.project(PROJECT), str(name), str(path or file), sha256)
    output = store.output(
        case,
        prediction.sha256,
        model=str(about.get("model", "")),
        model_sha256=str(about.get("model_sha256", "")),
        method=str(about.get("method", "")),
        threshold=prediction.threshold,
    )
    return case, output


def how_made(store: Store, output: int | None, session: Session) -> str:
    """How to come by the prediction that a session is of: an instruction, as the end of a sentence."""
    with store.reading() as connection:
        made = connection.execute(sa.select(schema.outputs).where(schema.outputs.c.id == output)).first()
    if made is None or not made.model:
        return "segment its scans as it was, first."
    members = session.settings.get("members")
    count = f", {members} members" if isinstance(members, int) else ""
    return (
        f"first run its scans in Segment with the model '{made.model}' and the method {made.method}{count} "
        f"(its threshold is {made.threshold:.2f})."
    )
