"""The Training dock: is this a lesion, and how sure are you? Or: outline it. Then how near that was."""

from __future__ import annotations

import secrets
from typing import Protocol

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QPushButton,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from napari_uncertainseg._base import InputError
from napari_uncertainseg.case import Case
from napari_uncertainseg.prediction.prediction import Prediction
from napari_uncertainseg.review.lessons import outlining
from napari_uncertainseg.review.lessons.lesson import Lesson, Opinion, earlier_scores, start_lesson
from napari_uncertainseg.widgets.exercises.lesson_score import LessonScore
from napari_uncertainseg.widgets.exercises.outline_score import OutlineScore
from napari_uncertainseg.widgets.shared.annotator_field import AnnotatorField
from napari_uncertainseg.widgets.shared.form_helpers import PlainLabel, set_layer_choices, wrapping_label
from napari_uncertainseg.widgets.shared.session_file import SessionFile, register_prediction

_PLANS = {
    "without": ("hidden", "You judge alone."),
    "first": ("shown first", "You see what the model says, and judge."),
    "after": ("shown after", "You judge, then see what the model says, and may change your mind."),
    "balanced": ("all three, in turn", "Equally many of each kind: shows what the model does to you."),
}
_EXERCISES = {
    "judge": ("judge places", "Is what the ring is around a lesion? As many are as are not."),
    "outline": ("outline lesions", "Paint all lesions of one slice or more, then compare."),
}
_STEP = 10  # percent, of the keys


class Shows(Protocol):
    """What of the viewer a lesson needs."""

    def label_layers(self) -> list[str]:
        """Names of the user's label layers."""

    def mask_of(self, name: str) -> np.ndarray:
        """Where a label layer is not 0."""

    def blind(self) -> None:
        """Hide all but the scans."""

    def point_at(self, voxel: tuple[int, int, int]) -> None:
        """Go to a voxel, and draw a ring around it."""

    def begin_outline(self) -> None:
        """Add an empty label layer to paint on."""

    def outlined(self) -> np.ndarray:
        """What was painted on it: integers on the grid."""

    def reveal(self, name: str) -> None:
        """Show a layer that the user may have hidden."""

    def compare_outline(self, sides: np.ndarray) -> None:
        """Show who takes what for lesion, `Side` on the grid."""

    def unblind(self) -> None:
        """Show all as it was."""


class ExercisesDock(QWidget):
    """Exercises on a case with a consensus, blinded to model and consensus; then the score.

    Parameters
    ----------
    case
        The case at hand: its prediction gives what only looks like a lesion.
    layers
        Hides, points, and knows the label layers; its ``layers_changed`` is heard.
    file
        The sessions.
    parent
        Qt parent.
    """

    def __init__(self, case: Case, layers: Shows, file: SessionFile, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._case, self._layers = case, layers
        self._file = file
        self._lesson: Lesson | None = None
        self._outlining = False
        self._of: Prediction | None = None
        self._scored: QWidget | None = None
        self._make_controls()
        self._lay_out()
        layers.layers_changed.connect(self._list_layers)  # type: ignore[attr-defined]
        case.prediction_changed.connect(self._on_prediction)
        self.begin_button.clicked.connect(self.begin)
        self.stop_button.clicked.connect(self.stop)
        self.yes.clicked.connect(lambda: self.answer(True))
        self.no.clicked.connect(lambda: self.answer(False))
        self.annotator.textChanged.connect(self._show)
        for choice in (self.consensus, self.exercise):
            choice.currentIndexChanged.connect(self._show)
        self.sure.valueChanged.connect(self._show_confidence)
        self._list_layers()
        self._show()

    def cleanup(self) -> None:
        """Disconnect, show all as it was, and let the database go. May be called twice."""
        self._layers.layers_changed.disconnect(self._list_layers, missing_ok=True)  # type: ignore[attr-defined]
        self._case.prediction_changed.disconnect(self._on_prediction, missing_ok=True)
        self._layers.unblind()
        self._lesson, self._outlining = None, False
        self.score.cleanup()
        self.annotator.cleanup()

    # -- making it ----------------------------------------------------------------------------

    def _make_controls(self) -> None:
        self.annotator = AnnotatorField(self._file)
        self.consensus = QComboBox()
        self.consensus.setToolTip("The label layer that counts as true: a consensus of experts.")
        self.exercise, self.plan = QComboBox(), QComboBox()
        for box, offered in ((self.exercise, _EXERCISES), (self.plan, _PLANS)):
            for name, (title, meaning) in offered.items():
                box.addItem(title, name)
                box.setItemData(box.count() - 1, meaning, Qt.ItemDataRole.ToolTipRole)
            box.setToolTip("\n".join(f"{title}: {meaning}" for title, meaning in offered.values()))
        self.begin_button = QPushButton("Begin")
        self.begin_button.setToolTip(
            "Hide model and consensus. Places are asked about in random order; those that you misjudged\n"
            "before come first."
        )
        self.stop_button = QPushButton("Stop and score")
        self.whole = QCheckBox("compare all slices")
        self.whole.setToolTip("Otherwise those in which you painted something.")
        self.question, self.opinion = wrapping_label(), wrapping_label()
        self.yes, self.no = QPushButton("Lesion (G)"), QPushButton("No lesion (W)")
        self.sure = QSlider(Qt.Orientation.Horizontal)
        self.sure.setRange(50, 100)
        self.sure.setPageStep(_STEP)
        self.sure.setValue(75)
        self.sure.setToolTip(
            "How sure you are of your answer: 50 % is a coin, 100 % certain.\nComma is less, full stop more."
        )
        self.sure_label = PlainLabel()
        self.score, self.outline = LessonScore(self._look_again), OutlineScore(self._look_again)
        self._rest = QWidget()
        self._show_confidence()

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("annotator", self.annotator)
        form.addRow("consensus", self.consensus)
        form.addRow("exercise", self.exercise)
        form.addRow("model", self.plan)
        form.addRow("", self.whole)
        self._form = form
        buttons, answers, sure = QHBoxLayout(), QHBoxLayout(), QHBoxLayout()
        for row, widgets in (
            (buttons, (self.begin_button, self.stop_button)),
            (sure, (PlainLabel("sure"), self.sure, self.sure_label)),
            (answers, (self.yes, self.no)),
        ):
            for widget in widgets:
                row.addWidget(widget)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.addLayout(form)
        layout.addLayout(buttons)
        layout.addWidget(self.question)
        layout.addWidget(self.opinion)
        self._answering = QWidget()
        below = QVBoxLayout(self._answering)
        below.setContentsMargins(0, 0, 0, 0)
        below.addLayout(sure)
        below.addLayout(answers)
        layout.addWidget(self._answering)
        for part in (self.score, self.outline, self._rest):
            layout.addWidget(part, stretch=1)

    # -- an exercise --------------------------------------------------------------------------

    @property
    def busy(self) -> bool:
        """Whether an exercise goes on: the list of lesions would tell too much then."""
        return self._lesson is not None or self._outlining

    def begin(self) -> None:
        """Hide the answers, and ask the first question, or offer a layer to paint on."""
        if self._case.recorder is not None and not self._case.recorder.by_default:
            self.question.setText("⚠ A session is being recorded: press Leave in Session first.")
            return
        self._of = self._case.original
        try:
            if self.exercise.currentData() == "judge":
                self._begin_lesson()
            elif self._case.prediction is not None:
                self._consensus()  # says what is wrong with it now, not after the work
                self._layers.blind()
                self._layers.begin_outline()
                self._outlining = True
        except InputError as error:
            self.question.setText(f"⚠ {error}")
            return
        self._scored = None
        self._ask()
        self._show()

    def _begin_lesson(self) -> None:
        prediction, lesions = self._case.prediction, self._case.lesions
        if prediction is None or lesions is None:
            return
        mask, store = self._consensus(), self._file.store()
        case, output = register_prediction(store, prediction)
        self._lesson = start_lesson(
            store,
            self.annotator.text(),
            case,
            output,
            mask,
            lesions,
            prediction.probability,
            prediction.grid,
            prediction.brain,
            plan=self.plan.currentData(),
            seed=secrets.randbits(31),
        )
        self._layers.blind()

    def _consensus(self) -> np.ndarray:
        return self._layers.mask_of(self.consensus.currentData())

    def answer(self, is_lesion: bool) -> None:
        """Write the answer, and ask the next question."""
        if self._lesson is None:
            return
        try:
            self._lesson.answer(is_lesion, self.sure.value() / 100)
        except InputError as error:
            self.question.setText(f"⚠ Not recorded: {error}")
            return
        if self._lesson.at is None:
            self.stop()
        else:
            self._ask()

    def surer(self, steps: int) -> None:
        """Be surer by a few steps, or less sure."""
        if self.sure.isEnabled():
            self.sure.setValue(self.sure.value() + _STEP * steps)

    def stop(self) -> None:
        """End the exercise, show everything again, and the score."""
        lesson, self._lesson = self._lesson, None
        self.question.clear()
        try:
            if lesson is not None:
                self._layers.unblind()
                self._layers.reveal(self.consensus.currentData())  # to look at what was misjudged
                lesson.close()
                self.score.show_lesson(
                    lesson, earlier_scores(self._file.store(), lesson.annotator, without=lesson.session)
                )
                self._scored = self.score
            elif self._outlining:
                self._score_outline()
        except InputError as error:
            self.question.setText(f"⚠ {error}")
        self._show()

    def _score_outline(self) -> None:
        """Compare and keep; what cannot be compared yet can still be painted on."""
        prediction = self._case.prediction
        if prediction is None:
            return
        outline = self._layers.outlined()
        consensus, whole = self._consensus(), self.whole.isChecked()
        found = outlining.compare_outline(outline, consensus, prediction.grid, whole=whole)
        store, name = self._file.store(), self.annotator.text()
        case, output = register_prediction(store, prediction)
        session = outlining.save_outline(store, name, case, output, outline, self.sure.value() / 100, found)
        self._outlining = False
        self._layers.unblind()
        self._layers.compare_outline(outlining.label_sides(outline, consensus, whole=whole))
        self.outline.show_outline(found, outlining.earlier_outline_scores(store, name, without=session))
        self._scored = self.outline

    def _ask(self) -> None:
        self.opinion.clear()
        if self._outlining:
            self.question.set_html(
                "Paint all lesions of one slice or more on the layer <i>your outline</i>: label 1 what is "
                "surely lesion, label 2 what may be. Then say how sure you are of it, and stop."
            )
        elif self._lesson is not None and (voxel := self._lesson.at) is not None:
            self._lesson.show()
            self._layers.point_at(voxel)
            done, n, opinion = self._lesson.answered, len(self._lesson), self._lesson.opinion
            again = " once more: you may change your mind" if self._lesson.may_change else ""
            self.question.set_html(f"<b>{done + 1} of {n}{again}.</b> Is what the ring is around a lesion?")
            self.opinion.set_html("" if opinion is None else _in_words(opinion))
        self.opinion.setVisible(bool(self.opinion.text()))

    def _look_again(self, voxel: tuple[int, int, int]) -> None:
        if self._lesson is None and not self._outlining:
            self._layers.point_at(voxel)

    # -- what is shown when -------------------------------------------------------------------

    def _list_layers(self) -> None:
        set_layer_choices(self.consensus, self._layers.label_layers())
        self._show()

    def _on_prediction(self) -> None:
        if self._case.prediction is None:  # what counts as true was chosen for a case that has gone
            self.consensus.setCurrentIndex(0)
        if self._case.original is self._of:
            self._show()
            return  # recalibrated: the places are the same
        if self._lesson is not None:  # its places are no longer those that are shown
            self.stop()
        elif self._outlining:  # what was painted stays as a layer of the user's own
            self._outlining = False
            self._layers.unblind()
        self._show()

    def _show_confidence(self) -> None:
        self.sure_label.setText(f"{self.sure.value()} %")

    def _show(self) -> None:
        busy, judging = self.busy, self.exercise.currentData() == "judge"
        ready = self._case.prediction is not None and self.consensus.currentData() is not None
        named = bool(self.annotator.name)
        self.begin_button.setEnabled(ready and named and not busy)
        for widget in (self.stop_button, self.sure):
            widget.setEnabled(busy)
        for button in (self.yes, self.no):
            button.setEnabled(self._lesson is not None)
            button.setVisible(judging)
        self._form.setRowVisible(self.plan, judging)
        self._form.setRowVisible(self.whole, not judging)
        for field in (self.annotator, self.consensus, self.exercise, self.plan):
            field.setEnabled(not busy)
        shown = None if busy else self._scored
        self._answering.setVisible(shown is None)
        for part in (self.score, self.outline):
            part.setVisible(part is shown)
        self._rest.setVisible(shown is None)
        self.opinion.setVisible(busy and bool(self.opinion.text()))
        if not busy and not self.question.text().startswith("⚠"):
            self.question.setText(self._next_step(ready, named))

    def _next_step(self, ready: bool, named: bool) -> str:
        if self._case.prediction is None:
            return "No prediction yet: press Run in Segment. What it takes for lesions is asked about, too."
        if not ready:
            return "Choose the layer that counts as true."
        if not named:
            return "Say who is in training."
        return "Ready." if self._scored is None else "Done. Begin again when you like."


def _in_words(opinion: Opinion) -> str:
    what = "a lesion" if opinion.is_lesion else "no lesion"
    return f"The model takes it for <b>{what}</b>; largest p there {opinion.probability:.2f}."
