"""What a threshold costs on one case: lesion volume and lesions missed, and what is outlined in vain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_uncertainseg._checks import as_mask, as_probabilities, check_same_shape
from napari_uncertainseg.calibration.thresholds import GRID, increasing
from napari_uncertainseg.lesions.components import label_mask
from napari_uncertainseg.lesions.hierarchy import Hierarchy


@dataclass(frozen=True, eq=False)
class Losses:
    """Losses of a case at each threshold, 0 to 1, by what is outlined there: small components are not.

    Attributes
    ----------
    missed_volume
        Share of the reference's voxels that are not outlined; 0 where the reference is empty.
    missed_lesions
        Share of the reference's lesions, small ones left out, of which no voxel is outlined; likewise.
    false_volume
        Share of what is outlined that is outside of the reference; 0 where nothing is. May rise and fall.
    false_lesions
        Share of the outlined lesions that touch no voxel of the reference; likewise.
    """

    missed_volume: np.ndarray
    missed_lesions: np.ndarray
    false_volume: np.ndarray
    false_lesions: np.ndarray

    @classmethod
    def from_case(
        cls, probability: np.ndarray, reference: np.ndarray, grid: np.ndarray = GRID, *, min_voxels: int = 1
    ) -> Losses:
        """Measure a case.

        Parameters
        ----------
        probability
            Lesion probability, 0 to 1, 3-D.
        reference
            A mask of the same shape, nonzero is lesion; its 26-connected components are the lesions.
        grid
            Thresholds, increasing.
        min_voxels
            Smaller components are not outlined; smaller lesions of the reference are not looked for.

        Raises
        ------
        InputError
            If the shapes differ, a probability is no number from 0 to 1, the reference is no mask, or the
            thresholds do not increase.
        """
        probability, reference = as_probabilities(probability), as_mask(reference, "The reference")
        check_same_shape("The reference", reference.shape, "the prediction", probability.shape)
        thresholds = increasing(grid).tolist()
        hierarchy = Hierarchy.from_map(probability, thresholds[0])
        sought, n = label_mask(reference, min_voxels=min_voxels)
        truth, sought = reference.ravel(), sought.ravel()
        volume = np.count_nonzero(truth)
        rows = []
        for threshold in thresholds:
            cut = hierarchy.cut_in_any_order(threshold)
            large = cut.sizes >= min_voxels
            large[0] = False
            kept = large[cut.label]
            where, label = cut.where[kept], cut.label[kept]
            hit = truth[where]
            lesions = np.count_nonzero(large & (cut.sizes > 0))
            touched = np.count_nonzero(np.bincount(label[hit], minlength=1))
            found = np.count_nonzero(np.bincount(sought[where], minlength=1)[1:])
            rows.append((
                _share(volume - np.count_nonzero(hit), volume),
                _share(n - found, n),
                _share(np.count_nonzero(~hit), len(where)),
                _share(lesions - touched, lesions),
            ))  # fmt: skip
        return cls(*np.array(rows, float).reshape(-1, 4).T)


def _share(part: Any, whole: Any) -> float:
    return float(part / whole) if whole else 0.0
