"""Reliability of a prediction against a reference in a region: computed when asked for, once per change."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from napari_uncertainseg._threshold import at_least
from napari_uncertainseg.calibration.probability_histogram import ProbabilityHistogram
from napari_uncertainseg.calibration.region import Region, lesion_reliability
from napari_uncertainseg.calibration.reliability import Binned, Reliability
from napari_uncertainseg.prediction.prediction import Prediction
from napari_uncertainseg.uncertainty.lesion_numbers import in_rows
from napari_uncertainseg.uncertainty.lesion_ranking import Lesions


class ReferenceComparison:
    """What a prediction is compared with, where, and what came of it.

    Attributes
    ----------
    reference
        bool on the prediction's grid; None where there is none.
    region
        Where calibration is judged.
    """

    def __init__(self) -> None:
        self.reference: np.ndarray | None = None
        self.region = Region()
        self._found: dict[str, Reliability] = {}
        self._binned: dict[str, Binned] = {}
        self._evidence: ProbabilityHistogram | None = None

    def forget(self, *, region_moved: bool = True) -> None:
        """Say that something changed; the binning of probabilities holds until the region moves."""
        self._found.clear()
        self._evidence = None
        if region_moved:
            self._binned.clear()

    def reliability(
        self,
        name: str,
        prediction: Prediction,
        around: Prediction,
        threshold: float,
        lesions: Callable[[], Lesions | None],
    ) -> Reliability | None:
        """Reliability of one of several predictions of the same scan; None without a reference.

        Parameters
        ----------
        name
            Which of them: what was found is kept under it.
        prediction
            The prediction.
        around, threshold
            Around lesions means also around those of this one, so that all are judged in one region.
        lesions
            Gives them, where lesions as wholes are judged.
        """
        if self.reference is not None and name not in self._found:
            if self.region.kind == "each":
                self._found[name] = _of_lesions(lesions(), self.reference)
            else:
                self._found[name] = self._bins(name, prediction, around, threshold).against(self.reference)
        return self._found.get(name)

    def evidence(
        self, prediction: Prediction, around: Prediction, threshold: float
    ) -> ProbabilityHistogram | None:
        """Counts that recalibrations can be tried on; parameters as for `of`.

        None without a reference, and where lesions as wholes are judged: they are no voxels.
        """
        if self.reference is None or self.region.kind == "each":
            return None
        if self._evidence is None:
            region = self._inside(prediction, around, threshold)
            self._evidence = ProbabilityHistogram.from_probability(
                prediction.probability, self.reference, region=region
            )
        return self._evidence

    def _bins(self, name: str, prediction: Prediction, around: Prediction, threshold: float) -> Binned:
        if name not in self._binned:
            region = self._inside(prediction, around, threshold)
            self._binned[name] = Binned.from_probability(prediction.probability, region=region)
        return self._binned[name]

    def _inside(self, prediction: Prediction, around: Prediction, threshold: float) -> np.ndarray:
        assert self.reference is not None
        seen = self.reference | at_least(around.probability, threshold)
        return self.region.mask(prediction.brain, seen, prediction.grid.spacing)


def _of_lesions(lesions: Lesions | None, reference: np.ndarray) -> Reliability:
    """Lesions and candidates by their mean probability."""
    assert lesions is not None
    tables = ((lesions.labels, lesions.table), (lesions.candidates, lesions.candidate_table))
    models = [(labels, table[~table["drawn"]]) for labels, table in tables]
    parts = [(in_rows(x, t["label"].to_numpy()), t["mean_probability"].to_numpy()) for x, t in models]
    return lesion_reliability(parts, reference)
