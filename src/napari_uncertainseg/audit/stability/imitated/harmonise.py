"""Intensities of scans brought to one scale: landmarks of the histogram, or matching of histograms.

Landmarks: Nyul, Udupa and Zhang, IEEE Trans Med Imaging 19:143, 2000. Matching: SimpleITK's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from napari_uncertainseg._base import InputError
from napari_uncertainseg.images.volume import Volume

WAYS = ("landmarks", "matching")
PERCENTILES = (1, 10, 20, 30, 40, 50, 60, 70, 80, 90, 99)
"""Of the brain: the landmarks."""
_LEVELS, _POINTS = 256, 15
"""Of SimpleITK's matching: levels of grey, and quantiles that are matched."""


@dataclass(frozen=True, eq=False)
class StandardScale:
    """Where the landmarks of each scan are put.

    The original rule puts the first landmark at 0. Here 0 stays 0, because air is 0 and networks read shares
    of the tissue's brightness; the last landmark becomes 100.

    Attributes
    ----------
    landmarks
        float64: 0, then one for each of `PERCENTILES`, ascending; the last is 100.
    """

    landmarks: np.ndarray

    @classmethod
    def of(cls, scans: Iterable[tuple[np.ndarray, np.ndarray]]) -> StandardScale:
        """Learn it: the mean over scans of their landmarks as shares of the last.

        Parameters
        ----------
        scans
            Data and brain (bool) of each.

        Raises
        ------
        InputError
            If there is no scan, or one has the same value nearly everywhere in the brain.
        """
        own = [_landmarks(data, brain) for data, brain in scans]
        if not own:
            raise InputError("A standard scale is learned from at least one scan.")
        return cls(np.mean([100 * x / x[-1] for x in own], axis=0))

    def apply(self, data: np.ndarray, brain: np.ndarray) -> np.ndarray:
        """Data on this scale, float32: straight between landmarks, and beyond the last as before it."""
        own = _landmarks(data, brain)
        keep = np.concatenate([[True], np.diff(own) > 0])
        x, y = own[keep], self.landmarks[keep]
        first, last = y[1] / x[1], (y[-1] - y[-2]) / (x[-1] - x[-2])
        made = np.interp(data, x, y)
        made = np.where(data < 0, data * first, made)
        return np.where(data > x[-1], y[-1] + (data - x[-1]) * last, made).astype(np.float32)


def _landmarks(data: np.ndarray, brain: np.ndarray) -> np.ndarray:
    """0, and the percentiles of the brain, none below 0."""
    inside = data[brain]
    found = np.percentile(inside, PERCENTILES) if inside.size else np.zeros(len(PERCENTILES))
    if not found[-1] > max(found[0], 0):
        raise InputError("A scan has the same value nearly everywhere in the brain: it has no landmarks.")
    return np.concatenate([[0.0], np.maximum(found, 0.0)])


def match_histogram(volume: Volume, to: Volume) -> Volume:
    """A scan with the histogram of another, by SimpleITK's filter; what is exactly 0 stays.

    Both histograms are of what is brighter than the mean of the image.
    """
    import SimpleITK as sitk

    images = [sitk.GetImageFromArray(np.asarray(one.data, np.float32)) for one in (volume, to)]
    one, other = images
    made = sitk.GetArrayFromImage(sitk.HistogramMatching(one, other, _LEVELS, _POINTS, True))
    data = np.where(volume.data == 0, np.float32(0), made.astype(np.float32))
    return replace(volume, data=data, path=None)
