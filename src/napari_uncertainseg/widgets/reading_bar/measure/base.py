"""The scan that is measured on: where a click lies in it, and which slice is shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Image, Layer

from napari_uncertainseg._base import InputError
from napari_uncertainseg.images.measures.brightness import SCANNER, Values, measure
from napari_uncertainseg.images.measures.shapes import Slice
from napari_uncertainseg.images.volume import Grid
from napari_uncertainseg.modalities import MODALITIES, guess_modality, title_of
from napari_uncertainseg.voxel_maps import VOXEL_MAPS
from napari_uncertainseg.widgets.scans.placement import Placement
from napari_uncertainseg.widgets.scans.volumes import KEY, grid_of, is_compared, is_result, volume_of

if TYPE_CHECKING:
    from napari import Viewer

    from napari_uncertainseg.widgets.dock_description import ReviewContext


@dataclass(frozen=True, eq=False)
class Base:
    """The scan that is measured on.

    Attributes
    ----------
    layer, grid, placing
        Its layer, its canonical grid, and how voxels of this lie in the viewer.
    """

    layer: Layer
    grid: Grid
    placing: Placement

    def voxel(self, world: Sequence[float]) -> np.ndarray:
        """Voxel (s, a, r) of a place in the viewer's last three axes; shape (3,), not rounded."""
        to_world = self.placing.to_world()
        place = np.asarray(world, float)[-3:]
        return np.linalg.solve(to_world[:3, :3], place - to_world[:3, 3])

    def shown(self, viewer: Viewer) -> Slice:
        """The slice that the viewer shows."""
        hidden = [axis - (viewer.dims.ndim - 3) for axis in viewer.dims.not_displayed]
        across = np.linalg.inv(self.placing.to_world()[:3, :3])[:, hidden[-1]]
        axis = int(np.abs(across * self.grid.spacing).argmax())
        index = round(float(self.voxel(viewer.dims.point)[axis]))
        return Slice(axis, min(max(index, 0), self.grid.shape[axis] - 1))

    def slider(self, viewer: Viewer, where: Slice) -> int:
        """The number that the viewer's slider shows, or would show, for a slice."""
        voxel = np.zeros(3)
        voxel[where.axis] = where.index
        along = self.placing.to_world()[:3, where.axis]
        axis = int(np.abs(along).argmax())
        begin, _, step = viewer.dims.range[viewer.dims.ndim - 3 + axis]
        return round((float(self.place(voxel.tolist())[axis]) - begin) / (step or 1.0))

    def drawn(self, points: Sequence[Sequence[float]] | np.ndarray) -> np.ndarray:
        """Canonical voxels as voxels of the layer, shape (n, 3)."""
        return np.array([self.placing.voxel(tuple(point)) for point in points], float)  # type: ignore[arg-type]

    def place(self, voxel: Sequence[float]) -> np.ndarray:
        """Where a canonical voxel lies in the viewer's last three axes."""
        to_world = self.placing.to_world()
        return np.asarray(to_world[:3, :3] @ np.asarray(voxel, float) + to_world[:3, 3])


def find_base(viewer: Viewer, review: ReviewContext) -> Base | None:
    """The case's main scan; before anything is segmented, the uppermost scan that is visible."""
    layer = review.layers.scan.layer()
    if layer is None:
        own = [x for x in viewer.layers if isinstance(x, Image) and not is_result(x) and x.visible]
        layer = own[-1] if own else None
    if layer is None:
        return None
    try:
        grid = grid_of(layer)
    except InputError:
        return None
    return Base(layer, grid, Placement.over(layer, grid))


def brightness(voxels: np.ndarray, base: Base, viewer: Viewer, review: ReviewContext) -> tuple[Values, ...]:
    """Values in a region on the scan, the user's other scans, the last visit, and each map."""
    found = [
        measure(voxels, base.grid, name, data, grid, SCANNER) for name, data, grid in _scans(base, viewer)
    ]
    prediction = review.case.prediction
    if prediction is not None and not review.layers.blinded:
        for name, about in VOXEL_MAPS.items():
            if name in prediction.maps:
                data = prediction.maps[name]
                found.append(measure(voxels, base.grid, about.title, data, prediction.grid, about.unit))
    return tuple(found)


def _scans(base: Base, viewer: Viewer) -> Iterator[tuple[str, np.ndarray, Grid]]:
    own = [x for x in viewer.layers if isinstance(x, Image) and (not is_result(x) or is_compared(x))]
    order = list(MODALITIES)
    kind = {x: str(x.metadata.get(KEY, {}).get("modality") or guess_modality(x.name) or "") for x in own}
    rank = {x: order.index(kind[x]) if kind[x] in order else len(order) for x in own}
    for layer in sorted(own, key=lambda x: (x is not base.layer, is_compared(x), rank[x])):
        try:
            volume = volume_of(layer)
        except InputError:  # no scan
            continue
        modality = str(volume.modality or guess_modality(layer.name) or "")
        plain = not modality or is_compared(layer)
        same = not plain and layer.name.casefold() == modality.casefold()
        name = layer.name if plain else title_of(modality) if same else f"{title_of(modality)} ({layer.name})"
        yield name, volume.data, volume.grid
