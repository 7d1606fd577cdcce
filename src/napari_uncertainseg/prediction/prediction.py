"""What the network says about one scan."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

from napari_uncertainseg._threshold import CANDIDATE_THRESHOLD
from napari_uncertainseg.images.volume import Grid
from napari_uncertainseg.networks.real_probability import RealProbability
from napari_uncertainseg.nouns import LESION, Noun
from napari_uncertainseg.prediction.classes import Classes
from napari_uncertainseg.prediction.members import Members
from napari_uncertainseg.prediction.voxel_features import VoxelFeatures

Derived = TypeVar("Derived")


@dataclass(frozen=True, eq=False)
class Prediction:
    """A segmentation with its uncertainty, on the scan's own grid.

    Attributes
    ----------
    maps
        Those of `VOXEL_MAPS` by name, each of shape ``grid.shape``, float32, and 0 outside the brain.
    brain
        bool, the voxels that were segmented.
    members
        The members themselves.
    threshold
        The model's own default threshold.
    candidate_threshold
        Probability at and above which a voxel can belong to a candidate, whatever that of lesions is.
    information
        What made it: model, its sha256, method, members, device, seconds per stage, notes
        to the user. JSON-serialisable.
    voxel_features
        What lies around the voxels that may be lesion; None where the model does not need it.
    real_probability
        How probable it is that a lesion is real, from its features; None where the model does not know.
    classes
        What a network of several classes says of each; None where there are not several.
    """

    grid: Grid
    maps: Mapping[str, np.ndarray]
    brain: np.ndarray
    members: Members
    threshold: float = 0.5
    candidate_threshold: float = field(default=CANDIDATE_THRESHOLD, kw_only=True)
    information: Mapping[str, Any] = field(default_factory=dict)
    voxel_features: VoxelFeatures | None = None
    real_probability: RealProbability | None = None
    classes: Classes | None = None
    _derived: dict[Callable[..., Any], Any] = field(default_factory=dict, init=False, repr=False)

    @property
    def probability(self) -> np.ndarray:
        """Mean of the members' lesion probabilities, 0 to 1."""
        return self.maps["probability"]

    @property
    def entropy(self) -> np.ndarray:
        """Entropy of the mean, nats (at most ln 2)."""
        return self.maps["entropy"]

    @property
    def expected_entropy(self) -> np.ndarray:
        """Mean of the members' entropies, nats."""
        return self.maps["expected_entropy"]

    @property
    def mutual_information(self) -> np.ndarray:
        """``entropy - expected_entropy``, nats, never below 0."""
        return self.maps["mutual_information"]

    @property
    def variance(self) -> np.ndarray:
        """Population variance of the members."""
        return self.maps["variance"]

    @property
    def disagreement(self) -> np.ndarray:
        """Predicted disagreement between experts.

        Variance over the network's heads of all styles, each of which imitates a rater, averaged over passes;
        at most 0.25.
        """
        return self.maps["disagreement"]

    @property
    def noun(self) -> Noun:
        """What is segmented, in words."""
        return Noun(str(self.information.get("target") or LESION))

    @cached_property
    def sha256(self) -> str:
        """By which it is known in a store of sessions: of its probabilities."""
        return hashlib.sha256(np.ascontiguousarray(self.probability).data).hexdigest()

    def derived(self, make: Callable[[Prediction], Derived]) -> Derived:
        """What a function makes of this prediction: made once, and kept as long as the prediction lives.

        So packages above this one can keep with a prediction what is slow to make, such as a `Ranker`.

        Parameters
        ----------
        make
            The key as well: give the same function or class each time.
        """
        if make not in self._derived:
            self._derived[make] = make(self)
        made: Derived = self._derived[make]
        return made
