"""A prediction under review, compared with a reference as often as one of the two changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from psygnal import Signal

from napari_uncertainseg.calibration.region import Region
from napari_uncertainseg.calibration.reliability import Reliability
from napari_uncertainseg.inference.reference_comparison import ReferenceComparison
from napari_uncertainseg.uncertainty.lesion_ranking import Lesions, ranker_of

if TYPE_CHECKING:
    from napari_uncertainseg.calibration.probability_histogram import ProbabilityHistogram
    from napari_uncertainseg.calibration.recalibration import Recalibration
    from napari_uncertainseg.prediction.prediction import Prediction


class CaseComparison:
    """The part of a case that knows its reference."""

    reliability_changed = Signal()
    """The reference, the region or the prediction changed."""

    def __init__(self) -> None:
        self._against = ReferenceComparison()
        self._prediction: Prediction | None = None
        self._original: Prediction | None = None
        self._recalibration: Recalibration | None = None
        self._threshold = 0.5
        self._min_volume = 3.0
        self._edit: np.ndarray | None = None

    @property
    def lesions(self) -> Lesions | None:
        """Lesions and candidates at the present threshold."""
        raise NotImplementedError

    @property
    def reference(self) -> np.ndarray | None:
        """What the prediction is compared with: bool on the prediction's grid."""
        return self._against.reference

    @reference.setter
    def reference(self, mask: np.ndarray | None) -> None:
        self._against.reference = mask
        self._touch_reliability(region_moved=self.region.follows_lesions)

    @property
    def region(self) -> Region:
        """Where calibration is judged."""
        return self._against.region

    @region.setter
    def region(self, region: Region) -> None:
        if region != self.region:
            self._against.region = region
            self._touch_reliability()

    def _touch_reliability(self, *, region_moved: bool = True) -> None:
        self._against.forget(region_moved=region_moved)
        self.reliability_changed.emit()

    @property
    def reliability(self) -> Reliability | None:
        """Reliability of the prediction against the reference in the region."""
        now = self._prediction
        return (
            None
            if now is None
            else self._against.reliability("now", now, now, self._threshold, lambda: self.lesions)
        )

    @property
    def evidence(self) -> ProbabilityHistogram | None:
        """Counts of the model's own probabilities in the region, see `ReferenceComparison.evidence`."""
        original, now = self._original, self._prediction
        if original is None or now is None:
            return None
        return self._against.evidence(original, now, self._threshold)

    def reliability_before(self) -> Reliability | None:
        """Reliability of the prediction as the model made it, in the region; None unless recalibrated."""
        original, now = self._original, self._prediction
        if original is None or now is None or self._recalibration is None:
            return None

        def lesions() -> Lesions:
            return ranker_of(original).rank(self._threshold, self._min_volume, edit=self._edit)

        return self._against.reliability("before", original, now, self._threshold, lesions)
