"""The Calibration dock: whether the prediction's confidence means something."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QPushButton,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)
from superqt.utils import qthrottled

from napari_uncertainseg import figures
from napari_uncertainseg._base import InputError
from napari_uncertainseg.calibration.region import Region
from napari_uncertainseg.calibration.report import bins_table, caution, reference_voxels, voxels
from napari_uncertainseg.case import Case
from napari_uncertainseg.widgets.calibration.recalibration import RecalibrationRow
from napari_uncertainseg.widgets.dock_description import Dock
from napari_uncertainseg.widgets.shared.definitions import DefinedLabel
from napari_uncertainseg.widgets.shared.dialogs import ask_file
from napari_uncertainseg.widgets.shared.dock_widget import DockWidget
from napari_uncertainseg.widgets.shared.form_helpers import PlainLabel, set_layer_choices, wrapping_label
from napari_uncertainseg.widgets.shared.plots import ReliabilityView

if TYPE_CHECKING:
    from napari_uncertainseg.calibration.reliability import Reliability
    from napari_uncertainseg.widgets.layers.review_layers import ReviewLayers

_PAINT_MS = 100
_SLICE_MS = 30

REGIONS = {
    "brain": ("whole brain", "All voxels of the brain. Most are far from any lesion, so ECE is near 0 here."),
    "lesions": ("around lesions", "Voxels within 5 mm of a predicted or a reference lesion."),
    "each": (
        "each lesion",
        "Lesions and candidates as wholes, by their mean p: does one of 0.7 exist seven times in ten?",
    ),
    "mask": ("inside a mask", "Voxels of the brain that a label layer marks: a structure, a part you drew."),
    "slice": ("this slice", "Voxels of the brain in the slice that is shown; follows the viewer."),
}

METRICS = {
    "ace": (
        "ACE",
        "Average calibration error: mean over bins of |mean probability - fraction that is lesion|.\n"
        "0 is best. Each bin counts alike, so the rare high probabilities weigh as much as the background.",
    ),
    "mce": ("MCE", "Maximum calibration error: the largest difference of all bins. 0 is best."),
    "ece": (
        "ECE",
        "Expected calibration error: the same differences, weighted by the number of voxels in the bin.\n"
        "0 is best. Over a whole brain it is small for any model, because background is easy.",
    ),
}


class CalibrationDock(DockWidget):
    """Reliability of the prediction against a reference layer, live.

    Parameters
    ----------
    case
        The case under review.
    layers
        Knows the user's label layers and the slice that is shown.
    parent
        Qt parent.
    """

    def __init__(self, case: Case, layers: ReviewLayers, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._case = case
        self._layers = layers
        self._problem = ""
        self._make_controls()
        self._lay_out()
        self._reread = qthrottled(self._read_reference, timeout=_PAINT_MS)
        self._follow = qthrottled(self._take_region, timeout=_SLICE_MS)
        self._connect()
        self._list_layers()
        self._show()

    def cleanup(self) -> None:
        """Disconnect from case and layers. May be called twice."""
        self._reread.cancel()
        self._follow.cancel()
        for signal, slot in self._listened():
            signal.disconnect(slot, missing_ok=True)
        self.recalibration.cleanup()
        self.view.cleanup()

    # -- making it ----------------------------------------------------------------------------

    def _make_controls(self) -> None:
        self.reference = QComboBox()
        self.reference.setToolTip(
            "What the prediction is compared with: a label layer on this scan's grid;\n"
            "every label above 0 is lesion."
        )
        self.region = QComboBox()
        for kind, (title, meaning) in REGIONS.items():
            self.region.addItem(title, kind)
            self.region.setItemData(self.region.count() - 1, meaning, Qt.ItemDataRole.ToolTipRole)
        self.region.setToolTip("\n".join(f"{title}: {meaning}" for title, meaning in REGIONS.values()))
        self.inside = QComboBox()
        self.inside.setToolTip(
            "The label layer inside which calibration is judged; every label above 0 counts."
        )
        self._masks = 0
        self.view = ReliabilityView()
        self.view.setMinimumHeight(260)
        self.recalibration = RecalibrationRow(self._case)
        self.empty = wrapping_label(Qt.AlignmentFlag.AlignCenter)
        self.warning = wrapping_label(Qt.AlignmentFlag.AlignLeft)
        self.numbers = {key: DefinedLabel("Calibration") for key in METRICS}
        for key, (_, meaning) in METRICS.items():
            self.numbers[key].setToolTip(f"{meaning}\nClick for all definitions and sources.")
        self.voxels = PlainLabel()
        self.voxels.setToolTip("Voxels in the region, and how many of them are lesion in the reference.")
        self.figure_button = QPushButton("Export figure…")
        self.figure_button.setToolTip(
            "Write the diagram as SVG, PDF or PNG."
            if figures.can_draw()
            else "Needs matplotlib, which is not installed: pip install matplotlib."
        )
        self.table_button = QPushButton("Export bins…")
        self.table_button.setToolTip(
            "Write one row per bin as TSV: edges, mean probability, fraction, count, band."
        )
        self.message = wrapping_label(Qt.AlignmentFlag.AlignLeft, selectable=True)

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.addRow("reference", self.reference)
        form.addRow("region", self.region)
        form.addRow("mask", self.inside)
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
            (self._case.reliability_changed, self._show),
            (self._case.lesions_changed, self._mark_threshold),
        ]

    def _connect(self) -> None:
        for signal, slot in self._listened():
            signal.connect(slot)
        self.reference.currentIndexChanged.connect(self._read_reference)
        self.region.currentIndexChanged.connect(self._take_region)
        self.inside.currentIndexChanged.connect(self._take_region)
        self.recalibration.tried.connect(self._show_tried)
        self.figure_button.clicked.connect(self.export_figure)
        self.table_button.clicked.connect(self.export_bins)

    # -- from the user to the case ------------------------------------------------------------

    def _list_layers(self) -> None:
        """Offer the label layers that there are; a chosen one that has gone is let go."""
        chosen, names = self.reference.currentData(), self._layers.label_layers()
        inside = self.inside.currentData()
        for box in (self.reference, self.inside):
            set_layer_choices(box, names)
        if inside is not None and inside not in names:
            self._take_region()
        if chosen is not None and chosen not in names:
            self._read_reference()
        else:
            self._show()

    def _on_prediction(self) -> None:
        """Read the reference again; without a case nothing is chosen that was chosen for one."""
        if self._case.prediction is None:
            for box in (self.reference, self.inside, self.region):
                box.setCurrentIndex(0)
        self._read_reference()

    def _read_reference(self) -> None:
        name, self._problem, mask = self.reference.currentData(), "", None
        if name is not None and self._case.prediction is not None:
            try:
                mask = self._layers.mask_of(name)
            except InputError as error:
                self._problem = str(error)
        if mask is not None or self._case.reference is not None:
            self._case.reference = mask
        else:
            self._show()

    def _take_region(self) -> None:
        kind = self.region.currentData()
        self._form.setRowVisible(self.inside, kind == "mask")
        if kind == "mask":
            self._take_mask()
            return
        axis, index = self._layers.current_slice() if kind == "slice" else (0, 0)
        self._case.region = Region(kind, axis, index)

    def _take_mask(self) -> None:
        """Judge inside the mask's layer, as it is now; in the whole brain while none is chosen."""
        name = self.inside.currentData()
        if name is None:
            self._case.region = Region()
            return
        try:
            mask = self._layers.mask_of(name)
        except InputError as error:
            self.inside.setCurrentIndex(0)
            self._warn(str(error))
            return
        self._masks += 1
        self._case.region = Region("mask", inside=mask, version=self._masks)

    def _on_edited(self, name: str) -> None:
        if name == self.reference.currentData():
            self._reread()
        if name == self.inside.currentData() and self.region.currentData() == "mask":
            self._follow()

    def _on_slice(self) -> None:
        if self.region.currentData() == "slice":
            self._follow()

    # -- from the case to the screen ----------------------------------------------------------

    def _show(self) -> None:
        found = self._case.reliability
        each = self._case.region.kind == "each"
        self.view.set_unit("lesions" if each else "voxels")
        self.view.show_reliability(found)
        self.view.show_before(self._case.reliability_before())
        self._mark_threshold()
        self._stack.setCurrentWidget(self.empty if found is None else self.view)
        self.empty.setText(self._next_step())
        self._show_numbers(found)
        self.voxels.setText(_size(found, "lesions" if each else "voxels"))
        unset = self.region.currentData() == "mask" and self.inside.currentData() is None
        whole = "Choose the mask's layer: until then this is the whole brain."
        self._warn(whole if unset else "" if found is None or each else caution(found))
        self.figure_button.setEnabled(found is not None and figures.can_draw())
        self.table_button.setEnabled(found is not None)

    def _show_tried(self, found: Reliability) -> None:
        """Show what a temperature would do, before voxels are touched."""
        self.view.show_before(self._case.reliability_before() or self._case.reliability)
        self.view.show_reliability(found)
        self._show_numbers(found)

    def _show_numbers(self, found: Reliability | None) -> None:
        for key, (name, _) in METRICS.items():
            value = None if found is None else getattr(found, key)
            self.numbers[key].set_html(
                f"<b>{name}</b> " + ("-" if value is None or value != value else f"{value:.4f}")
            )

    def _mark_threshold(self) -> None:
        self.view.set_threshold(None if self._case.prediction is None else self._case.threshold)

    def _next_step(self) -> str:
        if self._case.prediction is None:
            return "No prediction yet: press Run in Segment."
        if self._problem:
            return self._problem
        return "Choose a reference layer: an expert's mask on this scan's grid."

    def _warn(self, sentence: str) -> None:
        self.warning.setText(f"⚠ {sentence}" if sentence else "")
        self.warning.setVisible(bool(sentence))

    # -- export -------------------------------------------------------------------------------

    def export_figure(self) -> None:
        """Ask for a file, and draw the diagram into it."""
        kinds = "SVG (*.svg);;PDF (*.pdf);;PNG (*.png)"
        self._save("reliability.svg", kinds, figures.save_figure)

    def export_bins(self) -> None:
        """Ask for a file, and write the bins into it."""
        self._save("reliability.tsv", "Table (*.tsv)", _write_bins)

    def _save(self, name: str, kinds: str, write: Callable[[Path, Reliability], object]) -> None:
        found = self._case.reliability
        path = None if found is None else ask_file(self, "Export", name, kinds)
        if path is None or found is None:
            return
        try:
            write(path, found)
        except (InputError, OSError) as error:
            self.message.setText(f"⚠ Not saved: {error}")
        else:
            self.message.setText(f"Saved to {path}")


def _write_bins(path: Path, found: Reliability) -> None:
    from napari_uncertainseg.export import write_table

    write_table(path, bins_table(found))


def _size(found: Reliability | None, unit: str) -> str:
    if found is None:
        return ""
    what = "in the reference" if unit == "lesions" else "lesion in the reference"
    return f"{voxels(found):,} {unit}, {reference_voxels(found):,} of them {what}"


DOCK = Dock(
    "calibration",
    "Calibration",
    lambda context: CalibrationDock(context.case, context.layers),
    opens_with_review=True,
)
