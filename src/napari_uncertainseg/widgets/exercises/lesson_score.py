"""What came of a lesson: numbers by size and by what was seen of the model, a diagram, and what was wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_uncertainseg.review.lessons.lesson import Lesson
from napari_uncertainseg.review.lessons.model_visibility import ModelInfluence
from napari_uncertainseg.review.lessons.scoring import Score
from napari_uncertainseg.review.verdicts import Voxel
from napari_uncertainseg.widgets.shared.definitions import session_definitions
from napari_uncertainseg.widgets.shared.lesson_scores import SCORES
from napari_uncertainseg.widgets.shared.location_table import LocationTable
from napari_uncertainseg.widgets.shared.number_table import NumberTable, Table, format_number
from napari_uncertainseg.widgets.shared.plots import ReliabilityView

_ARMS = {"without": "alone", "first": "model first", "after": "model after"}
_SHOWN_BEFORE = 5


class LessonScore(QWidget):
    """The score of one lesson.

    Parameters
    ----------
    go_to
        Shows a place.
    parent
        Qt parent.
    """

    def __init__(self, go_to: Callable[[Voxel], None], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.summary = session_definitions()
        self.summary.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.sizes, self.wrong = NumberTable(), LocationTable(go_to)
        self.sizes.setFixedHeight(8 * 24)
        self.view = ReliabilityView(compact=True, across="your probability of a lesion")
        self.view.setMinimumHeight(110)
        self.wrong.setMinimumHeight(60)
        self.view.setToolTip(
            "How often what you called a lesion, so surely, was one: on the diagonal is right."
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.summary)
        layout.addWidget(self.sizes)
        layout.addWidget(self.view, stretch=1)
        layout.addWidget(self.wrong, stretch=1)

    def cleanup(self) -> None:
        """Let go of the drawing. May be called twice."""
        self.view.cleanup()

    def show_lesson(self, lesson: Lesson, earlier: Sequence[Score]) -> None:
        """Show what came of a lesson, and after which earlier ones it was."""
        every = lesson.score()
        for part in (self.sizes, self.view, self.wrong):
            part.setVisible(bool(every.answers))
        self.summary.setText(describe_score(every, earlier, lesson.came_again, lesson.influence()))
        groups = {"all": every}
        groups |= {_ARMS[arm]: one for arm, one in lesson.score_by_arm().items()}
        self._show_table({**groups, **lesson.score_by_size(), **lesson.score_by_depth()})
        self.view.show_reliability(every.confidence if every.answers else None)
        wrong = lesson.misjudged()
        self.wrong.show_places(
            [w.voxel for w in wrong],
            ("you said", "it is", "mm³", "sure"),
            [(w.said, w.truth, f"{w.volume_mm3:.0f}", f"{w.confidence:.0%}") for w in wrong],
        )

    def _show_table(self, groups: Mapping[str, Score]) -> None:
        self.sizes.show_table(
            Table(
                rows=tuple(SCORES),
                columns=tuple(groups),
                cells=tuple(zip(*(_cells(one) for one in groups.values()), strict=True)),
                definitions=dict(SCORES),
            )
        )


def describe_score(
    every: Score, earlier: Sequence[Score], came_again: int, moved: ModelInfluence | None
) -> str:
    """A lesson in a few sentences."""
    if not every.answers:
        return "No answer was given: nothing to score."
    lines = [f"{every.answers} answers, {every.accuracy:.0%} right"]
    if earlier:
        lines.append("before: " + ", ".join(f"{one.accuracy:.0%}" for one in earlier[-_SHOWN_BEFORE:]))
    if came_again:
        lines.append(f"{came_again} of them had been misjudged before, which makes it harder")
    if moved is not None:
        lines += _moved_in_words(moved)
    return ". ".join(lines) + "."


def _moved_in_words(moved: ModelInfluence) -> list[str]:
    left = f", {moved.left} of them away from what it said" if moved.left else ""
    return [
        f"After you saw the model you changed {moved.changed} of {moved.answers} answers{left}",
        f"Where only it was right it moved you to right {moved.helped} of {moved.could_help} times, where "
        f"only you were to wrong {moved.harmed} of {moved.could_harm}",
    ]


def _cells(found: Score) -> Sequence[str]:
    return (
        "-" if not found.answers else f"{found.accuracy:.0%}",
        format_number(found.sensitivity),
        format_number(found.criterion),
        format_number(found.brier),
        f"{found.misses} of {found.hits + found.misses}",
        f"{found.false_alarms} of {found.false_alarms + found.correct_rejections}",
    )
