"""Where the scan that was looked at has been deleted, another one is shown: no window is left black."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from napari.layers import Image

from napari_uncertainseg.widgets.scans.top_scan import scans
from napari_uncertainseg.widgets.scans.volumes import is_compared, is_result
from napari_uncertainseg.widgets.shared.connections import Connections
from napari_uncertainseg.widgets.shared.responsive.leaving import LayersGone
from napari_uncertainseg.widgets.shared.responsive.turns import Turns

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Layer

    from napari_uncertainseg.case import Case


class AnotherScan:
    """Shows a scan that is hidden, once the last one that was seen has been deleted.

    While results are there it waits: their scan may be brought back, or they go with it. Who has hidden all
    scans, and deletes none that was seen, has wanted it so.

    Parameters
    ----------
    viewer
        Whose layers.
    case
        Of whose scans.
    blinded
        Whether an exercise hides layers.
    """

    def __init__(self, viewer: ViewerModel, case: Case, blinded: Callable[[], bool]) -> None:
        self._viewer, self._case, self._blinded = viewer, case, blinded
        self._due, self._later = False, Turns()
        self._connections = Connections(
            (LayersGone(viewer, _was_seen), self._on_gone), (case.prediction_changed, self._look_later)
        )

    def _on_gone(self) -> None:
        self._due = True
        self._look_later()

    def _look_later(self) -> None:
        if self._due and self._case.prediction is None and not self._later:
            self._later.add(self._look)  # the next case may come in place of this one

    def _look(self) -> None:
        if self._case.prediction is not None or self._blinded():
            return
        self._due, there = False, [x for x in scans(self._viewer) if not is_compared(x)]
        if there and not any(layer.visible for layer in there):
            there[0].visible = True

    def cleanup(self) -> None:
        """Let go of the viewer. May be called twice."""
        self._later.drop()
        self._connections.disconnect_all()


def _was_seen(layer: Layer) -> bool:
    return isinstance(layer, Image) and layer.visible and not is_result(layer)
