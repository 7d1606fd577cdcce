"""The panel with the result of the review: it follows the case while it is open."""

from __future__ import annotations

from qtpy.QtCore import QEvent, Qt
from qtpy.QtWidgets import QGridLayout, QVBoxLayout, QWidget

from napari_uncertainseg.evaluate.result import sentences
from napari_uncertainseg.widgets.dock_description import ReviewContext
from napari_uncertainseg.widgets.reading_bar.measure.measured import Measured
from napari_uncertainseg.widgets.reading_bar.result.adjudication import AdjudicationBox
from napari_uncertainseg.widgets.reading_bar.result.exports import ExportRow
from napari_uncertainseg.widgets.reading_bar.result.follower import ResultFollower
from napari_uncertainseg.widgets.shared.form_helpers import PlainLabel, wrapping_label

_WIDTH, _MARGIN = 330, 6
_NEW_SIZES = (QEvent.Type.Resize, QEvent.Type.LayoutRequest)


class ResultPanel(QWidget):
    """All lines of the result, buttons that copy and export it, and one mask of several readers.

    Parameters
    ----------
    context
        What docks and bar share.
    measured
        Rulers and regions of the scan under review.
    parent
        Qt parent.
    """

    _made = False
    """Qt sends events before all widgets are there."""

    def __init__(self, context: ReviewContext, measured: Measured, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setMinimumWidth(_WIDTH)
        self.follower = ResultFollower(context, measured, self)
        self.notice = wrapping_label()
        self.notice.setText(sentences.RESEARCH)
        self.notice.setStyleSheet("font-weight: bold")
        self.status = wrapping_label(Qt.AlignmentFlag.AlignCenter)
        self.numbers = QWidget()
        # Not a QFormLayout: that cuts what needs more lines than it expects.
        self._grid = QGridLayout(self.numbers)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setColumnStretch(1, 1)
        self._rows = {about: self._add_row(i, about) for i, about in enumerate(sentences.ABOUT)}
        self.exports = ExportRow(context.case, self.follower)
        self.adjudication = AdjudicationBox(context)
        self.message = wrapping_label(selectable=True)
        self.message.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(*[_MARGIN] * 4)
        for widget in (self.notice, self.status, self.numbers, self.exports, self.message):
            column.addWidget(widget)
        column.addWidget(self.adjudication)
        column.addStretch(1)
        self.follower.changed.connect(self.show_result)
        self._made = True
        self.exports.message_changed.connect(self.show_message)
        self.adjudication.message_changed.connect(self.show_message)
        self.show_result()

    def cleanup(self) -> None:
        """Stop measuring and writing. May be called twice."""
        self.adjudication.cleanup()
        self.exports.cleanup()
        self.follower.cleanup()

    def event(self, event: QEvent | None) -> bool:
        """Give long lines the height that they need at this width."""
        done = super().event(event)
        if event is not None and event.type() in _NEW_SIZES and self._made:
            self._hold_height()
        return done

    def _hold_height(self) -> None:
        """Qt asks a dock that scrolls for its smallest height only, in which lines are cut."""
        outer = self.contentsRect().width() - 2 * _MARGIN
        for widget in (self.numbers, self.adjudication):
            layout = widget.layout()
            if layout is not None and layout.hasHeightForWidth():
                widget.setMinimumHeight(layout.totalHeightForWidth(outer))

    @property
    def lines(self) -> dict[str, str]:
        """What is shown, by what it is about; empty where nothing is."""
        shown = not self.numbers.isHidden()
        rows = self._rows.items()
        return {about: label.text() for about, (_, label) in rows if shown and not label.isHidden()}

    def show_result(self) -> None:
        """Show the result as it is now, or why there is none."""
        measured = self.follower.measured
        self.status.setText(self.follower.why_not)
        self.status.setVisible(measured is None)
        self.numbers.setVisible(measured is not None)
        for widget in (self.exports, self.adjudication):
            widget.setVisible(measured is not None)
        said = {} if measured is None else dict(sentences.lines(measured.result))
        for about, (heading, label) in self._rows.items():
            label.setText(said.get(about, ""))
            for each in (heading, label):
                each.setVisible(about in said)
        if measured is None:
            self.show_message("")

    def _add_row(self, row: int, about: str) -> tuple[PlainLabel, PlainLabel]:
        heading, label = PlainLabel(about), wrapping_label(selectable=True)
        heading.setStyleSheet("font-weight: bold")
        for column, widget in enumerate((heading, label)):
            widget.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
            self._grid.addWidget(widget, row, column)
        return heading, label

    def show_message(self, sentence: str) -> None:
        """Show a sentence below the buttons; none where it is empty."""
        self.message.setText(sentence)
        self.message.setVisible(bool(sentence))
