"""The layers of a comparison of raters: their consensus, where they differ, and who is uncertain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image, Labels, Layer
from napari.utils.colormaps import DirectLabelColormap

from napari_uncertainseg._base import InputError
from napari_uncertainseg.raters.consensus import UncertaintySource
from napari_uncertainseg.widgets.layers.colours import MAP_OPACITY, clear_colormap, place_colour_bar
from napari_uncertainseg.widgets.layers.two_tone_outlines import TwoToneOutline, line_colours
from napari_uncertainseg.widgets.scans.placement import COPIED
from napari_uncertainseg.widgets.scans.volumes import KEY, spacing_of
from napari_uncertainseg.widgets.shared.responsive import napari_adding

if TYPE_CHECKING:
    from napari.components import ViewerModel

CONSENSUS, DISAGREEMENT, KINDS = "consensus", "rater variance", "who is uncertain"
KIND_COLOURS: Mapping[UncertaintySource, tuple[str, str]] = {
    UncertaintySource.BOTH: ("#56b4e9", "raters differ, the model is uncertain"),
    UncertaintySource.MODEL: ("#f0e442", "raters agree, the model is uncertain"),
    UncertaintySource.RATERS: ("#d55e00", "blind spot: raters differ, the model is certain"),
}
"""Colour (Okabe and Ito) and meaning of each kind that is drawn."""
_OUTLINE = "#7cfc00"


class RaterLayers:
    """Shows comparisons in a viewer; a new one takes the place of the one before."""

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer
        self._layers: dict[str, Layer] = {}

    def masks(self, names: list[str]) -> tuple[list[np.ndarray], tuple[float, ...]]:
        """What the raters drew, as the layers hold it, and the voxel size along each axis, mm.

        Raises
        ------
        InputError
            If a layer has gone, or they do not all have the same shape and place.
        """
        missing = [name for name in names if name not in self._viewer.layers]
        if missing:
            raise InputError(f"There is no layer {missing[0]!r}; choose the raters again.")
        layers = [self._viewer.layers[name] for name in names]
        first = layers[0]
        for layer in layers[1:]:
            if tuple(layer.data.shape) != tuple(first.data.shape) or not _same_place(layer, first):
                raise InputError(
                    f"Layer {layer.name!r} ({_size(layer)}) does not lie on the grid of {first.name!r} "
                    f"({_size(first)}); resample it first."
                )
        return [np.asarray(layer.data) != 0 for layer in layers], spacing_of(first)

    def show(self, consensus: np.ndarray, disagreement: np.ndarray, like: str) -> None:
        """Show a comparison over the layer of one of its raters."""
        layer = self._viewer.layers[like]
        place = {name: getattr(layer, name) for name in COPIED}
        about = {**layer.metadata, KEY: {**layer.metadata.get(KEY, {}), "role": "result"}}
        self.remove()
        differing = Image(
            disagreement,
            name=DISAGREEMENT,
            metadata=about,
            colormap=clear_colormap("inferno"),
            contrast_limits=(0.0, 0.3),  # the largest variance, 0.25, is not yet white
            blending="translucent",
            opacity=MAP_OPACITY,
            **place,
        )
        place_colour_bar(differing)
        differing.colorbar.visible = differing.name_overlay.visible = True
        self._add(DISAGREEMENT, differing)
        colours: dict[int | None, Any] = {None: "transparent", 1: _OUTLINE}
        colours |= line_colours(np.dtype(np.uint8))
        outline = Labels(
            consensus.astype(np.uint8),
            name=CONSENSUS,
            metadata=about,
            colormap=DirectLabelColormap(color_dict=colours),
            opacity=1.0,
            **place,
        )
        TwoToneOutline(outline)
        self._add(CONSENSUS, outline)

    def show_kinds(self, kinds: np.ndarray, metadata: Mapping[str, Any], place: Mapping[str, Any]) -> None:
        """Show who is uncertain, on the prediction's grid; hidden at first."""
        colours: dict[int | None, Any] = {None: "transparent", int(UncertaintySource.NEITHER): "transparent"}
        colours |= {int(kind): colour for kind, (colour, _) in KIND_COLOURS.items()}
        layer = Labels(
            kinds,
            name=KINDS,
            metadata=dict(metadata),
            colormap=DirectLabelColormap(color_dict=colours),
            opacity=0.6,
            visible=False,
            features={
                KINDS: [
                    "",
                    *(KIND_COLOURS[UncertaintySource(i)][1] for i in range(1, len(UncertaintySource))),
                ]
            },
            **place,
        )
        self._add(KINDS, layer)

    def names(self) -> list[str]:
        """Which of the layers there are."""
        return [name for name, layer in self._layers.items() if layer in self._viewer.layers]

    def set_visible(self, name: str, visible: bool) -> None:
        """Show or hide one of the layers, if it is there."""
        if name in self.names():
            self._layers[name].visible = visible

    def visible(self, name: str) -> bool:
        """Whether one of the layers is there and shown."""
        return name in self.names() and bool(self._layers[name].visible)

    def remove(self) -> None:
        """Take the layers out of the viewer."""
        napari_adding.remove_quietly(self._viewer, [self._layers[name] for name in self.names()])
        self._layers.clear()

    def cleanup(self) -> None:
        """Let go of the layers, which stay. May be called twice."""
        self._layers.clear()

    def _add(self, role: str, layer: Layer) -> None:
        self._layers[role] = layer
        napari_adding.add_quietly(self._viewer, layer)


def _same_place(one: Layer, other: Layer) -> bool:
    return all(
        np.allclose(getattr(one, name), getattr(other, name)) for name in ("scale", "translate", "rotate")
    ) and np.allclose(one.affine.affine_matrix, other.affine.affine_matrix)


def _size(layer: Layer) -> str:
    return " x ".join(map(str, layer.data.shape)) + (" pixels" if layer.ndim == 2 else " voxels")
