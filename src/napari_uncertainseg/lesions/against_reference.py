"""Lesions against a reference, quick enough to follow a threshold that moves.

The numbers are those of `matching` (`dice`, `detections`); only the order of work is another: the reference
is looked at once, and then each time only at its own voxels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from napari_uncertainseg._boxes import bounding_box
from napari_uncertainseg._checks import as_mask, check_same_shape
from napari_uncertainseg.lesions.components import Components, label_mask
from napari_uncertainseg.lesions.matching import Detection

MIN_VOLUME = 3.0
"""Smaller lesions of the reference are neither found nor missed, mm3: as `evaluate` has it."""


@dataclass(frozen=True, eq=False)
class AgainstReference:
    """How lesions agree with a reference.

    Attributes
    ----------
    dice
        As `matching.dice`.
    detection
        As `matching.detections`: a voxel in common counts as found.
    false
        Numbers of the lesions that touch no voxel of the reference, ascending, int64.
    missed
        Numbers of the lesions of the reference, as `ReferenceLesions` has them, that no lesion touches;
        ascending, int64.
    """

    dice: float
    detection: Detection
    false: np.ndarray
    missed: np.ndarray


class ReferenceLesions:
    """The lesions of a reference, found once.

    Attributes
    ----------
    voxels
        Their voxels, each with its lesion: the 26-connected components.
    labels
        Their numbers on the grid, unsigned integers; 0 elsewhere.
    counted
        Numbers of those that are large enough to be found or missed, ascending.

    Parameters
    ----------
    mask
        3-D; nonzero is lesion, whatever its label.
    min_voxels
        Smaller lesions are neither found nor missed.
    """

    def __init__(self, mask: np.ndarray, min_voxels: int = 1) -> None:
        mask = as_mask(mask)
        box = bounding_box(mask)
        inside, n = label_mask(mask[box])
        self.labels = np.zeros(mask.shape, inside.dtype)
        self.labels[box] = inside
        self.voxels = Components.from_mask(mask, self.labels, n)
        self.counted = np.flatnonzero(self.voxels.sizes >= min_voxels)
        self.counted = self.counted[self.counted > 0]

    @property
    def empty(self) -> bool:
        """Whether nothing is drawn in it."""
        return not self.voxels.n

    def compare(self, labels: np.ndarray, numbers: np.ndarray, voxels: int) -> AgainstReference:
        """Compare lesions with it.

        Parameters
        ----------
        labels
            Numbers of lesions on the same grid.
        numbers
            All of them.
        voxels
            How many voxels they have together.

        Raises
        ------
        InputError
            If the shapes differ.
        """
        check_same_shape("The lesions", labels.shape, "the reference", self.labels.shape)
        there = labels.ravel()[self.voxels.where]
        both = there > 0
        total = voxels + len(there)
        hit = np.zeros(self.voxels.n + 1, bool)
        hit[self.voxels.label[both]] = True
        false = np.setdiff1d(numbers, there[both])
        found = int(np.count_nonzero(hit[self.counted]))
        return AgainstReference(
            dice=2 * int(np.count_nonzero(both)) / total if total else 1.0,
            detection=Detection(found, len(false), len(self.counted) - found, len(numbers)),
            false=false.astype(np.int64),
            missed=self.counted[~hit[self.counted]],
        )

    def describe(self, numbers: np.ndarray, probability: np.ndarray, voxel_volume: float) -> pd.DataFrame:
        """What there is to say of some of its lesions, such as the missed ones.

        Parameters
        ----------
        numbers
            Which.
        probability
            What the model says, on the grid.
        voxel_volume
            mm3.

        Returns
        -------
        pandas.DataFrame
            Indexed by the number (``label``), the largest first: ``volume_mm3``, ``max_probability``, and the
            first index of a voxel of it (``slice_s``, ``slice_a``, ``slice_r``) in the middle of its list.
        """
        largest = np.zeros(self.voxels.n + 1)
        np.maximum.at(largest, self.voxels.label, probability.ravel()[self.voxels.where])
        order = np.argsort(self.voxels.label, kind="stable")
        first = np.concatenate([[0], np.cumsum(self.voxels.sizes[1:])])
        middle = order[((first[:-1] + first[1:]) // 2)[numbers - 1]] if len(numbers) else order[:0]
        at = np.unravel_index(self.voxels.where[middle], self.labels.shape)
        table = pd.DataFrame(
            {
                "volume_mm3": self.voxels.sizes[numbers] * voxel_volume,
                "max_probability": largest[numbers],
                **{f"slice_{axis}": index for axis, index in zip("sar", at, strict=True)},
            },
            index=pd.Index(numbers, name="label"),
        )
        return table.sort_values("volume_mm3", ascending=False, kind="stable")
