"""First-order features: how the values are distributed, wherever they lie."""

from __future__ import annotations

import numpy as np

TINY = float(np.spacing(1))
"""Within logarithms, as pyradiomics has it: a share of 0 then adds 0."""


def first_order(values: np.ndarray, shares: np.ndarray, voxel_mm3: float) -> dict[str, float]:
    """The 18 first-order features of pyradiomics.

    Parameters
    ----------
    values
        Of the voxels, float64 (voxels,), not empty.
    shares
        Of the voxels at each grey level that there is, sum 1.
    voxel_mm3
        Volume of a voxel, mm3: only the total energy depends on it.

    Returns
    -------
    dict
        By pyradiomics' names. Kurtosis is not in excess (3 for a Gaussian); entropy is in bits. Skewness and
        kurtosis are 0 where all values are the same. The robust deviation is NaN where no value lies between
        the percentiles, as with two voxels that differ.
    """
    p10, p25, p75, p90 = np.percentile(values, [10, 25, 75, 90])
    mean = float(values.mean())
    # A sum of equal values may miss their multiple in the last digit, and must not pass for a deviation.
    apart = values - mean if np.ptp(values) > 0 else np.zeros(len(values))
    variance = float((apart**2).mean())
    middle = values[(values >= p10) & (values <= p90)]
    energy = float((values**2).sum())
    return {
        "10Percentile": p10,
        "90Percentile": p90,
        "Energy": energy,
        "Entropy": entropy(shares),
        "InterquartileRange": p75 - p25,
        "Kurtosis": _moment(apart, variance, 4),
        "Maximum": values.max(),
        "MeanAbsoluteDeviation": _mean_deviation(values),
        "Mean": mean,
        "Median": np.median(values),
        "Minimum": values.min(),
        "Range": np.ptp(values),
        "RobustMeanAbsoluteDeviation": _mean_deviation(middle),
        "RootMeanSquared": np.sqrt(energy / len(values)),
        "Skewness": _moment(apart, variance, 3),
        "TotalEnergy": energy * voxel_mm3,
        "Uniformity": (shares**2).sum(),
        "Variance": variance,
    }


def entropy(shares: np.ndarray, axis: int | tuple[int, ...] | None = None) -> np.ndarray:
    """Of shares that sum to 1 along axes, bits."""
    return -(shares * np.log2(shares + TINY)).sum(axis=axis)


def _moment(apart: np.ndarray, variance: float, order: int) -> float:
    return float((apart**order).mean() / variance ** (order / 2)) if variance > 0 else 0.0


def _mean_deviation(values: np.ndarray) -> float:
    if not len(values):
        return float("nan")
    return float(np.abs(values - values.mean()).mean()) if np.ptp(values) > 0 else 0.0
