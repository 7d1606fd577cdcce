"""The Training dock: is this a lesion, and how sure are you? Then how often that was right."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from napari_uncertainseg._base import InputError
from napari_uncertainseg.case import Case
from napari_uncertainseg.review.lesson import Lesson, begin, past
from napari_uncertainseg.review.scoring import Score
from napari_uncertainseg.widgets.definitions import DefinedLabel
from napari_uncertainseg.widgets.fields import annotator_field, offer_layers, wrapped
from napari_uncertainseg.widgets.numbers import NumberTable, Table, number
from napari_uncertainseg.widgets.plots import ReliabilityView
from napari_uncertainseg.widgets.session_file import SessionFile, default_file, keep_prediction

_ROWS = {
    "right": "Share of answers that are right.",
    "d'": "How well lesions are told from others: 0 is chance, 3 nearly perfect.",
    "criterion": "Above 0 you are slow to call a lesion, below 0 quick.",
    "Brier": "Mean squared difference of the stated probability from the truth: 0 is best, 0.25 a coin's.",
    "missed": "Lesions that you did not call lesions.",
    "invented": "Others that you called lesions.",
}


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

    def unblind(self) -> None:
        """Show all as it was."""


class TrainingDock(QWidget):
    """Questions on a case with a consensus, blinded to model and consensus; then the score.

    Parameters
    ----------
    case
        The case at hand: its prediction gives what only looks like a lesion.
    layers
        Hides, points, and knows the label layers; its ``layers_changed`` is heard.
    file
        The database of sessions.
    parent
        Qt parent.
    """

    def __init__(
        self, case: Case, layers: Shows, file: Path | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._case, self._layers = case, layers
        self._file = SessionFile(default_file() if file is None else file)
        self._lesson: Lesson | None = None
        self._make_controls()
        self._lay_out()
        layers.layers_changed.connect(self._list_layers)  # type: ignore[attr-defined]
        case.prediction_changed.connect(self._on_prediction)
        self.begin_button.clicked.connect(self.begin)
        self.stop_button.clicked.connect(self.stop)
        self.yes.clicked.connect(lambda: self.answer(True))
        self.no.clicked.connect(lambda: self.answer(False))
        self.annotator.textChanged.connect(self._show)
        self.consensus.currentIndexChanged.connect(self._show)
        self.sure.valueChanged.connect(self._show_confidence)
        self.wrong.itemSelectionChanged.connect(self._look_again)
        self._list_layers()
        self._show()

    def cleanup(self) -> None:
        """Disconnect, show all as it was, and let the database go. May be called twice."""
        self._layers.layers_changed.disconnect(self._list_layers, missing_ok=True)  # type: ignore[attr-defined]
        self._case.prediction_changed.disconnect(self._on_prediction, missing_ok=True)
        self._layers.unblind()
        self._lesson = None
        self.view.cleanup()
        self._file.close()

    # -- making it ----------------------------------------------------------------------------

    def _make_controls(self) -> None:
        self.annotator = annotator_field()
        self.consensus = QComboBox()
        self.consensus.setToolTip("The label layer that counts as true: a consensus of experts.")
        self.begin_button = QPushButton("Begin")
        self.begin_button.setToolTip(
            "Hide model and consensus, and ask about as many lesions as places that only look like one.\n"
            "Places that you misjudged before come first."
        )
        self.stop_button = QPushButton("Stop and score")
        self.question = wrapped()
        self.yes, self.no = QPushButton("Lesion"), QPushButton("No lesion")
        self.sure = QSlider(Qt.Orientation.Horizontal)
        self.sure.setRange(50, 100)
        self.sure.setPageStep(10)
        self.sure.setValue(75)
        self.sure.setToolTip("How sure you are of your answer: 50 % is a coin, 100 % certain.")
        self.sure_label = QLabel()
        self.summary = DefinedLabel("Sessions")
        self.summary.setWordWrap(True)
        self.summary.setToolTip("Click for the definitions.")
        self.sizes, self.wrong = NumberTable(), NumberTable()
        self.sizes.setFixedHeight(8 * 24)
        self.view = ReliabilityView(compact=True)
        self.view.setMinimumHeight(120)
        self.view.setToolTip(
            "How often what you called a lesion, so surely, was one: on the diagonal is right."
        )
        self._rest = QWidget()
        self._show_confidence()

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("annotator", self.annotator)
        form.addRow("consensus", self.consensus)
        buttons, answers, sure = QHBoxLayout(), QHBoxLayout(), QHBoxLayout()
        for row, widgets in (
            (buttons, (self.begin_button, self.stop_button)),
            (sure, (QLabel("sure"), self.sure, self.sure_label)),
            (answers, (self.yes, self.no)),
        ):
            for widget in widgets:
                row.addWidget(widget)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.addLayout(form)
        layout.addLayout(buttons)
        layout.addWidget(self.question)
        layout.addLayout(sure)
        layout.addLayout(answers)
        layout.addWidget(self.summary)
        layout.addWidget(self.sizes)
        layout.addWidget(self.view, stretch=1)
        layout.addWidget(self.wrong, stretch=1)
        layout.addWidget(self._rest, stretch=1)

    # -- a lesson -----------------------------------------------------------------------------

    def begin(self) -> None:
        """Hide the answers, and ask the first question."""
        prediction, lesions = self._case.prediction, self._case.lesions
        name = self.consensus.currentData()
        if prediction is None or lesions is None or name is None:
            return
        try:
            store = self._file.store()
            mask = self._layers.mask_of(name)
            case, output = keep_prediction(store, prediction)
            self._lesson = begin(
                store,
                self.annotator.text(),
                case,
                output,
                mask,
                lesions,
                prediction.probability,
                prediction.grid.voxel_volume,
                seed=secrets.randbits(31),
            )
        except InputError as error:
            self.question.setText(f"⚠ {error}")
            return
        self._layers.blind()
        self._ask()
        self._show()

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

    def stop(self) -> None:
        """End the lesson, show everything again, and the score."""
        lesson, self._lesson = self._lesson, None
        if lesson is None:
            return
        self._layers.unblind()
        try:
            lesson.close()
            self._show_score(lesson)
        except InputError as error:
            self.question.setText(f"⚠ {error}")
        self._show()

    def _ask(self) -> None:
        assert self._lesson is not None
        voxel = self._lesson.at
        if voxel is not None:
            self._lesson.show()
            self._layers.point_at(voxel)
            done, n = self._lesson.answered, len(self._lesson)
            self.question.setText(f"<b>{done + 1} of {n}.</b> Is what the ring is around a lesion?")

    # -- the score ----------------------------------------------------------------------------

    def _show_score(self, lesson: Lesson) -> None:
        every = lesson.score()
        lines = [f"{every.answers} answers, {every.accuracy:.0%} right" if every.answers else "No answer yet"]
        earlier = past(self._file.store(), lesson.annotator, without=lesson.session)
        if every.answers and earlier:
            lines.append("before: " + ", ".join(f"{one.accuracy:.0%}" for one in earlier[-5:]))
        again = lesson.came_again
        if every.answers and again:
            lines.append(f"{again} of them had been misjudged before, which makes it harder")
        self.summary.setText(". ".join(lines) + ".")
        groups = {"all": every, **lesson.score_by_size()}
        self.sizes.show_table(
            Table(
                rows=tuple(_ROWS),
                columns=tuple(groups),
                cells=tuple(zip(*(_cells(one) for one in groups.values()), strict=True)),
                definitions=dict(_ROWS),
            )
        )
        self.view.show_reliability(every.confidence if every.answers else None)
        self._wrong = lesson.misjudged()
        self.wrong.show_table(
            Table(
                rows=tuple(str(i) for i in range(1, len(self._wrong) + 1)),
                columns=("you said", "it is", "mm³", "sure"),
                cells=tuple(
                    (w.said, w.truth, f"{w.volume_mm3:.0f}", f"{w.confidence:.0%}") for w in self._wrong
                ),
            )
        )

    def _look_again(self) -> None:
        rows = {index.row() for index in self.wrong.selectedIndexes()}
        if len(rows) == 1 and self._lesson is None:
            self._layers.point_at(self._wrong[rows.pop()].voxel)

    # -- what is shown when -------------------------------------------------------------------

    def _list_layers(self) -> None:
        offer_layers(self.consensus, self._layers.label_layers())
        self._show()

    def _on_prediction(self) -> None:
        if self._lesson is not None:  # its places are no longer those that are shown
            self.stop()
        self._show()

    def _show_confidence(self) -> None:
        self.sure_label.setText(f"{self.sure.value()} %")

    def _show(self) -> None:
        asking = self._lesson is not None
        ready = self._case.prediction is not None and self.consensus.currentData() is not None
        named = bool(self.annotator.text().strip())
        self.begin_button.setEnabled(ready and named and not asking)
        for widget in (self.stop_button, self.yes, self.no, self.sure):
            widget.setEnabled(asking)
        for field in (self.annotator, self.consensus):
            field.setEnabled(not asking)
        scored = self.sizes.rowCount() > 0 and not asking
        for shown in (self.summary, self.sizes, self.view, self.wrong):
            shown.setVisible(scored)
        self._rest.setVisible(not scored)
        if not asking and not self.question.text().startswith("⚠"):
            self.question.setText(self._next_step(ready, named))

    def _next_step(self, ready: bool, named: bool) -> str:
        if self._case.prediction is None:
            return "No prediction yet: press Run in Segment. What it takes for lesions is asked about, too."
        if not ready:
            return "Choose the layer that counts as true."
        return "Ready." if named else "Say who is in training."


def _cells(found: Score) -> Sequence[str]:
    return (
        "-" if not found.answers else f"{found.accuracy:.0%}",
        number(found.sensitivity),
        number(found.criterion),
        number(found.brier),
        f"{found.misses} of {found.hits + found.misses}",
        f"{found.false_alarms} of {found.false_alarms + found.correct_rejections}",
    )
