"""The Dashboard dock: progress, agreement, time and exercises of all annotators, for their supervisor."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import QEvent, Qt
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QPushButton,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from napari_uncertainseg._base import InputError, as_warning
from napari_uncertainseg.export import write_table
from napari_uncertainseg.review.reports.learning_curves import Trained
from napari_uncertainseg.review.reports.snapshot import Snapshot, take_snapshot
from napari_uncertainseg.review.reports.statistics import Statistics, compute_statistics
from napari_uncertainseg.review.reports.statistics_table import statistics_table
from napari_uncertainseg.widgets.dashboard import tables, texts
from napari_uncertainseg.widgets.dashboard.learning_curve import LearningCurveView
from napari_uncertainseg.widgets.dock_description import Dock
from napari_uncertainseg.widgets.shared.definitions import CONFIDENCE_DIAGRAM, DefinedLabel
from napari_uncertainseg.widgets.shared.dialogs import ask_file
from napari_uncertainseg.widgets.shared.dock_widget import DockWidget
from napari_uncertainseg.widgets.shared.form_helpers import PlainLabel, wrapping_label
from napari_uncertainseg.widgets.shared.number_table import NumberTable
from napari_uncertainseg.widgets.shared.plots import ReliabilityView
from napari_uncertainseg.widgets.shared.session_file import SessionFile

_EMPTY = Snapshot((), {}, {}, {})
_CURVES = 8
"""Number of curves that can be told apart."""
_TWO_LINES = 38
"""Height in pixels of a row with the names of two annotators."""


class DashboardDock(DockWidget):
    """Progress, agreement, time and exercises of all annotators.

    It only reads.

    Parameters
    ----------
    file
        The sessions that the docks of the window share, chosen in Session; the file is never made here.
    parent
        Qt parent.
    """

    def __init__(self, file: SessionFile, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._file = file
        self._snapshot, self._problem = _EMPTY, ""
        self._trained: Sequence[Trained] = ()
        self.statistics: Statistics = compute_statistics(_EMPTY)
        self._make_controls()
        self._lay_out()
        file.changed.connect(self.refresh)
        self.refresh_button.clicked.connect(self.refresh)
        self.export_button.clicked.connect(self.export_table)
        self.pseudonyms.toggled.connect(self._show)
        self.annotator.currentIndexChanged.connect(self._show_curves)
        self._show()

    def cleanup(self) -> None:
        """Disconnect, and release the diagrams. May be called twice."""
        self._file.changed.disconnect(self.refresh, missing_ok=True)
        self.curves.cleanup()
        self.confidence.cleanup()

    def on_front(self) -> None:
        """Read the file again."""
        self.refresh()

    def showEvent(self, event: QShowEvent | None) -> None:
        """Read the file again: it may have changed while the dock was hidden."""
        super().showEvent(event)
        if event is not None and not event.spontaneous():
            self.refresh()

    def changeEvent(self, event: QEvent | None) -> None:
        """Follow napari's theme."""
        super().changeEvent(event)
        if event is not None and event.type() == QEvent.Type.StyleChange and hasattr(self, "annotator"):
            self._mark_rows()

    # -- making it ----------------------------------------------------------------------------

    def _make_controls(self) -> None:
        self.file = PlainLabel()
        self.file.setTextFormat(Qt.TextFormat.PlainText)
        self.file.setToolTip(texts.FILE_TIP)
        self.refresh_button = QPushButton(texts.REFRESH)
        self.refresh_button.setToolTip(texts.REFRESH_TIP)
        self.export_button = QPushButton(texts.EXPORT)
        self.export_button.setToolTip(texts.EXPORT_TIP)
        self.pseudonyms = QCheckBox(texts.PSEUDONYMS)
        self.pseudonyms.setToolTip(texts.PSEUDONYMS_TIP)
        self.message = wrapping_label(selectable=True)
        self.message.setTextFormat(Qt.TextFormat.PlainText)
        self.annotators, self.cases, self.pairs, self.times, self.exercises = (
            NumberTable(name=name) for name in texts.TABLE_NAMES
        )
        rows = self.pairs.verticalHeader()
        assert rows is not None
        rows.setDefaultSectionSize(_TWO_LINES)
        self.agreement_note = wrapping_label()
        self.agreement_note.setToolTip(texts.AGREEMENT_TIP)
        self.times_note, self.exercises_note = wrapping_label(), wrapping_label()
        self.annotator = QComboBox()
        self.annotator.setToolTip(texts.CURVE_TIP)
        self.annotator.setAccessibleName(texts.CURVE_NAME)
        self.curves = LearningCurveView()
        self.curves.setMinimumHeight(170)
        self.confidence = ReliabilityView(compact=True)
        self.confidence.setMinimumHeight(130)
        self.confidence.setToolTip(CONFIDENCE_DIAGRAM)

    def _lay_out(self) -> None:
        form, buttons = QFormLayout(), QHBoxLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow(texts.FILE, self.file)
        for widget in (self.refresh_button, self.export_button, self.pseudonyms):
            buttons.addWidget(widget)
        buttons.addStretch(1)
        buttons.addWidget(DefinedLabel("Sessions", texts.DEFINITIONS))
        self.tabs = QTabWidget()
        parts: dict[str, tuple[QWidget, ...]] = {
            texts.PROGRESS: (
                PlainLabel(texts.ANNOTATORS),
                self.annotators,
                PlainLabel(texts.CASES),
                self.cases,
            ),
            texts.AGREEMENT: (self.agreement_note, self.pairs),
            texts.TIME: (self.times_note, self.times),
            texts.EXERCISES: (
                self.exercises_note,
                self.exercises,
                self.annotator,
                self.curves,
                self.confidence,
            ),
        }
        for title, widgets in parts.items():
            self.tabs.addTab(_column(*widgets), title)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.addLayout(form)
        layout.addLayout(buttons)
        layout.addWidget(self.message)
        layout.addWidget(self.tabs, stretch=1)

    # -- what the user does -------------------------------------------------------------------

    def refresh(self) -> None:
        """Read the file again."""
        self._snapshot, self._problem = _EMPTY, ""
        try:
            if self._file.exists:
                self._snapshot = take_snapshot(self._file.store())
                if problems := list(self._snapshot.odd.values()):
                    self._problem = as_warning(texts.left_out(self._file.name, problems))
        except InputError as error:
            self._problem = as_warning(error)
        self._show()

    def export_table(self) -> None:
        """Ask for a file, and write all numbers into it."""
        path = ask_file(self, texts.EXPORT_DIALOG, "dashboard.tsv", texts.EXPORT_KIND)
        if path is None:
            return
        try:
            write_table(path, statistics_table(self.statistics))
            self._show_message(texts.exported(str(path)))
        except InputError as error:
            self._show_message(as_warning(error))

    # -- from the store to the screen ---------------------------------------------------------

    def _show(self) -> None:
        snapshot = self._snapshot.pseudonymous() if self.pseudonyms.isChecked() else self._snapshot
        try:
            self.statistics = compute_statistics(snapshot)
        except InputError as error:  # such as a confidence of 7 in a file from elsewhere
            self.statistics, self._problem = (
                compute_statistics(_EMPTY),
                as_warning(texts.unreadable(self._file.name, str(error))),
            )
        statistics = self.statistics
        self.file.setText(self._file.name)
        for table, shown in (
            (self.annotators, tables.progress(statistics.annotators)),
            (self.cases, tables.progress(statistics.cases)),
            (self.pairs, tables.agreement(statistics.agreements)),
            (self.times, tables.times(statistics.times)),
            (self.exercises, tables.exercises(statistics.trained)),
        ):
            _fill(table, shown)
        self.agreement_note.setText(tables.describe_agreement(statistics))
        self.agreement_note.setVisible(bool(self.agreement_note.text()))
        self.times_note.setText(texts.NO_TIMES)
        self.times_note.setVisible(not statistics.times)
        self.exercises_note.setText(texts.NO_EXERCISE)
        self.exercises_note.setVisible(not statistics.trained)
        self.export_button.setEnabled(bool(statistics.annotators))
        self._show_message(self._problem or self._next_step())
        self._list_annotators(statistics.trained)
        self._mark_rows()

    def _next_step(self) -> str:
        if self._snapshot.sessions:
            return ""
        if self._file.exists:
            return texts.NO_SESSION
        return texts.no_file(self._file.name)

    def _list_annotators(self, trained: Sequence[Trained]) -> None:
        """List the annotators without a signal; the chosen one stays chosen, even under a pseudonym."""
        chosen, blocked = self.annotator.currentData(), self.annotator.blockSignals(True)
        self.annotator.clear()
        self.annotator.addItem(texts.all_annotators(len(trained), _CURVES), None)
        for annotator in trained:
            self.annotator.addItem(annotator.annotator, annotator.key)
        self.annotator.setCurrentIndex(max(self.annotator.findData(chosen), 0))
        self.annotator.blockSignals(blocked)
        for widget in (self.exercises, self.annotator, self.curves):
            widget.setVisible(bool(trained))
        self._trained = trained
        self._show_curves()

    def _show_curves(self) -> None:
        chosen = self.annotator.currentIndex() - 1  # -1: all
        numbered = list(enumerate(annotator.curve for annotator in self._trained))
        self.curves.show_curves(numbered[:_CURVES] if chosen < 0 else [numbered[chosen]])
        self.confidence.setVisible(chosen >= 0)
        if chosen >= 0:
            self.confidence.show_reliability(self._trained[chosen].score.confidence)

    def _mark_rows(self) -> None:
        """Show the symbols of the curves in the table, which is their legend."""
        for row in range(self.exercises.rowCount()):
            header = self.exercises.verticalHeaderItem(row)
            if header is not None:
                header.setIcon(self.curves.icon(row))

    def _show_message(self, sentence: str) -> None:
        self.message.setText(sentence)
        self.message.setVisible(bool(sentence))


def _fill(widget: NumberTable, shown: tables.Shown) -> None:
    table, tips = shown
    widget.show_table(table)
    for row, text in enumerate(tips):
        header = widget.verticalHeaderItem(row)
        if header is not None:
            header.setToolTip(text)


def _column(*widgets: QWidget) -> QWidget:
    """Widgets below each other; tables and plots share the free space."""
    holder = QWidget()
    layout = QVBoxLayout(holder)
    layout.setContentsMargins(0, 6, 0, 0)
    for widget in widgets:
        grows = isinstance(widget, NumberTable | LearningCurveView | ReliabilityView)
        layout.addWidget(widget, stretch=int(grows))
    layout.addStretch(0)
    return holder


DOCK = Dock(
    "dashboard",
    "Dashboard",
    lambda context: DashboardDock(context.sessions),
    shows_other_readers=True,
)
