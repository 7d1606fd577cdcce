"""Window and level by a drag in a small view, as in the large one."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from napari.layers import Image

from napari_uncertainseg.images.grey_windows import GreyWindow
from napari_uncertainseg.widgets.reading_bar.mouse.window_level import (
    dragged,
    range_of,
    set_window,
    window_of,
)
from napari_uncertainseg.widgets.scans.top_scan import top_scan

if TYPE_CHECKING:
    from napari.components import ViewerModel


class GreyDrag:
    """Changes window and level of the scan on top.

    Parameters
    ----------
    viewer
        Whose scans.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer
        self._start: tuple[Image, GreyWindow] | None = None
        self._ranges: WeakKeyDictionary[Image, GreyWindow] = WeakKeyDictionary()

    def turn(self, right: float, down: float) -> None:
        """Follow the mouse, so far from where the button was pressed, in pixels; 0, 0 begins."""
        if not (right or down):
            scan = top_scan(self._viewer)
            self._start = None if scan is None else (scan, window_of(scan))
        if self._start is None or self._start[0] not in self._viewer.layers:
            return
        scan, window = self._start
        there = self._ranges.setdefault(scan, range_of(scan))
        if right or down:
            set_window(scan, dragged(window, right, down), there)
