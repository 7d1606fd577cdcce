"""What features are worth within scans: a logistic regression with a constant of its own for each scan.

Without such constants, a feature that differs between scans with many and with few real lesions gets a weight
for that, even against what it tells within each of them. A list orders the lesions of one scan.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.special import expit

from napari_uncertainseg.networks.real_probability import FEATURES
from napari_uncertainseg.uncertainty.real_probability.fit import RIDGE

_FREE = 0.01
"""The ridge of the scans' constants: scans in which all are real, or none is, keep theirs finite."""


def clipped(rows: pd.DataFrame, features: Sequence[str]) -> np.ndarray:
    """Values of features, clipped to their ranges, (rows, features); what is not known is the mean."""
    values = np.column_stack([rows[k].clip(FEATURES[k].low, FEATURES[k].high) for k in features])
    return np.where(np.isnan(values), np.nanmean(values, axis=0), values)


def weights_within_scans(rows: pd.DataFrame, features: Sequence[str], counts: np.ndarray) -> np.ndarray:
    """Weight of each feature in the logit of being real, per its unit.

    Parameters
    ----------
    rows
        Of lesions and candidates, with ``inputs``, ``scan`` and ``true``.
    features
        Names of `FEATURES`.
    counts
        How often each row counts, (rows,).
    """
    values, real = clipped(rows, features), rows["true"].to_numpy(float)
    mean = np.average(values, axis=0, weights=counts)
    unit = np.maximum(np.sqrt(np.average((values - mean) ** 2, axis=0, weights=counts)), 1e-6)
    scans = np.eye(len(rows.groupby(["inputs", "scan"])))[rows.groupby(["inputs", "scan"]).ngroup()]
    table = np.hstack([scans, (values - mean) / unit])
    held = np.r_[np.full(scans.shape[1], _FREE), np.full(len(features), RIDGE)]

    def loss(x: np.ndarray) -> tuple[float, np.ndarray]:
        logit = table @ x
        value = counts @ (np.logaddexp(0, logit) - real * logit) + held @ x**2 / 2
        return float(value), table.T @ (counts * (expit(logit) - real)) + held * x

    found = minimize(loss, np.zeros(table.shape[1]), jac=True, method="L-BFGS-B").x
    return np.asarray(found[scans.shape[1] :] / unit)


def order_within_scans(rows: pd.DataFrame, features: Sequence[str], counts: np.ndarray) -> np.ndarray:
    """What orders the rows of each fold, by weights of all other folds: (rows,), higher is likelier real."""
    said = np.full(len(rows), np.nan)
    for fold in rows["fold"].unique():
        inside = (rows["fold"] == fold).to_numpy()
        weights = weights_within_scans(rows[~inside], features, counts[~inside])
        said[inside] = clipped(rows[inside], features) @ weights
    return said
