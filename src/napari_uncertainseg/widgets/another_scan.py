"""Another scan is shown where the one that was looked at was deleted; where all are hidden, it is said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari.layers import Image
from napari.utils.notifications import show_info

from napari_uncertainseg.widgets.scans.top_scan import covers, scans
from napari_uncertainseg.widgets.scans.volumes import is_compared, is_result
from napari_uncertainseg.widgets.shared.connections import Connections
from napari_uncertainseg.widgets.shared.form_helpers import notice
from napari_uncertainseg.widgets.shared.responsive.leaving import LayersGone
from napari_uncertainseg.widgets.shared.responsive.turns import Turns

if TYPE_CHECKING:
    from napari.layers import Layer

    from napari_uncertainseg.case import Case
    from napari_uncertainseg.widgets.layers.review_layers import ReviewLayers

_HIDDEN = (
    "Scan hidden: press V, or its eye, to see it. It is '{}' in the list of layers; V works while it is "
    "selected there."
)
"""The beginning is enough: a notice is cut after a line."""


class AnotherScan:
    """Shows a scan that is hidden, once the last one that was seen has been deleted.

    While results are there it waits: their scan may be brought back, or they go with it. Who has hidden all
    scans, and deletes none that was seen, has wanted it so; of a case, and in an exercise, it is said.

    Parameters
    ----------
    layers
        Of the window.
    case
        Of whose scans.
    """

    def __init__(self, layers: ReviewLayers, case: Case) -> None:
        self._layers, self._case = layers, case
        self._due, self._later, self._seen = False, Turns(), Turns()
        self._said = False
        self._connections = Connections(
            (LayersGone(layers.viewer, _was_seen), self._on_gone),
            (case.prediction_changed, self._look_later),
            (layers.seen_changed, self._on_seen),
        )

    @property
    def _scans(self) -> list[Image]:
        return [x for x in scans(self._layers.viewer) if not is_compared(x) or x.visible]

    # -- deleted --------------------------------------------------------------------------------

    def _on_gone(self) -> None:
        self._due = True
        self._look_later()

    def _look_later(self) -> None:
        if self._due and self._case.prediction is None and not self._later:
            self._later.add(self._look)  # the next case may come in place of this one

    def _look(self) -> None:
        if self._case.prediction is not None or self._layers.blinded:
            return
        self._due, there = False, self._scans
        if there and not any(layer.visible for layer in there):
            next(filter(covers, there), there[0]).visible = True  # before a map of the user's own

    # -- hidden ---------------------------------------------------------------------------------

    def _on_seen(self) -> None:
        if self._case.prediction is not None and not self._seen:
            self._seen.add(self._say)  # another one may be shown in place of it

    def _say(self) -> None:
        """Say once that none is shown."""
        there, before = self._scans, self._said
        self._said = bool(there) and not any(layer.visible for layer in there)
        if self._said and not before and self._case.prediction is not None:
            show_info(notice(_HIDDEN.format((self._layers.scan.layer() or there[0]).name)))

    def cleanup(self) -> None:
        """Let go of the viewer. May be called twice."""
        self._later.drop()
        self._seen.drop()
        self._connections.disconnect_all()


def _was_seen(layer: Layer) -> bool:
    return isinstance(layer, Image) and layer.visible and not is_result(layer)
