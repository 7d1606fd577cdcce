"""The Exercises dock: classify locations or outline lesions, without the model, and see your score."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
from qtpy.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from napari_uncertainseg._base import InputError, as_warning, is_warning
from napari_uncertainseg.case import Case
from napari_uncertainseg.prediction.prediction import Prediction
from napari_uncertainseg.review.feedback import NO_FEEDBACK
from napari_uncertainseg.review.lessons.lesson import Lesson, earlier_scores, start_lesson
from napari_uncertainseg.review.lessons.outlining import ScoredOutline, score_outline
from napari_uncertainseg.review.store.predictions import register_prediction
from napari_uncertainseg.widgets.dock_description import Dock, KeyAction
from napari_uncertainseg.widgets.exercises import texts
from napari_uncertainseg.widgets.exercises.answer_panel import STEP, AnswerPanel
from napari_uncertainseg.widgets.exercises.form import ExerciseForm
from napari_uncertainseg.widgets.exercises.lesson_score import LessonScore
from napari_uncertainseg.widgets.exercises.outline_score import OutlineScore
from napari_uncertainseg.widgets.exercises.shows import Shows
from napari_uncertainseg.widgets.shared.dock_widget import DockWidget
from napari_uncertainseg.widgets.shared.feedback.row import REASON_OF
from napari_uncertainseg.widgets.shared.form_helpers import button_with_tip, set_layer_choices, yielding_label
from napari_uncertainseg.widgets.shared.session_file import SessionFile

_SURER = {"less_sure": -1, "surer": 1}
_ANSWERS = {"accept": True, "reject": False}
"""Keys of the lesion list that answer a question."""


class ExercisesDock(DockWidget):
    """Exercises on a case with a consensus, blinded to the model and the consensus; then the score.

    Parameters
    ----------
    case
        The current case: its prediction gives locations that only look like a lesion.
    layers
        Hides layers, points at locations, and has the label layers; its signal is ``layers_changed``.
    file
        The sessions.
    parent
        Qt parent.
    """

    def __init__(self, case: Case, layers: Shows, file: SessionFile, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._case, self._layers, self._file = case, layers, file
        self._lesson: Lesson | None = None
        self._outlining = self._asked = False
        self._prediction: Prediction | None = None
        self._latest_score: QWidget | None = None
        self._make_controls()
        self._lay_out()
        layers.layers_changed.connect(self._list_layers)  # type: ignore[attr-defined]
        case.prediction_changed.connect(self._on_prediction)
        self.begin_button.clicked.connect(self.begin)
        self.stop_button.clicked.connect(self.stop)
        self.yes.clicked.connect(lambda: self.answer(True))
        self.no.clicked.connect(lambda: self.answer(False))
        self.form.changed.connect(self._show)
        self._list_layers()

    def cleanup(self) -> None:
        """Disconnect, show everything as before, and close the database. May be called twice."""
        self._layers.layers_changed.disconnect(self._list_layers, missing_ok=True)  # type: ignore[attr-defined]
        self._case.prediction_changed.disconnect(self._on_prediction, missing_ok=True)
        self._layers.unblind()
        self._lesson, self._outlining = None, False
        self.score.cleanup()
        self.form.cleanup()

    # -- making it ----------------------------------------------------------------------------

    def _make_controls(self) -> None:
        self.form = ExerciseForm(self._file)
        self.annotator, self.consensus = self.form.annotator, self.form.consensus
        self.exercise, self.plan, self.whole = self.form.exercise, self.form.plan, self.form.whole
        self.begin_button = button_with_tip(texts.BEGIN, texts.BEGIN_TIP)
        self.stop_button = button_with_tip(texts.STOP, texts.STOP_TIP)
        self.question, self.opinion = yielding_label(), yielding_label()
        self._answering = AnswerPanel()
        self.yes, self.no = self._answering.yes, self._answering.no
        self.confidence = self._answering.confidence
        self.score, self.outline = LessonScore(self._look_again), OutlineScore(self._look_again)
        self._rest = QWidget()

    def _lay_out(self) -> None:
        buttons = QHBoxLayout()
        buttons.addWidget(self.begin_button)
        buttons.addWidget(self.stop_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.addWidget(self.form)
        layout.addLayout(buttons)
        for each in (self.question, self.opinion, self._answering):
            layout.addWidget(each)
        for part in (self.score, self.outline, self._rest):
            layout.addWidget(part, stretch=1)

    # -- an exercise --------------------------------------------------------------------------

    @property
    def busy(self) -> bool:
        """Whether an exercise is running: then nothing may show the answers."""
        return self._lesson is not None or self._outlining

    @property
    def in_exercise(self) -> bool:
        """Whether an exercise is running."""
        return self.busy

    @property
    def holds_case(self) -> str:
        """Why the case must stay while an exercise is running."""
        return "An exercise is running: press Stop and score in Exercises first." if self.busy else ""

    @property
    def takes_all_keys(self) -> bool:
        """During an exercise, the keys of the list only answer: the list would show the model's findings."""
        return self.busy

    def act(self, action: str) -> None:
        """Answer, or change the stated confidence."""
        if action in _SURER:
            self.change_confidence(_SURER[action])
        elif self._lesson is not None and self._asked and action in REASON_OF:
            self._answering.hard.act(action)
        elif self.busy and action in _ANSWERS:
            self.answer(_ANSWERS[action])

    def why_not(self, action: str) -> str:
        """In an exercise, the other keys would show what it hides; without one, no confidence is stated."""
        if self.busy and not self._asked:
            return texts.HIDING
        if action in _SURER:
            return "" if self.confidence.isEnabled() else texts.NO_QUESTION
        judging = self._lesson is not None
        return "" if judging and action in {*REASON_OF, *_ANSWERS} else texts.ONLY_ANSWERS

    def show_keys(self, keys: Mapping[str, str]) -> None:
        """Show the keys that answer and that change the confidence."""
        self._answering.show_keys(keys)

    def begin(self) -> None:
        """Hide the answers, and ask the first question, or offer a layer to paint on."""
        if self._case.review.recorder is not None and not self._case.review.recorder.by_default:
            self.question.setText(as_warning(texts.SESSION_IS_RECORDED))
            return
        self._prediction = self._case.original
        try:
            if self.form.classifying:
                self._begin_lesson()
            elif self._case.prediction is not None:
                self._consensus()  # raises now, not after the work
                self._outlining = True
        except InputError as error:
            self.question.setText(as_warning(error))
            return
        self._asked = False
        self._show()
        if self.busy:
            self._layers.blind(self._on_hidden)

    def _on_hidden(self) -> None:
        """Nothing tells the answers any more: ask, or offer a layer to paint on."""
        if not self.busy:
            return
        if self._outlining:
            self._layers.own_outline.begin()
        self._latest_score, self._asked = None, True
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
            annotator=self.annotator.text(),
            case=case,
            output=output,
            consensus=mask,
            lesions=lesions,
            probability=prediction.probability,
            grid=prediction.grid,
            brain=prediction.brain,
            plan=self.plan.currentData(),
            seed=secrets.randbits(31),
        )

    def _consensus(self) -> np.ndarray:
        return self._layers.user_labels.mask_of(self.consensus.currentData())

    def answer(self, is_lesion: bool) -> None:
        """Write the answer, and ask the next question."""
        if self._lesson is None or not self._asked:
            return
        try:
            self._lesson.answer(is_lesion, self.confidence.value() / 100, self._answering.hard.feedback)
        except InputError as error:
            self.question.setText(as_warning(texts.not_recorded(str(error))))
            return
        if self._lesson.at is None:
            self.stop()
        else:
            self._ask()

    def change_confidence(self, steps: int) -> None:
        """Raise the confidence by a number of steps, or lower it."""
        if self.confidence.isEnabled():
            self.confidence.setValue(self.confidence.value() + STEP * steps)

    def stop(self) -> None:
        """End the exercise, show everything again, and the score."""
        lesson, self._lesson = self._lesson, None
        self.question.clear()
        try:
            then = self._end(lesson)
        except InputError as error:
            self.question.setText(as_warning(error))
            then = None if self._outlining else self._show
        if then is not None:
            self._case.select(None)  # who still presses the keys that answered judges no lesion
            self._layers.unblind_soon(then)
        self._show()

    def _end(self, lesson: Lesson | None) -> Callable[[], None] | None:
        """Save what ends; what shows its score once all is shown again, None where nothing ends."""
        if lesson is not None:
            lesson.close()
            return partial(self._score_lesson, lesson)
        if not self._outlining:
            return None
        then = self._score_outline() if self._asked else self._show
        self._outlining = False
        return then

    def _score_lesson(self, lesson: Lesson) -> None:
        if self.busy:  # the next one began meanwhile
            return
        self._case.select(None)
        try:
            earlier = earlier_scores(self._file.store(), lesson.annotator, without=lesson.session)
        except InputError as error:
            self.question.setText(as_warning(error))
            return
        self.score.show_lesson(lesson, earlier)
        self._latest_score = self.score
        self._show()

    def _score_outline(self) -> Callable[[], None]:
        """Compare and save; an outline that cannot be compared yet can be painted on."""
        prediction = self._case.prediction
        if prediction is None:
            return self._show
        scored = score_outline(
            self._file.store,
            prediction,
            self.annotator.text(),
            self._layers.own_outline.array(),
            self._consensus(),
            self.confidence.value() / 100,
            whole=self.whole.isChecked(),
        )
        return partial(self._show_outline, scored)

    def _show_outline(self, scored: ScoredOutline) -> None:
        if self.busy:
            return
        self._layers.own_outline.compare(scored.sides)
        self.outline.show_outline(scored.comparison, scored.earlier)
        self._latest_score = self.outline
        self._show()

    def _ask(self) -> None:
        self.opinion.clear()
        if self._outlining:
            self.question.set_html(texts.OUTLINE)
        elif self._lesson is not None and (voxel := self._lesson.at) is not None:
            self._lesson.show()
            self._answering.hard.show_feedback(NO_FEEDBACK)
            self._layers.point_at(voxel)
            number, questions = self._lesson.answered + 1, len(self._lesson)
            self.question.set_html(texts.question(number, questions, self._lesson.may_change))
            opinion = self._lesson.opinion
            self.opinion.set_html("" if opinion is None else texts.describe_opinion(opinion))
        self.opinion.setVisible(bool(self.opinion.text()))

    def _look_again(self, voxel: tuple[int, int, int]) -> None:
        if not self.busy:  # a consensus that was hidden came back so
            self._layers.reveal(self.consensus.currentData() or "")
            self._layers.point_at(voxel)

    # -- what is shown when -------------------------------------------------------------------

    def _list_layers(self) -> None:
        set_layer_choices(self.consensus, self._layers.user_labels.names())
        self._show()

    def _on_prediction(self) -> None:
        if self._case.prediction is None:  # the consensus was chosen for a case that is closed
            self.consensus.setCurrentIndex(0)
        if self._case.original is self._prediction:
            self._show()
            return  # recalibrated: the locations are the same
        if self._lesson is not None:  # its locations belong to another prediction
            self.stop()
        elif self._outlining:  # the painted layer stays
            self._outlining = False
            self._layers.unblind()
        self._show()

    def _show(self) -> None:
        busy = self.busy
        ready = self._case.prediction is not None and self.consensus.currentData() is not None
        named = bool(self.annotator.name)
        self.begin_button.setEnabled(ready and named and not busy)
        self.stop_button.setEnabled(busy)
        self.confidence.setEnabled(busy and self._asked)
        for button in (self.yes, self.no):
            button.setEnabled(self._lesson is not None and self._asked)
            button.setVisible(self.form.classifying)
        self.form.refresh(busy)
        score = None if busy else self._latest_score
        self._answering.setVisible(score is None)
        self._answering.hard.setVisible(self._lesson is not None and self._asked)
        for part in (self.score, self.outline):
            part.setVisible(part is score)
        self._rest.setVisible(score is None)
        self.opinion.setVisible(busy and bool(self.opinion.text()))
        if busy and not self._asked:
            self.question.setText(texts.HIDING)
        elif not busy and not is_warning(self.question.text()):
            self.question.setText(self._next_step(ready, named))

    def _next_step(self, ready: bool, named: bool) -> str:
        if self._case.prediction is None:
            return texts.NO_PREDICTION
        if not ready:
            return texts.NO_CONSENSUS
        if not named:
            return texts.NO_NAME
        return texts.READY if self._latest_score is None else texts.DONE


DOCK = Dock(
    "exercises",
    "Exercises",
    lambda context: ExercisesDock(context.case, context.layers, context.sessions),
    keys=(
        KeyAction("less_sure", ",", texts.less_sure(STEP)),
        KeyAction("surer", ".", texts.more_sure(STEP)),
    ),
    closed=texts.CLOSED,
    shown_in_exercise=True,
)
