"""GLCM: which grey levels lie beside which (grey level co-occurrence matrix)."""

from __future__ import annotations

import numpy as np

from napari_uncertainseg.explain.radiomics.first_order import TINY, entropy
from napari_uncertainseg.explain.radiomics.neighbourhood import Voxels


def pair_matrices(voxels: Voxels) -> np.ndarray:
    """How often each two grey levels are neighbours, counted both ways, for each direction.

    Returns
    -------
    np.ndarray
        float64 (directions, levels, levels), symmetrical; directions without any pair are left out.
    """
    n, direction = len(voxels.levels), np.arange(len(voxels.neighbours))[:, None]
    pair = (direction * n + voxels.code) * n + voxels.code[voxels.neighbours]
    seen = pair[voxels.neighbours >= 0]
    counts = np.bincount(seen, minlength=len(direction) * n * n).reshape(-1, n, n).astype(float)
    counts += counts.transpose(0, 2, 1)
    return counts[counts.any(axis=(1, 2))]


def pair_features(voxels: Voxels) -> dict[str, float]:
    """The 24 GLCM features of pyradiomics: means over the directions; NaN where no two voxels are neighbours.

    A lesion of one grey level has a correlation and an MCC of 1, and an Imc1 and Imc2 of 0.
    """
    counts = pair_matrices(voxels)
    if not len(counts):
        return dict.fromkeys(NAMES, np.nan)
    p = counts / counts.sum((1, 2), keepdims=True)
    by_direction = _of_shares(p, voxels.levels) | _of_entropies(p) | _of_sums(p, voxels.levels)
    return {name: float(np.mean(by_direction[name])) for name in NAMES}


def _of_shares(p: np.ndarray, levels: np.ndarray) -> dict[str, np.ndarray]:
    """What follows from the matrices themselves, each (directions,)."""
    i, j = levels[:, None], levels[None, :]
    mean = (p * i).sum((1, 2))
    variance = (p * (i - mean[:, None, None]) ** 2).sum((1, 2))
    both = i + j - 2 * mean[:, None, None]
    covariance = (p * (i - mean[:, None, None]) * (j - mean[:, None, None])).sum((1, 2))
    return {
        "Autocorrelation": (p * i * j).sum((1, 2)),
        "ClusterProminence": (p * both**4).sum((1, 2)),
        "ClusterShade": (p * both**3).sum((1, 2)),
        "ClusterTendency": (p * both**2).sum((1, 2)),
        "Contrast": (p * (i - j) ** 2).sum((1, 2)),
        # The matrices are symmetrical: rows and columns have one variance.
        "Correlation": np.where(_alone(p), 1.0, covariance / (variance + TINY)),
        "JointAverage": mean,
        "JointEnergy": (p**2).sum((1, 2)),
        "MCC": _maximal_correlation(p),
        "MaximumProbability": p.max((1, 2)),
        "SumSquares": variance,
    }


def _of_entropies(p: np.ndarray) -> dict[str, np.ndarray]:
    """How much one voxel of a pair tells about the other."""
    row = p.sum(2)
    apart = row[:, :, None] * row[:, None, :]
    joint, single = entropy(p, (1, 2)), entropy(row, 1)
    first = -(p * np.log2(apart + TINY)).sum((1, 2))
    second = entropy(apart, (1, 2))
    alone = _alone(p)
    return {
        "Imc1": np.where(alone, 0.0, (joint - first) / np.where(alone, 1.0, single)),
        # Of independent voxels the difference is 0, and may be rounded to less.
        "Imc2": np.where(alone, 0.0, np.sqrt(np.maximum(1 - np.exp(-2 * (second - joint)), 0))),
        "JointEntropy": joint,
    }


def _of_sums(p: np.ndarray, levels: np.ndarray) -> dict[str, np.ndarray]:
    """What follows from the sums and differences of the two grey levels."""
    grey = levels.astype(int)
    highest = float(levels[-1])
    of_sum = _gathered(p, grey[:, None] + grey[None, :])
    of_difference = _gathered(p, np.abs(grey[:, None] - grey[None, :]))
    sums, k = np.arange(of_sum.shape[1], dtype=float), np.arange(of_difference.shape[1], dtype=float)
    mean = (of_difference * k).sum(1)
    return {
        "DifferenceAverage": mean,
        "DifferenceEntropy": entropy(of_difference, 1),
        "DifferenceVariance": (of_difference * (k - mean[:, None]) ** 2).sum(1),
        "Id": (of_difference / (1 + k)).sum(1),
        "Idm": (of_difference / (1 + k**2)).sum(1),
        "Idmn": (of_difference / (1 + (k / highest) ** 2)).sum(1),
        "Idn": (of_difference / (1 + k / highest)).sum(1),
        "InverseVariance": (of_difference[:, 1:] / k[1:] ** 2).sum(1),
        "SumAverage": (of_sum * sums).sum(1),
        "SumEntropy": entropy(of_sum, 1),
    }


def _gathered(p: np.ndarray, value: np.ndarray) -> np.ndarray:
    """Shares of the pairs with each value of 0, 1, 2, ..., (directions, values)."""
    length = int(value.max()) + 1
    place = np.arange(len(p))[:, None] * length + value.ravel()
    return np.bincount(place.ravel(), p.ravel(), minlength=len(p) * length).reshape(len(p), length)


def _alone(p: np.ndarray) -> np.ndarray:
    """Directions in which there is one grey level only, bool (directions,)."""
    return np.asarray((p.sum(2) > 0).sum(1) == 1)


def _maximal_correlation(p: np.ndarray) -> np.ndarray:
    """The second largest correlation of functions of the two grey levels.

    pyradiomics takes the root of the second eigenvalue of sum_k p(i,k) p(j,k) / (p(i) p(k)). That matrix is
    similar to the square of p(i,j) / sqrt(p(i) p(j)), which is symmetrical, so that its eigenvalues are found
    exactly and are never rounded to complex ones.
    """
    if p.shape[1] < 2:
        return np.ones(len(p))
    root = np.sqrt(p.sum(2))
    scale = np.divide(1, root, out=np.zeros_like(root), where=root > 0)
    values = np.abs(np.linalg.eigvalsh(p * scale[:, :, None] * scale[:, None, :]))
    return np.asarray(np.sort(values, axis=1)[:, -2])


NAMES = (
    "Autocorrelation", "ClusterProminence", "ClusterShade", "ClusterTendency", "Contrast", "Correlation",
    "DifferenceAverage", "DifferenceEntropy", "DifferenceVariance", "Id", "Idm", "Idmn", "Idn", "Imc1",
    "Imc2", "InverseVariance", "JointAverage", "JointEnergy", "JointEntropy", "MCC", "MaximumProbability",
    "SumAverage", "SumEntropy", "SumSquares",
)  # fmt: skip
