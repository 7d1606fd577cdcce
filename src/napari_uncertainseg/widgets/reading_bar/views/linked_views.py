"""Three views of one viewer: napari's own, large, and the two other planes beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QSplitter

from napari_uncertainseg.widgets.layers.by_reader.lesion_picking import LesionPicking, is_plain_click
from napari_uncertainseg.widgets.layers.correcting.pointer import draws
from napari_uncertainseg.widgets.layers.planes.plane import Plane, planes_of
from napari_uncertainseg.widgets.reading_bar.mouse.held import HeldMouse, say
from napari_uncertainseg.widgets.reading_bar.views import texts
from napari_uncertainseg.widgets.reading_bar.views.cross import MainCross, place_on_canvas
from napari_uncertainseg.widgets.reading_bar.views.greys import GreyDrag
from napari_uncertainseg.widgets.reading_bar.views.marks import marks_of
from napari_uncertainseg.widgets.reading_bar.views.place import SideBySide
from napari_uncertainseg.widgets.reading_bar.views.slice_view import SliceView
from napari_uncertainseg.widgets.reading_bar.views.slices import outline_of, picture_of
from napari_uncertainseg.widgets.shared import napari_internals
from napari_uncertainseg.widgets.shared.connections import Connections

if TYPE_CHECKING:
    from napari import Viewer
    from napari.layers import Layer

    from napari_uncertainseg.case import Case
    from napari_uncertainseg.widgets.layers.review_layers import ReviewLayers

_SOON = 15
"""Milliseconds in which changes are gathered before the small views are drawn."""
_WHOLE = 0.9
"""From this share of a plane on, it is shown from its middle, not from the crosshair."""


class LinkedViews:
    """The two small views, the crosshair, and what the mouse does while they are there.

    There is one place, the viewer's own ``dims.point``: whoever moves it moves all views. The small views
    draw the viewer's layers themselves, so there are no copies that could show something else.

    Parameters
    ----------
    viewer, layers, case
        What is shown.
    crosshair, same_zoom
        As :attr:`crosshair` and :attr:`same_zoom`.
    """

    def __init__(
        self, viewer: Viewer, layers: ReviewLayers, case: Case, *, crosshair: bool, same_zoom: bool
    ) -> None:
        self._viewer, self._layers, self._case = viewer, layers, case
        self._crosshair, self._same_zoom = crosshair, same_zoom
        self._planes = planes_of(viewer)
        self._large, self._refit = 0, False
        self.views = (SliceView(), SliceView())
        self.both = both = QSplitter(Qt.Orientation.Vertical)
        both.setChildrenCollapsible(False)
        for view in self.views:
            both.addWidget(view)
        self._arrange()
        self._side = SideBySide(viewer, both, self._sizes)
        self._cross = MainCross(viewer)
        self._soon = QTimer(both)
        self._soon.setSingleShot(True)
        self._soon.setInterval(_SOON)
        self._window = napari_internals.main_window(viewer)
        self._held = HeldMouse(self._window, self.views)
        self._greys = GreyDrag(viewer)
        self._picking = LesionPicking(viewer, self._outlines, self._pick)
        viewer.mouse_drag_callbacks.append(self._on_press)
        self._listen()
        self.zoom_with_large()
        self.draw()

    def _listen(self) -> None:
        dims, camera = self._viewer.dims.events, self._viewer.scene.camera.events
        mouse: list[tuple[Any, Callable[..., object]]] = []
        for view in self.views:
            mouse += [
                (view.pointed, partial(self._on_pointed, view)),
                (view.clicked, self._on_clicked),
                (view.entered, self._say),
                (view.turned_right, self._greys.turn),
                (view.scrolled, partial(self._on_scrolled, view)),
                (view.chosen, partial(self._on_chosen, view)),
            ]
        self._connections = Connections(
            (self._viewer.layers.events, self._on_layers),
            (dims.point, self._on_moved),
            (dims.order, self._on_turned),
            (dims.ndisplay, self._on_turned),
            (camera.zoom, self.zoom_with_large),
            (camera.center, self._place_cross),
            (camera.orientation, self._place_cross),
            (self._viewer.canvas.events, self._on_canvas),
            (self._viewer.events.theme, self._change),
            (self._case.lesions_changed, self._change),
            (self._case.selection_changed, self._change),
            (self._layers.surfaces.changed, self._change),
            (self._soon.timeout, self.draw),
            *mouse,
        )

    # -- what is shown ------------------------------------------------------------------------

    @property
    def waiting(self) -> bool:
        """Whether the small views are still to be drawn as everything is now, in a moment."""
        return self._soon.isActive()

    @property
    def crosshair(self) -> bool:
        """Whether the crosshair is drawn."""
        return self._crosshair

    @crosshair.setter
    def crosshair(self, wanted: bool) -> None:
        self._crosshair = wanted
        self.draw()

    @property
    def same_zoom(self) -> bool:
        """Whether the small views show as much as the large one; else the whole of their plane."""
        return self._same_zoom

    @same_zoom.setter
    def same_zoom(self, wanted: bool) -> None:
        self._same_zoom = wanted
        self.zoom_with_large()

    def draw(self) -> None:
        """Draw the small views and the crosshair as everything is now."""
        self._soon.stop()
        self._arrange()
        if self._refit:
            self._refit = False
            self._side.arrange()
            self.zoom_with_large()
        point, ground = tuple(self._viewer.dims.point), self._viewer.canvas.background_color
        covered = self._layers.surfaces.covered
        shown = [layer for layer in self._viewer.layers if layer.visible or layer in covered]
        lined = self._layers.thin.sources
        for view in self.views:
            pictures = (picture_of(x, view.plane, point, as_lines=x in lined) for x in shown)
            chosen = self._layers.selected.outlined
            view.selected = np.zeros((0, 2, 2)) if chosen is None else outline_of(*chosen, view.plane, point)
            view.cross = self._on_plane(view.plane) if self._crosshair and len(point) > 2 else None
            marks = [mark for layer in shown for mark in marks_of(layer, view.plane, point, self._step(view))]
            view.show_pictures([picture for picture in pictures if picture is not None], ground, marks)
        self._place_cross()

    def _arrange(self) -> None:
        """Give each view its plane: the large one has the viewer's, the small ones the others."""
        dims = self._viewer.dims
        self._planes = planes_of(self._viewer)
        extra = dims.ndim - 3
        shown = [axis - extra for axis in dims.displayed]
        if len(shown) == 2 and min(shown) >= 0:
            self._large = 3 - sum(shown)
        others = [plane for plane in self._planes if plane.across != self._large]
        for view, plane in zip(self.views, others, strict=True):
            if (plane.across, plane.rows, plane.up, plane.left) != (
                view.plane.across,
                view.plane.rows,
                view.plane.up,
                view.plane.left,
            ):
                view.plane = plane
                self._zoom(view)
            view.plane = plane

    def _step(self, view: SliceView) -> float:
        """Distance of two slices of the scan on top; the viewer's own steps are those of the finest layer."""
        dims, across = self._viewer.dims, view.plane.across
        if dims.ndim < 3:
            return 0.0
        for layer in reversed(self._viewer.layers):
            if layer.visible and isinstance(layer, Image) and layer.ndim == 3:
                unit = np.eye(3)[across]
                moved = np.subtract(layer.world_to_data(unit), layer.world_to_data(np.zeros(3)))
                return 1 / float(np.abs(moved).max())
        return float(dims.range[across + dims.ndim - 3].step)

    def _on_plane(self, plane: Plane) -> tuple[float, float]:
        point = (0.0, 0.0, 0.0, *self._viewer.dims.point)[-3:]  # two axes, while the last scan goes
        return float(point[plane.columns]), float(point[plane.rows])

    def _extent(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Ends of all layers along the last three axes; None without layers in three dimensions."""
        if not self._viewer.layers or self._viewer.dims.ndim < 3:
            return None
        extent = self._viewer.layers.extent
        low, high = np.asarray(extent.world)[:, -3:]
        step = np.asarray(extent.step)[-3:]
        return low - step / 2, high + step / 2

    def _sizes(self) -> list[tuple[float, float]]:
        """Width and height of the three planes, that of the large view first."""
        low, high = self._extent() or (np.zeros(3), np.ones(3))
        sides = high - low
        planes = [self._planes[self._large], *(view.plane for view in self.views)]
        return [(float(sides[plane.columns]), float(sides[plane.rows])) for plane in planes]

    def zoom_with_large(self, event: Any = None) -> None:
        """Let the small views show as many millimetres as the large one."""
        for view in self.views:
            self._zoom(view)
        self._place_cross()

    def _zoom(self, view: SliceView) -> None:
        ends = self._extent()
        if ends is None:
            return
        axes = [view.plane.columns, view.plane.rows]
        low, high = ends[0][axes], ends[1][axes]
        whole, field = float((high - low).max()), float((high - low).max())
        if self._same_zoom and self._viewer.dims.ndisplay == 2:
            field = min(self._viewer.canvas.size) / max(self._viewer.scene.camera.zoom, 1e-6)
        if field >= _WHOLE * whole:
            field = max(min(field, 1.05 * whole), whole)
            view.show_field(field)
            view.centre_on(*(low + high) / 2)
        else:
            view.show_field(field)
            view.centre_on(*self._on_plane(view.plane))
        view.follow(*self._on_plane(view.plane))  # so that it is kept in view when the sizes change

    # -- what others change -------------------------------------------------------------------

    def _change(self, event: Any = None) -> None:
        if not self._soon.isActive():
            self._soon.start()

    def _on_layers(self, event: Any) -> None:
        if event.type in ("inserted", "removed"):
            self._refit = True
        if event.type not in ("thumbnail", "help", "highlight"):
            self._change()

    def _on_moved(self, event: Any = None) -> None:
        for view in self.views:
            view.follow(*self._on_plane(view.plane))
        self._change()

    def _on_turned(self, event: Any = None) -> None:
        self._change()

    def _on_canvas(self, event: Any) -> None:
        if event.type == "size":
            self.zoom_with_large()
        elif event.type.startswith("background"):
            self._change()

    def _place_cross(self, event: Any = None) -> None:
        has_slices = any(layer.ndim > 2 for layer in self._viewer.layers)
        self._cross.place(wanted=self._crosshair and has_slices, title=self._planes[self._large].name)

    # -- the mouse ----------------------------------------------------------------------------

    def _on_pointed(self, view: SliceView, column: float, row: float) -> None:
        plane, dims = view.plane, self._viewer.dims
        extra = dims.ndim - 3
        if extra < 0:
            return
        dims.set_point((plane.columns + extra, plane.rows + extra), (column, row))
        self._show_cross()

    def _on_clicked(self) -> None:
        if draws(self._viewer):
            say(self._window, texts.DRAW_IN_LARGE)
        self._picking.pick_at(self._viewer.dims.point)

    def _say(self) -> None:
        """Say in the status bar what a small view is for: a tooltip would lie over the picture."""
        say(self._window, texts.DRAW_IN_LARGE if draws(self._viewer) else texts.STATUS)

    def _on_scrolled(self, view: SliceView, slices: int) -> None:
        dims = self._viewer.dims
        axis = view.plane.across + dims.ndim - 3
        if axis >= 0:
            dims.set_point(axis, dims.point[axis] + slices * self._step(view))
            self._show_cross()

    def _show_cross(self) -> None:
        """Move the picture of the large view where the crosshair has left it."""
        at, (height, width) = place_on_canvas(self._viewer), self._viewer.canvas.size
        if at is not None and not (0 <= at.x() < width and 0 <= at.y() < height):
            self._viewer.scene.camera.center = self._centre()

    def _centre(self) -> tuple[float, ...]:
        dims = self._viewer.dims
        return (0.0, *(float(dims.point[axis]) for axis in dims.displayed[-2:]))

    def _on_chosen(self, view: SliceView) -> None:
        self.show_large(view.plane.across)

    def show_large(self, across: int) -> None:
        """Bring the plane across one of the last three axes into the large view."""
        dims, plane = self._viewer.dims, self._planes[across]
        extra = dims.ndim - 3
        if extra < 0:
            return
        dims.ndisplay = 2
        order = (*range(extra), *(axis + extra for axis in (plane.across, plane.rows, plane.columns)))
        centre = (0.0, float(dims.point[order[-2]]), float(dims.point[order[-1]]))
        self._side.turn(order, centre)
        self.draw()

    def _on_press(self, viewer: Any, event: Any) -> Iterator[None]:
        start = np.asarray(event.pos, float)
        yield
        while event.type == "mouse_move":
            yield
        dims = self._viewer.dims
        if is_plain_click(self._viewer, event, start):
            dims.set_point(dims.displayed, [event.position[axis] for axis in dims.displayed])

    def _outlines(self) -> tuple[Layer | None, Layer | None]:
        lesions, candidates = self._layers.explanation.outlines
        if self._layers.blinded:
            return None, None
        return lesions, candidates

    def _pick(self, number: int) -> None:
        lesions = self._case.lesions
        if lesions is None:
            return
        if (voxel := lesions.voxel_of(number)) is not None:
            self._case.select(voxel)

    # -- the end ------------------------------------------------------------------------------

    def cleanup(self) -> None:
        """Take all away; the large view is as it was before."""
        self._connections.disconnect_all()
        self._soon.stop()
        self._held.cleanup()
        self._picking.cleanup()
        if self._on_press in self._viewer.mouse_drag_callbacks:
            self._viewer.mouse_drag_callbacks.remove(self._on_press)
        self._cross.cleanup()
        self._side.end()
        self.both.deleteLater()
