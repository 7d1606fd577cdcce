"""What a reader does in the window, from opening a scan to closing it, step by step, for `heartbeat`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtWidgets import QApplication

from napari_uncertainseg.bench.heartbeat import Heartbeat

if TYPE_CHECKING:
    from napari_uncertainseg.widgets.window import Review

_PATIENCE = 600.0
_LEFT, _NONE = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton


@dataclass(frozen=True)
class Step:
    """One thing that a reader does.

    Attributes
    ----------
    row
        Of the benchmark, in which it is counted.
    name
        What is done.
    do
        Does it.
    """

    row: str
    name: str
    do: Callable[[], object]


@dataclass
class WindowPath:
    """A window that is driven.

    Attributes
    ----------
    review
        What is driven.
    beat
        Is told of each step.
    scans, mask
        Files of one visit, and of the mask of its lesions.
    segment
        What makes the first results: Run is pressed where it is None.
    rest_s
        Seconds after each step, and after what runs in the background has ended.
    """

    review: Review
    beat: Heartbeat
    scans: list[Path]
    mask: Path
    segment: Callable[[Review], object] | None = None
    rest_s: float = 0.6
    _turns: int = field(default=0, init=False)

    # -- steps --------------------------------------------------------------------------------

    def steps(self) -> Iterator[Step]:
        """The steps; each rests upon those before, and is made when it is asked for."""
        lesions, act = self.review.lesions, self._act
        yield Step("the scans are opened", "opening", self._open)
        yield Step("first results of Run", "Run", self._run)
        yield Step("lesion to lesion, verdicts", "N", lesions.next_lesion)
        yield Step("lesion to lesion, verdicts", "N again", lesions.next_lesion)
        yield Step("lesion to lesion, verdicts", "the first verdict", lesions.accept)
        yield Step("lesion to lesion, verdicts", "the next verdict", lesions.accept)
        yield Step("another threshold", "threshold", self._step_threshold)
        yield Step("a reference is opened and chosen", "opening a mask", self._add_mask)
        yield Step("a reference is opened and chosen", "choosing it", self._choose_reference)
        yield Step("core and envelope", "core and envelope", self._show_contours)
        yield Step("views", "three views", act("views", "three_views"))
        yield Step("views", "one view again", act("views", "three_views"))
        yield Step("views", "side by side", act("compare", "side_by_side"))
        yield Step("views", "one scan again", act("compare", "side_by_side"))
        yield Step("views", "flip", act("compare", "flip_next"))
        yield Step("views", "flip back", act("compare", "flip_back"))
        yield Step("a lesion is corrected", "the row of tools", act("correct", "correct"))
        yield Step("a lesion is corrected", "growing a lesion", act("correct", "tool_grow"))
        yield Step("a lesion is corrected", "undo", lesions.undo)
        yield Step("a lesion is corrected", "brush in hand", act("correct", "tool_brush"))
        yield Step("a lesion is corrected", "a stroke", lambda: self._drag((-6, 0), (6, 4)))
        yield Step("a lesion is corrected", "tools put away", act("correct", "correct"))
        yield Step("ruler and region", "ruler in hand", act("measure", "measure_length"))
        yield Step("ruler and region", "a ruler", lambda: self._drag((-20, -10), (20, 10)))
        yield Step("ruler and region", "region in hand", act("measure", "measure_region"))
        yield Step("ruler and region", "a region", lambda: self._drag((-30, -20), (10, 10)))
        yield Step("ruler and region", "put away", act("measure", "measure_region"))
        yield Step("lesions in 3-D", "3-D", lesions.in_3d)
        yield Step("lesions in 3-D", "2-D again", lesions.in_3d)
        yield Step("sessions are listed", "opening Session", lambda: self.review.open_dock("session"))
        yield Step("sessions are listed", "listing them", self._list_sessions)
        yield Step("sessions are listed", "selecting one", lambda: self.review.session.table.selectRow(0))
        yield Step("an exercise", "opening Exercises", lambda: self.review.open_dock("exercises"))
        yield Step("an exercise", "beginning", self._begin_exercise)
        yield Step("an exercise", "an answer", lambda: self.review.exercises.answer(True))
        yield Step("an exercise", "ending", lambda: self.review.exercises.stop())
        yield Step("all layers are deleted", "deleting", self._delete)

    def walk(self) -> None:
        """Do all steps."""
        self.rest()
        for step in self.steps():
            self.beat.step, self.beat.row = step.name, step.row
            with self.beat.during("the handler itself"):
                step.do()
            self.rest()

    def _act(self, part: str, action: str) -> Callable[[], object]:
        return lambda: self.review.opened.parts[part].act(action)

    def _loader(self) -> Any:
        part: Any = self.review.opened.parts["case"]
        return part._loader

    def _open(self) -> None:
        self._loader().open_scans(self.scans)

    def _run(self) -> None:
        if self.segment is None:
            self.review.segment.run.click()
        else:
            self.segment(self.review)

    def _step_threshold(self) -> None:
        slider = self.review.lesions.threshold.slider
        slider.setValue(slider.value() - 20)

    def _add_mask(self) -> None:
        self._loader().open_dropped([self.mask])

    def _choose_reference(self) -> None:
        layers = self.review.layers
        layers.reference.choose(layers.user_labels.names()[-1])

    def _show_contours(self) -> None:
        """Where no cases allow a guarantee, the outlines are asked for as the box does."""
        box = self.review.lesions.threshold.guarantee.contours
        if box.isHidden():
            self.review.layers.show_band(0.8, 0.2)
        else:
            box.setChecked(True)

    def _list_sessions(self) -> None:
        self.review.session.table.refresh()

    def _begin_exercise(self) -> None:
        dock = self.review.exercises
        dock.annotator.setText("trainee")
        dock.consensus.setCurrentIndex(dock.consensus.count() - 1)
        dock.begin()

    def _delete(self) -> None:
        layers = self.review.layers.viewer.layers
        layers.select_all()
        layers.remove_selected()

    # -- the mouse, and time --------------------------------------------------------------------

    def _drag(self, start: tuple[int, int], stop: tuple[int, int]) -> None:
        """Drag over the canvas, in pixels from its middle."""
        from napari_uncertainseg.widgets.shared import napari_internals

        canvas = napari_internals.drawing_canvas(self.review.layers.viewer).native
        middle = canvas.rect().center()
        ends = [middle + QPoint(*end) for end in (start, stop)]
        self._mouse(canvas, QEvent.Type.MouseMove, ends[0], _NONE, _NONE)
        self._mouse(canvas, QEvent.Type.MouseButtonPress, ends[0], _LEFT, _LEFT)
        for share in (0.3, 0.6, 1.0):
            time.sleep(0.02)  # vispy lets at most a hundred moves a second pass
            self._mouse(canvas, QEvent.Type.MouseMove, ends[0] + (ends[1] - ends[0]) * share, _NONE, _LEFT)
        self._mouse(canvas, QEvent.Type.MouseButtonRelease, ends[1], _LEFT, _NONE)

    def _mouse(self, canvas: Any, kind: Any, at: QPoint, button: Any, buttons: Any) -> None:
        where = QPointF(at), QPointF(canvas.mapToGlobal(at))
        QApplication.sendEvent(
            canvas, QMouseEvent(kind, *where, button, buttons, Qt.KeyboardModifier.NoModifier)
        )

    def rest(self) -> None:
        """Let the window do what is due, until no job runs and nothing is put off."""
        end, quiet = time.monotonic() + _PATIENCE, time.monotonic() + self.rest_s
        while time.monotonic() < quiet:
            QApplication.processEvents()
            time.sleep(0.002)
            if self._busy() or self._went_on():
                quiet = time.monotonic() + self.rest_s
            if time.monotonic() > end:
                raise TimeoutError(f"{self.beat.step} did not end.")

    def _went_on(self) -> bool:
        """Whether something was done since in a turn of its own: there may be more to come."""
        done = sum(hold.what.startswith("QTimer") for hold in self.beat.holds)
        before, self._turns = self._turns, done
        return done != before

    def _busy(self) -> bool:
        from napari_uncertainseg.widgets.shared.jobs import JobRunner, JobState

        jobs = [
            *self.review._window.findChildren(JobRunner),
            self.review.layers.surfaces._job,
        ]  # no child of it
        return any(job is not None and job.state is not JobState.IDLE for job in jobs)
