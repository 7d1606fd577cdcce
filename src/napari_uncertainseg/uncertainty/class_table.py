"""What there is to say about each class of a model with several, in a table."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd

from napari_uncertainseg.prediction.classes import Classes
from napari_uncertainseg.uncertainty.voxel import binary_entropy

HALF = 0.5
"""Of classes with a probability each, what reaches this is of the class."""

CLASS_COLUMNS: Mapping[str, str] = {
    "number": "Number of the class, as in label maps.",
    "class": "Its name, as the model's maker gave it.",
    "target": "Whether it is, alone or with others, what is segmented and listed.",
    "volume_ml": "Volume of the voxels in which it is the most probable class (of classes that overlap: in "
    "which its probability is at least 0.5), ml.",
    "expected_volume_ml": "Sum of its probabilities over all voxels, as a volume, ml.",
    "mean_probability": "Its mean probability in the voxels of that volume, 0 to 1.",
    "doubt": "1 less that mean, 0 to 1.",
    "mean_entropy_nats": "Mean entropy of its own probability (this class or not) in the voxels in which it "
    "is at least 0.05, nats, at most 0.693.",
}
"""Definitions by the names of the columns."""
_SEEN = 0.05


def class_table(classes: Classes, voxel_volume: float) -> pd.DataFrame:
    """One row for each class, in the model's order; columns as in `CLASS_COLUMNS`.

    Parameters
    ----------
    classes
        Of a prediction.
    voxel_volume
        mm3.
    """
    winner = None if classes.overlapping else classes.probability.argmax(axis=0)
    rows = []
    for number, name in enumerate(classes.names):
        p = classes.probability[number][classes.inside].astype(np.float32)
        own = p >= HALF if winner is None else winner[classes.inside] == number
        mean = float(p[own].mean()) if own.any() else math.nan
        seen = p[p >= _SEEN]
        rows.append({
            "number": number,
            "class": name,
            "target": number in classes.target,
            "volume_ml": np.count_nonzero(own) * voxel_volume / 1000,
            "expected_volume_ml": float(p.sum(dtype=float)) * voxel_volume / 1000,
            "mean_probability": mean,
            "doubt": 1 - mean,
            "mean_entropy_nats": float(binary_entropy(seen).mean()) if seen.size else math.nan,
        })  # fmt: skip
    return pd.DataFrame(rows, columns=list(CLASS_COLUMNS))
