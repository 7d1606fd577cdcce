"""How the reference is drawn: as an outline, so that it covers nothing of what it is compared with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari.layers import Labels
from napari.utils.colormaps import DirectLabelColormap

from napari_uncertainseg.widgets.layers.colours import REFERENCE_COLOUR
from napari_uncertainseg.widgets.layers.two_tone_outlines import TwoToneOutline, line_colours
from napari_uncertainseg.widgets.shared.connections import Connections

if TYPE_CHECKING:
    from napari.components import ViewerModel

    from napari_uncertainseg.widgets.layers.agreement.reference_choice import ReferenceChoice

_LOOK = ("contour", "opacity", "colormap")


@dataclass(frozen=True, eq=False)
class _Drawn:
    """The reference as it is drawn, what it was before, and what it was made."""

    layer: Labels
    outline: TwoToneOutline
    before: dict[str, Any]
    made: dict[str, Any]


class ReferenceLook:
    """Outlines the label layer that is chosen as reference; afterwards it is as it was.

    What the user changes meanwhile stays as the user has it.

    Parameters
    ----------
    viewer, choice
        Whose layers, and which of them is the reference.
    """

    def __init__(self, viewer: ViewerModel, choice: ReferenceChoice) -> None:
        self._viewer, self._choice = viewer, choice
        self._drawn: _Drawn | None = None
        self._connections = Connections((choice.changed, self.follow))

    def follow(self) -> None:
        """Draw the layer that is the reference now, and no other, as an outline."""
        # one on another grid is compared with nothing
        name = None if self._choice.problem else self._choice.name
        layers = self._viewer.layers
        layer = layers[name] if name is not None and name in layers else None
        if self._drawn is not None and layer is self._drawn.layer:
            return
        if layer is None and name is not None:
            return  # an exercise has it aside
        self.end()
        if isinstance(layer, Labels):
            self._begin(layer)

    def _begin(self, layer: Labels) -> None:
        before = {key: getattr(layer, key) for key in _LOOK}
        colours = {None: REFERENCE_COLOUR, 0: "transparent", **line_colours(layer.data.dtype)}
        layer.colormap = DirectLabelColormap(color_dict=colours)
        outline = TwoToneOutline(layer)
        layer.opacity = 1.0
        self._drawn = _Drawn(layer, outline, before, {key: getattr(layer, key) for key in _LOOK})

    def end(self) -> None:
        """Give the layer its own look back. May be called twice."""
        drawn, self._drawn = self._drawn, None
        if drawn is None:
            return
        drawn.outline.end()
        for key, value in drawn.before.items():
            now, made = getattr(drawn.layer, key), drawn.made[key]
            if now is made or (key != "colormap" and now == made):
                setattr(drawn.layer, key, value)

    def cleanup(self) -> None:
        """Draw it as it was, and hear of no other choice. May be called twice."""
        self._connections.disconnect_all()
        self.end()
