"""The Dashboard dock: what all annotators of a file of sessions did, for whoever leads them."""

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

from napari_uncertainseg._base import InputError
from napari_uncertainseg.export import write_table
from napari_uncertainseg.review.reports.html import pluralised
from napari_uncertainseg.review.reports.learning_curves import Trained
from napari_uncertainseg.review.reports.snapshot import Snapshot, take_snapshot
from napari_uncertainseg.review.reports.statistics import Statistics, compute_statistics
from napari_uncertainseg.review.reports.statistics_table import statistics_table
from napari_uncertainseg.widgets.dashboard import tables as tables
from napari_uncertainseg.widgets.dashboard.learning_curve import LearningCurveView
from napari_uncertainseg.widgets.dock_description import Dock
from napari_uncertainseg.widgets.shared.definitions import DefinedLabel
from napari_uncertainseg.widgets.shared.dialogs import ask_file
from napari_uncertainseg.widgets.shared.dock_widget import DockWidget
from napari_uncertainseg.widgets.shared.form_helpers import PlainLabel, wrapping_label
from napari_uncertainseg.widgets.shared.number_table import NumberTable
from napari_uncertainseg.widgets.shared.plots import ReliabilityView
from napari_uncertainseg.widgets.shared.session_file import SessionFile

_NOTHING = Snapshot((), {}, {}, {})
_CURVES = 8
"""More than so many at once cannot be told apart."""
_TWO_LINES = 38
"""Height of a row that is named by two annotators."""


class DashboardDock(DockWidget):
    """Progress, agreement, time and training of all annotators.

    It only reads.

    Parameters
    ----------
    file
        The sessions that the docks of the window share, chosen in Session. Never made by looking.
    parent
        Qt parent.
    """

    def __init__(self, file: SessionFile, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._file = file
        self._gathered, self._problem = _NOTHING, ""
        self._trained: Sequence[Trained] = ()
        self.found: Statistics = compute_statistics(_NOTHING)
        self._make_controls()
        self._lay_out()
        file.changed.connect(self.refresh)
        self.refresh_button.clicked.connect(self.refresh)
        self.export_button.clicked.connect(self.export_table)
        self.pseudonyms.toggled.connect(self._show)
        self.who.currentIndexChanged.connect(self._show_curves)
        self._show()

    def cleanup(self) -> None:
        """Disconnect, and let go of the drawings. May be called twice."""
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
        if event is not None and event.type() == QEvent.Type.StyleChange and hasattr(self, "who"):
            self._mark_rows()

    # -- making it ----------------------------------------------------------------------------

    def _make_controls(self) -> None:
        self.file = PlainLabel()
        self.file.setTextFormat(Qt.TextFormat.PlainText)
        self.file.setToolTip("The file or server of sessions; another one is chosen in Session.")
        self.refresh_button = QPushButton("Refresh")
        self.refresh_button.setToolTip("Read the file again. This happens by itself when the dock is shown.")
        self.export_button = QPushButton("Export…")
        self.export_button.setToolTip(
            "Write all of it as one TSV table, a number per row; under pseudonyms if they are ticked."
        )
        self.pseudonyms = QCheckBox("pseudonyms")
        self.pseudonyms.setToolTip(
            "Call annotators and cases by numbers, in the order of their first sessions, as\n"
            "uncertainseg session export does; here and in the exported table."
        )
        self.message = wrapping_label(selectable=True)
        self.message.setTextFormat(Qt.TextFormat.PlainText)
        self.annotators, self.cases, self.pairs = NumberTable(), NumberTable(), NumberTable()
        self.times, self.training = NumberTable(), NumberTable()
        rows = self.pairs.verticalHeader()
        assert rows is not None
        rows.setDefaultSectionSize(_TWO_LINES)
        self.agreement_note = wrapping_label()
        self.agreement_note.setToolTip(
            "Agreement is taken from reviews and second readings that are closed or judged in full. Of the\n"
            "others only counts are shown: somebody may be reading the same without knowing the verdicts.\n"
            "Places with the same case and voxel are compared; who judged one twice counts with the last."
        )
        self.times_note, self.training_note = wrapping_label(), wrapping_label()
        self.who = QComboBox()
        self.who.setToolTip("Whose learning curve, and what their stated confidence meant.")
        self.curves = LearningCurveView()
        self.curves.setMinimumHeight(170)
        self.confidence = ReliabilityView(compact=True)
        self.confidence.setMinimumHeight(130)
        self.confidence.setToolTip(
            "How often what the annotator called a lesion, so surely, was one: on the diagonal is right."
        )

    def _lay_out(self) -> None:
        form, buttons = QFormLayout(), QHBoxLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("file", self.file)
        for widget in (self.refresh_button, self.export_button, self.pseudonyms):
            buttons.addWidget(widget)
        buttons.addStretch(1)
        buttons.addWidget(DefinedLabel("Sessions", "definitions"))
        self.tabs = QTabWidget()
        parts: dict[str, tuple[QWidget, ...]] = {
            "Progress": (PlainLabel("annotators"), self.annotators, PlainLabel("cases"), self.cases),
            "Agreement": (self.agreement_note, self.pairs),
            "Time": (self.times_note, self.times),
            "Training": (self.training_note, self.training, self.who, self.curves, self.confidence),
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
        self._gathered, self._problem = _NOTHING, ""
        try:
            if self._file.exists:
                self._gathered = take_snapshot(self._file.store())
                odd = list(self._gathered.odd.values())
                left_out = (
                    f"⚠ {self._file.name}: left out {pluralised(len(odd), 'session')}. {' '.join(odd[:3])}"
                )
                self._problem = left_out if odd else ""
        except InputError as error:
            self._problem = f"⚠ {error}"
        self._show()

    def export_table(self) -> None:
        """Ask for a file, and write all numbers into it."""
        path = ask_file(self, "Export the dashboard", "dashboard.tsv", "Table (*.tsv)")
        if path is None:
            return
        try:
            write_table(path, statistics_table(self.found))
            self._say(f"Written: {path}")
        except InputError as error:
            self._say(f"⚠ {error}")

    # -- from the store to the screen ---------------------------------------------------------

    def _show(self) -> None:
        gathered = self._gathered.pseudonymous() if self.pseudonyms.isChecked() else self._gathered
        try:
            self.found = compute_statistics(gathered)
        except InputError as error:  # such as a confidence of 7 in a file from elsewhere
            self.found, self._problem = compute_statistics(_NOTHING), f"⚠ {self._file.name}: {error}"
        found = self.found
        self.file.setText(self._file.name)
        for table, shown in (
            (self.annotators, tables.progress(found.annotators)),
            (self.cases, tables.progress(found.cases)),
            (self.pairs, tables.agreement(found.agreements)),
            (self.times, tables.times(found.times)),
            (self.training, tables.training(found.trained)),
        ):
            _fill(table, shown)
        self.agreement_note.setText(tables.describe_agreement(found))
        self.agreement_note.setVisible(bool(self.agreement_note.text()))
        self.times_note.setText("No times yet: they come with the verdicts of a session.")
        self.times_note.setVisible(not found.times)
        self.training_note.setText("No lesson is done yet: begin one in Training, and press Stop and score.")
        self.training_note.setVisible(not found.trained)
        self.export_button.setEnabled(bool(found.annotators))
        self._say(self._problem or self._next_step())
        self._offer(found.trained)
        self._mark_rows()

    def _next_step(self) -> str:
        if self._gathered.sessions:
            return ""
        if self._file.exists:
            return "No session here yet: begin one in Session or in Training."
        return f"There is no file {self._file.name} yet: begin a session in Session, or choose another there."

    def _offer(self, trained: Sequence[Trained]) -> None:
        """Offer annotators without a signal; the chosen one stays chosen under another name, too."""
        chosen, blocked = self.who.currentData(), self.who.blockSignals(True)
        self.who.clear()
        every = "all annotators" if len(trained) <= _CURVES else f"the first {_CURVES} of {len(trained)}"
        self.who.addItem(every, None)
        for one in trained:
            self.who.addItem(one.annotator, one.key)
        self.who.setCurrentIndex(max(self.who.findData(chosen), 0))
        self.who.blockSignals(blocked)
        for widget in (self.training, self.who, self.curves):
            widget.setVisible(bool(trained))
        self._trained = trained
        self._show_curves()

    def _show_curves(self) -> None:
        which = self.who.currentIndex() - 1
        numbered = list(enumerate(one.curve for one in self._trained))
        self.curves.show_curves(numbered[:_CURVES] if which < 0 else [numbered[which]])
        self.confidence.setVisible(which >= 0)
        if which >= 0:
            self.confidence.show_reliability(self._trained[which].score.confidence)

    def _mark_rows(self) -> None:
        """The table is the legend."""
        for row in range(self.training.rowCount()):
            header = self.training.verticalHeaderItem(row)
            if header is not None:
                header.setIcon(self.curves.icon(row))

    def _say(self, sentence: str) -> None:
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
    """Widgets below each other; tables and plots take the space that is left."""
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
