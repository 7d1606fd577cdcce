"""Drawing rulers and regions with the mouse: a drag, or clicks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_uncertainseg.images.measures.shapes import Slice, ellipse_outline
from napari_uncertainseg.widgets.reading_bar.measure import texts
from napari_uncertainseg.widgets.reading_bar.measure.base import Base
from napari_uncertainseg.widgets.reading_bar.mouse.held import say
from napari_uncertainseg.widgets.shared import napari_internals

if TYPE_CHECKING:
    from napari import Viewer
    from napari.layers import Layer, Shapes

RULER, REGION = "ruler", "region"
_STILL = 3.0
"""Pixels that the mouse may move between press and release: more is a drag."""
_NEAR = 8.0
"""Pixels from the first corner of a polygon within which a click closes it."""


class Tool:
    """Takes the mouse while it is on: a press on the canvas draws, and neither pans nor picks a lesion.

    Parameters
    ----------
    viewer
        Where.
    made
        Called with the kind (``"ruler"``, ``"ellipse"``, ``"polygon"``), the slice and the points, shape
        (n, 3), canonical voxels.
    drafted
        Called with what is being drawn: its slice and points; None when nothing is.
    """

    def __init__(
        self,
        viewer: Viewer,
        made: Callable[[str, Slice, np.ndarray], None],
        drafted: Callable[[tuple[Slice, np.ndarray] | None], None],
    ) -> None:
        self._viewer, self._made, self._drafted = viewer, made, drafted
        self.kind = ""
        self._base: Base | None = None
        self._layer: Shapes | None = None
        self._active: Layer | None = None
        self._points: list[np.ndarray] = []
        self._pixels: list[np.ndarray] = []
        self._where: Slice | None = None
        self._double: list[Any] = []

    def begin(self, kind: str, base: Base, layer: Shapes) -> None:
        """Take the mouse to draw rulers or regions."""
        if self.kind:
            self.end()
        viewer = self._viewer
        self._active = viewer.layers.selection.active
        layer.mouse_pan = False
        viewer.layers.selection.active = layer  # napari tells of none in between: the tool is not on yet
        self.kind, self._base, self._layer = kind, base, layer
        viewer.mouse_drag_callbacks.insert(0, self._on_press)
        viewer.mouse_move_callbacks.append(self._on_move)
        self._double = list(viewer.mouse_double_click_callbacks)
        viewer.mouse_double_click_callbacks[:] = [self._on_double_click]

    def end(self) -> None:
        """Give the mouse back. May be called twice."""
        if not self.kind:
            return
        viewer = self._viewer
        self.forget()
        self.kind = ""
        for callbacks, own in (
            (viewer.mouse_drag_callbacks, self._on_press),
            (viewer.mouse_move_callbacks, self._on_move),
        ):
            if own in callbacks:
                callbacks.remove(own)
        viewer.mouse_double_click_callbacks[:] = self._double
        if self._layer is not None:
            self._layer.mouse_pan = True
            if viewer.layers.selection.active is self._layer:  # else its keys would draw napari's own shapes
                viewer.layers.selection.active = self._before()
        self._layer = self._active = self._base = None

    def _before(self) -> Layer | None:
        """What was active before; the scan where that has gone."""
        layers, scan = self._viewer.layers, None if self._base is None else self._base.layer
        if self._active in layers and self._active is not self._layer:
            return self._active
        return scan if scan in layers else None

    def forget(self) -> None:
        """Drop what is being drawn."""
        drawing = bool(self._points)
        self._points, self._pixels, self._where = [], [], None
        if drawing:
            self._drafted(None)

    def close_polygon(self) -> None:
        """Make a region of the corners that were clicked, where there are three or more."""
        where, points = self._where, list(self._points)
        self.forget()
        if where is not None and len(points) >= 3:
            self._made("polygon", where, np.array(points))

    # -- the mouse ------------------------------------------------------------------------------

    def _on_press(self, viewer: Any, event: Any) -> Iterator[None]:
        base = self._base
        if base is None or event.button != 1 or self._viewer.dims.ndisplay != 2:
            return
        where = base.shown(self._viewer)
        if self._where is not None and self._where != where:
            self.forget()  # it was begun in another slice
        start, pixel = self._flat(event.position, where), np.asarray(event.pos, float)
        yield
        moved = False
        while event.type == "mouse_move":
            if self._elsewhere(base, where):
                return
            moved = moved or _apart(event.pos, pixel) > _STILL
            if moved and not self._points:
                self._drafted((where, self._outline(start, self._flat(event.position, where), where)))
            yield
        if self._elsewhere(base, where):
            return
        end = self._flat(event.position, where)
        if moved and not self._points:
            self._drafted(None)
            self._made(RULER if self.kind == RULER else "ellipse", where, np.array([start, end]))
        else:
            self._click(end if moved else start, np.asarray(event.pos, float), where)

    def _elsewhere(self, base: Base, where: Slice) -> bool:
        """Whether another slice is shown by now: a drag would measure from one to the other, so it ends."""
        if self._viewer.dims.ndisplay == 2 and base.shown(self._viewer) == where:
            return False
        self.forget()
        self._drafted(None)
        say(napari_internals.main_window(self._viewer), texts.OTHER_SLICE)
        return True

    def _click(self, point: np.ndarray, pixel: np.ndarray, where: Slice) -> None:
        if self.kind == REGION and len(self._points) >= 3 and _apart(pixel, self._pixels[0]) <= _NEAR:
            self.close_polygon()
            return
        self._points.append(point)
        self._pixels.append(pixel)
        self._where = where
        if self.kind == RULER and len(self._points) == 2:
            points = np.array(self._points)
            self.forget()
            self._made(RULER, where, points)

    def _on_move(self, viewer: Any, event: Any) -> None:
        base, where = self._base, self._where
        if base is None or where is None or not self._points:
            return
        if base.shown(self._viewer) == where:
            self._drafted((where, np.array([*self._points, self._flat(event.position, where)])))

    def _on_double_click(self, viewer: Any, event: Any) -> None:
        if self.kind == REGION and len(self._points) >= 3:
            self.close_polygon()

    def _flat(self, position: Any, where: Slice) -> np.ndarray:
        """The voxel at a place, in the plane of the slice."""
        assert self._base is not None
        voxel = self._base.voxel(position)
        voxel[where.axis] = where.index
        return voxel

    def _outline(self, start: np.ndarray, end: np.ndarray, where: Slice) -> np.ndarray:
        if self.kind == RULER:
            return np.array([start, end])
        drawn = ellipse_outline([start, end], where)  # type: ignore[list-item]
        return np.vstack([drawn, drawn[:1]])


def _apart(one: Any, other: Any) -> float:
    return float(np.linalg.norm(np.asarray(one, float) - np.asarray(other, float)))
