"""What lies under the mouse among the surfaces: said in the status bar, and chosen by a click."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_uncertainseg.lesions.shapes.mesh import Mesh
from napari_uncertainseg.uncertainty.listing.listed_lesion import row_in_table, voxel_in_table
from napari_uncertainseg.widgets.layers.surfaces import texts
from napari_uncertainseg.widgets.layers.surfaces.ray import RayPicker

if TYPE_CHECKING:
    from napari.components import ViewerModel

    from napari_uncertainseg.case import Case
    from napari_uncertainseg.uncertainty.lesion_ranking import Lesions

_STILL = 3.0
"""Pixels that the mouse may move between press and release: more turns the view."""
_BESIDE = 4.0
"""Pixels beside a lesion that still count as a click on it: some are no larger."""


@dataclass(frozen=True)
class Facts:
    """What is said of a lesion or candidate that is drawn, and the voxel to look at."""

    volume_mm3: float
    doubt: float
    voxel: tuple[int, int, int]

    @classmethod
    def of(cls, lesions: Lesions, number: int) -> Facts:
        """Of a lesion, or of a candidate by minus its number."""
        row = row_in_table(lesions, number)
        assert row is not None, "what is drawn is listed"
        return cls(float(row["volume_mm3"]), float(row["doubt"]), voxel_in_table(row))


class SurfacePicking:
    """Finds the surface under the mouse, and selects it where it is clicked on.

    Parameters
    ----------
    viewer, case
        Where, and whose lesions.
    shown
        Whether surfaces are shown.
    go_to
        Moves the viewer to a voxel of the prediction's grid.
    """

    def __init__(
        self,
        viewer: ViewerModel,
        case: Case,
        shown: Callable[[], bool],
        go_to: Callable[[tuple[int, int, int]], None],
    ) -> None:
        self._viewer, self._case, self._shown, self._go_to = viewer, case, shown, go_to
        self._picker: RayPicker | None = None
        self._facts: Mapping[int, Facts] = {}
        viewer.mouse_drag_callbacks.append(self._on_press)

    def offer(self, numbers: Sequence[int], meshes: Sequence[Mesh], facts: Mapping[int, Facts]) -> None:
        """Take what is drawn from now on: numbers, surfaces in the world, and what is said of each."""
        self._facts = facts
        self._picker = RayPicker(numbers, meshes) if numbers else None

    def _on_press(self, viewer: Any, event: Any) -> Iterator[None]:
        start = np.asarray(event.pos, float)
        yield
        while event.type == "mouse_move":
            yield
        moved = np.abs(np.asarray(event.pos, float) - start).max() > _STILL
        if self._shown() and event.button == 1 and not (moved or event.modifiers):
            self._choose(self._under(np.asarray(event.position), np.asarray(event.view_direction)))

    def _choose(self, number: int | None) -> None:
        facts = None if number is None else self._facts.get(number)
        if facts is not None:
            self._case.select(facts.voxel)
            self._go_to(facts.voxel)

    def _under(self, position: np.ndarray, direction: np.ndarray) -> int | None:
        """Number of what lies under the mouse. Also called in the thread of the status bar."""
        picker = self._picker
        if picker is None or len(position) < 3 or not np.any(direction[-3:]):
            return None
        return picker.hit(position[-3:], direction[-3:], _BESIDE / max(self._viewer.scene.camera.zoom, 1e-6))

    def say(self, position: np.ndarray, direction: np.ndarray) -> str:
        """What lies under the mouse, in words; empty where nothing does."""
        number, prediction = self._under(position, direction), self._case.prediction
        facts = None if number is None else self._facts.get(number)
        if number is None or facts is None or prediction is None:
            return ""
        return prediction.noun.fit(texts.status(number, facts.volume_mm3, facts.doubt))

    def cleanup(self) -> None:
        """Hear no more clicks. May be called twice."""
        if self._on_press in self._viewer.mouse_drag_callbacks:
            self._viewer.mouse_drag_callbacks.remove(self._on_press)
