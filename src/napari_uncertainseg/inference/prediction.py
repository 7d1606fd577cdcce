"""What the network says about one scan."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_uncertainseg.images.volume import Grid
from napari_uncertainseg.uncertainty.members import Members

if TYPE_CHECKING:
    import pandas as pd

    from napari_uncertainseg.uncertainty.lesion_ranking import Lesions, Ranker


@dataclass(frozen=True, eq=False)
class Prediction:
    """A segmentation with its doubt, on the scan's own grid.

    All maps have shape ``grid.shape``, float32, and are 0 outside the brain.

    Attributes
    ----------
    probability
        Mean of the members' lesion probabilities, 0 to 1.
    entropy
        Entropy of the mean, nats (at most ln 2).
    expected_entropy
        Mean of the members' entropies, nats.
    mutual_information
        ``entropy - expected_entropy``, nats, never below 0.
    variance
        Population variance of the members.
    disagreement
        Predicted disagreement between experts: variance over the network's heads,
        each of which imitates a rater, averaged over passes; at most 0.25.
    brain
        bool, the voxels that were segmented.
    members
        The members themselves.
    threshold
        The model's own default threshold.
    information
        What made it: model, its sha256, method, members, device, seconds per stage, notes
        to the user. JSON-serialisable.
    """

    grid: Grid
    probability: np.ndarray
    entropy: np.ndarray
    expected_entropy: np.ndarray
    mutual_information: np.ndarray
    variance: np.ndarray
    disagreement: np.ndarray
    brain: np.ndarray
    members: Members
    threshold: float = 0.5
    information: Mapping[str, Any] = field(default_factory=dict)

    def lesions(self, threshold: float | None = None, min_volume: float = 3.0) -> Lesions:
        """Lesions at a threshold, the most doubtful first.

        Parameters
        ----------
        threshold
            Probability at and above which a voxel is lesion; the model's own default if None.
        min_volume
            Smaller components are left out, mm3.
        """
        return self.ranker.rank(self.threshold if threshold is None else threshold, min_volume)

    def details(self, labels: np.ndarray, threshold: float) -> pd.DataFrame:
        """All that is measured of lesions beside the columns of `lesions`; see `lesion_details`.

        Parameters
        ----------
        labels
            Lesions or candidates on the grid, 1 to n.
        threshold
            Of the members.
        """
        from napari_uncertainseg.uncertainty.lesion_measures import MAPS, lesion_details

        members = self.members.told_from(self.probability)
        return lesion_details(labels, {name: getattr(self, name) for name in MAPS}, members, threshold)

    @cached_property
    def sha256(self) -> str:
        """By which it is known in a store of sessions: of its probabilities."""
        return hashlib.sha256(np.ascontiguousarray(self.probability).data).hexdigest()

    @cached_property
    def ranker(self) -> Ranker:
        """Finds and ranks the lesions; `Ranker.prepare` makes it fast enough for a slider."""
        from napari_uncertainseg.uncertainty.lesion_ranking import Ranker

        return Ranker(self.probability, self.entropy, self.mutual_information, self.members, self.grid)
