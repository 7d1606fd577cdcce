"""All scans beside each other in one canvas: one camera and one slice for all of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np
from napari.layers import Image, Layer

from napari_uncertainseg.widgets.reading_bar.compare.cell_outlines import CellOutlines
from napari_uncertainseg.widgets.reading_bar.compare.scans import ComparedScan, ComparedScans
from napari_uncertainseg.widgets.scans.volumes import is_compared, is_result
from napari_uncertainseg.widgets.shared import napari_internals
from napari_uncertainseg.widgets.shared.responsive import napari_adding
from napari_uncertainseg.widgets.shared.responsive.turns import Soon

if TYPE_CHECKING:
    from napari import Viewer

_FONT_SIZE = 10
"""Of a scan's name: a cell is narrow, and a letter stands in the middle of its edge."""

_ABOVE_LETTER, _LOWEST_BAR = 60, 40
"""Pixels from the middle of a cell, where a letter stands at its edge, to a colour bar above; its least."""
_NARROW, _SMALL = 340, 7
"""Pixels below which a cell is narrow, and the size of a map's texts there."""
_NAME_KEYS = ("visible", "position", "font_size", "box", "color", "box_color")
_BLACK, _AMBER = (0.0, 0.0, 0.0, 1.0), (1.0, 0.72, 0.2, 1.0)
"""Of the name of a scan that is not of the case, and of its ground."""


@dataclass(frozen=True, eq=False)
class _Before:
    """What is put back at the end."""

    visible: dict[Layer, bool]
    names: dict[Layer, dict[str, Any]]
    maps: dict[Image, tuple[dict[str, Any], dict[str, Any]]]
    zoom: float
    grid: dict[str, Any]


class SideBySide:
    """napari's grid with a cell for each scan; maps lie over the main scan, in the first cell.

    It is one canvas, so that slice, zoom and shift are one, a click means the same place in each cell, and
    nothing has to be copied.

    Parameters
    ----------
    viewer, scans
        Where, and which.
    outlines
        Draws the lesions in the other cells.
    """

    def __init__(self, viewer: Viewer, scans: ComparedScans, outlines: CellOutlines) -> None:
        self._viewer, self._scans, self._outlines = viewer, scans, outlines
        self._owed: dict[Layer, bool] = {}
        """What scans are to be again once the viewer leaves 3-D."""
        self._before: _Before | None = None
        self._soon = Soon()
        self._cells: dict[Layer, int] = {}

    @property
    def active(self) -> bool:
        """Whether the scans are side by side."""
        return self._before is not None

    def begin(self) -> None:
        """Lay the scans side by side; two or more are needed."""
        if self.active:
            return
        self._pay()
        self.complete()
        self._outlines.complete()
        viewer, scans, grid = self._viewer, self._laid(), self._viewer.canvas.grid
        names = {scan.layer: _named(scan.layer) for scan in scans}
        visible = {scan.layer: scan.layer.visible for scan in scans}
        before = {key: getattr(grid, key) for key in ("enabled", "shape", "stride", "spacing")}
        maps = {layer: _texts_of(layer) for layer in viewer.layers if _is_map(layer)}
        self._before = _Before(visible, names, maps, viewer.scene.camera.zoom, before)
        self._cells = {scan.layer: number for number, scan in enumerate(scans)}
        own = self._outlines.cells
        napari_internals.group_cells(viewer, lambda layer: self._cells.get(layer, own.get(layer, 0)))
        rows, columns = self._layout(len(scans))
        with napari_adding.one_scene_update(viewer):
            self._outlines.begin({number: scan.title for number, scan in enumerate(scans) if number})
            self._narrow_texts(maps, rows, columns)
            for scan in scans:
                self._show(scan)
            grid.stride, grid.spacing, grid.shape = 1, 4, (rows, columns)
            grid.enabled = True
        self._soon.add(self._show_next)
        shrunk = min(1 / rows, 1 / columns) if not rows == columns == 1 else 1.0
        viewer.scene.camera.zoom = self._before.zoom * max(shrunk, self._fitting(rows, columns))

    def _narrow_texts(self, maps: Iterable[Image], rows: int, columns: int) -> None:
        """Keep a map's colour bar and name off the name of the scan and the letters of its narrow cell."""
        tall, wide = self._viewer.canvas.size[0] / rows, self._viewer.canvas.size[1] / columns
        for layer in maps:
            bar, name = layer.colorbar, layer.name_overlay
            bar.size = (bar.size[0], max(min(bar.size[1], tall / 2 - _ABOVE_LETTER), _LOWEST_BAR))
            name.position = "bottom_right"
            if wide < _NARROW:
                bar.font_size, name.font_size = _SMALL, _SMALL

    def follow(self) -> None:
        """Lay out anew where scans came or went, or lesions were found; one scan alone is not compared."""
        same = {scan.layer for scan in self._laid()} == self._cells.keys() and self._outlines.current
        if self._before is None or same:
            return
        self.end()
        if len(self._scans.all()) > 1:
            self.begin()

    def end(self) -> None:
        """Put canvas, names and visibility back. May be called twice."""
        if self._before is None:
            return
        self._soon.drop()
        before, self._before = self._before, None
        grid = self._viewer.canvas.grid
        with napari_adding.one_scene_update(self._viewer):
            self._outlines.hide()
            grid.enabled = before.grid["enabled"]
            napari_internals.ungroup_cells(self._viewer)
            for key in ("shape", "stride", "spacing"):
                setattr(grid, key, before.grid[key])
        self._soon.add(self._outlines.end)
        if self._viewer.dims.ndisplay != 2:  # there surfaces hide the scans, and show them again afterwards
            self._owed = before.visible
            self._viewer.dims.events.ndisplay.connect(self._pay, position="last")  # after the surfaces
        with napari_adding.one_scene_update(self._viewer):
            for layer, seen in before.visible.items():
                if self._viewer.dims.ndisplay == 2 or not seen:
                    layer.visible = seen
                self._put_back(layer, layer.name_overlay, before.names[layer])
        for layer, (name, bar) in before.maps.items():
            self._put_back(layer, layer.name_overlay, name)
            self._put_back(layer, layer.colorbar, bar)
        self._viewer.scene.camera.zoom = before.zoom
        self._cells = {}

    def _put_back(self, layer: Layer, overlay: Any, values: dict[str, Any]) -> None:
        """Give a name or a colour bar its looks back; of a layer that has gone nothing is drawn any more."""
        gone = layer not in self._viewer.layers
        with overlay.events.blocked() if gone else nullcontext():
            for key, value in values.items():
                setattr(overlay, key, value)

    def complete(self) -> None:
        """Do at once what is still to be done in turns: scans that come, outlines that go."""
        self._soon.now()

    def _pay(self, event: object = None) -> None:
        """Show the scans as they were before, back from the 3-D in which side by side has ended."""
        if self._viewer.dims.ndisplay == 2:
            owed = self.forget_owed()
            for layer, seen in owed.items():
                layer.visible = seen

    def forget_owed(self) -> dict[Layer, bool]:
        """Wait for the end of 3-D no longer; what was waited for. May be called twice."""
        owed, self._owed = self._owed, {}
        if owed:
            self._viewer.dims.events.ndisplay.disconnect(self._pay)
        return owed

    def _laid(self) -> tuple[ComparedScan, ...]:
        """What has a cell: the scans, and each that is shown without being of the case, over none of them."""
        return (*self._scans.all(), *self._scans.foreign())

    def _show(self, scan: ComparedScan) -> None:
        """Write its name where the scan is seen already: none stands in a cell without it."""
        name = scan.layer.name_overlay
        name.position, name.font_size, name.box = "top_left", _FONT_SIZE, True
        if not scan.of_case:
            name.color, name.box_color = _BLACK, _AMBER
        name.visible = scan.layer.visible

    def _show_next(self) -> None:
        """Show the next scan in its cell, with its name: napari takes as long for a text as for a picture."""
        waiting = next((layer for layer in self._cells if not layer.name_overlay.visible), None)
        if waiting is not None:
            with napari_internals.cells_held(self._viewer):
                waiting.name_overlay.visible = True
            waiting.visible = True
            self._soon.add(self._show_next)

    def _layout(self, count: int) -> tuple[int, int]:
        """Rows and columns in which a slice is shown largest."""
        return max(
            ((rows, -(-count // rows)) for rows in range(1, count + 1)),
            key=lambda shape: (self._fitting(*shape), -shape[0]),
        )

    def _fitting(self, rows: int, columns: int) -> float:
        """How large a slice can be in a cell, as a share of what it can be in the whole canvas."""
        height, width = self._viewer.canvas.size
        tall, wide = _extent(self._viewer)
        whole = min(height / tall, width / wide)
        return min(height / rows / tall, width / columns / wide) / whole


def _is_map(layer: Layer) -> TypeGuard[Image]:
    return isinstance(layer, Image) and is_result(layer) and not is_compared(layer)


def _texts_of(layer: Image) -> tuple[dict[str, Any], dict[str, Any]]:
    """How a map's name and its colour bar are drawn."""
    name, bar = layer.name_overlay, layer.colorbar
    own = {"position": name.position, "font_size": name.font_size}
    return own, {"size": bar.size, "font_size": bar.font_size}


def _named(layer: Layer) -> dict[str, Any]:
    name = layer.name_overlay
    return {key: getattr(name, key) for key in _NAME_KEYS}


def _extent(viewer: Viewer) -> Sequence[float]:
    """Height and width of what is shown, in the world's unit."""
    low, high = viewer.layers.extent.world
    shown = [float(high[axis] - low[axis]) for axis in viewer.dims.displayed[-2:]]
    return [max(side, float(np.finfo(float).eps)) for side in shown]
