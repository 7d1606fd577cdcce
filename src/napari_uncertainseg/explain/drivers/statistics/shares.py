"""How what is explained of doubt is split over groups of drivers, and the fit as it is kept."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from napari_uncertainseg.explain.drivers.design import groups_of
from napari_uncertainseg.explain.drivers.model import DoubtModel, Weight
from napari_uncertainseg.explain.drivers.statistics.cross_validation import CrossValidated, LinearFit
from napari_uncertainseg.explain.drivers.statistics.intervals import Draws


def split_over_groups(
    found: CrossValidated, x: np.ndarray, doubt: np.ndarray, names: Sequence[str], drawn: Draws
) -> pd.DataFrame:
    """Share and importance of each group, with 95 % intervals.

    Parameters
    ----------
    found
        Fits of which the first target is the doubt.
    x, doubt
        What they were fitted on, float64 (lesions, features) and (lesions,).
    names
        Of the features, as in `design`.
    drawn
        Patients.

    Returns
    -------
    pandas.DataFrame
        By the groups: ``share``, the mean absolute value of what the group adds over that of all groups, and
        ``importance``, by how much R2 of left-out lesions falls when a lesion gets the group's drivers of any
        lesion; each also with ``_low`` and ``_high``.
    """
    parts = {one: _part(found.whole, x, where) for one, where in groups_of(names).items()}
    total = np.sum([np.abs(part) for part in parts.values()], 0)
    spread = np.empty(len(doubt))
    for number, fit in enumerate(found.fits):
        out = found.fold == number
        spread[out] = (doubt[out] - fit.constant[0]) ** 2
    rows = {
        group: (
            *drawn.ratio(np.abs(parts[group]), total),
            *drawn.ratio(_lost(found, x, doubt, where), spread),
        )
        for group, where in groups_of(names).items()
    }
    columns = [f"{name}{end}" for name in ("share", "importance") for end in ("", "_low", "_high")]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns)


def _part(fit: LinearFit, x: np.ndarray, where: np.ndarray) -> np.ndarray:
    """What some drivers add to the doubt of each lesion, float64 (lesions,)."""
    return np.asarray(fit.scale.apply(x)[:, where] @ fit.weights[where, 0])


def _lost(found: CrossValidated, x: np.ndarray, doubt: np.ndarray, where: np.ndarray) -> np.ndarray:
    """By how much the squared error of left-out lesions grows when some drivers are permuted.

    That is permutation importance, as its mean over all permutations: if a lesion gets the part c of any
    lesion, the mean of (e - c)^2 is (e - mean c)^2 + variance of c, with e what is left without the part.
    """
    lost = np.empty(len(doubt))
    for number, fit in enumerate(found.fits):
        out, part = found.fold == number, _part(fit, x, where)
        error = doubt[out] - fit.predict(x[out])[:, 0]
        lost[out] = (error + part[out] - part.mean()) ** 2 + part.var() - error**2
    return lost


def doubt_model(
    fit: LinearFit, x: np.ndarray, names: Sequence[str], patients: int, sources: Sequence[str], r2: float
) -> DoubtModel:
    """A fit as it is kept in a file; of its targets the first.

    Parameters
    ----------
    fit, x, names
        The fit, what it was fitted on, and the names of the features.
    patients, sources, r2
        What the file says of them.
    """
    scaled, weights = fit.scale.apply(x), fit.weights[:, 0]
    kept: dict[str, Weight] = {}
    for where in groups_of(names).values():
        whole = scaled[:, where] @ weights[where]
        for j in where[weights[where] != 0]:
            kept[names[j]] = Weight(
                weight=float(weights[j]),
                centre=float(fit.scale.centre[j]),
                unit=float(fit.scale.unit[j]),
                leads=float(np.clip(np.corrcoef(scaled[:, j], whole)[0, 1], -1, 1)) if whole.std() else 0.0,
            )
    return DoubtModel(
        constant=float(fit.constant[0]),
        weights=kept,
        lesions=len(x),
        patients=patients,
        sources=tuple(sources),
        r2_patients=min(r2, 1.0) if np.isfinite(r2) else None,
    )
