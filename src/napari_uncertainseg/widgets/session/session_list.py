"""The list of sessions in the Session dock."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from qtpy.QtWidgets import QAbstractItemView, QWidget

from napari_uncertainseg._base import InputError
from napari_uncertainseg.prediction.prediction import Prediction
from napari_uncertainseg.review.database.schema import READINGS
from napari_uncertainseg.review.session.recorder import Recorder
from napari_uncertainseg.review.store.predictions import sessions_of_prediction
from napari_uncertainseg.review.store.records import Session
from napari_uncertainseg.widgets.session import texts
from napari_uncertainseg.widgets.shared.number_table import NumberTable, Table
from napari_uncertainseg.widgets.shared.session_file import (
    COLUMN,
    COLUMNS,
    REVIEWED,
    SessionFile,
    shortened,
)

_MOST_PROBLEMS = 3
"""Number of sentences on sessions that cannot be read: a dock is small."""


class SessionList(NumberTable):
    """The sessions of a file, of which one can be selected.

    Parameters
    ----------
    file
        The sessions.
    parent
        Qt parent.
    """

    def __init__(self, file: SessionFile, parent: QWidget | None = None) -> None:
        super().__init__(parent, name=texts.LIST_NAME)
        self._file = file
        self._listed: list[Session] = []
        down = self.verticalHeader()
        assert down is not None
        down.setVisible(False)  # to save width
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)

    @property
    def session(self) -> Session | None:
        """The selected one."""
        row = self.selected_row
        return None if row is None else self._listed[row]

    def refresh(self) -> None:
        """Read the file again.

        Raises
        ------
        InputError
            If it cannot be read, or not all sessions in it; the others are shown then.
        """
        self._listed, rows, problems = [], list[tuple[str, ...]](), list[str]()
        try:
            self._listed, rows, problems = self._file.listed()
        finally:
            self._show_rows(rows)
        if problems:
            raise InputError(" ".join([texts.UNREADABLE, *problems[:_MOST_PROBLEMS]]))

    def _show_rows(self, rows: Sequence[tuple[str, ...]]) -> None:
        numbers = tuple(str(i) for i in range(1, len(rows) + 1))
        shown = tuple(
            (shortened(case, COLUMN, ends=True), shortened(who, COLUMN), *rest) for case, who, *rest in rows
        )
        self.show_table(Table(numbers, COLUMNS, shown, texts.LIST_TIPS))
        for i, names in enumerate(rows):
            for j, whole in enumerate(names[:2]):
                cell = self.item(i, j)
                assert cell is not None
                cell.setToolTip(f"<span>{escape(whole)}</span>")  # or a tooltip reads "<" as HTML

    def show_reviewed(self, recorder: Recorder) -> None:
        """Follow a session that is being recorded."""
        for row, session in enumerate(self._listed):
            cell = self.item(row, REVIEWED)
            if session.id == recorder.session.id and cell is not None:
                cell.setText(f"{len(recorder.current_verdicts)} of {len(recorder.tasks)}")

    def select_unfinished(self, annotator: str, prediction: Prediction | None) -> Session | None:
        """Select an annotator's latest open session of a prediction; None where there is none."""
        own = [
            s for s in self._listed if s.annotator == annotator and s.closed is None and s.kind in READINGS
        ]
        if prediction is None or not own:  # saves hashing it
            return None
        try:
            ids = sessions_of_prediction(self._file.store(), prediction.sha256)
        except InputError:  # the list has shown it already
            return None
        latest = next((session for session in own if session.id in ids), None)
        if latest is not None:
            self.selectRow(self._listed.index(latest))
        return latest
