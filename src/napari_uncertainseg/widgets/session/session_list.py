"""The list of sessions in the Session dock."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from qtpy.QtWidgets import QAbstractItemView, QWidget

from napari_uncertainseg._base import InputError
from napari_uncertainseg.prediction.prediction import Prediction
from napari_uncertainseg.review.database.schema import READINGS
from napari_uncertainseg.review.session.recorder import Recorder
from napari_uncertainseg.review.store.records import Session
from napari_uncertainseg.widgets.shared.number_table import NumberTable, Table
from napari_uncertainseg.widgets.shared.session_file import COLUMN, COLUMNS, JUDGED, SessionFile, shortened

_DEFINITIONS = {
    "judged": "How many lesions and candidates have a verdict.",
    "state": "2nd and 3rd are readings of the same by somebody else. A closed session is never changed.",
}
_MOST_SAID = 3
"""Sentences on sessions that cannot be read: a dock is small."""


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
        super().__init__(parent)
        self._file = file
        self._listed: list[Session] = []
        down = self.verticalHeader()
        assert down is not None
        down.setVisible(False)  # the width is needed
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
            raise InputError(" ".join(["Not all sessions can be read.", *problems[:_MOST_SAID]]))

    def _show_rows(self, rows: Sequence[tuple[str, ...]]) -> None:
        numbers = tuple(str(i) for i in range(1, len(rows) + 1))
        shown = tuple(
            (shortened(case, COLUMN, ends=True), shortened(who, COLUMN), *rest) for case, who, *rest in rows
        )
        self.show_table(Table(numbers, COLUMNS, shown, _DEFINITIONS))
        for i, names in enumerate(rows):
            for j, whole in enumerate(names[:2]):
                cell = self.item(i, j)
                assert cell is not None
                cell.setToolTip(
                    f"<span>{escape(whole)}</span>"
                )  # a tooltip takes what looks like HTML for it

    def show_judged(self, recorder: Recorder) -> None:
        """Follow a session that is being recorded."""
        for row, session in enumerate(self._listed):
            cell = self.item(row, JUDGED)
            if session.id == recorder.session.id and cell is not None:
                cell.setText(f"{len(recorder.standing)} of {len(recorder.tasks)}")

    def select_unfinished(self, annotator: str, prediction: Prediction | None) -> Session | None:
        """Select an annotator's latest open session of a prediction; None where there is none."""
        own = [
            s for s in self._listed if s.annotator == annotator and s.closed is None and s.kind in READINGS
        ]
        if prediction is None or not own:  # else it need not be hashed
            return None
        try:
            store = self._file.store()
            outputs = store.outputs(prediction.sha256)
            found = next((s for s in own if outputs & {t.output for t in store.tasks(s.id)[:1]}), None)
        except InputError:  # it was said when the list was read
            return None
        if found is not None:
            self.selectRow(self._listed.index(found))
        return found
