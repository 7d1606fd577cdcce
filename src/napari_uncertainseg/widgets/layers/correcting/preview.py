"""What a tool would take or take away, outlined over the lesions until it is done."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Labels
from napari.utils.colormaps import DirectLabelColormap

from napari_uncertainseg.widgets.layers.two_tone_outlines import TwoToneOutline, line_colours
from napari_uncertainseg.widgets.shared.responsive import napari_adding

if TYPE_CHECKING:
    from napari.components import ViewerModel

    from napari_uncertainseg._boxes import Box
    from napari_uncertainseg.widgets.scans.placement import Placement

NAME = "correction (preview)"
TAKE, REMOVE, MARK = 1, 2, 3
"""Of voxels: would be lesion, would be none, or only a mark of where was clicked."""
COLOURS: dict[int | None, str] = {TAKE: "#f0e442", REMOVE: "#d55e00", MARK: "#ffffff"}
"""After Okabe and Ito: yellow, vermilion; and white."""


class Preview:
    """A layer of its own over the lesions, there as long as a tool is in hand, once it has come.

    Parameters
    ----------
    viewer
        Where.
    placing
        Where the results lie.
    """

    def __init__(self, viewer: ViewerModel, placing: Placement) -> None:
        self._viewer = viewer
        self._shown = np.zeros(placing.grid.shape, np.uint8)
        self._boxes: list[Box] = []
        colours: dict[int | None, Any] = {None: "transparent", 0: "transparent"}
        colours.update(COLOURS.items())
        colours.update(line_colours(self._shown.dtype))
        self.layer = Labels(
            placing.array(self._shown),
            name=NAME,
            metadata=placing.metadata,
            colormap=DirectLabelColormap(color_dict=colours),
            opacity=1.0,
            **placing.options,
        )
        self.layer.editable = False
        self._outline = TwoToneOutline(self.layer)
        self._came = False

    @property
    def shown(self) -> np.ndarray:
        """What is shown, uint8 on the prediction's grid: `TAKE`, `REMOVE`, `MARK` or 0."""
        return self._shown

    @property
    def gone(self) -> bool:
        """Whether the user has removed the layer."""
        return self._came and self.layer not in self._viewer.layers

    def come(self) -> None:
        """Add the layer, with what is shown by now."""
        self._came = True
        napari_adding.add_quietly(self._viewer, self.layer)

    def draw(self, parts: Iterable[tuple[Box, np.ndarray, int]] = ()) -> None:
        """Show some masks, each in its box, in place of what was shown; nothing to clear it."""
        for box in self._boxes:
            self._shown[box] = 0
        self._boxes = []
        self.add(parts)

    def add(self, parts: Iterable[tuple[Box, np.ndarray, int]]) -> None:
        """Show some masks beside what is shown."""
        for box, mask, kind in parts:
            self._shown[box][mask] = kind
            self._boxes.append(box)
        if self.layer in self._viewer.layers:
            self.layer.refresh(extent=False, thumbnail=False, highlight=False)

    def remove(self) -> None:
        """Take the layer away. May be called twice."""
        if self.layer in self._viewer.layers:
            active = self._viewer.layers.selection.active
            napari_adding.remove_quietly(self._viewer, [self.layer])
            if active in self._viewer.layers:
                self._viewer.layers.selection.active = active
