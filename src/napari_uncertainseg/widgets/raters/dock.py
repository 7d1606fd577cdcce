"""The Raters dock: how several experts agree, and whether the model doubts where they differ."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from napari_uncertainseg._base import InputError
from napari_uncertainseg.case import Case
from napari_uncertainseg.raters.report import PAIRWISE
from napari_uncertainseg.widgets.dock_description import Dock
from napari_uncertainseg.widgets.layers.rater_layers import CONSENSUS, DISAGREEMENT, KIND_COLOURS, KINDS
from napari_uncertainseg.widgets.raters.comparison import Comparison, ComparisonRequest
from napari_uncertainseg.widgets.raters.scatter import UncertaintyScatter
from napari_uncertainseg.widgets.shared.definitions import DefinedLabel
from napari_uncertainseg.widgets.shared.dialogs import ask_file
from napari_uncertainseg.widgets.shared.dock_widget import DockWidget
from napari_uncertainseg.widgets.shared.form_helpers import wrapping_label
from napari_uncertainseg.widgets.shared.jobs import JobRunner, JobState
from napari_uncertainseg.widgets.shared.number_table import NumberTable, format_number

if TYPE_CHECKING:
    from napari_uncertainseg.widgets.layers.review_layers import ReviewLayers

_CONSENSUS = {
    "majority": ("Majority", "Where more than half of the raters see lesion."),
    "staple": (
        "STAPLE",
        "Each rater counts by how well they agree with the others (Warfield et al. 2004).\n"
        "Estimated in the box of all marks and 5 mm around it.",
    ),
}
_STALE = "⚠ Prediction, threshold or painting changed since: press Compare again."
_SHOWN = {
    CONSENSUS: "The consensus as an outline.",
    DISAGREEMENT: "Population variance of the raters' marks, 0 (they agree) to 0.25.",
    KINDS: "\n".join(meaning for _, meaning in KIND_COLOURS.values()).capitalize(),
}
_RUN_TEXTS = {JobState.IDLE: "Compare", JobState.RUNNING: "Cancel", JobState.CANCELLING: "Cancelling …"}


class RatersDock(DockWidget):
    """Several label layers compared with each other, and with the prediction where there is one.

    Works on scans and on two-dimensional images.

    Parameters
    ----------
    case
        The case under review.
    layers
        Knows the user's label layers and shows what was found.
    parent
        Qt parent.
    """

    def __init__(self, case: Case, layers: ReviewLayers, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._case = case
        self._layers = layers
        self._jobs = JobRunner(self)
        self.found: Comparison | None = None
        self._make_controls()
        self._lay_out()
        self._connect()
        self._list_layers()
        self._show()

    def cleanup(self) -> None:
        """Stop the work and let go of case and layers. May be called twice."""
        self._jobs.cleanup()
        self._layers.layers_changed.disconnect(self._list_layers, missing_ok=True)
        self._case.prediction_changed.disconnect(self._on_other_prediction, missing_ok=True)
        self._case.lesions_changed.disconnect(self._on_other_prediction, missing_ok=True)
        self.scatter.cleanup()

    # -- making it ----------------------------------------------------------------------------

    def _make_controls(self) -> None:
        self.raters = QListWidget()
        self.raters.setToolTip("Label layers, one per rater: tick two or more. What is not 0 is lesion.")
        self.raters.setMaximumHeight(110)
        self.consensus = QComboBox()
        for kind, (title, meaning) in _CONSENSUS.items():
            self.consensus.addItem(title, kind)
            self.consensus.setItemData(self.consensus.count() - 1, meaning, Qt.ItemDataRole.ToolTipRole)
        self.consensus.setToolTip("\n".join(f"{title}: {meaning}" for title, meaning in _CONSENSUS.values()))
        self.run = QPushButton()
        self.progress = QProgressBar()
        self.progress.setRange(0, 1000)
        self.progress.setTextVisible(False)
        self.message = wrapping_label(selectable=True)
        self.shown = {name: QCheckBox(name) for name in _SHOWN}
        for name, meaning in _SHOWN.items():
            self.shown[name].setToolTip(meaning)
        self.measure = QComboBox()
        for name, measure in PAIRWISE.items():
            title = f"{measure.title} ({measure.unit})" if measure.unit else measure.title
            self.measure.addItem(title, name)
            self.measure.setItemData(
                self.measure.count() - 1, measure.definition, Qt.ItemDataRole.ToolTipRole
            )
        self.pairs, self.habits, self.model = NumberTable(), NumberTable(), NumberTable()
        self.summary = wrapping_label(selectable=True)
        self.scatter = UncertaintyScatter()
        self.compared = wrapping_label(selectable=True)
        self.legend = wrapping_label(selectable=True)
        self.legend.set_html(
            "<br>".join(f"<span style='color:{c}'>■</span> {meaning}" for c, meaning in KIND_COLOURS.values())
        )
        self.export = QPushButton("Export table…")
        self.export.setToolTip("Write one row per pair of raters as TSV, with all measures.")

    def _lay_out(self) -> None:
        top = QWidget()  # no higher than it must be while the tabs are hidden
        top.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        form = QFormLayout(top)
        form.setContentsMargins(0, 0, 0, 0)
        form.addRow("raters", self.raters)
        form.addRow("consensus", self.consensus)
        shown = QHBoxLayout()
        for box in self.shown.values():
            shown.addWidget(box)
        shown.addStretch(1)
        self.tabs = QTabWidget()
        self.tabs.addTab(_column(self.measure, self.pairs, self.summary, self.export), "Agreement")
        self.tabs.addTab(_column(self.habits), "Each rater")
        self.tabs.addTab(_column(self.compared, self.model, self.legend, self.scatter), "Model")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.addWidget(top)
        for widget in (self.run, self.progress, self.message):
            layout.addWidget(widget)
        self.tabs.setCornerWidget(DefinedLabel("Raters", "definitions"))  # the row above is full
        layout.addLayout(shown)
        layout.addWidget(self.tabs, stretch=1)
        layout.addStretch(0)

    def _connect(self) -> None:
        self._layers.layers_changed.connect(self._list_layers)
        self._case.prediction_changed.connect(self._on_other_prediction)
        self._case.lesions_changed.connect(self._on_other_prediction)
        self.raters.itemChanged.connect(self._show_state)
        self.run.clicked.connect(self._on_run)
        self.measure.currentIndexChanged.connect(self._show_pairs)
        self.export.clicked.connect(self.export_table)
        for name, box in self.shown.items():
            box.toggled.connect(partial(self._layers.raters.set_visible, name))
        self._jobs.state_changed.connect(self._show_state)
        self._jobs.progressed.connect(lambda stage, share, left: self.progress.setValue(round(1000 * share)))
        self._jobs.finished.connect(self._on_finished)
        self._jobs.failed.connect(lambda text: self._say(f"⚠ {text}"))
        self._jobs.cancelled.connect(lambda: self._say("Cancelled; nothing was changed."))

    # -- which raters -------------------------------------------------------------------------

    def chosen(self) -> list[str]:
        """Names of the ticked layers."""
        return [item.text() for item in self._items() if item.checkState() == Qt.CheckState.Checked]

    def choose(self, names: list[str]) -> None:
        """Tick these layers and no others."""
        for item in self._items():
            ticked = item.text() in names
            item.setCheckState(Qt.CheckState.Checked if ticked else Qt.CheckState.Unchecked)

    def _items(self) -> list[QListWidgetItem]:
        items = (self.raters.item(i) for i in range(self.raters.count()))
        return [item for item in items if item is not None]

    def _list_layers(self) -> None:
        """Offer the label layers that there are; what was ticked stays ticked."""
        ticked = self.chosen()
        blocked = self.raters.blockSignals(True)
        self.raters.clear()
        for name in self._layers.label_layers():
            item = QListWidgetItem(name)
            item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(Qt.CheckState.Checked if name in ticked else Qt.CheckState.Unchecked)
            self.raters.addItem(item)
        self.raters.blockSignals(blocked)
        self._show_state()

    # -- comparing ----------------------------------------------------------------------------

    def _on_run(self) -> None:
        if self._jobs.state is not JobState.IDLE:
            self._jobs.cancel()
            return
        try:
            question = ComparisonRequest.ask(
                self._case, self._layers, self.chosen(), self.consensus.currentData()
            )
        except InputError as error:
            self._say(f"⚠ {error}")
            return
        self._say("")
        self._jobs.start(question.answer)

    def _on_finished(self, found: Comparison) -> None:
        if found.report.names[0] not in self._layers.label_layers():
            self._say("⚠ The raters' layers have gone; choose others.")
            return
        if self._layers.blinded:
            self._say("An exercise went on when this was done: compare once more.")
            return
        self.found = found
        report = found.report
        self._layers.show_raters(report.consensus, report.disagreement, report.names[0])
        if found.model is not None and found.lesions is self._case.lesions:
            self._layers.show_kinds(found.model.kinds)
        self._say(f"• {found.note}" if found.note else "")
        self._show()
        self._drop_without_case()

    def _on_other_prediction(self) -> None:
        """What was said of the model is about another prediction, threshold or painting now."""
        self._drop_without_case()
        if self.found is not None and self.found.model is not None and self.compared.text() != _STALE:
            self.compared.setText(_STALE)
            self._layers.raters.set_visible(KINDS, False)
            self.shown[KINDS].setChecked(False)

    def _drop_without_case(self) -> None:
        """What was said of a model goes with the case."""
        if self.found is not None and self.found.model is not None and self._case.prediction is None:
            self.found = None
            self._layers.raters.remove()
            self._show()

    def _show_state(self, _: Any = None) -> None:
        idle, several = self._jobs.state is JobState.IDLE, len(self.chosen()) >= 2
        self.run.setText(_RUN_TEXTS[self._jobs.state])
        self.run.setEnabled(several if idle else self._jobs.state is JobState.RUNNING)
        self.run.setToolTip("Compare the ticked raters." if several else "Tick two label layers or more.")
        self.progress.setVisible(not idle)
        if not self.raters.count():
            self._say("No label layer yet: open or draw one per rater, on one grid.")
        elif self.found is None and idle:
            self._say("" if several else "Tick two label layers or more, one per rater.")

    def _say(self, text: str) -> None:
        self.message.setText(text)
        self.message.setVisible(bool(text))

    # -- what was found -----------------------------------------------------------------------

    def _show(self) -> None:
        there = self._layers.raters.names()
        for name, box in self.shown.items():
            blocked = box.blockSignals(True)
            box.setEnabled(name in there)
            box.setChecked(self._layers.raters.visible(name))
            box.blockSignals(blocked)
        self.tabs.setVisible(self.found is not None)
        if self.found is None:
            return
        self._show_pairs()
        self.habits.show_table(self.found.habits())
        current = self.found.model is None or self.found.lesions is self._case.lesions
        self.compared.setText(self.found.model_sentence() if current else _STALE)
        model = self.found.model
        for widget in (self.model, self.legend):
            widget.setVisible(model is not None)
        self.scatter.setVisible(model is not None and bool(len(model.lesion_doubt)))
        if model is not None:
            self.model.show_table(self.found.model_numbers())
            self.scatter.show_points(model.lesion_doubt, model.lesion_disagreement)

    def _show_pairs(self) -> None:
        if self.found is None:
            return
        report, name = self.found.report, self.measure.currentData()
        self.pairs.show_table(self.found.pairs(name))
        unit = f" {PAIRWISE[name].unit}" if PAIRWISE[name].unit else ""
        self.summary.set_html(
            f"<b>mean of all pairs</b> {format_number(report.mean(name))}{unit}"
            f" &nbsp; <b>Fleiss' kappa</b> {format_number(report.fleiss)}"
        )
        self.summary.setToolTip(
            f"{PAIRWISE[name].definition}\nFleiss' kappa: agreement of all beyond chance."
        )

    def export_table(self) -> None:
        """Ask for a file, and write all pairs into it."""
        if self.found is None:
            return
        path = ask_file(self, "Export", "raters.tsv", "Table (*.tsv)")
        if path is not None:
            self._write(path, partial(_write_pairs, self.found))

    def _write(self, path: Path, write: Callable[[Path], object]) -> None:
        try:
            write(path)
        except (InputError, OSError) as error:
            self._say(f"⚠ Not saved: {error}")
        else:
            self._say(f"Saved to {path}")


def _write_pairs(found: Comparison, path: Path) -> None:
    from napari_uncertainseg.export import write_table

    write_table(path, found.report.pairs())


def _column(*widgets: QWidget) -> QWidget:
    page = QWidget()
    layout = QVBoxLayout(page)
    layout.setContentsMargins(4, 6, 4, 4)
    for widget in widgets:
        layout.addWidget(widget)
    return page


DOCK = Dock("raters", "Raters", lambda context: RatersDock(context.case, context.layers))
