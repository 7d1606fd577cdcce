"""The Segment dock: which scans, which model, Run."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt, QTimer, Signal
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QFormLayout, QVBoxLayout, QWidget

from napari_uncertainseg._base import InputError, as_warning
from napari_uncertainseg.images.preparation.found_brain import FoundBrain
from napari_uncertainseg.widgets.dock_description import Dock, ReviewContext
from napari_uncertainseg.widgets.scans.patient import case_name_of
from napari_uncertainseg.widgets.scans.segmented_scan import shows
from napari_uncertainseg.widgets.segment import texts
from napari_uncertainseg.widgets.segment.brain.controls import BrainControls
from napari_uncertainseg.widgets.segment.leaving_case import leave_for_another, may_run_together
from napari_uncertainseg.widgets.segment.model_form import ModelForm
from napari_uncertainseg.widgets.segment.options import Choices, load_choices
from napari_uncertainseg.widgets.segment.request import (
    MakeSegmenter,
    Request,
    Segmenters,
    make_sample,
    real_segmenter,
    summary_of,
)
from napari_uncertainseg.widgets.segment.research_notice import ResearchNotice
from napari_uncertainseg.widgets.segment.roles import RoleBoxes
from napari_uncertainseg.widgets.segment.run_controls import RunControls
from napari_uncertainseg.widgets.shared.connections import Connections
from napari_uncertainseg.widgets.shared.dialogs import DiscardQuestion
from napari_uncertainseg.widgets.shared.dock_widget import DockWidget
from napari_uncertainseg.widgets.shared.form_helpers import PlainLabel, button_with_tip, let_yield
from napari_uncertainseg.widgets.shared.jobs import JobRunner, JobState, Work
from napari_uncertainseg.widgets.shared.preferences import PreferenceStore

if TYPE_CHECKING:
    from napari.layers import Layer

    from napari_uncertainseg.case import Case
    from napari_uncertainseg.progress.times import TimeLeft
    from napari_uncertainseg.widgets.layers.review_layers import ReviewLayers
    from napari_uncertainseg.widgets.scans.chosen_scans import ChosenScans


class SegmentDock(DockWidget):
    """Choose scans and model, run, read the result in a sentence.

    Parameters
    ----------
    case, layers
        The case under review, and the viewer's layers; shared by all docks.
    make_segmenter
        Called in the background with (model, method=, members=, device=, seed=).
    load
        Called in the background for models, methods and the device's name.
    preferences
        Stores the settings of the last run.
    """

    done = Signal()
    """A run has succeeded, and the case holds its prediction."""
    setting_changed = Signal()
    """Another model, method or number of members was chosen."""

    def __init__(
        self,
        case: Case,
        layers: ReviewLayers,
        parent: QWidget | None = None,
        *,
        make_segmenter: MakeSegmenter = real_segmenter,
        load: Callable[[], Choices] = load_choices,
        preferences: PreferenceStore | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("uncertainseg-segment")
        self._case = case
        self._layers = layers
        self._segmenters = Segmenters(make_segmenter)
        self._preferences = preferences or PreferenceStore()
        self._jobs = JobRunner(self)
        self.settings = ModelForm(self._preferences, load, self)
        self._form = QFormLayout()
        hashes = layers.scan.hashes
        self.roles = RoleBoxes(layers.viewer, self._form, self, hashes=hashes, held=lambda: layers.blinded)
        self._chosen: ChosenScans | None = None
        self._running: Layer | None = None
        """The FLAIR that is being segmented."""
        self._cancel_reason = ""
        """Why the run is being cancelled; empty if the user pressed Cancel."""
        self._closed = ""
        """What was said of a case that was closed while something was running."""
        self._wanted: tuple[Layer | None, ...] | None = None
        """Layers to segment as soon as Run is enabled."""
        self._refused = ""
        """What was said last of choices that cannot be run."""
        self._discard = self._new_discard_question()
        self._build()
        self._connect()
        self._show_message("")
        self.settings.refresh()
        self._on_roles()

    # -- widgets -------------------------------------------------------------------------------

    def _build(self) -> None:
        self.notice = ResearchNotice(self._preferences)
        self.empty = PlainLabel(texts.NO_SCAN)
        self.sample = button_with_tip(texts.OPEN_SAMPLE, texts.OPEN_SAMPLE_TIP)
        self.brain = BrainControls(self._case, self._layers, self.roles)
        self._controls = RunControls()
        self.run = self._controls.run
        self.progress, self.stage = self._controls.progress, self._controls.stage
        self.message = PlainLabel()
        self.message.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        let_yield(self.empty, self.message)
        self._lay_out()

    def _lay_out(self) -> None:
        self._form.addRow(texts.SKULL, self.brain.skull)
        self._form.addRow(self.brain)
        self.settings.add_rows(self._form)
        column = QVBoxLayout(self)
        for above in (self.notice, self.empty, self.sample):
            column.addWidget(above)
        column.addLayout(self._form)
        for below in (self._controls, self.message):
            column.addWidget(below)
        column.addStretch(1)

    def _connect(self) -> None:
        self.run.clicked.connect(self._on_run)
        self.sample.clicked.connect(self._on_sample)
        self.roles.changed.connect(self._on_roles)
        self.roles.flair_picked.connect(self._on_flair_picked)
        self._connections = Connections((self._case.prediction_changed, self._on_prediction))
        self._connections.connect(self._layers.blinding_changed, self.roles.refill)
        self._connections.connect(self._layers.results.all_came, self._show_state)
        self._connections.connect(self._layers.labels_edited, self.brain.on_edited)
        self.settings.setting_changed.connect(self._on_model)
        self.settings.setting_changed.connect(self.setting_changed)
        self.settings.told.connect(self._show_message)
        self.settings.loaded.connect(self._on_model)
        self.settings.loaded.connect(lambda: self._show_state())
        self.roles.changed.connect(self.subject_changed)
        self.roles.changed.connect(self._announce)
        self.brain.told.connect(self._show_message)
        self.brain.search.clicked.connect(self._on_find_brain)
        self.brain.mend.clicked.connect(self._uncover_flair)
        self.brain.accepted.connect(partial(self._on_run, strange_allowed=True))
        self._jobs.state_changed.connect(self._show_state)
        self._jobs.progressed.connect(self._on_progress)
        self._jobs.finished.connect(self._on_finished)
        self._jobs.failed.connect(self._on_failed)
        self._jobs.cancelled.connect(self._on_cancelled)

    # -- choices ------------------------------------------------------------------------------

    @property
    def setting(self) -> str:
        """What the next run uses, as text; empty until the choices are loaded."""
        return self.settings.setting

    @property
    def subject(self) -> str:
        """The scan that Run would segment."""
        chosen = self.roles.layer("flair")
        if chosen is None:
            return ""
        others = self._layers.scan.foreign_to(chosen, self.roles.chosen)
        return texts.to_be_segmented(case_name_of(chosen), [layer.name for layer in others])

    def showEvent(self, event: QShowEvent | None) -> None:
        """List models that were added while the dock was away."""
        super().showEvent(event)
        self.settings.refresh()

    def on_front(self) -> None:
        """List models that were added while the dock was behind its tab."""
        self.settings.refresh()

    def _on_roles(self) -> None:
        if self._wanted != self.roles.chosen:
            self._wanted = None
        for widget in (self.empty, self.sample):
            widget.setVisible(not self.roles.any_scan)
        running = self._running
        if running is not None and self.roles.layer("flair") is not running:
            self.stop(texts.flair_changed(running.name))
        self._show_state()

    def _on_model(self) -> None:
        """Ask for what the chosen model reads; one made elsewhere finds no brain and corrects nothing."""
        if self._refused and self.message.text() == self._refused:
            self._show_message("")  # it was said of other choices
        scans = self.settings.scans
        self.roles.read(scans)
        for row in (self.brain.skull, self.brain, self.settings.bias):
            self._form.setRowVisible(row, scans.brain)

    def _on_prediction(self) -> None:
        """Clear the message when the case is closed; bring back an outline that was mended for it."""
        if self._case.prediction is None:
            self._show_message("")
        self.brain.restore()
        self._show_state()

    def _on_flair_picked(self) -> None:
        """Show the scan to be segmented, and close the case of another: its results must not be beside it."""
        chosen, scan = self.roles.layer("flair"), self._layers.scan.layer()
        if chosen is None or (chosen is scan and self._case.prediction is not None):
            return
        if self._case.prediction is not None:
            message = leave_for_another(self, self._case)
            if message is None:
                self.roles.pick_flair(scan)
                return
            self._show_message(message)
            self._closed = "" if self._jobs.state is JobState.IDLE else message
        self._uncover_flair()

    def _uncover_flair(self) -> None:
        """Show the scan that is meant: what is found or painted of its brain must not lie on another's."""
        flair = self.roles.layer("flair")
        if flair is not None:
            self._layers.uncover(flair, self.roles.chosen)

    # -- running ------------------------------------------------------------------------------

    def _new_discard_question(self) -> DiscardQuestion:
        return DiscardQuestion(self, self._case, texts.RUN_AGAIN_TITLE, texts.RUN_AGAIN, texts.RUN_ANYWAY)

    def _on_run(self, *, strange_allowed: bool = False) -> None:
        if self._jobs.state is not JobState.IDLE:
            self._jobs.cancel()
            return
        request = self._checked_request(strange_allowed)
        if request is None:
            return
        self._discard = self._new_discard_question()
        if not self._discard.allows():
            return
        self._preferences.save(**request.settings)
        self._start(partial(request.run, self._segmenters))

    def _on_find_brain(self) -> None:
        request = self._checked_request()
        if request is not None:
            self._start(request.find_brain)

    def _start(self, work: Work) -> None:
        self._show_message("")
        self._running, self._cancel_reason, self._closed = self.roles.layer("flair"), "", ""
        self.roles.pick_flair(self._running)  # the user means this one: do not replace it automatically
        self._uncover_flair()
        self._jobs.start(work)

    def _checked_request(self, strange_allowed: bool = False) -> Request | None:
        """What the form asks for; None where the user has been told why it cannot be done."""
        if not may_run_together(self, self.roles):
            return None
        try:
            return self._request(strange_allowed)
        except InputError as error:
            self._refused = as_warning(error)
            self._show_message(self._refused)
            return None

    def run_when_ready(self) -> None:
        """Run the layers chosen now, once models are listed and no run is on; another choice cancels this."""
        self._wanted = self.roles.chosen
        self._show_state()

    def _run_wanted(self) -> None:
        wanted, self._wanted = self._wanted, None
        if wanted is not None and self._jobs.state is JobState.IDLE:
            self._on_run()

    def stop(self, reason: str = "") -> None:
        """Cancel a run, or one that is about to start; a message then gives the reason, if there is one."""
        self._wanted = self._running = None
        self._cancel_reason = reason
        self._jobs.cancel()

    def _on_failed(self, text: str) -> None:
        self._running = None
        self._show_message(as_warning(text))

    def _on_cancelled(self) -> None:
        self._running = None
        reason, after = self._cancel_reason, self._closed or texts.NOTHING_CHANGED
        self._show_message(texts.cancelled_because(reason, after) if reason else texts.CANCELLED)

    def _request(self, strange_allowed: bool = False) -> Request:
        images, mask = self.roles.volumes()
        return Request(
            images,
            mask,
            self.settings.model.currentData(),
            self.settings.method.currentData(),
            self.settings.members.value(),
            self.settings.bias.currentData(),
            self.brain.choices,
            self.brain.of_request(),
            self.brain.mask_painted,
            self.settings.target.chosen,
            strange_allowed,
            self.brain.accepted_brain,
        )

    def _on_finished(self, result: Any) -> None:
        if isinstance(result, list):  # the sample
            self._layers.add(result)
            return
        request, found = result
        running, self._running = self._running, None
        there = running is not None and running in self._layers.viewer.layers
        if not there or not shows(running, request.scan):
            self._show_message(texts.FLAIR_LOST)
            return
        if isinstance(found, FoundBrain):
            self._show_message(self.brain.keep(found, request.choices))
            return
        if not self._discard.allows():
            self._show_message(texts.RESULT_DISCARDED)
            return
        self._case.set_images(request.images, request.mask)
        self._case.open_prediction(found)
        self.brain.done(request.brain, request.choices)
        self._show_message(summary_of(self._case, found))
        self.done.emit()

    def _on_sample(self) -> None:
        self._jobs.start(make_sample)

    def _on_progress(self, stage: str, fraction: float, left: TimeLeft | None) -> None:
        self._controls.show_progress(stage, fraction, left, self._jobs.elapsed)

    def _show_state(self, state: JobState | None = None) -> None:
        state = state or self._jobs.state
        idle, ready = state is JobState.IDLE, self.roles.any_scan and self.settings.has_models
        coming = bool(self._layers.results.turns)
        self._controls.show_state(state, ready=ready, coming=coming)
        if idle and ready and self._wanted is not None:
            QTimer.singleShot(0, self._run_wanted)  # first, listeners hear how the run before has ended
        self.sample.setEnabled(idle)
        self.brain.refresh(idle)

    def _show_message(self, text: str) -> None:
        self.message.setText(text)
        self.message.setVisible(bool(text))

    def announce_to(self, chosen: ChosenScans) -> None:
        """Tell the window which scans are chosen, from now on."""
        self._chosen = chosen
        self._announce()

    def _announce(self) -> None:
        if self._chosen is not None:
            self._chosen.announce(self.roles.chosen)

    def cleanup(self) -> None:
        """Stop the work and disconnect from the viewer. May be called twice."""
        self._wanted = None
        if self._chosen is not None:
            self._chosen.announce(())
            self._chosen = None
        self._jobs.cleanup()
        self.settings.cleanup()
        self.brain.cleanup()
        self._connections.disconnect_all()
        self.roles.cleanup()


def make_dock(context: ReviewContext, **options: Any) -> SegmentDock:
    """Make the dock for a window, perhaps with other options of :class:`SegmentDock`."""
    dock = SegmentDock(context.case, context.layers, preferences=context.preferences, **options)
    dock.done.connect(context.show_findings)
    dock.announce_to(context.cases.chosen)
    return dock


DOCK = Dock("segment", "Segment", make_dock, menu_name="Review", opens_with_review=True, follows_target=True)
