"""The grid on which zones are found: the scan's own, cut to the brain, with voxels of about 1 mm or more."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from napari_uncertainseg._boxes import bounding_box
from napari_uncertainseg.images.volume import Grid

_LEAST_MM = 0.9
_MARGIN = 3
"""Voxels around the brain, so that its edge is on the grid."""


@dataclass(frozen=True, eq=False)
class WorkingGrid:
    """Blocks of a scan's voxels.

    Attributes
    ----------
    grid
        Of the blocks.
    blocks
        How many of the scan's voxels a block has along each axis.
    start
        The scan's voxel with which the first block begins.
    """

    grid: Grid
    blocks: tuple[int, int, int]
    start: tuple[int, int, int]

    @classmethod
    def around(cls, brain: np.ndarray, scan: Grid) -> WorkingGrid:
        """The blocks that hold a brain, which is not empty; small voxels are put together."""
        blocks = [max(1, round(_LEAST_MM / step)) for step in scan.spacing]
        box = bounding_box(brain)
        start, shape = [], []
        for side, block, size in zip(box, blocks, scan.shape, strict=True):
            first = max(side.start // block - _MARGIN, 0)
            last = min(-(-side.stop // block) + _MARGIN, -(-size // block))
            start.append(first * block)
            shape.append(last - first)
        affine = scan.affine.copy()
        middle = np.array(start) + (np.array(blocks) - 1) / 2
        affine[:3, 3] += scan.affine[:3, :3] @ middle
        affine[:3, :3] *= blocks
        return cls(
            Grid((shape[0], shape[1], shape[2]), affine),
            (blocks[0], blocks[1], blocks[2]),
            (start[0], start[1], start[2]),
        )

    def means(self, array: np.ndarray) -> np.ndarray:
        """Mean of each block, float32, from an array on the scan's grid; edges are continued."""
        stop = [s + n * b for s, n, b in zip(self.start, self.grid.shape, self.blocks, strict=True)]
        part = array[tuple(slice(a, b) for a, b in zip(self.start, stop, strict=True))]
        lacking = [(0, b - a - n) for a, b, n in zip(self.start, stop, part.shape, strict=True)]
        part = np.pad(part, lacking, mode="edge").astype(np.float32)
        (s, a, r), (x, y, z) = self.grid.shape, self.blocks
        return np.asarray(part.reshape(s, x, a, y, r, z).mean(axis=(1, 3, 5)))

    def blocks_of(self, index: np.ndarray) -> np.ndarray:
        """Flat number of the block of each of the scan's voxels, shape (3, voxels); the nearest outside."""
        where = (index - np.array(self.start)[:, None]) // np.array(self.blocks)[:, None]
        where = np.clip(where, 0, np.array(self.grid.shape)[:, None] - 1)
        return np.asarray(np.ravel_multi_index(tuple(where), self.grid.shape))
