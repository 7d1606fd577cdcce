"""The Classes dock: what a model with several classes says of each, and whether that is right."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QCheckBox, QComboBox, QFormLayout, QVBoxLayout, QWidget

from napari_uncertainseg._base import InputError, as_warning
from napari_uncertainseg.case import Case
from napari_uncertainseg.prediction.classes import Classes
from napari_uncertainseg.widgets.classes import texts
from napari_uncertainseg.widgets.classes.measured import ClassRequest, MeasuredClasses
from napari_uncertainseg.widgets.dock_description import Dock
from napari_uncertainseg.widgets.scans.segmented_scan import file_of_case
from napari_uncertainseg.widgets.shared.connections import Connections
from napari_uncertainseg.widgets.shared.dialogs import ask_file
from napari_uncertainseg.widgets.shared.dock_widget import DockWidget
from napari_uncertainseg.widgets.shared.form_helpers import (
    ExportButton,
    choice_box,
    fill_choices,
    set_layer_choices,
    wrapping_label,
)
from napari_uncertainseg.widgets.shared.jobs import JobRunner, JobState
from napari_uncertainseg.widgets.shared.number_table import NumberTable
from napari_uncertainseg.widgets.shared.plots import ReliabilityView

if TYPE_CHECKING:
    from napari_uncertainseg.widgets.layers.review_layers import ReviewLayers


class ClassesDock(DockWidget):
    """A row for each class, a map of one of them, and its reliability against a label map.

    Parameters
    ----------
    case
        The case under review.
    layers
        Shows the map, and gives the user's label layers.
    parent
        Qt parent.
    """

    def __init__(self, case: Case, layers: ReviewLayers, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._case, self._layers = case, layers
        self._jobs = JobRunner(self)
        self.measured: MeasuredClasses | None = None
        self._listed: Classes | None = None
        """Whose names are in the choices."""
        self._outdated = False
        """Whether something changed while it was measured."""
        self._make_controls()
        self._lay_out()
        self._connect()
        self._on_prediction()

    def cleanup(self) -> None:
        """Stop the work and disconnect from case and layers. May be called twice."""
        self._jobs.cleanup()
        self._connections.disconnect_all()
        self.view.cleanup()
        self.export.cleanup()

    @property
    def classes(self) -> Classes | None:
        """Those of the prediction under review."""
        return None if self._case.prediction is None else self._case.prediction.classes

    # -- widgets ------------------------------------------------------------------------------

    def _make_controls(self) -> None:
        self.heading = wrapping_label(selectable=True)
        self.table = NumberTable(name=texts.TABLE_NAME)
        self.shown = choice_box("class-map", texts.SHOW_TIP)
        self.label_map = QComboBox()
        self.label_map.setToolTip(texts.LABEL_MAP_TIP)
        self.curve = choice_box("class-curve", texts.CURVE_TIP)
        self.recalibrate = QCheckBox(texts.RECALIBRATE)
        self.recalibrate.setToolTip(texts.RECALIBRATE_TIP)
        self.view = ReliabilityView()
        self.view.setMinimumHeight(240)
        self.together, self.message = wrapping_label(), wrapping_label(selectable=True)
        self.export = ExportButton(texts.EXPORT, texts.EXPORT_TIP, self._case)
        self.empty = wrapping_label(Qt.AlignmentFlag.AlignCenter)

    def _lay_out(self) -> None:
        self._content = QWidget()
        column = QVBoxLayout(self._content)
        column.setContentsMargins(0, 0, 0, 0)
        self._form = QFormLayout()
        self._form.addRow(texts.SHOW, self.shown)
        self._form.addRow(texts.LABEL_MAP, self.label_map)
        self._form.addRow(texts.CURVE, self.curve)
        column.addWidget(self.heading)
        column.addWidget(self.table, stretch=1)
        column.addLayout(self._form)
        column.addWidget(self.recalibrate)
        column.addWidget(self.view, stretch=2)
        for widget in (self.together, self.export, self.message):
            column.addWidget(widget)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.addWidget(self.empty)
        layout.addWidget(self._content, stretch=1)
        layout.addStretch(0)

    def _connect(self) -> None:
        self._connections = Connections(
            (self._case.prediction_changed, self._on_prediction),
            (self._layers.layers_changed, self._list_layers),
            (self._layers.labels_edited, self._on_edited),
        )
        self.shown.currentIndexChanged.connect(self._show_map)
        self.label_map.currentIndexChanged.connect(self._measure)
        self.recalibrate.toggled.connect(self._measure)
        self.curve.currentIndexChanged.connect(self._show_curve)
        self.export.clicked.connect(self.export_table)
        self._jobs.finished.connect(self._on_measured)
        self._jobs.failed.connect(self._on_failed)

    # -- from the case ------------------------------------------------------------------------

    def _on_prediction(self) -> None:
        """Show the classes of another prediction, or why there are none."""
        prediction, classes = self._case.prediction, self.classes
        if classes is not None and classes is self._listed:  # a recalibration of the target
            return
        self.measured, self._listed = None, classes
        self._content.setVisible(classes is not None)
        self.empty.setVisible(classes is None)
        if prediction is None or classes is None:
            self.empty.setText(self._why_empty())
            return
        model = str(prediction.information.get("model", ""))
        target = [classes.names[number] for number in classes.target]
        head = texts.heading(model, classes.names, target)
        self.heading.setText(f"{head}\n{texts.overlapping(model)}" if classes.overlapping else head)
        self._fill_choices(classes)
        for row in (self.label_map, self.curve):
            self._form.setRowVisible(row, not classes.overlapping)
        self._list_layers()
        self._measure()

    def _why_empty(self) -> str:
        prediction = self._case.prediction
        if prediction is None:
            return texts.NO_PREDICTION
        several = len(prediction.information.get("classes", ())) > 2
        return texts.NOT_KEPT if several else texts.ONE_CLASS

    def _fill_choices(self, classes: Classes) -> None:
        maps: list[tuple[str, object, str]] = [(texts.NOTHING, None, "")]
        maps += [(texts.probability_of(name), n, "") for n, name in enumerate(classes.names)]
        if not classes.overlapping:
            maps += [(title, title, tip) for title, tip in texts.SHOW_DOUBT_TIPS.items()]
        names: list[tuple[str, object, str]] = [(name, n, "") for n, name in enumerate(classes.names)]
        first = classes.target[0] if classes.target else 0
        for box, rows, chosen in ((self.shown, maps, None), (self.curve, names, first)):
            blocked = box.blockSignals(True)
            box.clear()
            fill_choices(box, rows, chosen)
            box.blockSignals(blocked)

    def _list_layers(self) -> None:
        """List the label layers; one that was removed is no longer chosen."""
        chosen = self.label_map.currentData()
        set_layer_choices(self.label_map, self._layers.user_labels.names())
        if chosen is not None and self.label_map.currentData() != chosen:
            self._measure()

    def _on_edited(self, name: str) -> None:
        if name == self.label_map.currentData():
            self._measure()

    # -- measuring ----------------------------------------------------------------------------

    def _measure(self) -> None:
        """Measure in the background; once more where something changes meanwhile."""
        prediction, classes = self._case.prediction, self.classes
        if prediction is None or classes is None:
            return
        if self._jobs.state is not JobState.IDLE:
            self._outdated = True
            return
        name, labels = self.label_map.currentData(), None
        self.message.setText(texts.MEASURING)
        if name is not None and not classes.overlapping:
            try:
                labels = self._layers.user_labels.numbers_of(name)
            except InputError as error:
                self._on_failed(str(error))
                return
        volume, fit = prediction.grid.voxel_volume, self.recalibrate.isChecked()
        # A copy: the user may go on painting.
        request = ClassRequest(classes, volume, None if labels is None else labels.copy(), fit)
        self._jobs.start(request.measure)

    def _on_measured(self, measured: MeasuredClasses) -> None:
        if self._again():
            return
        if measured.request.classes is self.classes:
            self.measured = measured
            self.message.setText(as_warning(measured.note) if measured.note else "")
            self._show()

    def _on_failed(self, text: str) -> None:
        if not self._again():
            self.measured = None
            self._show()
            self.message.setText(as_warning(text))

    def _again(self) -> bool:
        again, self._outdated = self._outdated, False
        if again:
            self._measure()
        return again

    # -- on the screen ------------------------------------------------------------------------

    def _show(self) -> None:
        measured = self.measured
        agreement = None if measured is None else measured.agreement
        if measured is not None:
            self.table.show_table(measured.shown())
        self.export.setEnabled(measured is not None)
        overlapping = self.classes is not None and self.classes.overlapping
        self.recalibrate.setVisible(agreement is not None)
        self._form.setRowVisible(self.curve, agreement is not None)
        self.view.setVisible(agreement is not None)
        self.together.setVisible(not overlapping)
        if measured is None or agreement is None:
            self.together.setText(texts.CHOOSE_LABEL_MAP)
            return
        before = None if measured.before is None else measured.before.ace
        self.together.set_html(texts.classwise(agreement.ace, agreement.ece, before))
        self._show_curve()

    def _show_curve(self) -> None:
        measured, number = self.measured, self.curve.currentData()
        if measured is None or measured.agreement is None or number is None:
            return
        self.view.set_target(measured.agreement.classes[number].name)
        self.view.show_reliability(measured.agreement.classes[number].reliability)
        before = measured.before
        self.view.show_before(None if before is None else before.classes[number].reliability)

    def _show_map(self) -> None:
        """Show the chosen map over the scan, or none."""
        prediction, classes, chosen = self._case.prediction, self.classes, self.shown.currentData()
        if prediction is None or classes is None or chosen is None:
            self._layers.classes.remove()
            return
        array, largest, unit = classes.probability[0], 1.0, ""
        if isinstance(chosen, int):
            array = classes.probability[chosen]
        elif classes.entropy is not None and classes.mutual_information is not None:
            array = classes.entropy if chosen == texts.ENTROPY else classes.mutual_information
            largest, unit = math.log(len(classes.names)), "nats"
        name = self.shown.currentText() + (f" ({unit})" if unit else "")
        self._layers.show_class(name, classes.on_grid(array, prediction.grid.shape), largest, unit)

    # -- export -------------------------------------------------------------------------------

    def export_table(self) -> None:
        """Ask for a file, and write the table into it."""
        from napari_uncertainseg.export import write_table

        path = ask_file(self, texts.EXPORT_TITLE, file_of_case(self._case, "classes.tsv"), texts.TABLE_KINDS)
        if path is None or self.measured is None:
            return
        try:
            write_table(path, self.measured.exported())
        except (InputError, OSError) as error:
            self.message.setText(as_warning(f"Not saved: {error}"))
        else:
            self.message.setText(f"Saved to {path}")


DOCK = Dock("classes", "Classes", lambda context: ClassesDock(context.case, context.layers))
