"""What is measured of each lesion, for all lesions at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from napari_uncertainseg._boxes import Box
from napari_uncertainseg.images.volume import Grid
from napari_uncertainseg.lesions.components import Components


@dataclass(frozen=True, eq=False)
class LesionStatistics:
    """Lesions and, numbered on from them, candidates.

    Attributes
    ----------
    index
        Their voxels, sorted by component and position: indices (s, a, r) on the grid, shape (3, voxels).
    flat
        The same as flat positions on the grid.
    label
        The component of each of these voxels, 1 to n, int64.
    sizes
        Voxels of each component, its number as index, shape (n + 1,).
    values
        Column name to one value per component.
    """

    index: np.ndarray
    flat: np.ndarray
    label: np.ndarray
    sizes: np.ndarray
    values: dict[str, np.ndarray]


def measure_lesions(
    box: Box, lesions: Components, candidates: Components, maps: Sequence[np.ndarray], grid: Grid
) -> LesionStatistics:
    """Measure lesions and candidates in one pass over their voxels.

    Parameters
    ----------
    box
        The part of the grid that the components' positions refer to.
    lesions, candidates
        Components, no voxel in both.
    maps
        Probability (0 to 1), entropy and mutual information (nats), each float32 of the grid's shape,
        contiguous.
    grid
        The grid.
    """
    index, label = _voxels(box, lesions, candidates)
    sizes = np.concatenate([lesions.sizes, candidates.sizes[1:]])
    n = len(sizes) - 1
    flat = (index[0] * grid.shape[1] + index[1]) * grid.shape[2] + index[2]
    probability, entropy, mutual = (m.ravel()[flat] for m in maps)
    first = np.cumsum(sizes)[:-1] if n else np.zeros(0, np.intp)
    count = sizes[1:]

    def mean(x: np.ndarray) -> np.ndarray:
        return np.bincount(label, weights=x, minlength=n + 1)[1:] / count

    def reduce(ufunc: np.ufunc, x: np.ndarray) -> np.ndarray:
        return ufunc.reduceat(x, first) if n else x[:0]

    centroid = np.array([mean(i) for i in index]).reshape(3, n)
    ras = grid.affine[:3, :3] @ centroid + grid.affine[:3, 3:]
    look = _voxel_to_look_at(index, label, centroid, grid)
    values = {
        "mean_probability": mean(probability),
        "max_probability": reduce(np.maximum, probability).astype(float),
        "mean_entropy": mean(entropy),
        "mean_mutual_information": mean(mutual),
        "volume_mm3": count * grid.voxel_volume,
        "voxels": count,
    }
    for axis, name in enumerate("sar"):
        values[f"slice_{name}"] = look[axis]
        values[f"start_{name}"] = reduce(np.minimum, index[axis])
        values[f"stop_{name}"] = reduce(np.maximum, index[axis]) + 1
    values.update(zip(("x_mm", "y_mm", "z_mm"), ras, strict=True))
    return LesionStatistics(index, flat, label, sizes, values)


def _voxels(box: Box, lesions: Components, candidates: Components) -> tuple[np.ndarray, np.ndarray]:
    """Indices on the grid and component numbers of all voxels, sorted by component and position."""
    where = np.concatenate([lesions.where, candidates.where])
    label = np.concatenate([lesions.label, candidates.label + lesions.n])
    # Numbers below 65536 sort in linear time.
    key = label.astype(np.uint16) if label.max(initial=0) <= np.iinfo(np.uint16).max else label
    order = np.argsort(key, kind="stable")
    index = np.array(np.unravel_index(where[order], [s.stop - s.start for s in box]))
    return index + np.array([s.start for s in box])[:, None], label[order]


def _voxel_to_look_at(index: np.ndarray, label: np.ndarray, centroid: np.ndarray, grid: Grid) -> np.ndarray:
    """Index (s, a, r) per component, shape (3, n).

    The slice that holds most of the component's voxels (of equals the one nearest to its
    centroid), and in it the component's voxel nearest to its centroid, which may
    itself lie outside of a curved lesion.
    """
    n = centroid.shape[1]
    component, offset = label - 1, np.abs(index[0] - centroid[0][label - 1])
    key = component * grid.shape[0] + index[0]  # ascends, as the voxels do
    first = np.flatnonzero(np.diff(key, prepend=-1))
    counts, owner = np.diff(first, append=len(key)), component[first]
    best = key[first][_first_of_each(np.lexsort([offset[first], -counts, owner]), owner, n)]
    here = np.flatnonzero(key == best[component])
    _, da, dr = grid.spacing
    squared = ((index[1, here] - centroid[1][component[here]]) * da) ** 2 + (
        (index[2, here] - centroid[2][component[here]]) * dr
    ) ** 2
    nearest = here[_first_of_each(np.lexsort([squared, component[here]]), component[here], n)]
    return index[:, nearest]


def _first_of_each(order: np.ndarray, owner: np.ndarray, n: int) -> np.ndarray:
    """The first element of each owner 0 to n - 1 in an order sorted by owner."""
    return order[np.searchsorted(owner[order], np.arange(n))]
