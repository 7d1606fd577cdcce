"""NGTDM: how far voxels differ from their neighbours (neighbouring grey tone difference matrix)."""

from __future__ import annotations

import numpy as np

from napari_uncertainseg.explain.radiomics.neighbourhood import Voxels

COARSEST = 1e6
"""Coarseness where no voxel differs from its neighbours; an arbitrary number, as in pyradiomics."""


def tone_differences(voxels: Voxels) -> tuple[np.ndarray, np.ndarray]:
    """Voxels of each grey level, and the sum of their differences from the mean of their neighbours.

    As pyradiomics does (and IBSI does not), a voxel without neighbours is counted, with a difference of 0.

    Returns
    -------
    tuple of np.ndarray
        Two times float64 (levels,).
    """
    around = voxels.all_neighbours
    known = around >= 0
    count = known.sum(0)
    mean = np.where(known, voxels.grey[around], 0).sum(0) / np.maximum(count, 1)
    apart = np.where(count > 0, np.abs(voxels.grey - mean), 0.0)
    n = len(voxels.levels)
    return (
        np.bincount(voxels.code, minlength=n).astype(float),
        np.bincount(voxels.code, apart, minlength=n),
    )


def tone_features(voxels: Voxels) -> dict[str, float]:
    """The 5 NGTDM features of pyradiomics."""
    count, apart = tone_differences(voxels)
    n, level = count.sum(), voxels.levels
    p = count / n
    weighed, all_apart = p * apart, apart.sum()
    i, j = level[:, None], level[None, :]
    pairs = len(level) * (len(level) - 1)
    spread = np.abs(i * p[:, None] - j * p[None, :]).sum()
    both = (weighed[:, None] + weighed[None, :]) / (p[:, None] + p[None, :])
    distance = ((p[:, None] + p[None, :]) * (i - j) ** 2).sum()
    contrast = (p[:, None] * p[None, :] * (i - j) ** 2).sum() * all_apart / n
    return {
        "Busyness": weighed.sum() / spread if spread > 0 else 0.0,
        "Coarseness": 1 / weighed.sum() if weighed.sum() > 0 else COARSEST,
        "Complexity": (np.abs(i - j) * both).sum() / n,
        "Contrast": contrast / pairs if pairs else 0.0,
        "Strength": distance / all_apart if all_apart > 0 else 0.0,
    }
