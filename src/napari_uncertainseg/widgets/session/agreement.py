"""How far the readers of one case agree."""

from __future__ import annotations

from functools import partial

from qtpy.QtWidgets import QWidget

from napari_uncertainseg._base import InputError, Progress
from napari_uncertainseg.review.database.schema import READINGS
from napari_uncertainseg.review.session.rereading import (
    ReadingStatus,
    first_reading_id,
    reading_status,
    sessions_being_reread,
)
from napari_uncertainseg.review.store.records import Session
from napari_uncertainseg.review.store.store import Store
from napari_uncertainseg.widgets.session import texts
from napari_uncertainseg.widgets.shared.form_helpers import PlainLabel
from napari_uncertainseg.widgets.shared.jobs import JobRunner, JobState
from napari_uncertainseg.widgets.shared.session_file import SessionFile


class AgreementLine(PlainLabel):
    """One sentence about two or three readings; hidden where there is only one.

    The journals of all readings are read for it, in the background.

    Parameters
    ----------
    file
        The sessions.
    parent
        Qt parent.
    """

    def __init__(self, file: SessionFile, parent: QWidget | None = None) -> None:
        super().__init__(parent=parent)
        self._file = file
        self._jobs = JobRunner(self)
        self._wanted: Session | None = None
        """Of which the agreement is to be shown; another one may be read about at the moment."""
        self._asked: Session | None = None
        self.setWordWrap(True)
        self.setToolTip(texts.AGREEMENT_TIP)
        self._jobs.finished.connect(self._on_finished)
        self._jobs.failed.connect(self._on_failed)
        self._jobs.state_changed.connect(self._on_state)

    @property
    def known(self) -> bool:
        """Whether nothing is being read any more."""
        return self._jobs.state is JobState.IDLE

    def show_readings(self, session: Session | None) -> None:
        """Show the agreement with further readings of a session, as soon as it is known.

        Not while one of them is open: its reader is blinded.
        """
        self.setVisible(False)
        self._wanted = None if session is None or session.kind not in READINGS else session
        self._asked = None
        self._ask()

    def _ask(self) -> None:
        if self._wanted is None or self._asked is self._wanted or self._jobs.state is not JobState.IDLE:
            return
        self._asked = self._wanted
        try:
            store = self._file.store()
        except InputError:  # the list has shown it already
            return
        self._jobs.start(partial(_read, store, self._wanted))

    def _on_state(self, state: JobState) -> None:
        if state is JobState.IDLE:
            self._ask()  # another one was selected meanwhile

    def _on_finished(self, found: tuple[Session, ReadingStatus | None]) -> None:
        session, readings = found
        if session is not self._wanted or self._asked is not session:
            return
        if readings is not None and readings.second is not None and readings.both:
            self.set_html(texts.describe_agreement(readings))
            self.setVisible(True)

    def _on_failed(self, problem: str) -> None:
        """Say nothing: the list has shown it already."""

    def cleanup(self) -> None:
        """Wait for the reading in the background. May be called twice."""
        self._wanted = None
        self._jobs.cleanup()


def _read(store: Store, session: Session, progress: Progress) -> tuple[Session, ReadingStatus | None]:
    first = first_reading_id(session)
    with store.reading():
        hidden = first in sessions_being_reread(store)
        return session, None if hidden else reading_status(store, first)
