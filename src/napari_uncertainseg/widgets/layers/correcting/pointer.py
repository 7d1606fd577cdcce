"""The mouse in the hand of a tool: places on the grid, for as long as it is held."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from qtpy.QtCore import QEvent, QObject
from qtpy.QtGui import QMouseEvent, QWheelEvent
from qtpy.QtWidgets import QApplication

from napari_uncertainseg.widgets.layers.result_layers import LESIONS, ResultLayers
from napari_uncertainseg.widgets.shared import napari_internals

if TYPE_CHECKING:
    from napari import Viewer

    from napari_uncertainseg.review.verdicts import Voxel

_STILL = 3.0
"""Pixels that the mouse may move between press and release: more is a drag."""
_NOTCH = 120
"""Qt's units of one notch of the wheel."""


class Hand(Protocol):
    """What holds the mouse. Voxels may lie beyond the edges of the grid."""

    @property
    def takes_wheel(self) -> bool:
        """Whether the wheel is the tool's, and not the viewer's."""

    def hover(self, voxel: Voxel) -> None:
        """The mouse moved, with no button pressed."""

    def press(self, voxel: Voxel) -> None:
        """The left button was pressed."""

    def drag(self, voxel: Voxel) -> None:
        """The mouse moved since."""

    def release(self, voxel: Voxel, *, still: bool) -> None:
        """The button was let go; whether it was a click, at one place."""

    def cut_short(self) -> None:
        """The button is held, but another slice is shown since: nothing is drawn there."""

    def turn(self, notches: float) -> None:
        """The wheel was turned, above 0 away from the user."""


def draws(viewer: Viewer) -> bool:
    """Whether a press in the large view would draw: with a tool, a ruler, or a brush of napari's."""
    active = viewer.layers.selection.active
    in_hand = (getattr(each, "__self__", None) for each in viewer.mouse_drag_callbacks)
    return (active is not None and not active.mouse_pan) or any(isinstance(each, Pointer) for each in in_hand)


class Pointer(QObject):
    """Gives a tool the left button, and the wheel where it wants it; the rest stays the viewer's.

    Parameters
    ----------
    viewer
        Whose main canvas.
    results
        Its layers, by which places on the screen become voxels.
    hand
        The tool.
    """

    def __init__(self, viewer: Viewer, results: ResultLayers, hand: Hand) -> None:
        super().__init__()
        self._viewer, self._results, self._hand = viewer, results, hand
        self._pressed: object = None
        """The press that goes on; None where there is none, or it was given up."""
        # First of all: who comes later sees that the event is taken.
        viewer.mouse_drag_callbacks.insert(0, self._on_press)
        viewer.mouse_move_callbacks.append(self._on_move)
        self._canvas: QObject | None = napari_internals.drawing_canvas(viewer).native
        self._canvas.installEventFilter(self)

    def voxel(self, world: Any) -> Voxel | None:
        """The voxel of the prediction's grid at a place in the world; None without results."""
        layer, placing = self._results.get(LESIONS), self._results.placing
        if layer is None or placing is None:
            return None
        return placing.canonical(np.rint(layer.world_to_data(world)).astype(int))

    def _on_press(self, viewer: Any, event: Any) -> Iterator[None]:
        if event.button != 1 or event.modifiers or viewer.dims.ndisplay != 2:
            return
        if self._results.reveal():
            event.handled = True
            return  # nobody corrects what is hidden, or was removed: the next press does
        start, voxel = np.asarray(event.pos, float), self.voxel(event.position)
        if voxel is None:
            return
        event.handled = True  # the camera does not pan
        self._pressed = press = object()
        shown = self._results.shown()
        self._hand.press(voxel)
        yield
        while event.type == "mouse_move":
            event.handled = True
            self._stay(press, shown)
            if self._pressed is press and (voxel := self.voxel(event.position)) is not None:
                self._hand.drag(voxel)
            yield
        event.handled = True
        self._stay(press, shown)
        if self._end(press) and (voxel := self.voxel(event.position)) is not None:
            far = np.abs(np.asarray(event.pos, float) - start).max()
            self._hand.release(voxel, still=bool(far <= _STILL))

    def _stay(self, press: object, shown: tuple[int, int]) -> None:
        """End a press where another slice is shown by now: what is drawn is not drawn on across slices."""
        turned = self._viewer.dims.ndisplay != 2 or self._results.shown() != shown
        if turned and self._end(press):
            self._hand.cut_short()

    def give_up(self) -> bool:
        """Let what the pressed button has begun come to nothing; False where none is pressed."""
        return self._end(self._pressed)

    def _end(self, press: object) -> bool:
        """End a press; False where it has ended before."""
        goes_on = press is not None and self._pressed is press
        self._pressed = None if goes_on else self._pressed
        return goes_on

    def _on_move(self, viewer: Any, event: Any) -> None:
        if viewer.dims.ndisplay == 2 and (voxel := self.voxel(event.position)) is not None:
            self._hand.hover(voxel)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Keep the wheel from the viewer where the tool takes it; two quick clicks are two clicks."""
        if isinstance(event, QWheelEvent) and self._hand.takes_wheel:
            self._hand.turn(event.angleDelta().y() / _NOTCH)
            return True
        if isinstance(event, QMouseEvent) and event.type() == QEvent.Type.MouseButtonDblClick:
            # napari would zoom, and the tool would miss the second click.
            press = QMouseEvent(
                QEvent.Type.MouseButtonPress,
                event.position(),
                event.globalPosition(),
                event.button(),
                event.buttons(),
                event.modifiers(),
            )
            QApplication.sendEvent(watched, press)
            return True
        return False

    def cleanup(self) -> None:
        """Let go of the mouse. May be called twice."""
        self._pressed = None
        for callbacks, own in (
            (self._viewer.mouse_drag_callbacks, self._on_press),
            (self._viewer.mouse_move_callbacks, self._on_move),
        ):
            if own in callbacks:
                callbacks.remove(own)
        if self._canvas is not None:
            self._canvas.removeEventFilter(self)
            self._canvas = None
