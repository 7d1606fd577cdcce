"""How far the readers of one case agree."""

from __future__ import annotations

from qtpy.QtWidgets import QWidget

from napari_uncertainseg._base import InputError
from napari_uncertainseg.review.database.schema import READINGS
from napari_uncertainseg.review.session.rereading import (
    first_reading_id,
    reading_status,
    sessions_being_reread,
)
from napari_uncertainseg.review.store.records import Session
from napari_uncertainseg.widgets.session import texts
from napari_uncertainseg.widgets.shared.form_helpers import PlainLabel
from napari_uncertainseg.widgets.shared.session_file import SessionFile


class AgreementLine(PlainLabel):
    """One sentence about two or three readings; hidden where there is only one.

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
        self.setWordWrap(True)
        self.setToolTip(texts.AGREEMENT_TIP)

    def show_readings(self, session: Session | None) -> None:
        """Show the agreement with further readings of a session.

        Not while one of them is open: its reader is blinded.
        """
        self.setVisible(False)
        if session is None or session.kind not in READINGS:
            return
        try:
            store, first = self._file.store(), first_reading_id(session)
            readings = None if first in sessions_being_reread(store) else reading_status(store, first)
        except InputError:  # the list has shown it already
            return
        if readings is not None and readings.second is not None and readings.both:
            self.set_html(texts.describe_agreement(readings))
            self.setVisible(True)
