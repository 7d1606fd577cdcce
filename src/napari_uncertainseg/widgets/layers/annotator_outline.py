"""A label layer on which an annotator in training outlines lesions, and another that compares."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Labels
from napari.utils.colormaps import DirectLabelColormap

from napari_uncertainseg._base import InputError
from napari_uncertainseg.review.lessons.outlining import Side
from napari_uncertainseg.widgets.scans.placement import Placement

if TYPE_CHECKING:
    from napari.components import ViewerModel

NAME, COMPARISON = "your outline", "you and the consensus"
SIDE_COLOURS: Mapping[Side, tuple[str, str]] = {
    Side.BOTH: ("#009e73", "both"),
    Side.CONSENSUS: ("#d55e00", "only the consensus"),
    Side.OUTLINE: ("#56b4e9", "only you"),
}
"""Colour (Okabe and Ito) and meaning of each."""
_BRUSH = 3


class AnnotatorOutline:
    """An empty layer over the scan, ready to be painted on; it stays the user's own.

    Parameters
    ----------
    viewer
        Where it is shown.
    placing
        Where the prediction's results are laid; None while there are none.
    """

    def __init__(self, viewer: ViewerModel, placing: Callable[[], Placement | None]) -> None:
        self._viewer, self._placing = viewer, placing
        self._layer: Labels | None = None
        self._comparison: Labels | None = None

    def begin(self) -> None:
        """Add a new one, selected, with the brush in hand; nothing happens without a prediction."""
        placing = self._placing()
        if placing is None:
            return
        self.forget()
        empty = placing.array(np.zeros(placing.grid.shape, np.uint8))
        # Without our metadata it is one of the user's own layers, and may be chosen as a reference.
        layer = Labels(np.array(empty), name=NAME, opacity=0.5, **placing.options)
        layer.brush_size = _BRUSH
        self._layer = layer
        self._viewer.add_layer(layer)
        self._viewer.layers.selection.active = layer
        layer.mode = "paint"

    @property
    def layer(self) -> Labels | None:
        """The layer that is painted on, the last one that was begun."""
        return self._layer

    def array(self) -> np.ndarray:
        """What was painted, integers on the prediction's grid.

        Raises
        ------
        InputError
            If the layer was removed or moved, or there is no prediction.
        """
        placing = self._placing()
        if placing is None:
            raise InputError("There is no prediction yet; press Run in Segment first.")
        if self._layer is None or self._layer not in self._viewer.layers:
            raise InputError(f"The layer {NAME!r} was removed: begin again.")
        drawn = placing.drawn_over(self._layer)
        if drawn is None:
            raise InputError(f"The layer {NAME!r} was moved: it no longer lies over the scan.")
        return np.asarray(drawn)

    def compare(self, sides: np.ndarray) -> None:
        """Show who takes what for lesion, `Side` on the prediction's grid, over all else."""
        placing = self._placing()
        if placing is None:
            return
        self.forget()
        colours: dict[int | None, str] = {None: "transparent", int(Side.NEITHER): "transparent"}
        colours |= {int(side): colour for side, (colour, _) in SIDE_COLOURS.items()}
        self._comparison = Labels(
            placing.array(sides),
            name=COMPARISON,
            metadata=placing.metadata,
            colormap=DirectLabelColormap(color_dict=colours),
            opacity=0.6,
            features={"marked by": ["", *(meaning for _, meaning in SIDE_COLOURS.values())]},
            **placing.options,
        )
        self._comparison.editable = False
        self._viewer.add_layer(self._comparison)
        if self._layer is not None:
            self._layer.visible = False

    def forget(self) -> None:
        """Take the comparison away, which is about one prediction's scan. May be called twice."""
        if self._comparison is not None and self._comparison in self._viewer.layers:
            self._viewer.layers.remove(self._comparison)
        self._comparison = None
