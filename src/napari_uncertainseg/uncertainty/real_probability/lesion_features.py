"""What speaks for or against lesions and candidates, each one number that a reader can check on the scans."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

import numpy as np
from scipy.special import logit

from napari_uncertainseg._threshold import at_least
from napari_uncertainseg.images.volume import Grid
from napari_uncertainseg.networks.real_probability import FEATURES
from napari_uncertainseg.prediction.members import Members
from napari_uncertainseg.prediction.voxel_features import VoxelFeatures
from napari_uncertainseg.uncertainty.lesion_statistics import LesionStatistics
from napari_uncertainseg.uncertainty.member_lesions import positions_in

_LEAST = 1e-3


@dataclass(frozen=True, eq=False)
class FoundLesions:
    """Lesions and candidates at a threshold, and all that is known of them without a reference.

    Attributes
    ----------
    found
        Their voxels, and what `measure_lesions` measured.
    members
        Of the prediction.
    voxel_features
        Of the prediction; None where they were not measured.
    grid
        Of the prediction.
    threshold
        At and above which a member sees a lesion.
    """

    found: LesionStatistics
    members: Members
    voxel_features: VoxelFeatures | None
    grid: Grid
    threshold: float

    @property
    def count(self) -> int:
        """How many lesions and candidates there are."""
        return len(self.found.sizes) - 1

    @cached_property
    def _known_voxels(self) -> tuple[np.ndarray, np.ndarray]:
        """Their voxels whose features are known: the lesion (from 0) and the number of each."""
        assert self.voxel_features is not None
        known, number = self.voxel_features.among(self.found.flat)
        return self.found.label[known] - 1, number

    def mean_of(self, feature: str) -> np.ndarray:
        """Mean of a voxel feature over the voxels where it is known, float64 (count,)."""
        if self.voxel_features is None:
            return np.full(self.count, np.nan)
        lesion, number = self._known_voxels
        total = np.bincount(lesion, self.voxel_features.of(feature)[number], minlength=self.count)
        return _divided(total, np.bincount(lesion, minlength=self.count))

    def largest_of(self, feature: str) -> np.ndarray:
        """The largest value of a voxel feature in each, float64 (count,)."""
        if self.voxel_features is None:
            return np.full(self.count, np.nan)
        lesion, number = self._known_voxels
        most = np.full(self.count, -np.inf)
        np.maximum.at(most, lesion, self.voxel_features.of(feature)[number])
        return np.where(np.isfinite(most), most, np.nan)

    def seen(self) -> np.ndarray:
        """Share of the members that have a voxel of each at the threshold, float64 (count,)."""
        if not len(self.members):
            return np.full(self.count, np.nan)
        inside, where = positions_in(self.members.box, self.found.index)
        label = self.found.label[inside]
        shares = np.zeros(self.count)
        for values in self.members.values:
            hit = at_least(np.asarray(values).reshape(-1)[where], self.threshold)
            shares += np.bincount(label[hit], minlength=self.count + 1)[1:] > 0
        return shares / len(self.members)


def measure_lesion_features(
    lesions: FoundLesions, features: Collection[str] = tuple(FEATURES)
) -> dict[str, np.ndarray]:
    """Measure features of all lesions and candidates.

    Parameters
    ----------
    lesions
        What was found.
    features
        Names of `FEATURES`.

    Returns
    -------
    dict
        By feature, float64 (count,), NaN where not known, such as the contrast on a T1 that there is not, or
        all voxel features of what a human drew where the model sees nothing.
    """
    return {feature: np.asarray(_MEASURED[feature](lesions), float) for feature in features}


def _of_table(name: str) -> Callable[[FoundLesions], np.ndarray]:
    return lambda lesions: np.asarray(lesions.found.values[name], float)


def _logit_of(name: str) -> Callable[[FoundLesions], np.ndarray]:
    return lambda lesions: logit(np.clip(lesions.found.values[name].astype(float), _LEAST, 1 - _LEAST))


def _log10_of(name: str) -> Callable[[FoundLesions], np.ndarray]:
    return lambda lesions: np.log10(np.maximum(lesions.found.values[name].astype(float), _LEAST))


def _mean_of(feature: str) -> Callable[[FoundLesions], np.ndarray]:
    return lambda lesions: lesions.mean_of(feature)


def _slices(lesions: FoundLesions) -> np.ndarray:
    """Across the thickest side of the voxels."""
    axis = "sar"[int(np.argmax(lesions.grid.spacing))]
    values = lesions.found.values
    return np.log2(np.maximum(values[f"stop_{axis}"] - values[f"start_{axis}"], 1))


def _thickness(lesions: FoundLesions) -> np.ndarray:
    return np.full(lesions.count, np.log10(max(lesions.grid.spacing)))


def _over_lesions(lesions: FoundLesions) -> np.ndarray:
    """Against the mean over all that may be lesion, whatever the threshold is."""
    around = lesions.voxel_features
    if around is None or not len(around.where):
        return np.full(lesions.count, np.nan)
    return lesions.mean_of("brightness") - around.of("brightness").mean()


def _divided(total: np.ndarray, count: np.ndarray) -> np.ndarray:
    """NaN where nothing is counted."""
    return np.divide(total, count, out=np.full(len(total), np.nan), where=count > 0)


_MEASURED: Mapping[str, Callable[[FoundLesions], np.ndarray]] = MappingProxyType(
    {
        "largest_probability": _logit_of("max_probability"),
        "mean_probability": _logit_of("mean_probability"),
        "mean_entropy": _of_table("mean_entropy"),
        "seen": FoundLesions.seen,
        "volume": _log10_of("volume_mm3"),
        "voxels": _log10_of("voxels"),
        "slices": _slices,
        "thickness": _thickness,
        "over_lesions": _over_lesions,
        "depth": lambda lesions: lesions.largest_of("depth"),
        **{
            name: _mean_of(name)
            for name in (
                "brightness", "over_grey", "contrast", "contrast_t1", "contrast_t2", "edge", "ventricle",
                "mirrored", "asymmetry",
            )
        },
    }
)  # fmt: skip
