"""One window with one view or three: where the small views stand, and what the large one had before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtWidgets import QSplitter

from napari_uncertainseg.widgets.shared import napari_canvas

if TYPE_CHECKING:
    from napari import Viewer

_LARGE = 0.62
"""Share of the large view, of the width or of the height."""

Size = tuple[float, float]
"""Width and height."""


@dataclass(frozen=True)
class Look:
    """Order of the axes, centre and zoom of a viewer."""

    order: tuple[int, ...]
    centre: tuple[float, ...]
    zoom: float

    @classmethod
    def now(cls, viewer: Viewer) -> Look:
        """As the viewer has it."""
        camera = viewer.scene.camera
        return cls(tuple(viewer.dims.order), tuple(camera.center), float(camera.zoom))

    def same_camera(self, other: Look) -> bool:
        """Whether the camera is where it is in another."""
        return bool(np.isclose(self.zoom, other.zoom) and np.allclose(self.centre, other.centre))

    def restore(self, viewer: Viewer) -> None:
        """Give it to the viewer."""
        if tuple(viewer.dims.order) != self.order and len(self.order) == viewer.dims.ndim:
            viewer.dims.order = self.order
        viewer.scene.camera.center, viewer.scene.camera.zoom = self.centre, self.zoom


def best_below(area: Size, planes: Sequence[Size]) -> bool:
    """Whether the small views are better off below the large one than on its right.

    Parameters
    ----------
    area
        Of all three, pixels.
    planes
        What is to be seen in the large view, and in the small ones.

    Returns
    -------
    bool
        Where the three are shown larger, all in all.
    """
    width, height = area
    right = [(width * _LARGE, height)] + [(width * (1 - _LARGE), height / 2)] * 2
    below = [(width, height * _LARGE)] + [(width / 2, height * (1 - _LARGE))] * 2
    on_the_right, under = (
        sum(min(w / max(x, 1e-6), h / max(y, 1e-6)) for (w, h), (x, y) in zip(views, planes, strict=True))
        for views in (right, below)
    )
    return under > on_the_right


class SideBySide(QObject):
    """Puts the small views beside the canvas or below it; the large one shows as much before and after.

    Parameters
    ----------
    viewer
        Whose canvas.
    beside
        The small views.
    planes
        What is to be seen of each plane, that of the large view first; they may turn.
    """

    def __init__(self, viewer: Viewer, beside: QSplitter, planes: Callable[[], Sequence[Size]]) -> None:
        super().__init__()
        self._viewer, self._beside, self._planes = viewer, beside, planes
        self._area: QSplitter = napari_canvas.view_area(viewer)
        self._upright = self._area.orientation()
        self._before, before = Look.now(viewer), self._shorter_side()
        beside.hide()  # the canvas is drawn once, not at each step
        self._area.addWidget(beside)
        self._area.setCollapsible(self._area.indexOf(beside), False)
        self._below: bool | None = None
        self._turn(below=self._better_below())
        beside.show()
        self._share_out()
        self._share = self._shorter_side() / before
        viewer.scene.camera.zoom = self._before.zoom * self._share
        self._ours = Look.now(viewer)
        self._area.installEventFilter(self)

    def _shorter_side(self) -> int:
        canvas = napari_canvas.canvas_widget(self._viewer)
        return max(min(canvas.width(), canvas.height()), 1)

    def arrange(self) -> None:
        """Choose the better of the two places; where it stays the same, what the user dragged stays too."""
        below = self._better_below()
        if below is not self._below:
            self._turn(below=below)
            self._share_out()

    def _better_below(self) -> bool:
        return best_below((self._area.width(), self._area.height()), self._planes())

    def _turn(self, *, below: bool) -> None:
        self._below = below
        down, right = Qt.Orientation.Vertical, Qt.Orientation.Horizontal
        self._area.setOrientation(down if below else right)
        self._beside.setOrientation(right if below else down)

    def _share_out(self) -> None:
        length = self._area.height() if self._below else self._area.width()
        self._area.setSizes([round(length * _LARGE), round(length * (1 - _LARGE))])
        self._beside.setSizes([1000, 1000])
        for at, share in ((0, _LARGE), (1, 1 - _LARGE)):
            self._area.setStretchFactor(at, round(100 * share))

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Choose again when the window has another size."""
        if event is not None and event.type() == QEvent.Type.Resize:
            self.arrange()
        return False

    def turn(self, order: tuple[int, ...], centre: tuple[float, ...]) -> None:
        """Show other axes in the large view, at the same zoom."""
        untouched = Look.now(self._viewer).same_camera(self._ours)
        zoom = float(self._viewer.scene.camera.zoom)
        self._viewer.dims.order = order
        self._viewer.scene.camera.center, self._viewer.scene.camera.zoom = centre, zoom
        if untouched:
            self._ours = Look.now(self._viewer)

    def end(self) -> None:
        """Take the small views away. What the user did not move is as it was before."""
        self._area.removeEventFilter(self)
        now = Look.now(self._viewer)
        self._beside.setParent(None)
        self._area.setOrientation(self._upright)
        if now.same_camera(self._ours):
            self._before.restore(self._viewer)
        else:
            self._viewer.scene.camera.zoom = now.zoom / self._share
