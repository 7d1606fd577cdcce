"""Fits a refinement on lesions that experts have judged, and says what it does on those it has not seen."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from napari_uncertainseg._base import InputError
from napari_uncertainseg.explain.refinement.model import FARTHEST, LARGEST, FeatureWeight, Refinement
from napari_uncertainseg.explain.refinement.sparse_logistic import sparse_logistic

COUNT_OF_REAL, COUNT_OF_FALSE = 0.71, 0.29
"""How much a real and a false lesion count, as published (arXiv 2409.03772)."""
STRENGTH = 1.0
"""Of the lasso, as published."""
FEWEST = 2
"""Groups, such as patients, that are needed for one to be left out."""


def fit_refinement(rows: pd.DataFrame, features: Sequence[str]) -> Refinement:
    """Fit on all rows.

    Means and deviations are those of these very rows, and go into the refinement: what is judged by it later
    is scaled by them, never by its own. (The published code scales test lesions by the test lesions.)

    Parameters
    ----------
    rows
        A row for each lesion, with ``true`` and the features; NaN where a feature is not known.
    features
        Columns to go by. One that is constant gets no weight.

    Raises
    ------
    InputError
        If a feature is missing, or the lesions are all real or all false.
    """
    if missing := [name for name in features if name not in rows]:
        raise InputError(f"The table of lesions has no column '{missing[0]}'.")
    real = rows["true"].to_numpy(bool)
    if not features or real.all() or not real.any():
        kind = "real" if real.any() else "false"
        raise InputError(
            f"A refinement is learned from real and from false lesions; all {len(real)} here are {kind}."
            if features
            else "A refinement needs features to go by."
        )
    values = rows[list(features)].to_numpy(float)
    values = np.where(np.isfinite(values), values, np.nan)
    centre, unit = _moments(values)
    scaled = np.clip(np.nan_to_num((values - centre) / unit), -FARTHEST, FARTHEST)
    constant, found = sparse_logistic(
        scaled, real, np.where(real, COUNT_OF_REAL, COUNT_OF_FALSE), strength=STRENGTH
    )
    weights = {
        name: FeatureWeight(weight=float(np.clip(w, -LARGEST, LARGEST)), centre=float(c), unit=float(u))
        for name, w, c, u in zip(features, found, centre, unit, strict=True)
        if w != 0
    }
    return Refinement(version=1, constant=constant, weights=weights, lesions=len(real), real=int(real.sum()))


def _moments(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation of what is known in each column; a constant has a unit of 1."""
    known = ~np.isnan(values)
    number = np.maximum(known.sum(0), 1)
    filled = np.where(known, values, 0.0)
    centre = filled.sum(0) / number
    apart = np.where(known, values - centre, 0.0)
    unit = np.sqrt((apart**2).sum(0) / number)
    # What differs in the last digits only is constant.
    return centre, np.where(unit > 1e-9 * np.maximum(np.abs(centre), 1e-300), unit, 1.0)


def left_out_probabilities(rows: pd.DataFrame, features: Sequence[str], group: str) -> np.ndarray:
    """Probability of being real of each lesion, by a fit on all other groups.

    Parameters
    ----------
    rows
        As for `fit_refinement`, and with the column `group`.
    features
        Columns to go by.
    group
        What is left out together: ``"patient"`` or ``"source"``.

    Returns
    -------
    np.ndarray
        float64 (rows,).

    Raises
    ------
    InputError
        As `fit_refinement`, or if there are fewer than two groups.
    """
    groups = rows[group].to_numpy()
    names = list(dict.fromkeys(groups))
    if len(names) < FEWEST:
        raise InputError(f"To leave a {group} out, {FEWEST} are needed at least, not {len(names)}.")
    said = np.full(len(rows), np.nan)
    for name in names:
        inside = groups == name
        said[inside] = fit_refinement(rows[~inside], features).probability(rows[inside])
    return said
