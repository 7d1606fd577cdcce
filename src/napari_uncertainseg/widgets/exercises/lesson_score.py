"""The score of a lesson: numbers by size and by how the model was shown, a diagram, and the wrong answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_uncertainseg.review.lessons.lesson import Lesson
from napari_uncertainseg.review.lessons.scoring import Score
from napari_uncertainseg.review.verdicts import Voxel
from napari_uncertainseg.widgets.exercises import texts
from napari_uncertainseg.widgets.shared.definitions import CONFIDENCE_DIAGRAM, SCORES, session_definitions
from napari_uncertainseg.widgets.shared.location_table import LocationTable
from napari_uncertainseg.widgets.shared.number_table import NumberTable, Table, format_number
from napari_uncertainseg.widgets.shared.plots import ReliabilityView


class LessonScore(QWidget):
    """The score of one lesson.

    Parameters
    ----------
    go_to
        Shows a location.
    parent
        Qt parent.
    """

    def __init__(self, go_to: Callable[[Voxel], None], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.summary = session_definitions()
        self.summary.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.sizes = NumberTable(name=texts.SIZES_NAME)
        self.wrong = LocationTable(go_to, name=texts.WRONG_NAME)
        self.sizes.setFixedHeight(8 * 24)
        self.view = ReliabilityView(compact=True, across=texts.YOUR_PROBABILITY)
        self.view.setMinimumHeight(110)
        self.wrong.setMinimumHeight(60)
        self.view.setToolTip(CONFIDENCE_DIAGRAM)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.summary)
        layout.addWidget(self.sizes)
        layout.addWidget(self.view, stretch=1)
        layout.addWidget(self.wrong, stretch=1)

    def cleanup(self) -> None:
        """Release the diagram. May be called twice."""
        self.view.cleanup()

    def show_lesson(self, lesson: Lesson, earlier: Sequence[Score]) -> None:
        """Show the score of a lesson, and of earlier ones."""
        score = lesson.score()
        for part in (self.sizes, self.view, self.wrong):
            part.setVisible(bool(score.answers))
        self.summary.setText(texts.describe_score(score, earlier, lesson.came_again, lesson.influence()))
        groups = {texts.ALL: score}
        groups |= {texts.ARMS[arm]: part for arm, part in lesson.score_by_arm().items()}
        self._show_table({**groups, **lesson.score_by_size(), **lesson.score_by_depth()})
        self.view.show_reliability(score.confidence if score.answers else None)
        wrong = lesson.misjudged()
        self.wrong.show_places(
            [w.voxel for w in wrong],
            texts.WRONG_COLUMNS,
            [(w.answer, w.truth, f"{w.volume_mm3:.0f}", f"{w.confidence:.0%}") for w in wrong],
        )

    def _show_table(self, groups: Mapping[str, Score]) -> None:
        self.sizes.show_table(
            Table(
                rows=tuple(SCORES),
                columns=tuple(groups),
                cells=tuple(zip(*(_cells(score) for score in groups.values()), strict=True)),
                definitions={**SCORES, **{title: texts.group_tip(title) for title in groups}},
            )
        )


def _cells(score: Score) -> Sequence[str]:
    return (
        "-" if not score.answers else f"{score.accuracy:.0%}",
        format_number(score.sensitivity),
        format_number(score.criterion),
        format_number(score.brier),
        f"{score.misses} of {score.hits + score.misses}",
        f"{score.false_alarms} of {score.false_alarms + score.correct_rejections}",
    )
