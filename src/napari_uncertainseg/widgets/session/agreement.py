"""What further readers made of a session, for the eye."""

from __future__ import annotations

from html import escape

from qtpy.QtWidgets import QWidget

from napari_uncertainseg._base import InputError
from napari_uncertainseg.review.database.schema import READINGS
from napari_uncertainseg.review.session.rereading import (
    ReadingStatus,
    first_reading_id,
    reading_status,
    sessions_being_reread,
)
from napari_uncertainseg.review.store.records import Session
from napari_uncertainseg.widgets.shared.form_helpers import PlainLabel
from napari_uncertainseg.widgets.shared.number_table import format_number
from napari_uncertainseg.widgets.shared.session_file import SessionFile, shortened


class AgreementLine(PlainLabel):
    """Hidden where there is nothing to say.

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
        self.setToolTip("Of the verdicts that both gave. Kappa: 0 is chance, 1 full agreement.")

    def show_readings(self, session: Session | None) -> None:
        """Show what became of the first reading that a session is, or reads again.

        Not while somebody reads it, who could see it.
        """
        self.setVisible(False)
        if session is None or session.kind not in READINGS:
            return
        try:
            store, first = self._file.store(), first_reading_id(session)
            found = None if first in sessions_being_reread(store) else reading_status(store, first)
        except InputError:  # it was said when the list was read
            return
        if found is not None and found.second is not None and found.both:
            self.set_html(describe_agreement(found))
            self.setVisible(True)


def describe_agreement(found: ReadingStatus) -> str:
    """How far two readers agree, and what a third made of the rest."""
    first, second = (escape(shortened(s.annotator)) for s in (found.first, found.second or found.first))
    agree = (
        f"{first} and {second} agree on {found.same} of {found.both} (kappa {format_number(found.kappa)}); "
    )
    if found.third is None:
        return f"{agree}{len(found.differing)} for a third reader."
    third, none = escape(shortened(found.third.annotator)), found.with_neither
    judged = found.with_first + found.with_second + none
    other = f", {none} as neither" if none else ""
    return (
        f"{agree}of the other {len(found.differing)} {third} judged {judged}: {found.with_first} as {first}, "
        f"{found.with_second} as {second}{other}."
    )
