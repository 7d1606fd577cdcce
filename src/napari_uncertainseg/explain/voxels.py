"""Between the scan's voxels, on which lesions lie, and the network's, on which gradients are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from napari_uncertainseg._base import InputError
from napari_uncertainseg._boxes import Box, bounding_box
from napari_uncertainseg.images.preparation.prepare import NetworkInput
from napari_uncertainseg.images.volume import Grid


@dataclass(frozen=True, eq=False)
class ScanMap:
    """A map on the scan's grid, of which only the box is kept outside of which it is 0.

    Attributes
    ----------
    box
        Of the grid.
    values
        float32, of the box's shape.
    """

    box: Box
    values: np.ndarray

    @classmethod
    def cut(cls, array: np.ndarray) -> ScanMap:
        """Keep of a map, float32 of the grid's shape, where it is not 0."""
        there = array != 0
        a, b, c = bounding_box(there) if there.any() else (slice(0, 1),) * 3
        return cls((a, b, c), array[a, b, c].copy())

    def whole(self, shape: tuple[int, int, int]) -> np.ndarray:
        """The map on all of the grid, float32."""
        out = np.zeros(shape, np.float32)
        out[self.box] = self.values
        return out


@dataclass(frozen=True, eq=False)
class VoxelMap:
    """Where the scan's voxels lie among the network's.

    Attributes
    ----------
    source
        What the network reads.
    grid
        The scan's.
    places
        float32 (3, voxels): the network's coordinates of each of the scan's voxels that it was given, in the
        order of ``source.inside``.
    """

    source: NetworkInput
    grid: Grid
    places: np.ndarray

    @classmethod
    def of(cls, source: NetworkInput, grid: Grid) -> VoxelMap:
        """Find the places by bringing the network's own coordinates back onto the scan."""
        axes = np.indices(source.brain.shape, dtype=np.float32)
        return cls(source, grid, np.stack([source.values(axes[number]) for number in range(3)]))

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Size of the network's voxels along its axes, mm, from a fit to the places."""
        where = np.argwhere(self.source.inside)[:: max(1, self.places.shape[1] // 20_000)]
        found = self.places[:, :: max(1, self.places.shape[1] // 20_000)]
        design = np.column_stack([where, np.ones(len(where))])
        steps = np.linalg.lstsq(design, found.T, rcond=None)[0][:3].T  # network's voxels by scan's voxel
        world = self.grid.affine[:3, :3] @ np.linalg.pinv(steps)
        z, y, x = np.linalg.norm(world, axis=0)
        return float(z), float(y), float(x)

    def to_network(self, mask: np.ndarray) -> np.ndarray:
        """A mask of the scan on the network's voxels: those whose nearest voxel of the scan is in it.

        Parameters
        ----------
        mask
            bool, of the scan's shape.

        Raises
        ------
        InputError
            If it has another shape, is empty, or lies outside what the network was given.
        """
        if mask.shape != self.grid.shape:
            raise InputError(f"The region has {mask.shape} voxels, the scan {self.grid.shape}.")
        inside = mask[self.source.box][self.source.inside] != 0
        if not inside.any():
            raise InputError(
                "The region lies outside the brain, or is empty: choose one inside what was segmented."
            )
        if self.source.exact:
            return np.asarray((mask[self.source.box] != 0) & self.source.inside)
        out = np.zeros(self.source.brain.shape, bool)
        chosen = self.places[:, inside]
        low = np.maximum(np.floor(chosen.min(axis=1)).astype(int) - 3, 0)
        high = np.minimum(np.ceil(chosen.max(axis=1)).astype(int) + 4, out.shape)
        # Voxels of the scan that could be nearest: those in the box, and one around.
        around = np.all((self.places > (low - 8)[:, None]) & (self.places < (high + 8)[:, None]), axis=0)
        tree = cKDTree(self.places[:, around].T)
        box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
        voxels = np.stack(
            np.meshgrid(*[np.arange(a, b) for a, b in zip(low, high, strict=True)], indexing="ij")
        )
        _, nearest = tree.query(voxels.reshape(3, -1).T)
        out[box] = inside[around][nearest].reshape(voxels.shape[1:])
        out &= self.source.brain
        if not out.any():  # smaller than the network's voxels: the one that is nearest to its middle
            middle = np.rint(chosen.mean(axis=1)).astype(int)
            out[tuple(np.clip(middle, 0, np.array(out.shape) - 1))] = True
        return out

    def to_scan(self, array: np.ndarray) -> np.ndarray:
        """A map on the network's voxels on the scan's, float32, 0 outside what the network was given."""
        out = np.zeros(self.grid.shape, np.float32)
        part = out[self.source.box]
        part[self.source.inside] = self.source.values(array)
        return out
