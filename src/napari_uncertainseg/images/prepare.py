"""From the user's scans to what the network reads, and back."""

from __future__ import annotations

import numpy as np

from napari_uncertainseg._base import InputError

CLIP_PERCENTILES = (0.1, 99.9)
"""Intensities of the brain beyond these percentiles are clipped before the z-score."""


def normalise(data: np.ndarray, brain: np.ndarray) -> np.ndarray:
    """Robust z-score in the brain. The networks are trained with exactly this.

    Brain voxels are clipped to their [0.1, 99.9] percentiles, then their mean is
    subtracted and they are divided by their standard deviation.

    Parameters
    ----------
    data
        Scan, any shape and any real dtype, finite.
    brain
        bool, same shape.

    Returns
    -------
    numpy.ndarray
        float32, same shape, 0 outside the brain.

    Raises
    ------
    InputError
        If the brain is empty, or the scan has the same value everywhere in it.
    """
    inside = data[brain].astype(np.float32)
    if inside.size == 0:
        raise InputError("The brain mask is empty: there is nothing to segment.")
    low, high = np.percentile(inside, CLIP_PERCENTILES)
    np.clip(inside, low, high, out=inside)
    mean, std = inside.mean(dtype=np.float64), inside.std(dtype=np.float64)
    if not std > 1e-6 * max(abs(mean), 1e-30):
        raise InputError("The scan has the same value everywhere in the brain: choose a scan with contrast.")
    inside -= np.float32(mean)
    inside /= np.float32(std)
    out = np.zeros(data.shape, np.float32)
    out[brain] = inside
    return out
