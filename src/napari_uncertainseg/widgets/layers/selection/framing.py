"""How a lesion is brought before the reader: its best slice, and a zoom that fits its size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from psygnal import Signal

from napari_uncertainseg._boxes import bounding_box
from napari_uncertainseg.lesions.sections import Section, largest_section
from napari_uncertainseg.uncertainty.listing.listed_lesion import listed_lesion
from napari_uncertainseg.widgets.scans.camera import (
    current_slice,
    move_to,
    show_field,
    shown_axes,
    whole_slice,
)

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Labels

    from napari_uncertainseg.case import Case
    from napari_uncertainseg.widgets.scans.placement import Placement

TIMES, LEAST_MM = 3.0, 40.0
"""How much of the slice is shown: so many times the lesion's longest side in it, and no less than this.

Smaller fields show of a lesion of 5 mm3 little but the sides of its voxels.
"""


class LesionFraming:
    """Moves a viewer to lesions, in whatever plane it shows.

    Parameters
    ----------
    viewer
        That is moved.
    case
        Whose lesions.

    Attributes
    ----------
    zooms
        Whether going to a lesion also zooms; otherwise only the slice moves, and the lesion comes into view.
    """

    changed = Signal()
    """`zooms` is another one."""

    def __init__(self, viewer: ViewerModel, case: Case) -> None:
        self._viewer, self._case = viewer, case
        self._zooms = True
        self._fitted: tuple[float, ...] = ()
        """Zoom and centre that were set last to fit a lesion."""

    @property
    def zooms(self) -> bool:
        """Whether going to a lesion also zooms."""
        return self._zooms

    @zooms.setter
    def zooms(self, zooms: bool) -> None:
        if zooms != self._zooms:
            self._zooms = zooms
            self.changed.emit()

    def go_to(self, layer: Labels, placing: Placement, voxel: tuple[int, int, int]) -> None:
        """Show a lesion or candidate; where there is none at the voxel, that voxel.

        Parameters
        ----------
        layer
            Of lesions.
        placing
            How the prediction's grid lies in it.
        voxel
            On the prediction's grid.
        """
        section = self._section(layer, placing, voxel) or Section(voxel, (0.0, 0.0, 0.0))
        self._show(layer, placing, section, zoom=self._zooms)

    def go_to_lesion(self, layer: Labels, placing: Placement, labels: np.ndarray, number: int) -> None:
        """Show a lesion of other labels on the prediction's grid, such as those of a reference."""
        axis, _ = placing.canonical_slice(*current_slice(self._viewer, layer))
        box = bounding_box(labels == number)
        section = largest_section(labels, number, box, axis, placing.grid.spacing)
        if section is not None:
            self._show(layer, placing, section, zoom=self._zooms)

    def fit_or_whole(self, layer: Labels, placing: Placement, voxel: tuple[int, int, int]) -> None:
        """Fit the zoom to the lesion at a voxel; where it is fitted already, show the whole slice."""
        if self._fits():
            whole_slice(self._viewer, layer)
            self._fitted = ()
            return
        section = self._section(layer, placing, voxel) or Section(voxel, (0.0, 0.0, 0.0))
        self._show(layer, placing, section, zoom=True)

    def _show(self, layer: Labels, placing: Placement, section: Section, *, zoom: bool) -> None:
        at, sizes = placing.voxel(section.voxel), placing.size(section.sizes)
        world = move_to(self._viewer, layer, at)
        longest = max((sizes[axis] for axis in shown_axes(self._viewer, layer)), default=0.0)
        field = max(TIMES * longest, LEAST_MM) if zoom else None
        show_field(self._viewer, layer, world, field, needs=max(longest, 1.0))
        self._fitted = self._camera() if zoom else ()

    def _camera(self) -> tuple[float, ...]:
        camera = self._viewer.scene.camera
        return (float(camera.zoom), *(float(x) for x in camera.center[-2:]))

    def _fits(self) -> bool:
        """Whether the view is still as it was set last to fit a lesion, to a pixel."""
        if not self._fitted:
            return False
        (zoom, *centre), (before, *middle) = self._camera(), self._fitted
        apart = np.abs(np.subtract(centre, middle)).max() * zoom
        return bool(np.isclose(zoom, before, rtol=1e-3) and apart < 1)

    def _section(self, layer: Labels, placing: Placement, voxel: tuple[int, int, int]) -> Section | None:
        lesions = self._case.lesions
        number = 0 if lesions is None else lesions.component_at(voxel)
        listed = None if lesions is None or not number else listed_lesion(lesions, number)
        if lesions is None or listed is None:
            return None
        labels = lesions.labels if number > 0 else lesions.candidates
        axis, _ = placing.canonical_slice(*current_slice(self._viewer, layer))
        return largest_section(labels, abs(number), listed.box, axis, placing.grid.spacing)
