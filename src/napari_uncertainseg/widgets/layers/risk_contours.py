"""Contours: the core, in which little is false; the envelope, outside which little is missed; the brain."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Labels
from napari.utils.colormaps import DirectLabelColormap

from napari_uncertainseg.widgets.layers.two_tone_outlines import TwoToneOutline, line_colours
from napari_uncertainseg.widgets.shared.responsive import napari_adding
from napari_uncertainseg.widgets.shared.responsive.turns import Soon

if TYPE_CHECKING:
    from napari.components import ViewerModel

    from napari_uncertainseg.widgets.scans.placement import Placement

CORE, ENVELOPE = "guaranteed core", "guaranteed envelope"
BRAIN = "brain (outline)"
_COLOURS = {CORE: "#ffffff", ENVELOPE: "#f0e342"}
"""What may be lesion has the colour of candidates."""
FOUND_BRAIN = "brain for the next run (outline)"
BRAIN_COLOURS = {BRAIN: "#56b4e9", FOUND_BRAIN: "#56b4e9"}
"""Of a prediction, and found before a run."""


class RiskContours:
    """Shows masks as outlines, such as core and envelope; new ones take the place of those before."""

    def __init__(self, viewer: ViewerModel, colours: Mapping[str, str] = _COLOURS) -> None:
        self._viewer = viewer
        self._colours = colours
        self._layers: dict[str, Labels] = {}
        self._placing: Placement | None = None
        self._outlines: dict[str, TwoToneOutline] = {}
        self._hidden = False
        self._soon = Soon()

    def hide(self, hidden: bool) -> None:
        """Draw nothing, while one lesion is to be seen alone."""
        self._hidden = hidden
        for outline in self._outlines.values():
            outline.leave_out(0, hidden=hidden)

    def show(self, masks: dict[str, np.ndarray], placing: Placement) -> None:
        """Show masks on a prediction's grid as outlines, by name; leave out the others."""
        same = self._placing is not None and placing.same_as(self._placing)
        self._placing = placing
        gone = [layer for name, layer in self._layers.items() if not (same and name in masks)]
        napari_adding.remove_quietly(self._viewer, gone)
        self.drop()
        for name in [name for name in self._colours if name in masks]:
            self._soon.add(
                partial(self._show_one, name, placing.array(masks[name].astype(np.uint8)), placing)
            )

    def complete(self) -> None:
        """Show at once what is still to come: each outline has a turn of its own."""
        self._soon.now()

    def drop(self) -> None:
        """Show none of it any more. May be called twice."""
        self._soon.drop()

    def _show_one(self, name: str, data: np.ndarray, placing: Placement) -> None:
        layer = self._layers.get(name)
        if layer is not None and layer in self._viewer.layers:
            layer.data = data
        else:
            self._layers[name] = self._made(name, data, placing)
            napari_adding.add_quietly(self._viewer, self._layers[name])

    def remove(self) -> None:
        """Take the layers out of the viewer."""
        self.drop()
        napari_adding.remove_quietly(self._viewer, self._layers.values())
        self.cleanup()

    def cleanup(self) -> None:
        """Let go of the layers, which stay. May be called twice."""
        self.drop()
        self._layers.clear()
        self._outlines.clear()

    def _made(self, name: str, data: np.ndarray, placing: Placement) -> Labels:
        colours: dict[int | None, Any] = {
            None: "transparent",
            1: self._colours[name],
            **line_colours(data.dtype),
        }
        layer = Labels(
            data,
            name=name,
            metadata=placing.metadata,
            colormap=DirectLabelColormap(color_dict=colours),
            opacity=1.0,
            **placing.options,
        )
        self._outlines[name] = TwoToneOutline(layer)
        self._outlines[name].leave_out(0, hidden=self._hidden)
        return layer
