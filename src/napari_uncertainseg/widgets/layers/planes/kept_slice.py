"""The slice that is shown stays, whichever layers come and go, and through 3-D: napari moves it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_uncertainseg.widgets.scans.camera import centre_in_plane

if TYPE_CHECKING:
    from napari.components import ViewerModel


class KeptSlice:
    """Puts the viewer's point back to where it was in the world, when napari has moved it by itself.

    napari does so in two places. Where a layer with finer steps goes, such as surfaces over thick slices, its
    sliders still stand on the number of the fine step: the last slice is shown. And where slices come back
    after 3-D, it shows the one under the middle of the camera, even if another lesion was chosen meanwhile.
    Its own slots are called before all others, so what moves between a change and the call here was napari.

    Parameters
    ----------
    viewer
        Whose point.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer, dims = viewer, viewer.dims
        self._point = self._before_3d = tuple(dims.point)
        self._range, self._ndisplay = dims.range, dims.ndisplay
        dims.events.point.connect(self._on_moved, position="first")
        dims.events.range.connect(self._on_range, position="first")
        dims.events.ndisplay.connect(self._on_turned, position="first")

    def _on_moved(self, event: object = None) -> None:
        dims = self._viewer.dims
        if dims.range == self._range and dims.ndisplay == self._ndisplay:
            self._point = tuple(dims.point)

    def _on_range(self, event: object = None) -> None:
        self._range = self._viewer.dims.range
        self._put_back()

    def _on_turned(self, event: object = None) -> None:
        self._ndisplay = self._viewer.dims.ndisplay
        self._put_back()
        if self._ndisplay == 3:
            self._before_3d = self._point
        elif self._point != self._before_3d:  # chosen in 3-D, where it was in sight
            centre_in_plane(self._viewer)

    def _put_back(self) -> None:
        dims = self._viewer.dims
        if len(self._point) == dims.ndim and self._ndisplay == dims.ndisplay and self._range == dims.range:
            dims.point = self._point
        self._on_moved()  # as it could be: there may be less to be seen now

    def cleanup(self) -> None:
        """Leave the point alone. May be called twice."""
        events = self._viewer.dims.events
        events.point.disconnect(self._on_moved)
        events.range.disconnect(self._on_range)
        events.ndisplay.disconnect(self._on_turned)
