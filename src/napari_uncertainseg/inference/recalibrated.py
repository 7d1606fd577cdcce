"""A prediction with other probabilities: what a recalibration makes of it."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np

from napari_uncertainseg.calibration.recalibration import Recalibration
from napari_uncertainseg.inference.prediction import Prediction
from napari_uncertainseg.uncertainty.members import Members
from napari_uncertainseg.uncertainty.voxel import binary_entropy


def recalibrated(prediction: Prediction, recalibration: Recalibration) -> Prediction:
    """Recalibrate mean and members, and compute anew what follows from them.

    The mean is recalibrated, not the mean of recalibrated members, since that is what the fit was made
    for. Where members were kept, the expected entropy is theirs; elsewhere, where none exceeds 0.05, the
    mutual information stays as it was. The predicted disagreement between experts is not a probability,
    and stays. So does the threshold.

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
    probability = np.where(brain, recalibration.apply(prediction.probability), 0).astype(np.float32)
    entropy = np.where(brain, binary_entropy(probability), 0).astype(np.float32)
    expected = np.maximum(entropy - prediction.mutual_information, 0)
    variance = prediction.variance.copy()
    values = members.values
    if len(members):
        box = members.box
        values = np.stack(
            [np.where(brain[box], recalibration.apply(m), 0).astype(np.float16) for m in values]
        )
        own, kept = values.astype(np.float32), (members.values > 0).any(axis=0)
        shared = np.minimum(np.mean([binary_entropy(m) for m in own], axis=0), entropy[box])
        expected[box] = np.where(kept, shared, expected[box])
        variance[box] = np.where(kept, own.var(axis=0), variance[box])
    return replace(
        prediction,
        probability=probability,
        entropy=entropy,
        expected_entropy=expected.astype(np.float32),
        mutual_information=(entropy - expected).astype(np.float32),
        variance=variance.astype(np.float32),
        members=Members(members.box, values),
        information={**prediction.information, "recalibration": json.loads(recalibration.to_json())},
    )
