"""Tools that work at the pointer: what they do with clicks, drags and the wheel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce

import numpy as np

from napari_uncertainseg._base import InputError
from napari_uncertainseg._boxes import Box, union_box
from napari_uncertainseg.lesions.editing.at_click import ClickedPlace, moved
from napari_uncertainseg.lesions.editing.brush import Brightness, footprint, placed, way
from napari_uncertainseg.review.correcting.apply import place_at
from napari_uncertainseg.review.correction import Correction
from napari_uncertainseg.review.verdicts import Voxel
from napari_uncertainseg.widgets.layers.correcting.preview import MARK, REMOVE, TAKE
from napari_uncertainseg.widgets.reading_bar.correct import texts
from napari_uncertainseg.widgets.reading_bar.correct.bench import Bench


class ToolHand:
    """A tool in hand, see `pointer.Hand`; by itself it does nothing.

    Errors that a reader can cause are raised as InputError, and shown by whoever calls.
    """

    takes_wheel = False

    def __init__(self, bench: Bench) -> None:
        self.bench = bench

    def hover(self, voxel: Voxel) -> None:
        """The mouse moved, with no button pressed."""

    def press(self, voxel: Voxel) -> None:
        """The left button was pressed."""

    def drag(self, voxel: Voxel) -> None:
        """The mouse moved since."""

    def release(self, voxel: Voxel, *, still: bool) -> None:
        """The button was let go; whether it was a click."""

    def cut_short(self) -> None:
        """Another slice is shown since the button was pressed: what was begun comes to nothing."""
        self.drop()
        self.bench.say(texts.OTHER_SLICE)

    def turn(self, notches: float) -> None:
        """The wheel was turned."""

    def accept(self) -> None:
        """Enter was pressed."""

    def drop(self) -> bool:
        """Drop what was begun; False where nothing was."""
        return False


@dataclass(frozen=True)
class BrushSettings:
    """How the brush is set.

    Attributes
    ----------
    diameter
        mm.
    ball
        Whether it is one, and no disc in the slice.
    erase
        Whether it takes lesion away.
    brightness
        Where on the scan it works; None for everywhere.
    """

    diameter: float
    ball: bool = False
    erase: bool = False
    brightness: Brightness | None = None

    @property
    def correction(self) -> Correction:
        """As the journal keeps it."""
        said: dict[str, float | str] = {
            "does": "erase" if self.erase else "paint",
            "shape": "ball" if self.ball else "disc",
            "diameter_mm": self.diameter,
        }
        if self.brightness is not None:
            said |= {
                "limit": "below" if self.brightness.below else "above",
                "level": float(self.brightness.level),
            }
        return Correction("brush", said)


class BrushHand(ToolHand):
    """Paints or erases; a stroke becomes lesion when the button is let go."""

    def __init__(self, bench: Bench, settings: Callable[[], BrushSettings]) -> None:
        super().__init__(bench)
        self._settings = settings
        self._last: Voxel | None = None
        self._boxes: list[Box] = []

    def hover(self, voxel: Voxel) -> None:
        """Show what a click here would take."""
        self.bench.show(*self._stamps([voxel]))

    def press(self, voxel: Voxel) -> None:
        """Begin a stroke."""
        self._boxes, self._last = [], voxel
        self.bench.show()
        self._add([voxel])

    def drag(self, voxel: Voxel) -> None:
        """Draw it on, along the line from where the mouse was."""
        if self._last is not None and voxel != self._last:
            path, self._last = way(self._last, voxel), voxel
            self._add(path)

    def release(self, voxel: Voxel, *, still: bool) -> None:
        """Make it lesion, or none."""
        preview, boxes = self.bench.preview, self._boxes
        settings, self._last, self._boxes = self._settings(), None, []
        if preview is None or not boxes:
            return
        box = reduce(union_box, boxes)
        stroke = preview.shown[box] > 0
        self.bench.show()
        if not stroke.any():
            return
        outlines = self.bench.outlines
        correction = settings.correction
        found = outlines.painted(box, stroke, erase=settings.erase, correction=correction)
        self.bench.apply(outlines, found, voxel)
        lesions = self.bench.case.lesions
        if not settings.erase and lesions is not None and not lesions.labels[box][stroke].any():
            self.bench.say(texts.PAINT_MORE.format(volume=lesions.min_volume))

    def cut_short(self) -> None:
        """End the stroke with what was painted in its slice."""
        if self._last is not None:
            self.release(self._last, still=False)
            self.bench.say(texts.STROKE_ENDED)

    def show_level(self) -> None:
        """Outline all that the brightness lets through in the slice on screen."""
        scan, limit, prediction = self.bench.scan, self._settings().brightness, self.bench.case.prediction
        if scan is None or limit is None or prediction is None:
            return
        axis, index = self.bench.layers.current_slice()
        s, a, r = (slice(index, index + 1) if i == axis else slice(0, n) for i, n in enumerate(scan.shape))
        self.bench.show(((s, a, r), limit.allows(scan[s, a, r]) & (prediction.brain[s, a, r] > 0), TAKE))

    def drop(self) -> bool:
        """Drop a stroke that is being drawn."""
        begun, self._last, self._boxes = self._last is not None, None, []
        self.bench.show()
        return begun

    def _add(self, voxels: list[Voxel]) -> None:
        stamps = self._stamps(voxels)
        self._boxes += [box for box, _, _ in stamps]
        if self.bench.preview is not None:
            self.bench.preview.add(stamps)

    def _stamps(self, voxels: list[Voxel]) -> list[tuple[Box, np.ndarray, int]]:
        settings, grid, scan = self._settings(), self.bench.case.grid, self.bench.scan
        if grid is None:
            return []
        print_ = footprint(settings.diameter, grid.spacing, None if settings.ball else self.bench.axis)
        labels, found = self.bench.outlines.lesions.labels, []
        for voxel in voxels:
            box, covered = placed(print_, voxel, grid.shape)
            if not covered.size:
                continue
            if settings.brightness is not None and scan is not None:
                covered = covered & settings.brightness.allows(scan[box])
            if settings.erase:
                covered = covered & (labels[box] > 0)
            found.append((box, covered, REMOVE if settings.erase else TAKE))
        return found


class ClickHand(ToolHand):
    """Outlines what the model sees around a click, at a threshold that the wheel moves."""

    def __init__(self, bench: Bench, changed: Callable[[str], None]) -> None:
        super().__init__(bench)
        self._changed = changed
        self._place: ClickedPlace | None = None
        self._voxel: Voxel = (0, 0, 0)
        self.threshold = 0.0

    @property
    def takes_wheel(self) -> bool:  # type: ignore[override]
        """Once a place was clicked."""
        return self._place is not None

    def release(self, voxel: Voxel, *, still: bool) -> None:
        """A click inside of what is shown takes it; elsewhere it is another place."""
        if not still or not self.bench.inside(voxel):
            return
        preview = self.bench.preview
        if self._place is not None and preview is not None and preview.shown[voxel]:
            self.accept()
            return
        self._place, self._voxel = place_at(self.bench.case, voxel), voxel
        self.threshold = moved(self.bench.case.threshold, 0, self._place.lowest, self._place.highest)
        self._show()

    def turn(self, notches: float) -> None:
        """Away from the user for a larger outline."""
        if self._place is not None:
            self.threshold = moved(self.threshold, -notches, self._place.lowest, self._place.highest)
            self._show()

    def accept(self) -> None:
        """Give the lesion this outline."""
        if self._place is not None:
            outlines = self.bench.outlines
            found = outlines.take(self._place, self.threshold, self._voxel)
            self.drop()
            self.bench.apply(outlines, found, self._voxel)

    def drop(self) -> bool:
        """Forget the place."""
        begun, self._place = self._place is not None, None
        self.bench.show()
        self._changed(texts.NO_PLACE)
        return begun

    def _show(self) -> None:
        assert self._place is not None
        component, grid = self._place.component(self.threshold), self.bench.outlines.grid
        self.bench.show((component.box, component.wanted, TAKE))
        volume = np.count_nonzero(component.wanted) * grid.voxel_volume
        said = f"{volume / 1000:.2f} ml" if volume >= 1000 else f"{volume:.0f} mm³"
        self._changed(texts.AT_PROBABILITY.format(threshold=self.threshold, volume=said))


class SplitHand(ToolHand):
    """Cuts along a line that is dragged, or between two places that are clicked."""

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self._first: Voxel | None = None
        self._start: Voxel = (0, 0, 0)

    def press(self, voxel: Voxel) -> None:
        """A line may begin here."""
        self._start = voxel

    def drag(self, voxel: Voxel) -> None:
        """Show the line."""
        self.bench.show(*self._marks([self._start, *way(self._start, voxel)]))

    def release(self, voxel: Voxel, *, still: bool) -> None:
        """Cut, where both ends or both places are known."""
        outlines, first = self.bench.outlines, self._first
        if not still:
            self.drop()
            found = outlines.split_along(self._start, voxel, self.bench.axis)
            self.bench.apply(outlines, found, voxel)
            return
        number = outlines.number_at(voxel) if self.bench.inside(voxel) else 0
        if not number:
            raise InputError(texts.NO_LESION_HERE)
        if first is None:
            self._first = voxel
            self.bench.show(*self._marks([voxel]))
            self.bench.say(texts.NOW_OTHER_PLACE.format(number=number))
            return
        found = outlines.split_between(first, voxel)
        self.drop()
        self.bench.apply(outlines, found, voxel)

    def drop(self) -> bool:
        """Forget the first place."""
        begun, self._first = self._first is not None, None
        self.bench.show()
        return begun

    def _marks(self, voxels: list[Voxel]) -> list[tuple[Box, np.ndarray, int]]:
        one = np.ones((1, 1, 1), bool)
        boxes = [
            (slice(s, s + 1), slice(a, a + 1), slice(r, r + 1))
            for s, a, r in voxels
            if self.bench.inside((s, a, r))
        ]
        return [(box, one, MARK) for box in boxes]


class PairHand(ToolHand):
    """Merges, or interpolates between, the selected lesion and another one.

    Parameters
    ----------
    bench
        What the tools share.
    correct
        From the outlines and the numbers of both to the correction.
    """

    def __init__(self, bench: Bench, correct: Callable) -> None:
        super().__init__(bench)
        self._correct = correct

    def release(self, voxel: Voxel, *, still: bool) -> None:
        """The clicked lesion is the second one, or the first where none is selected."""
        if not still:
            return
        outlines = self.bench.outlines
        number = outlines.number_at(voxel) if self.bench.inside(voxel) else 0
        if not number:
            raise InputError(texts.NO_LESION_HERE)
        first = self.bench.selected
        if first <= 0 or first == number:
            self.bench.case.select(voxel)
            self.bench.say(texts.NOW_SECOND.format(number=number))
            return
        self.bench.apply(outlines, self._correct(outlines, first, number), voxel)
