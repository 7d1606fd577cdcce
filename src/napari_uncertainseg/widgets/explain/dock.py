"""The Explain dock: why the model outlines a lesion, and what it would say if the scan were another."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFormLayout, QProgressBar, QPushButton, QVBoxLayout, QWidget

from napari_uncertainseg._base import InputError, as_warning
from napari_uncertainseg.explain.kept import Kept, prediction_sha256
from napari_uncertainseg.explain.made_by import made_by_model
from napari_uncertainseg.widgets.dock_description import Dock, KeyAction, ReviewContext
from napari_uncertainseg.widgets.explain import texts
from napari_uncertainseg.widgets.explain.choice import RegionChoice
from napari_uncertainseg.widgets.explain.options import MoreOptions
from napari_uncertainseg.widgets.explain.request import Answer, ExplainRequest, OpenedCase
from napari_uncertainseg.widgets.explain.results import ResultPanel
from napari_uncertainseg.widgets.layers.lesion_picking import LesionPicking
from napari_uncertainseg.widgets.shared.connections import Connections
from napari_uncertainseg.widgets.shared.dialogs import ask_folder
from napari_uncertainseg.widgets.shared.dock_widget import DockWidget
from napari_uncertainseg.widgets.shared.form_helpers import PlainLabel, wrapping_label
from napari_uncertainseg.widgets.shared.jobs import JobRunner, JobState
from napari_uncertainseg.widgets.shared.preferences import PreferenceStore

if TYPE_CHECKING:
    from napari_uncertainseg.case import Case
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
    parent
        Qt parent.
    """

    def __init__(
        self,
        case: Case,
        layers: ReviewLayers,
        preferences: PreferenceStore | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._case, self._layers = case, layers
        self._preferences = preferences or PreferenceStore()
        self._jobs = JobRunner(self)
        self._opened, self._kept = OpenedCase(), Kept[Answer]()
        self._prediction = case.original
        """Of which case all that is here is."""
        self.answer: Answer | None = None
        """What is shown."""
        self._running: ExplainRequest | None = None
        self._told: list[Answer] = []
        """What the last job has told so far, the newest last; its thread puts it there."""
        self._hash = ""
        """Of the prediction; empty until it is needed."""
        self._key = ""
        self._subject: object = None
        """What the message is about."""
        self._make_controls()
        self._lay_out()
        self._connect()
        self._show_state(JobState.IDLE)
        self._follow()

    def cleanup(self) -> None:
        """Stop the work and disconnect from case and layers. May be called twice."""
        self._jobs.cleanup()
        self._connections.disconnect_all()
        self._picking.cleanup()
        self.choice.cleanup()
        self.results.cleanup()
        self._opened, self._running = OpenedCase(), None
        self._kept.clear()

    # -- widgets ------------------------------------------------------------------------------

    def _make_controls(self) -> None:
        self.choice = RegionChoice(self._layers, self)
        self.region = self.choice.box
        self.options = MoreOptions()
        self.button = QPushButton()
        self.button.setObjectName("explain")
        self.progress = QProgressBar()
        self.progress.setRange(0, 1000)
        self.progress.setTextVisible(False)
        self.stage = PlainLabel()
        self.stage.setWordWrap(True)
        self.message = wrapping_label(selectable=True)
        self.empty = wrapping_label(Qt.AlignmentFlag.AlignCenter)
        self.results = ResultPanel()

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(6, 6, 6, 6)
        column.setSpacing(4)
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow(texts.REGION, self.region)
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
            (case.selection_changed, self._follow),
            (case.lesions_changed, self._follow),
            (layers.layers_changed, self.choice.list_layers),
            (layers.labels_edited, self.choice.on_edited),
            (layers.blinding_changed, self._on_blinding),
        )
        self._picking = LesionPicking(layers.viewer, lambda: layers.explanation.outlines, self._pick)
        self.choice.changed.connect(self._follow)
        self.options.changed.connect(self._follow)
        self.button.clicked.connect(self.explain)
        self.results.map_chosen.connect(self._choose_map)
        self.results.export.clicked.connect(self.export)
        self._jobs.state_changed.connect(self._show_state)
        self._jobs.progressed.connect(self._on_progress)
        self._jobs.finished.connect(self._on_finished)
        self._jobs.failed.connect(self._on_failed)
        self._jobs.cancelled.connect(self._on_cancelled)

    def act(self, action: str) -> None:
        """Press the button, where it can be pressed."""
        if action == _ACTION and self.button.isEnabled():
            self.explain()

    def show_keys(self, keys: Mapping[str, str]) -> None:
        """Show the key on the button and in its tooltip."""
        self._key = keys.get(_ACTION, "")
        self._show_state(self._jobs.state)
        self._follow()

    # -- what is chosen -----------------------------------------------------------------------

    def _pick(self, number: int) -> None:
        """Select the lesion (or, below 0, the candidate) that was clicked in the image."""
        lesions = self._case.lesions
        if lesions is None or self._layers.blinded:
            return
        table = lesions.table if number > 0 else lesions.candidate_table
        row = table[table["label"] == abs(number)]
        if len(row):
            s, a, r = (int(row[f"slice_{axis}"].iloc[0]) for axis in "sar")
            self._case.select((s, a, r))

    def _request(self) -> ExplainRequest | None:
        """What would be explained now; None where nothing is chosen, InputError where it cannot be."""
        case, prediction = self._case, self._case.original
        if prediction is None or case.lesions is None or (chosen := self.choice.region(case)) is None:
            return None
        recalibrated = case.recalibration is not None
        notes = [texts.RECALIBRATED.format(prediction.threshold)] if recalibrated else []
        notes += [texts.OTHER_BRAIN] if self._layers.brain.outdated else []
        said = prediction.information.get("model")
        models = [name for name in (said, self._preferences.chosen.model) if isinstance(name, str)]
        return ExplainRequest(
            chosen,
            self.options.setting,
            prediction,
            case.images,
            case.lesions,
            prediction.threshold if recalibrated else case.threshold,
            case.min_volume,
            case.review.edit,
            tuple(models),
            tuple(notes),
        )

    # -- explaining ---------------------------------------------------------------------------

    def explain(self) -> None:
        """Explain what is chosen, or stop explaining."""
        if self._jobs.state is not JobState.IDLE:
            self._jobs.cancel()
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
        if (known := self._known(request)) is not None and known.complete:
            self._show_answer(known)
            self._say(texts.FROM_BEFORE)
            return
        self._running, self._told = request, []
        self._jobs.start(partial(request.run, self._opened, self._told.append))

    def _on_progress(self, text: str, fraction: float, left: float | None) -> None:
        self.progress.setValue(round(1000 * fraction))
        self.stage.setText(texts.stage(text, left))
        del self._told[:-1]
        if self._told and self._told[-1] is not self.answer:
            self._take(self._told[-1])

    def _take(self, answer: Answer) -> None:
        """Show an answer if it is of what is chosen now."""
        if self._running is None or self._layers.blinded:
            return
        self.options.offer(answer.stages, answer.networks)
        try:
            request = self._request()
        except InputError:
            return
        if request is not None and request.answered_by(answer):
            self._show_answer(request.name_answer(answer))

    def _on_finished(self, answer: Answer) -> None:
        request = self._running
        if request is not None and answer.prediction is self._case.original:
            self._kept.keep((self._prediction_hash, request.key), answer)
            self._take(answer)
        self._running, self._told = None, []

    @property
    def _prediction_hash(self) -> str:
        if not self._hash and self._prediction is not None:
            self._hash = prediction_sha256(self._prediction)
        return self._hash

    def _known(self, request: ExplainRequest) -> Answer | None:
        """What was found before, or so far."""
        kept = self._kept.find((self._prediction_hash, request.key)) if self._kept else None
        known = kept or next((each for each in reversed(self._told) if request.answered_by(each)), None)
        return None if known is None else request.name_answer(known)

    def _on_failed(self, text: str) -> None:
        running, self._running = self._running, None
        elsewhere = running is not None and running.key != self._subject
        self._say(as_warning(texts.failed(running.chosen.title, text) if running and elsewhere else text))

    def _on_cancelled(self) -> None:
        if self._running is not None:  # not by another case
            early = texts.CANCELLED if self._told else texts.CANCELLED_EARLY
            elsewhere = self._running.key != self._subject
            self._say(texts.cancelled(self._running.chosen.title) if elsewhere else early)
        self._running = None

    # -- from the case ------------------------------------------------------------------------

    def _on_prediction(self) -> None:
        """Drop all that is of another case; nothing is dropped by a recalibration."""
        if self._case.original is not self._prediction:
            self._prediction = self._case.original
            self._jobs.cancel()
            self._opened, self._running, self._told = OpenedCase(), None, []  # a job that ends keeps its own
            self._kept.clear()
            self._hash = ""
            self._forget_answer()
            self.options.forget()
            self._say("")
        self._follow()

    def _on_blinding(self) -> None:
        """Explain nothing during an exercise."""
        if self._layers.blinded:
            self._jobs.cancel()
        self._follow()

    def _follow(self) -> None:
        """Show what is known of what is chosen, or what to do."""
        if self._layers.blinded:  # the maps are taken out with all others, and come back with them
            return
        problem, request = "", None
        try:
            request = self._request()
        except InputError as error:
            problem = str(error)
        running = self._jobs.state is not JobState.IDLE
        self.button.setEnabled(self._jobs.state is JobState.RUNNING or (request is not None and not running))
        if request is None:
            self._forget_answer()
            self.empty.setText(problem or self._why_empty())
        elif self.answer is None or not request.shown_by(self.answer):
            known = self._known(request)
            if known is None:
                self._forget_answer()
                self.empty.setText(self._why_not_yet(request))
            else:
                self._show_answer(known)
        self.empty.setVisible(self.answer is None)
        self.results.setVisible(self.answer is not None)
        self._turn_to(None if request is None else request.key)

    def _turn_to(self, subject: object) -> None:
        """Drop a message that was about another choice."""
        if subject != self._subject:
            self._subject = subject
            running = self._jobs.state is not JobState.IDLE
            partly = self.answer is not None and not self.answer.complete and not running
            self._say(texts.CANCELLED if partly else "")

    def _why_not_yet(self, request: ExplainRequest) -> str:
        title, running = request.chosen.title, self._running
        if not made_by_model(request.prediction.information):
            return texts.NO_MODEL
        if running is None or self._jobs.state is not JobState.RUNNING:
            return texts.not_yet(title, self._key)
        return texts.being_explained(title, None if running.key == request.key else running.chosen.title)

    def _why_empty(self) -> str:
        prediction = self._case.original
        if prediction is None:
            return texts.NO_PREDICTION
        return texts.CHOOSE if made_by_model(prediction.information) else texts.NO_MODEL

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
        from napari_uncertainseg.explain.explanation_files import write_explanations

        answer = self.answer
        folder = None if answer is None else ask_folder(self, texts.EXPORT_TITLE)
        if answer is None or folder is None:
            return
        try:
            write_explanations(folder, answer.about, [answer.explanation], answer.settings)
        except InputError as error:
            self._say(as_warning(error))
        else:
            self._say(texts.saved(folder))


def make_dock(context: ReviewContext) -> ExplainDock:
    """Make the dock for a window."""
    return ExplainDock(context.case, context.layers, context.preferences)


DOCK = Dock(
    "explain",
    "Explain",
    make_dock,
    keys=(KeyAction(_ACTION, "Shift+E", texts.EXPLAIN_MEANING),),
    follows_target=True,
)
