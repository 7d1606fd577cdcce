"""A prediction with other probabilities: what a recalibration makes of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from napari_uncertainseg._base import InputError
from napari_uncertainseg._checks import as_mask
from napari_uncertainseg._threshold import at_least
from napari_uncertainseg.calibration.probability_histogram import ProbabilityHistogram
from napari_uncertainseg.calibration.recalibration import Kind, Recalibration, fit
from napari_uncertainseg.calibration.region import Region
from napari_uncertainseg.prediction.members import Members
from napari_uncertainseg.prediction.prediction import Prediction
from napari_uncertainseg.uncertainty.voxel import MapAccumulator, binary_entropy
from napari_uncertainseg.voxel_maps import MapSources, MemberStatistics, compute_maps


class Recalibrated(NamedTuple):
    """A prediction as the model made it, by what it was changed, and what came of it."""

    original: Prediction
    by: Recalibration
    prediction: Prediction


def plan(
    original: Prediction | None,
    reference: np.ndarray | None,
    region: Region,
    threshold: float,
    how: Kind | Recalibration,
) -> Callable[[], Recalibrated]:
    """Work for any thread, from what there is at present.

    Parameters
    ----------
    original
        The prediction as the model made it.
    reference, region, threshold
        For a fit, see `fitted_here`: a mask of the prediction's shape, where, and from which probability.
    how
        What was fitted on other cases; or its kind, to fit it on this very case.

    Raises
    ------
    InputError
        If there is no prediction, or no reference for a fit. The work itself: if the region lacks
        lesion or background.
    """
    if original is None or (isinstance(how, str) and reference is None):
        raise InputError("A recalibration is fitted on a prediction and a reference; one is missing.")
    truth = np.zeros(0, bool) if reference is None else reference

    def work() -> Recalibrated:
        by = fitted_here(original, truth, region, threshold, how) if isinstance(how, str) else how
        return Recalibrated(original, by, recalibrated(original, by))

    return work


def fitted_here(
    prediction: Prediction, reference: np.ndarray, region: Region, threshold: float, kind: Kind
) -> Recalibration:
    """Fit a recalibration on the very case that it is for: what is possible, not what to expect.

    Parameters
    ----------
    prediction
        As the model made it.
    reference
        bool on its grid.
    region
        Where the fit counts; what lies around lesions is around those at the threshold, too.
    threshold
        Of the lesions.
    kind
        As for `recalibration.fit`, with its errors.
    """
    seen = as_mask(reference, "The reference") | at_least(prediction.probability, threshold)
    inside = region.mask(prediction.brain, seen, prediction.grid.spacing)
    return fit(ProbabilityHistogram.from_probability(prediction.probability, reference, region=inside), kind)


def _all_like(mean: np.ndarray, members: Members) -> Members:
    return Members(members.box, np.broadcast_to(mean[members.box], members.values.shape))


def recalibrated(prediction: Prediction, recalibration: Recalibration) -> Prediction:
    """Recalibrate mean and members, and compute anew what follows from them.

    The mean is recalibrated, not the mean of recalibrated members, since that is what the fit was made
    for. Where all members were kept, expected entropy and variance are theirs; elsewhere, where some
    member does not exceed 0.05, mutual information and variance stay as they were. The predicted
    disagreement between experts is not a probability, and stays. So does the threshold.

    Parameters
    ----------
    prediction
        As the model made it.
    recalibration
        Fitted on other cases, or on this one to see what it could do.

    Returns
    -------
    Prediction
        ``information["recalibration"]`` says by what.
    """
    brain, members = prediction.brain, prediction.members
    alike = members.told_from(prediction.probability)
    probability = np.where(brain, recalibration.apply(prediction.probability), 0).astype(np.float32)
    entropy = np.where(brain, binary_entropy(probability), 0).astype(np.float32)
    expected = np.maximum(entropy - prediction.mutual_information, 0)
    variance = prediction.variance.astype(np.float32)
    values = np.zeros_like(members.values)
    if len(members):
        box, inside, maps = members.box, brain[members.box], MapAccumulator()
        for k, member in enumerate(members.values):
            own = np.where(inside & (member > 0), recalibration.apply(member), 0).astype(np.float32)
            values[k] = own
            maps.add(own)
        found = maps.result()
        # Members are stored only where some member saw something: 0 means "not stored", not "probability 0".
        kept = inside & (members.values > 0).all(axis=0)
        expected[box] = np.where(kept, np.minimum(found.expected_entropy, entropy[box]), expected[box])
        variance[box] = np.where(kept, found.variance, variance[box])
    expected = expected.astype(np.float32)
    said = MemberStatistics(probability, entropy, expected, entropy - expected, variance)
    return replace(
        prediction,
        maps=compute_maps(MapSources(said, prediction.disagreement)),
        members=Members(members.box, values) if alike is members else _all_like(probability, alike),
        real_probability=None,  # it is about the model's own probabilities
        information={**prediction.information, "recalibration": json.loads(recalibration.to_json())},
    )
