"""The Raters dock: how several raters agree, and whether the model is uncertain where they differ."""

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

from napari_uncertainseg._base import InputError, as_warning
from napari_uncertainseg.case import Case
from napari_uncertainseg.raters.report import PAIRWISE
from napari_uncertainseg.widgets.dock_description import Dock
from napari_uncertainseg.widgets.layers.rater_layers import CONSENSUS, DISAGREEMENT, KIND_COLOURS, KINDS
from napari_uncertainseg.widgets.raters import texts
from napari_uncertainseg.widgets.raters.comparison import Comparison, ComparisonRequest
from napari_uncertainseg.widgets.raters.scatter import UncertaintyScatter
from napari_uncertainseg.widgets.scans.segmented_scan import file_of_case
from napari_uncertainseg.widgets.shared.definitions import DefinedLabel
from napari_uncertainseg.widgets.shared.dialogs import ask_file
from napari_uncertainseg.widgets.shared.dock_widget import DockWidget
from napari_uncertainseg.widgets.shared.form_helpers import ExportButton, wrapping_label
from napari_uncertainseg.widgets.shared.jobs import JobRunner, JobState
from napari_uncertainseg.widgets.shared.number_table import NumberTable, format_number

if TYPE_CHECKING:
    from napari_uncertainseg.widgets.layers.review_layers import ReviewLayers

_LAYER_TIPS = {
    CONSENSUS: texts.CONSENSUS_LAYER_TIP,
    DISAGREEMENT: texts.DISAGREEMENT_LAYER_TIP,
    KINDS: "\n".join(meaning for _, meaning in KIND_COLOURS.values()).capitalize(),
}


class RatersDock(DockWidget):
    """Several label layers compared with each other, and with the prediction where there is one.

    Works on scans and on two-dimensional images.

    Parameters
    ----------
    case
        The case under review.
    layers
        Gives the user's label layers, and shows the result.
    parent
        Qt parent.
    """

    def __init__(self, case: Case, layers: ReviewLayers, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._case = case
        self._layers = layers
        self._jobs = JobRunner(self)
        self.comparison: Comparison | None = None
        self._make_controls()
        self._lay_out()
        self._connect()
        self._list_layers()
        self._show()

    def cleanup(self) -> None:
        """Stop the work and disconnect from case and layers. May be called twice."""
        self._jobs.cleanup()
        self._layers.layers_changed.disconnect(self._list_layers, missing_ok=True)
        self._case.prediction_changed.disconnect(self._on_other_prediction, missing_ok=True)
        self._case.lesions_changed.disconnect(self._on_other_prediction, missing_ok=True)
        self.scatter.cleanup()
        self.export.cleanup()

    # -- widgets ------------------------------------------------------------------------------

    def _make_controls(self) -> None:
        self.raters = QListWidget()
        self.raters.setToolTip(texts.RATERS_TIP)
        self.raters.setMaximumHeight(110)
        self.consensus = QComboBox()
        for kind, (title, meaning) in texts.CONSENSUS_KINDS.items():
            self.consensus.addItem(title, kind)
            self.consensus.setItemData(self.consensus.count() - 1, meaning, Qt.ItemDataRole.ToolTipRole)
        self.consensus.setToolTip(
            "\n".join(f"{title}: {meaning}" for title, meaning in texts.CONSENSUS_KINDS.values())
        )
        self.run = QPushButton()
        self.progress = QProgressBar()
        self.progress.setRange(0, 1000)
        self.progress.setTextVisible(False)
        self.message = wrapping_label(selectable=True)
        self.layer_boxes = {name: QCheckBox(name) for name in _LAYER_TIPS}
        for name, meaning in _LAYER_TIPS.items():
            self.layer_boxes[name].setToolTip(meaning)
        self.measure = QComboBox()
        for name, measure in PAIRWISE.items():
            title = f"{measure.title} ({measure.unit})" if measure.unit else measure.title
            self.measure.addItem(title, name)
            self.measure.setItemData(
                self.measure.count() - 1, measure.definition, Qt.ItemDataRole.ToolTipRole
            )
        self.measure.setAccessibleName(texts.MEASURE_NAME)
        self.pairs = NumberTable(name=texts.PAIRS_NAME)
        self.each_rater, self.model = NumberTable(name=texts.EACH_NAME), NumberTable(name=texts.MODEL_NAME)
        self.summary = wrapping_label(selectable=True)
        self.scatter = UncertaintyScatter()
        self.compared = wrapping_label(selectable=True)
        self.legend = wrapping_label(selectable=True)
        self.legend.set_html(
            "<br>".join(f"<span style='color:{c}'>■</span> {meaning}" for c, meaning in KIND_COLOURS.values())
        )
        self.export = ExportButton(texts.EXPORT_TABLE, texts.EXPORT_TABLE_TIP, self._case)

    def _lay_out(self) -> None:
        top = QWidget()  # keeps its height while the tabs are hidden
        top.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        form = QFormLayout(top)
        form.setContentsMargins(0, 0, 0, 0)
        form.addRow(texts.RATERS, self.raters)
        form.addRow(texts.CONSENSUS, self.consensus)
        boxes = QHBoxLayout()
        for box in self.layer_boxes.values():
            boxes.addWidget(box)
        boxes.addStretch(1)
        self.tabs = QTabWidget()
        self.tabs.addTab(_column(self.measure, self.pairs, self.summary, self.export), texts.AGREEMENT)
        self.tabs.addTab(_column(self.each_rater), texts.EACH_RATER)
        self.tabs.addTab(_column(self.compared, self.model, self.legend, self.scatter), texts.MODEL)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.addWidget(top)
        for widget in (self.run, self.progress, self.message):
            layout.addWidget(widget)
        self.tabs.setCornerWidget(DefinedLabel("Raters", texts.DEFINITIONS))  # the row above is full
        layout.addLayout(boxes)
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
        for name, box in self.layer_boxes.items():
            box.toggled.connect(partial(self._layers.raters.set_visible, name))
        self._jobs.state_changed.connect(self._show_state)
        self._jobs.progressed.connect(lambda stage, share, left: self.progress.setValue(round(1000 * share)))
        self._jobs.finished.connect(self._on_finished)
        self._jobs.failed.connect(lambda text: self._show_message(as_warning(text)))
        self._jobs.cancelled.connect(lambda: self._show_message(texts.CANCELLED))

    # -- choice of raters --------------------------------------------------------------------

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
        """List the label layers; ticked ones stay ticked."""
        ticked = self.chosen()
        blocked = self.raters.blockSignals(True)
        self.raters.clear()
        for name in self._layers.user_labels.names():
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
            request = ComparisonRequest.from_window(
                self._case, self._layers, self.chosen(), self.consensus.currentData()
            )
        except InputError as error:
            self._show_message(as_warning(error))
            return
        self._show_message("")
        self._jobs.start(request.run)

    def _on_finished(self, comparison: Comparison) -> None:
        if comparison.report.names[0] not in self._layers.user_labels.names():
            self._show_message(texts.LAYERS_REMOVED)
            return
        if self._layers.blinded:
            self._show_message(texts.DURING_EXERCISE)
            return
        self.comparison = comparison
        report = comparison.report
        self._layers.show_raters(report.consensus, report.disagreement, report.names[0])
        if comparison.model is not None and comparison.lesions is self._case.lesions:
            self._layers.show_kinds(comparison.model.kinds)
        self._show_message(texts.note(comparison.note))
        self._show()
        self._drop_without_case()

    def _on_other_prediction(self) -> None:
        """Mark the numbers about the model as outdated: prediction, threshold or painting changed."""
        self._drop_without_case()
        if self._model_compared and self.compared.text() != texts.OUTDATED:
            self.compared.setText(texts.OUTDATED)
            self._layers.raters.set_visible(KINDS, False)
            self.layer_boxes[KINDS].setChecked(False)

    def _drop_without_case(self) -> None:
        """Remove the comparison with a model when its case is closed."""
        if self._model_compared and self._case.prediction is None:
            self.comparison = None
            self._layers.raters.remove()
            self._show()

    @property
    def _model_compared(self) -> bool:
        """Whether the shown comparison includes the model."""
        return self.comparison is not None and self.comparison.model is not None

    def _show_state(self, _: Any = None) -> None:
        idle, several = self._jobs.state is JobState.IDLE, len(self.chosen()) >= 2
        self.run.setText(texts.RUN_LABELS[self._jobs.state.name])
        self.run.setEnabled(several if idle else self._jobs.state is JobState.RUNNING)
        self.run.setToolTip(
            texts.CANCEL_TIP if not idle else texts.COMPARE_TIP if several else texts.TICK_TWO
        )
        self.progress.setVisible(not idle)
        if not self.raters.count():
            self._show_message(texts.NO_LABELS)
        elif self.comparison is None and idle:
            self._show_message("" if several else texts.TICK_TWO)

    def _show_message(self, text: str) -> None:
        self.message.setText(text)
        self.message.setVisible(bool(text))

    # -- the result -------------------------------------------------------------------------

    def _show(self) -> None:
        existing = self._layers.raters.names()
        for name, box in self.layer_boxes.items():
            blocked = box.blockSignals(True)
            box.setEnabled(name in existing)
            box.setChecked(self._layers.raters.visible(name))
            box.blockSignals(blocked)
        self.tabs.setVisible(self.comparison is not None)
        if self.comparison is None:
            return
        self._show_pairs()
        self.each_rater.show_table(self.comparison.rater_table())
        current = self.comparison.model is None or self.comparison.lesions is self._case.lesions
        self.compared.setText(self.comparison.model_sentence() if current else texts.OUTDATED)
        model = self.comparison.model
        for widget in (self.model, self.legend):
            widget.setVisible(model is not None)
        self.scatter.setVisible(model is not None and bool(len(model.lesion_doubt)))
        if model is not None:
            self.model.show_table(self.comparison.model_table())
            self.scatter.show_points(model.lesion_doubt, model.lesion_disagreement)

    def _show_pairs(self) -> None:
        if self.comparison is None:
            return
        report, name = self.comparison.report, self.measure.currentData()
        self.pairs.show_table(self.comparison.pair_table(name))
        mean, fleiss = format_number(report.mean(name)), format_number(report.fleiss)
        self.summary.set_html(texts.pair_mean(mean, PAIRWISE[name].unit, fleiss))
        self.summary.setToolTip(texts.pair_mean_tip(PAIRWISE[name].definition))

    def export_table(self) -> None:
        """Ask for a file, and write all pairs into it."""
        if self.comparison is None:
            return
        path = ask_file(self, texts.EXPORT_TITLE, file_of_case(self._case, "raters.tsv"), texts.TABLE_KINDS)
        if path is not None:
            self._write(path, partial(_write_pairs, self.comparison))

    def _write(self, path: Path, write: Callable[[Path], object]) -> None:
        try:
            write(path)
        except (InputError, OSError) as error:
            self._show_message(texts.not_saved(error))
        else:
            self._show_message(texts.saved(path))


def _write_pairs(comparison: Comparison, path: Path) -> None:
    from napari_uncertainseg.export import write_table

    write_table(path, comparison.report.pairs())


def _column(*widgets: QWidget) -> QWidget:
    page = QWidget()
    layout = QVBoxLayout(page)
    layout.setContentsMargins(4, 6, 4, 4)
    for widget in widgets:
        layout.addWidget(widget)
    return page


DOCK = Dock("raters", "Raters", lambda context: RatersDock(context.case, context.layers))
