"""A replay: a session is played back step by step, and scored against any consensus."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from qtpy.QtCore import Qt, QTimer, Signal
from qtpy.QtWidgets import QComboBox, QFormLayout, QHBoxLayout, QPushButton, QSlider, QVBoxLayout, QWidget

from napari_uncertainseg._base import InputError, as_warning
from napari_uncertainseg.case import Case
from napari_uncertainseg.prediction.prediction import Prediction
from napari_uncertainseg.review.session.replay import Replay
from napari_uncertainseg.widgets.session import texts
from napari_uncertainseg.widgets.shared.form_helpers import set_layer_choices, yielding_label

if TYPE_CHECKING:
    from napari_uncertainseg.widgets.layers.user_labels import UserLabels

_STEP_MS = 1200


class Shows(Protocol):
    """What a session needs of the viewer; its signals are ``layers_changed`` and ``blinding_changed``."""

    @property
    def blinded(self) -> bool:
        """Whether everything but the scans is hidden."""

    def visible(self) -> list[str]:
        """Names of the visible layers."""

    def go_to(self, voxel: tuple[int, int, int]) -> None:
        """Move the viewer to a voxel, and zoom to the lesion there."""

    @property
    def user_labels(self) -> UserLabels:
        """The user's label layers, to score against."""


class ReplayPanel(QWidget):
    """A slider over the steps; list, colours and painting are as they were at each step.

    Parameters
    ----------
    case
        Shows the verdicts and the painting of each step; nothing is recorded.
    layers
        Has the label layers to score against.
    parent
        Qt parent.
    """

    ended = Signal()

    def __init__(self, case: Case, layers: Shows, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._case, self._layers = case, layers
        self._replay: Replay | None = None
        self._prediction: Prediction | None = None
        self._put_back: Callable[[], None] | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(_STEP_MS)
        self._make_controls()
        self._lay_out()
        self._timer.timeout.connect(self.forward)
        self.slider.valueChanged.connect(self._show_step)
        self.back_button.clicked.connect(self.back)
        self.play_button.clicked.connect(self.play)
        self.forward_button.clicked.connect(self.forward)
        self.end_button.clicked.connect(self.end)
        self.consensus.currentIndexChanged.connect(self._score)
        layers.layers_changed.connect(self._list_layers)  # type: ignore[attr-defined]
        case.prediction_changed.connect(self._on_prediction)
        self._list_layers()

    def cleanup(self) -> None:
        """Disconnect, and stop playing. May be called twice."""
        self._layers.layers_changed.disconnect(self._list_layers, missing_ok=True)  # type: ignore[attr-defined]
        self._case.prediction_changed.disconnect(self._on_prediction, missing_ok=True)
        if self.active:
            self._return()
        self._stop()

    def _on_prediction(self) -> None:
        if self.active and self._case.original is not self._prediction:  # the verdicts have gone with it
            self._stop()
            self.ended.emit()
            self._case.verdicts_changed.emit()  # what was locked is free

    def _stop(self) -> None:
        self._timer.stop()
        if self.active:
            self._case.review.locked = self._case.review.played = ""
        self.play_button.setText(texts.PLAY)
        self._replay = self._prediction = self._put_back = None

    def _make_controls(self) -> None:
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setToolTip(texts.STEP_TIP)
        self.slider.setAccessibleName(texts.STEP_NAME)
        self.back_button, self.play_button = QPushButton(texts.BACK), QPushButton(texts.PLAY)
        self.forward_button, self.end_button = QPushButton(texts.FORWARD), QPushButton(texts.END_REPLAY)
        self.back_button.setToolTip(texts.BACK_TIP)
        self.forward_button.setToolTip(texts.FORWARD_TIP)
        self.play_button.setToolTip(texts.PLAY_TIP)
        self.end_button.setToolTip(texts.END_REPLAY_TIP)
        self.step = yielding_label()
        self.consensus = QComboBox()
        self.consensus.setToolTip(texts.SCORE_AGAINST_TIP)
        self.score = yielding_label(selectable=True)

    def _lay_out(self) -> None:
        row, form = QHBoxLayout(), QFormLayout()
        for button in (self.back_button, self.play_button, self.forward_button, self.end_button):
            row.addWidget(button)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow(texts.SCORE_AGAINST, self.consensus)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.step)
        layout.addWidget(self.slider)
        layout.addLayout(row)
        layout.addLayout(form)
        layout.addWidget(self.score)

    # -- playing ------------------------------------------------------------------------------

    @property
    def active(self) -> bool:
        """Whether a session is played back."""
        return self._replay is not None

    def start(self, replay: Replay) -> None:
        """Play back a session from its first step; the review on screen is back when it ends.

        One that is in no session is not: the reader was asked, and has given it up.
        """
        self._replay, self._prediction = replay, self._case.original
        self._case.review.locked = texts.LOCKED  # what is on screen is somebody else's
        self._put_back = None if self._case.review.unsaved else self._case.set_review_aside()
        blocked = self.slider.blockSignals(True)
        self.slider.setRange(0, len(replay.steps) - 1)
        self.slider.setValue(0)
        self.slider.blockSignals(blocked)
        self._show_step()
        self._score()

    def end(self) -> None:
        """Stop; the reader's own review takes the place of what was played back."""
        self._return()
        self.ended.emit()

    def _return(self) -> None:
        put_back = self._put_back or self._case.reset_review
        self._stop()  # who hears of the own review may judge it
        put_back()

    def play(self) -> None:
        """Play automatically, or stop."""
        if self._timer.isActive():
            self._timer.stop()
        else:
            if self.slider.value() == self.slider.maximum():
                self.slider.setValue(0)
            self._timer.start()
        self.play_button.setText(texts.STOP if self._timer.isActive() else texts.PLAY)

    def forward(self) -> None:
        """One step forward; playing stops at the last one."""
        self.slider.setValue(self.slider.value() + 1)
        if self.slider.value() == self.slider.maximum() and self._timer.isActive():
            self.play()

    def back(self) -> None:
        """One step back."""
        self.slider.setValue(self.slider.value() - 1)

    def _list_layers(self) -> None:
        set_layer_choices(self.consensus, self._layers.user_labels.names())
        self._score()

    def _show_step(self) -> None:
        if self._replay is None:
            return
        i = self.slider.value()
        step = self._replay.steps[i]
        self._case.review.played = texts.played(i + 1, len(self._replay.steps))
        where = "" if step.voxel is None else f" at {step.voxel}"
        self.step.set_html(texts.describe_step(i + 1, len(self._replay.steps), step.at, step.what, where))
        try:
            threshold, least = self._replay.seen_at(i)
            self._case.threshold = self._case.threshold if threshold is None else threshold
            self._case.min_volume = self._case.min_volume if least is None else least
            self._case.reset_review(self._replay.verdicts(i), self._replay.painting(i))
        except InputError as error:
            self.step.setText(as_warning(error))
            return
        if step.voxel is not None:
            self._case.select(step.voxel)
            self._layers.go_to(step.voxel)

    def _score(self) -> None:
        name = self.consensus.currentData()
        text = ""
        if self._replay is not None and name is not None:
            try:
                text = texts.describe_score(self._replay.score(self._layers.user_labels.mask_of(name)))
            except InputError as error:
                text = as_warning(error)
        self.score.setText(text)
        self.score.setVisible(bool(text))
