"""The Calibration dock: whether the predicted probabilities agree with a reference."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)
from superqt.utils import qthrottled

from napari_uncertainseg import figures
from napari_uncertainseg._base import InputError, as_warning
from napari_uncertainseg.calibration.region import Region
from napari_uncertainseg.calibration.report import bins_table, caution, reference_voxels, voxels
from napari_uncertainseg.case import Case
from napari_uncertainseg.nouns import LESION
from napari_uncertainseg.widgets.calibration import texts
from napari_uncertainseg.widgets.calibration.recalibration import RecalibrationRow
from napari_uncertainseg.widgets.dock_description import Dock
from napari_uncertainseg.widgets.layers.agreement.reference_choice import ReferenceChoice
from napari_uncertainseg.widgets.scans.segmented_scan import file_of_case
from napari_uncertainseg.widgets.shared.definitions import DefinedLabel
from napari_uncertainseg.widgets.shared.dialogs import ask_file
from napari_uncertainseg.widgets.shared.dock_widget import DockWidget
from napari_uncertainseg.widgets.shared.form_helpers import (
    ExportButton,
    PlainLabel,
    set_layer_choices,
    show_layer_choice,
    wrapping_label,
)
from napari_uncertainseg.widgets.shared.plots import ReliabilityView

if TYPE_CHECKING:
    from napari_uncertainseg.calibration.reliability import Reliability
    from napari_uncertainseg.widgets.layers.review_layers import ReviewLayers

_SLICE_MS = 30


class CalibrationDock(DockWidget):
    """Reliability of the prediction against a reference layer, live.

    Parameters
    ----------
    case
        The case under review.
    layers
        Gives the user's label layers and the current slice.
    choice
        Of the reference, shared with other docks; of its own where none is given.
    parent
        Qt parent.
    """

    def __init__(
        self,
        case: Case,
        layers: ReviewLayers,
        choice: ReferenceChoice | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._case = case
        self._layers = layers
        self._choice, self._own_choice = choice or ReferenceChoice(case, layers), choice is None
        self._make_controls()
        self._lay_out()
        self._update_region = qthrottled(self._apply_region, timeout=_SLICE_MS)
        self._connect()
        self._list_layers()
        self._show()

    def cleanup(self) -> None:
        """Disconnect from case and layers. May be called twice."""
        self._update_region.cancel()
        if self._own_choice:
            self._choice.cleanup()
        for signal, slot in self._listened():
            signal.disconnect(slot, missing_ok=True)
        self.recalibration.cleanup()
        self.view.cleanup()
        self.figure_button.cleanup()
        self.table_button.cleanup()

    # -- widgets ------------------------------------------------------------------------------

    def _make_controls(self) -> None:
        self.reference = QComboBox()
        self.reference.setToolTip(texts.REFERENCE_TIP)
        self.region = QComboBox()
        for kind, (title, meaning) in texts.REGIONS.items():
            self.region.addItem(title, kind)
            self.region.setItemData(self.region.count() - 1, meaning, Qt.ItemDataRole.ToolTipRole)
        self.region.setToolTip("\n".join(f"{title}: {meaning}" for title, meaning in texts.REGIONS.values()))
        self.inside = QComboBox()
        self.inside.setToolTip(texts.MASK_TIP)
        self._mask_version = 0
        self.view = ReliabilityView()
        self.view.setMinimumHeight(260)
        self.recalibration = RecalibrationRow(self._case)
        self.empty = wrapping_label(Qt.AlignmentFlag.AlignCenter)
        self.warning = wrapping_label(Qt.AlignmentFlag.AlignLeft)
        self.numbers = {key: DefinedLabel("Calibration") for key in texts.METRICS}
        for key, (_, meaning) in texts.METRICS.items():
            self.numbers[key].setToolTip(texts.metric_tip(meaning))
        self.voxels = PlainLabel()
        self.voxels.setToolTip(texts.COUNT_TIP)
        tip = texts.EXPORT_FIGURE_TIP if figures.can_draw() else texts.NO_MATPLOTLIB_TIP
        self.figure_button = ExportButton(texts.EXPORT_FIGURE, tip, self._case)
        self.table_button = ExportButton(texts.EXPORT_BINS, texts.EXPORT_BINS_TIP, self._case)
        self.message = wrapping_label(Qt.AlignmentFlag.AlignLeft, selectable=True)

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.addRow(texts.REFERENCE, self.reference)
        form.addRow(texts.REGION, self.region)
        form.addRow(texts.MASK, self.inside)
        self._form = form
        form.setRowVisible(self.inside, False)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self._stack = QStackedWidget()
        # Without this napari puts an empty stretch below it.
        self._stack.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._stack.addWidget(self.empty)
        self._stack.addWidget(self.view)
        metrics, buttons = QHBoxLayout(), QHBoxLayout()
        for label in self.numbers.values():
            metrics.addWidget(label)
        buttons.addWidget(self.figure_button)
        buttons.addWidget(self.table_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.addLayout(form)
        layout.addWidget(self.recalibration)
        layout.addWidget(self._stack, stretch=1)
        layout.addLayout(metrics)
        for widget in (self.voxels, self.warning):
            layout.addWidget(widget)
        layout.addLayout(buttons)
        layout.addWidget(self.message)

    def _listened(self) -> list[tuple[Any, Callable[..., None]]]:
        return [
            (self._layers.layers_changed, self._list_layers),
            (self._layers.labels_edited, self._on_edited),
            (self._layers.slice_changed, self._on_slice),
            (self._case.prediction_changed, self._on_prediction),
            (self._choice.changed, self._show_choice),
            (self._case.reliability_changed, self._show),
            (self._case.lesions_changed, self._mark_threshold),
        ]

    def _connect(self) -> None:
        for signal, slot in self._listened():
            signal.connect(slot)
        self.reference.currentIndexChanged.connect(self._choose)
        self.region.currentIndexChanged.connect(self._apply_region)
        self.inside.currentIndexChanged.connect(self._apply_region)
        self.recalibration.previewed.connect(self._show_preview)
        self.figure_button.clicked.connect(self.export_figure)
        self.table_button.clicked.connect(self.export_bins)

    # -- from the user to the case ------------------------------------------------------------

    def _list_layers(self) -> None:
        """List the label layers; a chosen one that was removed is no longer chosen."""
        names, inside = self._layers.user_labels.names(), self.inside.currentData()
        for box in (self.reference, self.inside):
            set_layer_choices(box, names)
        if inside is not None and inside not in names:
            self._apply_region()
        self._show_choice()

    def _on_prediction(self) -> None:
        """Without a case the choices are reset."""
        if self._case.prediction is None:
            for box in (self.inside, self.region):
                box.setCurrentIndex(0)
        self._show_choice()

    def _choose(self) -> None:
        self._choice.choose(self.reference.currentData())

    def _show_choice(self) -> None:
        show_layer_choice(self.reference, self._choice.name)
        self._show()

    def _apply_region(self) -> None:
        kind = self.region.currentData()
        self._form.setRowVisible(self.inside, kind == "mask")
        if kind == "mask":
            self._apply_mask()
            return
        axis, index = self._layers.current_slice() if kind == "slice" else (0, 0)
        self._case.comparison.region = Region(kind, axis, index)

    def _apply_mask(self) -> None:
        """Use the mask's current voxels as region; the whole brain while no mask is chosen."""
        name = self.inside.currentData()
        if name is None:
            self._case.comparison.region = Region()
            return
        try:
            mask = self._layers.user_labels.mask_of(name)
        except InputError as error:
            self.inside.setCurrentIndex(0)
            self._warn(str(error))
            return
        self._mask_version += 1
        self._case.comparison.region = Region("mask", inside=mask, version=self._mask_version)

    def _on_edited(self, name: str) -> None:
        if name == self.inside.currentData() and self.region.currentData() == "mask":
            self._update_region()

    def _on_slice(self) -> None:
        if self.region.currentData() == "slice":
            self._update_region()

    # -- from the case to the screen ----------------------------------------------------------

    def _show(self) -> None:
        reliability = self._case.comparison.reliability
        each = self._case.comparison.region.kind == "each"
        unit = texts.LESIONS if each else texts.VOXELS
        self.view.set_unit(unit)
        prediction = self._case.prediction
        self.view.set_target(LESION if prediction is None else prediction.noun.one)
        self.view.show_reliability(reliability)
        self.view.show_before(self._case.comparison.reliability_before())
        self._mark_threshold()
        self._stack.setCurrentWidget(self.empty if reliability is None else self.view)
        self.empty.setText(self._next_step())
        self._show_numbers(reliability)
        self.voxels.setText(_counts(reliability, unit))
        no_mask = self.region.currentData() == "mask" and self.inside.currentData() is None
        reference, labels = self._choice.name, self._layers.user_labels
        if reliability is not None and reference is not None and labels.is_foreign(reference):
            self._warn(texts.foreign_reference(reference))
        elif no_mask:
            self._warn(texts.CHOOSE_MASK)
        else:
            self._warn("" if reliability is None or each else caution(reliability))
        self.figure_button.setEnabled(reliability is not None and figures.can_draw())
        self.table_button.setEnabled(reliability is not None)

    def _show_preview(self, reliability: Reliability) -> None:
        """Show the effect of a temperature in the diagram only, before the maps change."""
        self.view.show_before(self._case.comparison.reliability_before() or self._case.comparison.reliability)
        self.view.show_reliability(reliability)
        self._show_numbers(reliability)

    def _show_numbers(self, reliability: Reliability | None) -> None:
        for key, (name, _) in texts.METRICS.items():
            value = None if reliability is None else getattr(reliability, key)
            self.numbers[key].set_html(texts.metric(name, value))

    def _mark_threshold(self) -> None:
        self.view.set_threshold(None if self._case.prediction is None else self._case.threshold)

    def _next_step(self) -> str:
        if self._case.prediction is None:
            return texts.NO_PREDICTION
        if self._choice.problem:
            return self._choice.problem
        return texts.CHOOSE_REFERENCE

    def _warn(self, sentence: str) -> None:
        self.warning.setText(as_warning(sentence) if sentence else "")
        self.warning.setVisible(bool(sentence))

    # -- export -------------------------------------------------------------------------------

    def export_figure(self) -> None:
        """Ask for a file, and draw the diagram into it."""
        self._save("reliability.svg", texts.FIGURE_KINDS, figures.save_figure)

    def export_bins(self) -> None:
        """Ask for a file, and write the bins into it."""
        self._save("reliability.tsv", texts.TABLE_KINDS, _write_bins)

    def _save(self, name: str, kinds: str, write: Callable[[Path, Reliability], object]) -> None:
        reliability = self._case.comparison.reliability
        path = (
            None
            if reliability is None
            else ask_file(self, texts.EXPORT_TITLE, file_of_case(self._case, name), kinds)
        )
        if path is None or reliability is None:
            return
        try:
            write(path, reliability)
        except (InputError, OSError) as error:
            self.message.setText(texts.not_saved(error))
        else:
            self.message.setText(texts.saved(path))


def _write_bins(path: Path, reliability: Reliability) -> None:
    from napari_uncertainseg.export import write_table

    write_table(path, bins_table(reliability))


def _counts(reliability: Reliability | None, unit: str) -> str:
    if reliability is None:
        return ""
    return texts.counts(voxels(reliability), reference_voxels(reliability), unit)


DOCK = Dock(
    "calibration",
    "Calibration",
    lambda context: CalibrationDock(context.case, context.layers, context.layers.reference),
    opens_with_review=True,
    follows_target=True,
)
