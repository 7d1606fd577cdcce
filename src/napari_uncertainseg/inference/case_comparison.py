"""A prediction under review, compared with a reference as often as one of the two changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np
from psygnal import Signal

from napari_uncertainseg.calibration.region import Region
from napari_uncertainseg.calibration.reliability import Reliability
from napari_uncertainseg.inference.reference_comparison import ReferenceComparison
from napari_uncertainseg.lesions.against_reference import MIN_VOLUME, AgainstReference, ReferenceLesions
from napari_uncertainseg.lesions.components import voxels_of
from napari_uncertainseg.uncertainty.lesion_ranking import Lesions

if TYPE_CHECKING:
    from napari_uncertainseg.calibration.probability_histogram import ProbabilityHistogram
    from napari_uncertainseg.calibration.recalibration import Recalibration
    from napari_uncertainseg.prediction.prediction import Prediction


class ComparedCase(Protocol):
    """What a comparison asks its case for."""

    @property
    def prediction(self) -> Prediction | None:
        """The prediction under review."""

    @property
    def original(self) -> Prediction | None:
        """The prediction as the model made it."""

    @property
    def recalibration(self) -> Recalibration | None:
        """By what the prediction's probabilities were changed, if at all."""

    @property
    def threshold(self) -> float:
        """Probability at and above which a voxel is lesion."""

    @property
    def lesions(self) -> Lesions | None:
        """Lesions and candidates at the present threshold."""

    def original_lesions(self) -> Lesions | None:
        """The same of the prediction as the model made it."""


class CaseComparison:
    """The reference of a case, and how its prediction compares with it.

    Parameters
    ----------
    case
        Asked for its prediction and lesions at each comparison.
    """

    reliability_changed = Signal()
    """The reference, the region or the prediction changed."""

    def __init__(self, case: ComparedCase) -> None:
        self._case = case
        self._against = ReferenceComparison()
        self._drawn: tuple[np.ndarray, float, ReferenceLesions] | None = None
        self._agreement: tuple[Lesions, ReferenceLesions, AgainstReference] | None = None

    @property
    def reference(self) -> np.ndarray | None:
        """What the prediction is compared with: bool on the prediction's grid."""
        return self._against.reference

    @reference.setter
    def reference(self, mask: np.ndarray | None) -> None:
        self._against.reference = mask
        self.forget(region_moved=self.region.follows_lesions)
        self.reliability_changed.emit()

    @property
    def region(self) -> Region:
        """Where calibration is judged."""
        return self._against.region

    @region.setter
    def region(self, region: Region) -> None:
        if region != self.region:
            self._against.region = region
            self.forget()
            self.reliability_changed.emit()

    def drop_other_reference(self, shape: tuple[int, ...]) -> None:
        """Drop a reference that is not on a grid of this shape; emits nothing."""
        if self.reference is not None and self.reference.shape != shape:
            self._against.reference = None

    def forget(self, *, region_moved: bool = True) -> None:
        """Compare anew when asked next; emits nothing. Parameters as for `ReferenceComparison.forget`."""
        self._against.forget(region_moved=region_moved)

    @property
    def reliability(self) -> Reliability | None:
        """Reliability of the prediction against the reference in the region."""
        case, now = self._case, self._case.prediction
        if now is None:
            return None
        return self._against.reliability("now", now, now, case.threshold, lambda: case.lesions)

    @property
    def evidence(self) -> ProbabilityHistogram | None:
        """Counts of the model's own probabilities in the region, see `ReferenceComparison.evidence`."""
        original, now = self._case.original, self._case.prediction
        if original is None or now is None:
            return None
        return self._against.evidence(original, now, self._case.threshold)

    def reliability_before(self) -> Reliability | None:
        """Reliability of the prediction as the model made it, in the region; None unless recalibrated."""
        case, original, now = self._case, self._case.original, self._case.prediction
        if original is None or now is None or case.recalibration is None:
            return None
        return self._against.reliability("before", original, now, case.threshold, case.original_lesions)

    @property
    def reference_lesions(self) -> ReferenceLesions | None:
        """The lesions of the reference; None without one, or without a prediction."""
        mask, now = self.reference, self._case.prediction
        if mask is None or now is None:
            return None
        volume = now.grid.voxel_volume
        if self._drawn is None or self._drawn[0] is not mask or self._drawn[1] != volume:
            self._drawn = mask, volume, ReferenceLesions(mask, voxels_of(MIN_VOLUME, volume))
        return self._drawn[2]

    @property
    def agreement(self) -> AgainstReference | None:
        """How the lesions at the present threshold, with the painting, agree with the reference."""
        lesions, drawn = self._case.lesions, self.reference_lesions
        if lesions is None or drawn is None:
            return None
        if self._agreement is None or self._agreement[:2] != (lesions, drawn):
            numbers, voxels = lesions.table["label"].to_numpy(), int(lesions.table["voxels"].sum())
            self._agreement = lesions, drawn, drawn.compare(lesions.labels, numbers, voxels)
        return self._agreement[2]
