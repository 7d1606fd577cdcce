"""The layers of surfaces in napari: lesions in one, the brain, and a ring around the selected lesion."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Layer, Points, Surface
from napari.utils.colormaps import Colormap

from napari_uncertainseg.lesions.shapes.colours import MOST_DOUBT, doubt_colour
from napari_uncertainseg.lesions.shapes.mesh import Mesh, joined
from napari_uncertainseg.widgets.layers.colours import place_colour_bar
from napari_uncertainseg.widgets.layers.surfaces.shapes import SHAPES, Shapes
from napari_uncertainseg.widgets.layers.surfaces.texts import BRAIN_3D, LESIONS_3D, SELECTED_3D
from napari_uncertainseg.widgets.scans.volumes import KEY
from napari_uncertainseg.widgets.shared import napari_internals
from napari_uncertainseg.widgets.shared.responsive import napari_adding

if TYPE_CHECKING:
    from napari.components import ViewerModel

    from napari_uncertainseg.nouns import Noun

_BRAIN_COLOUR, _BRAIN_OPACITY = (0.6, 0.6, 0.6, 1.0), 0.15
_RING = "#ff2fa0"
"""Seen on black and on white, and no colour of doubt."""
_LIKE = ("units", "axis_labels")
_RING_MM, _RING_AROUND = 14.0, 1.3


def doubt_colormap() -> Colormap:
    """That of the surfaces, for the colour bar: limits are 0 and `MOST_DOUBT`."""
    steps = np.linspace(0, MOST_DOUBT, 65)
    return Colormap([(*doubt_colour(float(one)), 1.0) for one in steps], name="doubt: blue to orange")


class DrawnSurfaces:
    """The layers. Those that the user has removed stay away until `remove`.

    Parameters
    ----------
    viewer
        Where.
    like
        Units and axis labels of the case's layers.
    noun
        What the model's target is called.
    say
        Called with a place, a direction and the displayed axes in the viewer's world: what the status bar
        says of what is there.
    """

    def __init__(
        self,
        viewer: ViewerModel,
        like: dict[str, Any],
        noun: Noun,
        say: Callable[[np.ndarray, np.ndarray], str],
    ) -> None:
        self._viewer, self._noun, self._say = viewer, noun, say
        self._like: dict[str, Any] = {name: one for name, one in like.items() if name in _LIKE}
        self.lesions: Surface | None = None
        self.brain: Surface | None = None
        self.ring: Points | None = None
        self._drawn: tuple[Mesh, ...] = ()

    @property
    def all(self) -> list[Layer]:
        """Those that are in the viewer."""
        made = (self.brain, self.lesions, self.ring)
        return [layer for layer in made if layer is not None and layer in self._viewer.layers]

    def show_brain(self, mesh: Mesh | None) -> None:
        """Draw the brain, in the viewer's world, once."""
        if self.brain is None and mesh is not None:
            self.brain = Surface(
                (mesh.points, mesh.triangles),
                vertex_colors=np.tile(np.array(_BRAIN_COLOUR, np.float32), (len(mesh.points), 1)),
                opacity=_BRAIN_OPACITY,
                blending="translucent_no_depth",  # what is in it is seen, wherever one looks from
                **self._options(BRAIN_3D),
            )
            napari_adding.add_quietly(self._viewer, self.brain)

    def show_lesions(self, meshes: Sequence[Mesh], doubts: Sequence[float], shapes: Shapes) -> None:
        """Draw lesions, in the viewer's world; at least one."""
        layer = self.lesions
        if layer is not None and layer not in self._viewer.layers:
            return
        same = len(meshes) == len(self._drawn) and all(map(_is, meshes, self._drawn))
        self._drawn = tuple(meshes)
        mesh, sizes = joined(meshes), [len(one.points) for one in meshes]
        values = np.repeat(np.clip(np.nan_to_num(doubts), 0, None), sizes).astype(np.float32)
        shades = np.array([(*doubt_colour(one), 1.0) for one in doubts], np.float32)
        colours = np.repeat(shades, sizes, axis=0)
        if layer is None:
            self._add_lesions(mesh, values, colours, shapes)
            return
        layer.metadata[KEY][SHAPES] = shapes
        if not same:
            layer.vertex_colors = None  # of as many points as before
            layer.data = (mesh.points, mesh.triangles, values)
        if not same or not np.array_equal(layer.vertex_colors, colours):
            layer.vertex_colors = colours

    def _add_lesions(self, mesh: Mesh, values: np.ndarray, colours: np.ndarray, shapes: Shapes) -> None:
        options = self._options(LESIONS_3D)
        options["metadata"][KEY][SHAPES] = shapes
        self.lesions = Surface(
            (mesh.points, mesh.triangles, values),
            vertex_colors=colours,
            colormap=doubt_colormap(),
            contrast_limits=(0.0, MOST_DOUBT),
            **options,
        )
        place_colour_bar(self.lesions)
        napari_internals.replace_status(self.lesions, self._say)
        at = len(self._viewer.layers)
        if self.ring is not None and self.ring in self._viewer.layers:
            at = self._viewer.layers.index(self.ring)
        napari_adding.add_quietly(self._viewer, self.lesions, at)

    def tell(self) -> None:
        """Make the lesions the active layer, of which the status bar tells: in a turn, after they came."""
        if self.lesions is not None and self.lesions in self._viewer.layers:
            self._viewer.layers.selection.active = self.lesions

    def show_colour_bar(self) -> None:
        """Show that of the lesions: in a turn of its own, since it takes napari as long as they did."""
        if self.lesions is not None and self.lesions in self._viewer.layers:
            self.lesions.colorbar.visible = True

    def show_selected(self, mesh: Mesh | None) -> None:
        """Draw a ring around a lesion, or none."""
        ring = self.ring
        if mesh is None:
            if ring is not None and ring in self._viewer.layers:
                ring.visible = False
            return
        low, high = mesh.points.min(0), mesh.points.max(0)
        size = max(_RING_MM, _RING_AROUND * float(np.linalg.norm(high - low)))
        middle = (low + high)[None] / 2
        if ring is None:
            self._add_ring(middle, size)
        elif ring in self._viewer.layers:
            ring.data, ring.size, ring.visible = middle, size, True

    def _add_ring(self, middle: np.ndarray, size: float) -> None:
        options = self._options(SELECTED_3D)
        del options["shading"]
        self.ring = Points(
            middle,
            size=size,
            symbol="disc",
            face_color="transparent",
            border_color=_RING,
            border_width=0.05,
            blending="translucent_no_depth",
            **options,
        )
        napari_adding.add_quietly(self._viewer, self.ring)

    def remove_lesions(self) -> None:
        """Draw no lesion; they may come again."""
        layer = self.lesions
        self.forget()
        if layer is not None:
            napari_adding.remove_quietly(self._viewer, [layer])

    def hide(self) -> None:
        """Show none of them."""
        with napari_adding.one_scene_update(self._viewer):
            for layer in self.all:
                layer.visible = False

    def remove_next(self) -> bool:
        """Take out one of those that are hidden; False once all are out."""
        left = self.all
        if left:
            napari_adding.remove_quietly(self._viewer, left[-1:])
        if len(left) < 2:
            self.remove()
        return len(left) > 1

    def remove(self) -> None:
        """Take all out of the viewer."""
        napari_adding.remove_quietly(self._viewer, self.all)
        self.forget()
        self.brain = self.ring = None

    def forget(self) -> None:
        """Let go of the layer of lesions: napari may keep it, which must not keep the viewer."""
        layer, self.lesions, self._drawn = self.lesions, None, ()
        if layer is not None:
            napari_internals.restore_status(layer)

    def _options(self, name: str) -> dict[str, Any]:
        return {
            "name": self._noun.fit(name),
            "metadata": {KEY: {"role": "result"}},
            "shading": "smooth",
            **self._like,
        }


def _is(one: Mesh, other: Mesh) -> bool:
    return one is other
