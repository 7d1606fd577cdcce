"""GLRLM, GLSZM and GLDM: how large what has one grey level is.

A run is a straight row of voxels with one grey level (run length matrix), a zone is a connected piece of one
grey level (size zone matrix), and what a voxel depends on are its neighbours of the same grey level, and
itself (dependence matrix). The three matrices count grey levels against sizes, and share their formulas.
"""

from __future__ import annotations

from collections.abc import Mapping

import cc3d
import numpy as np

from napari_uncertainseg.explain.radiomics.first_order import entropy
from napari_uncertainseg.explain.radiomics.neighbourhood import DIRECTIONS, Voxels


def run_matrices(voxels: Voxels) -> np.ndarray:
    """Number of runs of each grey level and length, for each direction.

    Returns
    -------
    np.ndarray
        float64 (directions, levels, longest). As in pyradiomics, directions in which no straight line holds
        two voxels of the lesion are left out, so that one voxel has none.
    """
    found = [_runs(voxels, direction) for direction in DIRECTIONS]
    known = [runs for runs in found if runs is not None]
    n, longest = len(voxels.levels), max((int(length.max()) for _, length in known), default=1)
    counts = [_counts(code, length, n, longest) for code, length in known]
    return np.stack(counts) if counts else np.zeros((0, n, 1))


def _runs(voxels: Voxels, direction: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Grey level and length of each run along a direction; None where every line holds one voxel."""
    axis = int(np.flatnonzero(direction)[0])
    step = voxels.where[:, axis] * direction[axis]
    # Voxels of one line share the point where it meets step 0.
    foot = voxels.where - step[:, None] * direction
    foot = foot - foot.min(0)
    line = np.ravel_multi_index(tuple(foot.T), tuple(foot.max(0) + 1))
    order = np.lexsort((step, line))
    line, step, code = line[order], step[order], voxels.code[order]
    same_line = line[1:] == line[:-1]
    if not same_line.any():
        return None
    goes_on = same_line & (step[1:] == step[:-1] + 1) & (code[1:] == code[:-1])
    begins = np.flatnonzero(np.r_[True, ~goes_on])
    return code[begins], np.diff(np.r_[begins, len(code)])


def zone_matrix(voxels: Voxels) -> np.ndarray:
    """Number of zones (26-connected) of each grey level and size, float64 (1, levels, largest)."""
    zones = cc3d.connected_components(voxels.levels_in_box, connectivity=26)
    inside = voxels.levels_in_box > 0
    size = np.bincount(zones[inside])[1:]
    code = np.zeros(len(size), int)
    code[zones[inside] - 1] = np.searchsorted(voxels.levels, voxels.levels_in_box[inside])
    return _counts(code, size, len(voxels.levels), int(size.max()))[None]


def dependence_matrix(voxels: Voxels) -> np.ndarray:
    """Number of voxels of each grey level with 1 to 27 voxels that it depends on, float64 (1, levels, 27)."""
    around = voxels.all_neighbours
    same = ((around >= 0) & (voxels.code[around] == voxels.code)).sum(0)
    return _counts(voxels.code, same + 1, len(voxels.levels), 27)[None]


def _counts(code: np.ndarray, size: np.ndarray, levels: int, largest: int) -> np.ndarray:
    """How often each grey level has each size, float64 (levels, largest)."""
    place = code * largest + size - 1
    return np.bincount(place, minlength=levels * largest).reshape(levels, largest).astype(float)


def size_features(counts: np.ndarray, levels: np.ndarray, names: Mapping[str, str]) -> dict[str, float]:
    """Features of matrices of grey levels against sizes: means over the directions, NaN where there is none.

    Parameters
    ----------
    counts
        float64 (directions, levels, sizes).
    levels
        float64 (levels,).
    names
        For each name of pyradiomics, which of the formulas below it is.
    """
    if not len(counts):
        return dict.fromkeys(names, np.nan)
    used = counts.any(axis=(0, 1))
    size = np.arange(1, counts.shape[2] + 1, dtype=float)[used]
    total = counts.sum((1, 2))
    p = counts[:, :, used] / total[:, None, None]
    grey, sizes = p.sum(2), p.sum(1)
    mean_size = (sizes * size).sum(1)
    mean_grey = (grey * levels).sum(1)
    formulas = {
        "small": (sizes / size**2).sum(1),
        "large": (sizes * size**2).sum(1),
        "dark": (grey / levels**2).sum(1),
        "bright": (grey * levels**2).sum(1),
        "small_dark": (p / levels[:, None] ** 2 / size**2).sum((1, 2)),
        "small_bright": (p * levels[:, None] ** 2 / size**2).sum((1, 2)),
        "large_dark": (p / levels[:, None] ** 2 * size**2).sum((1, 2)),
        "large_bright": (p * levels[:, None] ** 2 * size**2).sum((1, 2)),
        "grey_uneven": (grey**2).sum(1) * total,
        "grey_uneven_share": (grey**2).sum(1),
        "size_uneven": (sizes**2).sum(1) * total,
        "size_uneven_share": (sizes**2).sum(1),
        "per_voxel": 1 / mean_size,
        "grey_variance": (grey * (levels - mean_grey[:, None]) ** 2).sum(1),
        "size_variance": (sizes * (size - mean_size[:, None]) ** 2).sum(1),
        "entropy": entropy(p, (1, 2)),
    }
    return {name: float(formulas[formula].mean()) for name, formula in names.items()}


RUNS: Mapping[str, str] = {
    "GrayLevelNonUniformity": "grey_uneven",
    "GrayLevelNonUniformityNormalized": "grey_uneven_share",
    "GrayLevelVariance": "grey_variance",
    "HighGrayLevelRunEmphasis": "bright",
    "LongRunEmphasis": "large",
    "LongRunHighGrayLevelEmphasis": "large_bright",
    "LongRunLowGrayLevelEmphasis": "large_dark",
    "LowGrayLevelRunEmphasis": "dark",
    "RunEntropy": "entropy",
    "RunLengthNonUniformity": "size_uneven",
    "RunLengthNonUniformityNormalized": "size_uneven_share",
    "RunPercentage": "per_voxel",
    "RunVariance": "size_variance",
    "ShortRunEmphasis": "small",
    "ShortRunHighGrayLevelEmphasis": "small_bright",
    "ShortRunLowGrayLevelEmphasis": "small_dark",
}
ZONES: Mapping[str, str] = {
    "GrayLevelNonUniformity": "grey_uneven",
    "GrayLevelNonUniformityNormalized": "grey_uneven_share",
    "GrayLevelVariance": "grey_variance",
    "HighGrayLevelZoneEmphasis": "bright",
    "LargeAreaEmphasis": "large",
    "LargeAreaHighGrayLevelEmphasis": "large_bright",
    "LargeAreaLowGrayLevelEmphasis": "large_dark",
    "LowGrayLevelZoneEmphasis": "dark",
    "SizeZoneNonUniformity": "size_uneven",
    "SizeZoneNonUniformityNormalized": "size_uneven_share",
    "SmallAreaEmphasis": "small",
    "SmallAreaHighGrayLevelEmphasis": "small_bright",
    "SmallAreaLowGrayLevelEmphasis": "small_dark",
    "ZoneEntropy": "entropy",
    "ZonePercentage": "per_voxel",
    "ZoneVariance": "size_variance",
}
DEPENDENCES: Mapping[str, str] = {
    "DependenceEntropy": "entropy",
    "DependenceNonUniformity": "size_uneven",
    "DependenceNonUniformityNormalized": "size_uneven_share",
    "DependenceVariance": "size_variance",
    "GrayLevelNonUniformity": "grey_uneven",
    "GrayLevelVariance": "grey_variance",
    "HighGrayLevelEmphasis": "bright",
    "LargeDependenceEmphasis": "large",
    "LargeDependenceHighGrayLevelEmphasis": "large_bright",
    "LargeDependenceLowGrayLevelEmphasis": "large_dark",
    "LowGrayLevelEmphasis": "dark",
    "SmallDependenceEmphasis": "small",
    "SmallDependenceHighGrayLevelEmphasis": "small_bright",
    "SmallDependenceLowGrayLevelEmphasis": "small_dark",
}
