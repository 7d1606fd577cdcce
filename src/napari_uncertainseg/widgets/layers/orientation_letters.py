"""Orientation letters (R, L, A, P, S, I) at the edges of the canvas."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from napari.components.overlays import TextOverlay

from napari_uncertainseg.widgets.scans.volumes import affine_of
from napari_uncertainseg.widgets.shared.napari_internals import cells_held
from napari_uncertainseg.widgets.shared.responsive.leaving import LayersGone
from napari_uncertainseg.widgets.shared.responsive.turns import Soon

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Layer

_LETTERS = ("LR", "PA", "IS")
"""Per RAS+ axis: the letter towards its negative and towards its positive end."""

_OBLIQUE = float(np.sin(np.deg2rad(22.5)))
"""From this share on, a second letter is named: the plane is nearer to the diagonal than to the axis."""

_EDGES = {
    "top": "top_center",
    "bottom": "bottom_center",
    "left": "middle_left",
    "right": "middle_right",
}


def direction_letters(direction: np.ndarray) -> str:
    """Name a direction in the patient.

    Parameters
    ----------
    direction
        Shape (3,), RAS+ (x to the right, y to anterior, z to superior), any length but 0.

    Returns
    -------
    str
        One letter, or two where the direction is oblique, the stronger one first.
    """
    unit = np.asarray(direction, dtype=float)
    unit = unit / np.linalg.norm(unit)
    strongest_first = np.argsort(-np.abs(unit), kind="stable")
    named = [axis for i, axis in enumerate(strongest_first) if i == 0 or abs(unit[axis]) > _OBLIQUE]
    return "".join(_LETTERS[axis][int(unit[axis] > 0)] for axis in named[:2])


def opposite(letters: str) -> str:
    """Name the opposite direction."""
    return letters.translate(str.maketrans("LRPAIS", "RLAPSI"))


def world_directions(layer: Layer) -> np.ndarray | None:
    """Where each world axis of the viewer points in the patient.

    Returns
    -------
    np.ndarray or None
        Shape (3, 3): row k is the RAS+ direction of the last-but-(2 - k) world axis; None when
        the layer does not say how it lies in the patient.
    """
    to_patient = affine_of(layer)
    if to_patient is None:
        return None
    origin = np.asarray(layer.world_to_data((0.0, 0.0, 0.0)))
    steps = np.array([np.asarray(layer.world_to_data(unit)) - origin for unit in np.eye(3)])
    return steps @ to_patient[:3, :3].T


def known_directions(viewer: ViewerModel) -> np.ndarray | None:
    """The same by the first layer of a viewer that says how it lies; None where none does."""
    found = (world_directions(layer) for layer in viewer.layers)
    return next((directions for directions in found if directions is not None), None)


class OrientationLetters:
    """Keeps four letters true to what the viewer shows.

    They are part of the canvas, so they are in screenshots too. Nothing is shown when no layer
    says how it lies in the patient: a wrong letter is worse than none.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer
        self._overlays = {
            edge: TextOverlay(position=position, font_size=14, gridded=True)
            for edge, position in _EDGES.items()
        }
        for edge, overlay in self._overlays.items():
            viewer.canvas.overlays[f"orientation_{edge}"] = overlay
        self._shown: dict[str, str] = {}
        self._soon = Soon()
        self._emitters = (
            viewer.dims.events.order,
            viewer.dims.events.ndisplay,
            viewer.dims.events.ndim,
            viewer.scene.camera.events.orientation,
            viewer.scene.camera.events.angles,
            viewer.layers.events.inserted,
            LayersGone(viewer),
        )
        for emitter in self._emitters:
            emitter.connect(self.update)
        self.update()

    def update(self, event: object = None) -> None:
        """Write the letters for what is shown now."""
        self._shown = self.letters()
        for edge, overlay in self._overlays.items():
            text = self._shown.get(edge, "")
            if overlay.text != text:  # layers come by the dozen
                overlay.text = text
            if overlay.visible and edge not in self._shown:
                overlay.visible = False
        self._soon.add(self._appear)

    def step_back(self) -> None:
        """Stand at the edges of the canvas for a moment: it is about to be divided into cells."""
        for overlay in self._overlays.values():
            with overlay.events.gridded.blocked():  # the canvas follows anyway
                overlay.gridded = False
        self._soon.add(self._appear)

    def _appear(self) -> None:
        """Show the next letter, in each cell: napari takes as long for each as for a picture.

        One that becomes visible while it stands in cells already is placed by napari before it is there.
        """
        shown = [self._overlays[edge] for edge in self._shown]
        waiting = [overlay for overlay in shown if not (overlay.visible and overlay.gridded)]
        if not waiting:
            return
        with cells_held(self._viewer):
            if not waiting[0].visible:
                waiting[0].gridded = False
                waiting[0].visible = True
            waiting[0].gridded = True
        self._soon.add(self._appear)

    def letters(self) -> dict[str, str]:
        """Letters by edge (top, bottom, left, right); empty when they cannot be told."""
        dims = self._viewer.dims
        directions = known_directions(self._viewer)
        rows = [axis - (dims.ndim - 3) for axis in dims.displayed]
        if directions is None or min(rows) < 0:
            return {}
        if dims.ndisplay == 3:
            return self._in_3d(directions[rows])
        down, right = (direction_letters(directions[row]) for row in rows)
        vertical, horizontal = self._viewer.scene.camera.orientation2d
        if str(vertical) == "up":
            down = opposite(down)
        if str(horizontal) == "left":
            right = opposite(right)
        return {"top": opposite(down), "bottom": down, "left": opposite(right), "right": right}

    def _in_3d(self, directions: np.ndarray) -> dict[str, str]:
        """Letters of a view from anywhere; `directions` are those of the displayed axes."""
        camera = self._viewer.scene.camera
        up = np.asarray(camera.up_direction)
        side = 1 if str(camera.handedness) == "right" else -1
        right = side * np.cross(np.asarray(camera.view_direction), up)
        top, right_letters = (direction_letters(way @ directions) for way in (up, right))
        return {
            "top": top,
            "bottom": opposite(top),
            "left": opposite(right_letters),
            "right": right_letters,
        }

    def cleanup(self) -> None:
        """Take the letters away. May be called twice."""
        for emitter in self._emitters:
            emitter.disconnect(self.update)
        self._soon.drop()
        for edge in self._overlays:
            self._viewer.canvas.overlays.pop(f"orientation_{edge}", None)
