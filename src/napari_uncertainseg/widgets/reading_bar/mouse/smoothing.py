"""Whether scans are drawn smoothly between their voxels, or voxel by voxel: for the eye only."""

from __future__ import annotations

from weakref import WeakSet

from napari.components import ViewerModel
from napari.layers import Image

from napari_uncertainseg.widgets.scans.top_scan import scans

_SMOOTH, _VOXELS = "linear", "nearest"


class ScanSmoothing:
    """Draws scans as a workstation does. Maps, labels and outlines stay voxel by voxel.

    Parameters
    ----------
    viewer
        Whose scans.
    smooth
        Whether they are drawn smoothly.
    """

    def __init__(self, viewer: ViewerModel, smooth: bool) -> None:
        self._viewer, self._smooth = viewer, smooth
        self._known: WeakSet[Image] = WeakSet()

    def note(self) -> None:
        """Draw new scans as was chosen; of others the user may have changed it, one by one."""
        for layer in scans(self._viewer):
            if layer not in self._known:
                self._known.add(layer)
                self._draw(layer)

    def choose(self, smooth: bool) -> None:
        """Draw all scans smoothly, or all voxel by voxel."""
        self._smooth = smooth
        for layer in scans(self._viewer):
            self._known.add(layer)
            self._draw(layer)

    def _draw(self, layer: Image) -> None:
        wanted = _SMOOTH if self._smooth else _VOXELS
        if str(layer.interpolation2d) != wanted:
            layer.interpolation2d = wanted
