"""The Explain dock: why the model outlines a lesion, and what it would say if the scan were another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFormLayout, QProgressBar, QPushButton, QVBoxLayout, QWidget

from napari_uncertainseg._base import InputError, as_warning
from napari_uncertainseg.explain.place.known_zones import KnownZones
from napari_uncertainseg.widgets.dock_description import Dock, KeyAction
from napari_uncertainseg.widgets.explain import texts
from napari_uncertainseg.widgets.explain.files import read_answers, write_answer
from napari_uncertainseg.widgets.explain.options import MoreOptions
from napari_uncertainseg.widgets.explain.region_choice import RegionChoice
from napari_uncertainseg.widgets.explain.request import Answer, ExplainRequest, request_of
from napari_uncertainseg.widgets.explain.results import ResultPanel
from napari_uncertainseg.widgets.explain.work import ExplainWork
from napari_uncertainseg.widgets.layers.by_reader.lesion_picking import LesionPicking
from napari_uncertainseg.widgets.shared.connections import Connections
from napari_uncertainseg.widgets.shared.dialogs import ask_folder
from napari_uncertainseg.widgets.shared.dock_widget import DockWidget
from napari_uncertainseg.widgets.shared.form_helpers import PlainLabel, wrapping_label
from napari_uncertainseg.widgets.shared.jobs import JobState
from napari_uncertainseg.widgets.shared.preferences import PreferenceStore

if TYPE_CHECKING:
    from napari_uncertainseg.case import Case
    from napari_uncertainseg.progress.times import TimeLeft
    from napari_uncertainseg.widgets.layers.review_layers import ReviewLayers

_ACTION = "explain"


class ExplainDock(DockWidget):
    """Explains the selected lesion in the background, and shows what is known so far.

    Parameters
    ----------
    case, layers
        The case under review, and the viewer's layers.
    preferences
        Knows the model of the last run by the name with which it was chosen.
    zones
        Of the brain, shared with other docks.
    remembered
        Keeps the choices for when the dock is opened again, under the dock's key.
    parent
        Qt parent.
    """

    def __init__(
        self,
        case: Case,
        layers: ReviewLayers,
        preferences: PreferenceStore | None = None,
        zones: KnownZones | None = None,
        remembered: dict[str, Any] | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._case, self._layers = case, layers
        self._preferences = preferences or PreferenceStore()
        self._remembered = {} if remembered is None else remembered
        self.work = ExplainWork(case.original, zones or KnownZones(), self)
        self.answer: Answer | None = None
        """What is shown."""
        self._key = ""
        self._subject: object = None
        """What the message is about."""
        self._make_controls()
        self._lay_out()
        self._connect()
        self.choice.offer()
        self._show_state(JobState.IDLE)

    def cleanup(self) -> None:
        """Stop the work and disconnect from case and layers. May be called twice."""
        self.work.cleanup()
        self._connections.disconnect_all()
        self._picking.cleanup()
        self.results.cleanup()

    # -- widgets ------------------------------------------------------------------------------

    def _make_controls(self) -> None:
        self.choice = RegionChoice(self._case, self._layers)
        self.region = self.choice.box
        self.options = MoreOptions()
        if (before := self._remembered.get(DOCK.key)) is not None:
            self.options.choose(before)
        self.button = QPushButton()
        self.button.setObjectName("explain")
        self.progress = QProgressBar()
        self.progress.setRange(0, 1000)
        self.progress.setTextVisible(False)
        self.stage = PlainLabel()
        self.stage.setWordWrap(True)
        self.message = wrapping_label(selectable=True)
        self.empty = wrapping_label(Qt.AlignmentFlag.AlignCenter)
        self.results = ResultPanel(self._case, self._remembered)

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(6, 6, 6, 6)
        column.setSpacing(4)
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow(texts.REGION, self.choice)
        column.addLayout(form)
        for widget in (self.options, self.button, self.progress, self.stage, self.message):
            column.addWidget(widget)
        column.addWidget(self.empty)
        column.addWidget(self.results)
        column.addStretch(1)

    def _connect(self) -> None:
        case, layers = self._case, self._layers
        self._connections = Connections(
            (case.prediction_changed, self._on_prediction),
            (case.selection_changed, self.choice.leave_opened),
            (case.selection_changed, self._follow),
            (case.lesions_changed, self._follow),
            (layers.layers_changed, self.choice.offer),
            (layers.labels_edited, self.choice.on_edited),
            (layers.label_chosen, self.choice.on_edited),
            (layers.blinding_changed, self._on_blinding),
        )
        self._picking = LesionPicking(layers.viewer, lambda: layers.explanation.outlines, self.choice.pick)
        self.choice.changed.connect(self._follow)
        self.options.changed.connect(self._on_options)
        self.choice.open.clicked.connect(self.open_folder)
        self.button.clicked.connect(self.explain)
        self.results.map_chosen.connect(self._choose_map)
        self.results.export.clicked.connect(self.export)
        self.work.jobs.state_changed.connect(self._show_state)
        self.work.jobs.progressed.connect(self._on_progress)
        self.work.found.connect(self._take)
        self.work.failed.connect(self._on_failed)
        self.work.cancelled.connect(self._on_cancelled)

    def act(self, action: str) -> None:
        """Press the button, where it can be pressed."""
        if action == _ACTION and self.button.isEnabled():
            self.explain()

    def why_not(self, action: str) -> str:
        """Why nothing can be explained now."""
        return "" if self.button.isEnabled() else self.empty.text() or texts.CHOOSE_OTHER

    def show_keys(self, keys: Mapping[str, str]) -> None:
        """Show the key on the button and in its tooltip."""
        self._key = keys.get(_ACTION, "")
        self._show_state(self.work.jobs.state)
        self._follow()

    # -- what is chosen -----------------------------------------------------------------------

    def _request(self) -> ExplainRequest | None:
        """What would be explained now; None where nothing is chosen, InputError where it cannot be."""
        if self.choice.opened is not None:
            return None
        last = self._preferences.chosen.model
        return request_of(self._case, self._layers, self.choice.region(), self.options.setting, last)

    # -- explaining ---------------------------------------------------------------------------

    def explain(self) -> None:
        """Explain what is chosen, or stop explaining."""
        if not self.work.idle:
            self.work.jobs.cancel()
            return
        if self._layers.blinded:
            return
        try:
            request = self._request()
        except InputError as error:
            self._say(as_warning(error))
            return
        if request is None:
            return
        self._say("")
        if (known := self.work.known(request)) is not None and known.complete:
            self._show_answer(request.named(known))
            self._say(texts.FROM_BEFORE)
            return
        self.work.start(request)

    def _on_progress(self, text: str, fraction: float, left: TimeLeft | None) -> None:
        self.progress.setValue(round(1000 * fraction))
        self.stage.setText(texts.stage(text, left, self.work.jobs.elapsed))

    def _on_options(self) -> None:
        self._remembered[DOCK.key] = self.options.setting
        self._follow()

    def _take(self, answer: Answer) -> None:
        """Show an answer if it is of what is chosen now."""
        if self.work.request is None or self._layers.blinded:
            return
        if lost := self.options.offer(answer.stages, answer.networks):
            self._on_options()
            self._say(texts.not_there(lost))
        try:
            request = self._request()
        except InputError:
            return
        if request is not None and request.answered_by(answer):
            self._show_answer(request.named(answer))

    def _on_failed(self, request: ExplainRequest | None, text: str) -> None:
        elsewhere = request is not None and request.key != self._subject
        self._say(as_warning(texts.failed(request.chosen.title, text) if request and elsewhere else text))

    def _on_cancelled(self, request: ExplainRequest, found: bool) -> None:
        elsewhere = request.key != self._subject
        here = texts.CANCELLED if found else texts.CANCELLED_EARLY
        self._say(texts.cancelled(request.chosen.title) if elsewhere else here)

    # -- from the case ------------------------------------------------------------------------

    def _on_prediction(self) -> None:
        """Drop all that is of another case; nothing is dropped by a recalibration."""
        if self._case.original is not self.work.prediction:
            self.work.turn_to(self._case.original)
            self.choice.offer_opened(())
            self._forget_answer()
            self.options.forget()
            self._say("")
        self._follow()

    def _on_blinding(self) -> None:
        """Explain nothing during an exercise."""
        if self._layers.blinded:
            self.work.jobs.cancel()
        self._follow()

    def _follow(self) -> None:
        """Show what is known of what is chosen, or what to do."""
        if self._layers.blinded:  # the maps are taken out with all others, and come back with them
            return self.results.setVisible(False)
        problem, request = "", None
        try:
            request = self._request()
        except InputError as error:
            problem = str(error)
        opened = self.choice.opened
        self.options.setVisible(opened is None)  # it was explained with settings of its own
        self.choice.open.setEnabled(self._case.original is not None)
        self.button.setEnabled(self.work.running or (request is not None and self.work.idle))
        if opened is not None:
            if self.answer is not opened:
                self._show_answer(opened)
                self._layers.show_slice(opened.chosen.region.voxel)
        elif request is None:
            self._forget_answer()
            self.empty.setText(problem or texts.why_empty(self._case.original))
        else:
            shown = self.answer
            known = shown if shown and request.answered_by(shown) else self.work.known(request)
            if known is None:
                self._forget_answer()
                busy = self.work.request if self.work.running else None
                self.empty.setText(texts.why_not_yet(request, busy, self._key))
            elif (named := request.named(known)) is not shown:
                self._show_answer(named)
        self.empty.setVisible(self.answer is None)
        self.results.setVisible(self.answer is not None)
        self._turn_to(opened or (request and request.key))

    def _turn_to(self, subject: object) -> None:
        """Drop a message that was about another choice."""
        if subject != self._subject:
            self._subject = subject
            partly = self.answer is not None and not self.answer.complete and self.work.idle
            self._say(texts.CANCELLED if partly else "")

    # -- on the screen ------------------------------------------------------------------------

    def _show_answer(self, answer: Answer) -> None:
        self.answer = answer
        self.results.show_answer(answer)
        title, maps = answer.chosen.title, answer.explanation.maps
        names = texts.layer_names(maps, title, answer.short_model)
        subject = f"{title} {answer.chosen.sha256} {answer.setting} {answer.threshold}"
        self._layers.explanation.show(subject, maps, names, self.results.chosen_map)
        self.empty.setVisible(False)
        self.results.setVisible(True)

    def _choose_map(self, name: str) -> None:
        """Show another map, also one whose layer the user has removed."""
        explanation = self._layers.explanation
        if self.answer is not None and explanation.get(name) is None:
            explanation.forget(name)
            self._show_answer(self.answer)
        explanation.choose(name)

    def _forget_answer(self) -> None:
        if self.answer is not None:
            self.answer = None
            self._layers.explanation.remove()

    def _say(self, text: str) -> None:
        self.message.setText(text)
        self.message.setVisible(bool(text))

    def _show_state(self, state: JobState) -> None:
        idle = state is JobState.IDLE
        self.button.setText(texts.explain_label(self._key) if idle else texts.RUN_LABELS[state.name])
        self.button.setToolTip(texts.explain_tip(self._key) if idle else texts.CANCEL_TIP)
        for widget in (self.progress, self.stage):
            widget.setVisible(not idle)
        if idle:
            self.progress.setValue(0)
            self.stage.clear()
        self._follow()

    # -- files --------------------------------------------------------------------------------

    def export(self) -> None:
        """Ask for a folder, and write what is shown as `uncertainseg explain` does."""
        answer = self.answer
        folder = None if answer is None else ask_folder(self, texts.EXPORT_TITLE)
        if answer is None or folder is None:
            return
        try:
            write_answer(folder, answer)
        except InputError as error:
            self._say(as_warning(error))
        else:
            self._say(texts.saved(folder))

    def open_folder(self) -> None:
        """Ask for a folder that was written before, and show what is in it; nothing is computed."""
        prediction = self._case.original
        folder = None if prediction is None or self._layers.blinded else ask_folder(self, texts.OPEN_TITLE)
        if prediction is None or folder is None:
            return
        try:
            found = read_answers(folder, prediction)
        except InputError as error:
            self._say(as_warning(error))
            return
        self.choice.offer_opened(found)
        self._say(texts.opened(len(found), folder))


DOCK = Dock(
    "explain",
    "Explain",
    lambda of: ExplainDock(of.case, of.layers, of.preferences, of.zones, of.remembered),
    keys=(KeyAction(_ACTION, "Shift+E", texts.EXPLAIN_MEANING),),
    follows_target=True,
)
