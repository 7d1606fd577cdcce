"""Results are laid exactly over the scan that they belong to, however its layer was opened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_uncertainseg.images.volume import Grid
from napari_uncertainseg.widgets.scans.volumes import AXES, KEY, placement

if TYPE_CHECKING:
    from napari.layers import Layer

_MOVED = ("scale", "translate", "rotate", "shear")
_STEPS = ((1, 0, 0), (0, 1, 0), (0, 0, 1))
COPIED = ("scale", "translate", "rotate", "shear", "affine", "units", "axis_labels")


@dataclass(frozen=True, eq=False)
class Placement:
    """How canonical arrays on a grid become layers.

    Attributes
    ----------
    grid
        The prediction's.
    options
        The layers' scale, translation and so on: those of the scan's own layer.
    turned
        Whether the scan's layer holds its axes as another reader left them; the grid's
        ``stored`` then says how.
    """

    grid: Grid
    options: dict[str, Any] = field(default_factory=dict)
    turned: bool = False

    @classmethod
    def over(cls, layer: Layer | None, grid: Grid) -> Placement:
        """Place results over a scan's layer; as our own reader would, when it has gone."""
        if layer is None:
            scale, translate = placement(grid)
            return cls(
                grid, {"scale": scale, "translate": translate, "units": ("mm",) * 3, "axis_labels": AXES}
            )
        known = layer.metadata.get(KEY, {}).get("grid")
        turned = not (isinstance(known, Grid) and known.shape == tuple(layer.data.shape))
        return cls(grid, {name: getattr(layer, name) for name in COPIED}, turned)

    @property
    def metadata(self) -> dict[str, Any]:
        """What the layers say about where they lie."""
        if self.turned:
            return {KEY: {"role": "result"}, "affine": self.grid.file_affine}
        return {KEY: {"role": "result", "grid": self.grid}}

    def same_as(self, other: Placement) -> bool:
        """Whether layers of the one lie where layers of the other do."""
        if not self.grid.same_as(other.grid) or self.turned != other.turned:
            return False
        return self.options.keys() == other.options.keys() and all(
            _equal(value, other.options[name]) for name, value in self.options.items()
        )

    def array(self, canonical: np.ndarray) -> np.ndarray:
        """The layer's array: a view of the canonical one, of shape (s, a, r) and any dtype."""
        return self.grid.to_file(canonical)[0] if self.turned else canonical

    def drawn_over(self, layer: Layer) -> np.ndarray | None:
        """The canonical array of a layer that was drawn over the scan: same shape, same place on the screen.

        napari's "new labels" makes such layers; they do not say how they lie in the patient, and
        the scan may be oblique. None for any other layer.
        """
        if (
            KEY in layer.metadata
            or tuple(layer.data.shape) != self.array(np.empty(self.grid.shape, bool)).shape
        ):
            return None
        same = all(np.allclose(getattr(layer, name), self.options[name]) for name in ("scale", "translate"))
        plain = {"rotate": np.eye(3), "shear": np.zeros(3)}
        same &= all(
            np.allclose(getattr(layer, name), self.options.get(name, value)) for name, value in plain.items()
        )
        affine = getattr(self.options.get("affine"), "affine_matrix", np.eye(4))
        if not (same and np.allclose(layer.affine.affine_matrix, affine)):
            return None
        data = np.asarray(layer.data)
        return self.grid.to_canonical(data) if self.turned else data

    def voxel(self, canonical: tuple[int, int, int]) -> tuple[int, ...]:
        """Index into the layer of a canonical voxel."""
        if not self.turned:
            return canonical
        return tuple(self._turn(int(axis), int(flip), canonical[axis]) for axis, flip in self.grid.stored)

    def canonical(self, voxel: Sequence[int]) -> tuple[int, int, int]:
        """Canonical voxel of an index into the layer; the opposite of `voxel`, also beyond the edges."""
        found = [0, 0, 0]
        for axis, index in enumerate(voxel):
            own, turned = self.canonical_slice(axis, int(index))
            found[own] = turned
        return found[0], found[1], found[2]

    def canonical_slice(self, axis: int, index: int) -> tuple[int, int]:
        """Canonical axis and index of a slice of the layer."""
        if not self.turned:
            return axis, index
        own, flip = (int(x) for x in self.grid.stored[axis])
        return own, self._turn(own, flip, index)

    def to_world(self) -> np.ndarray:
        """4x4, canonical voxel to the viewer's world, as layers with these options lie there."""
        from napari.utils.transforms import Affine

        own = Affine(**{key: self.options[key] for key in _MOVED if key in self.options}, ndim=3)
        outer = getattr(self.options.get("affine"), "affine_matrix", np.eye(4))
        start = np.array(self.voxel((0, 0, 0)))
        turn = np.eye(4)
        turn[:3, :3] = np.array([np.subtract(self.voxel(one), start) for one in _STEPS]).T
        turn[:3, 3] = start
        return np.asarray(outer @ own.affine_matrix @ turn)

    def size(self, canonical: tuple[float, float, float]) -> tuple[float, ...]:
        """Extents along the layer's axes."""
        return tuple(canonical[int(axis)] for axis, _ in self.grid.stored) if self.turned else canonical

    def _turn(self, axis: int, flip: int, index: int) -> int:
        return index if flip > 0 else self.grid.shape[axis] - 1 - index


def lies_over(layer: Layer, scan: Layer) -> bool:
    """Whether a layer has the place and the voxels of a scan's layer, as one that was laid over it."""
    from napari.utils.transforms import Affine

    if tuple(layer.data.shape) != tuple(scan.data.shape):
        return False
    own, other = (
        each.affine.affine_matrix @ Affine(**{k: getattr(each, k) for k in _MOVED}, ndim=3).affine_matrix
        for each in (layer, scan)
    )
    return bool(np.allclose(own, other, atol=1e-3))


def _equal(one: Any, other: Any) -> bool:
    one, other = (getattr(value, "affine_matrix", value) for value in (one, other))
    return bool(np.array_equal(one, other))
