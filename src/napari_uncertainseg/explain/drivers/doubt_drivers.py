"""What doubt goes with, over the lesions of many patients: correlations, a linear model, and its shares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from napari_uncertainseg._base import InputError, pluralised
from napari_uncertainseg.explain.drivers.cross_validation import CrossValidated, LinearFit, cross_validated
from napari_uncertainseg.explain.drivers.design import design, groups_of
from napari_uncertainseg.explain.drivers.intervals import Interval, bounds, draw_patients
from napari_uncertainseg.explain.drivers.model import DoubtModel, Weight
from napari_uncertainseg.explain.drivers.rank_correlation import rank_correlations

FEWEST_PATIENTS, FEWEST_LESIONS = 3, 30
"""That are needed for statistics."""
PERMUTATIONS = 99
"""Of doubt within patients, with which the fit is compared."""
LEAST_KNOWN = 0.5
"""Share of the lesions for which a driver must be known to be in the fit."""
CHANCE = 0.05
"""A fit that chance beats more often is no finding."""


@dataclass(frozen=True, eq=False)
class DoubtDrivers:
    """What one measure of doubt goes with.

    Attributes
    ----------
    measure
        The column of the list of lesions.
    lesions, patients
        How many were looked at.
    notes
        What was left out and why, a sentence each.
    correlations
        By the columns of `design`: ``rho``, ``low``, ``high``, ``lesions``, and the ``weight`` in the fit on
        all lesions, in standard deviations of doubt for one of the driver; NaN where it is not in the fit.
    groups
        By the names of `GROUPS`: ``share`` of all that the groups add to or take from doubt (mean absolute
        values over lesions; they sum to 1), and ``importance`` (how much R2 falls when the group's drivers
        are those of any lesion), each with ``_low`` and ``_high``.
    r2
        Share of the doubt's variance that fits explain which have not seen the patient.
    null
        The 95 % range of the same after permuting the doubt within patients.
    p
        How often a permutation does as well, with the measured one counted among them.
    model
        The fit on all lesions.
    """

    measure: str
    lesions: int
    patients: int
    notes: tuple[str, ...]
    correlations: pd.DataFrame
    groups: pd.DataFrame
    r2: Interval
    null: tuple[float, float]
    p: float
    model: DoubtModel

    @property
    def is_finding(self) -> bool:
        """Whether the drivers explain doubt in patients left out, and more than by chance."""
        return self.p <= CHANCE and self.r2[0] > 0


def explain_doubt(
    table: pd.DataFrame,
    doubt: pd.Series,
    patients: Sequence[object] | np.ndarray,
    *,
    sources: Sequence[str] = (),
    seed: int = 0,
    permutations: int = PERMUTATIONS,
) -> DoubtDrivers:
    """Find what doubt goes with.

    Parameters
    ----------
    table
        As `measure_drivers` makes it, of any number of scans.
    doubt
        Of the same lesions, in their order; its name is that of the measure. Lesions without one (that a
        human drew) are left out.
    patients
        Of each lesion. All visits of a patient have one name: they are left out and drawn together.
    sources
        Where the lesions come from, for the model to say.
    seed
        Of the permutations and draws.
    permutations
        How many.

    Raises
    ------
    InputError
        With fewer than `FEWEST_PATIENTS` patients or `FEWEST_LESIONS` lesions, or if all lesions have the
        same doubt, or no driver differs between them.
    """
    measure, numbers = str(doubt.name), design(table)
    told = np.isfinite(doubt.to_numpy(float))
    y, values = doubt.to_numpy(float)[told], numbers[told]
    names, groups = np.unique(np.asarray(patients, object).astype(str)[told], return_inverse=True)
    _check(measure, y, len(names))
    notes = _notes(len(told) - len(y), values)
    used = [name for name in values.columns if _serves(values[name].to_numpy())]
    if not used:
        raise InputError("No driver differs between these lesions: there is nothing to compare doubt with.")
    x = values[used].to_numpy()
    targets = permuted(y, groups, permutations, seed)
    found = cross_validated(x, targets, groups)
    error, spread = _squares(found, x, targets)
    r2 = 1 - error.sum(0) / spread.sum(0)
    null = np.quantile(r2[1:], [0.025, 0.975]) if permutations else np.full(2, np.nan)
    drawn = Draws(groups, seed)
    correlations = rank_correlations(values, y, groups, seed)
    correlations["weight"] = pd.Series(found.whole.weights[:, 0] / y.std(), index=used)
    return DoubtDrivers(
        measure,
        len(y),
        len(names),
        notes,
        correlations,
        _groups(found, x, y, used, drawn),
        drawn.interval(spread[:, 0] - error[:, 0], spread[:, 0]),
        (float(null[0]), float(null[1])),
        float((1 + np.count_nonzero(r2[1:] >= r2[0])) / (1 + permutations)),
        doubt_model(found.whole, x, used, len(names), sources, float(r2[0])),
    )


def _check(measure: str, doubt: np.ndarray, patients: int) -> None:
    if patients < FEWEST_PATIENTS:
        raise InputError(
            f"What doubt goes with is learned from {FEWEST_PATIENTS} patients at least, not {patients}: what "
            "holds in one or two may be theirs alone."
        )
    if len(doubt) < FEWEST_LESIONS:
        raise InputError(
            f"What doubt goes with is learned from {FEWEST_LESIONS} lesions at least, not {len(doubt)}."
        )
    if doubt.min() == doubt.max():
        raise InputError(f"All lesions have the same '{measure}': there is nothing to explain.")


def _notes(without_doubt: int, values: pd.DataFrame) -> tuple[str, ...]:
    """What is not looked at, or is in part unknown."""
    found = []
    if without_doubt:
        found.append(f"{pluralised(without_doubt, 'lesion')} without a doubt of the model (drawn) left out.")
    for name in values.columns:
        own = values[name].to_numpy()
        unknown = int(np.isnan(own).sum())
        if unknown and _serves(own):
            found.append(f"{name}: not known for {pluralised(unknown, 'lesion')}, which count as the mean.")
        elif unknown > (1 - LEAST_KNOWN) * len(own):
            found.append(f"{name}: not known for most lesions, left out of the fit.")
        elif not _serves(own):
            found.append(f"{name}: the same for all lesions, left out of the fit.")
    return tuple(found)


def _serves(values: np.ndarray) -> bool:
    """Whether a driver is known often enough, and differs between lesions."""
    known = values[~np.isnan(values)]
    return len(known) >= LEAST_KNOWN * len(values) and len(known) > 0 and bool(known.min() < known.max())


def permuted(doubt: np.ndarray, patients: np.ndarray, permutations: int, seed: int = 0) -> np.ndarray:
    """Doubt, and beside it permutations within each patient, float64 (lesions, 1 + permutations).

    Whatever differs between patients stays as it is, so that a patient who is doubtful as a whole is not
    taken for a driver.
    """
    rng, found = np.random.default_rng(seed), np.empty((len(doubt), 1 + permutations))
    found[:, 0] = doubt
    places = np.argsort(patients, kind="stable")
    for column in range(1, 1 + permutations):
        found[places, column] = doubt[np.lexsort((rng.random(len(doubt)), patients))]
    return found


class Draws:
    """Patients drawn anew, for intervals of ratios of sums over lesions."""

    def __init__(self, patients: np.ndarray, seed: int) -> None:
        self._patients, self._sizes = patients, np.bincount(patients)
        self._often = draw_patients(len(self._sizes), seed)

    def interval(self, part: np.ndarray, whole: np.ndarray) -> Interval:
        """Of the sum of `part` over that of `whole`, each float64 (lesions,)."""
        parts, wholes = (np.bincount(self._patients, one, len(self._sizes)) for one in (part, whole))
        below = self._often @ wholes
        drawn = np.where(below > 0, self._often @ parts / np.where(below > 0, below, 1), np.nan)
        low, high = bounds(drawn, self._sizes)
        return (
            float(parts.sum() / wholes.sum()) if wholes.sum() > 0 else float("nan"),
            float(low),
            float(high),
        )


def _squares(found: CrossValidated, x: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Squared errors of left-out lesions, by the fit and by the mean of the lesions of the fit."""
    error, spread = np.empty(targets.shape), np.empty(targets.shape)
    for number, fit in enumerate(found.fits):
        out = found.fold == number
        error[out] = (targets[out] - fit.predict(x[out])) ** 2
        spread[out] = (targets[out] - fit.constant) ** 2
    return error, spread


def left_out_r2(values: pd.DataFrame, doubt: np.ndarray, groups: np.ndarray, seed: int = 0) -> Interval:
    """R2 with whole groups left out, such as sources; three at least.

    Parameters
    ----------
    values
        As `design` gives them.
    doubt
        float64 (lesions,), known for all.
    groups
        Of each lesion, whole numbers from 0 up without gaps.
    """
    x = values[[name for name in values.columns if _serves(values[name].to_numpy())]].to_numpy()
    error, spread = _squares(cross_validated(x, doubt[:, None], groups), x, doubt[:, None])
    return Draws(groups, seed).interval(spread[:, 0] - error[:, 0], spread[:, 0])


def _groups(
    found: CrossValidated, x: np.ndarray, y: np.ndarray, names: Sequence[str], drawn: Draws
) -> pd.DataFrame:
    """Share and importance of each group, with intervals."""
    parts = {one: _part(found.whole, x, where) for one, where in groups_of(names).items()}
    total = np.sum([np.abs(part) for part in parts.values()], 0)
    spread = np.empty(len(y))
    for number, fit in enumerate(found.fits):
        spread[found.fold == number] = (y - fit.constant[0])[found.fold == number] ** 2
    rows = {}
    for group, where in groups_of(names).items():
        share = drawn.interval(np.abs(parts[group]), total)
        rows[group] = (*share, *drawn.interval(_lost(found, x, y, where), spread))
    columns = [f"{name}{end}" for name in ("share", "importance") for end in ("", "_low", "_high")]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns)


def _part(fit: LinearFit, x: np.ndarray, where: np.ndarray) -> np.ndarray:
    """What some drivers add to the doubt of each lesion, float64 (lesions,)."""
    return np.asarray(fit.scale.apply(x)[:, where] @ fit.weights[where, 0])


def _lost(found: CrossValidated, x: np.ndarray, y: np.ndarray, where: np.ndarray) -> np.ndarray:
    """By how much the squared error of left-out lesions grows when some drivers are permuted.

    That is permutation importance, as its mean over all permutations: if a lesion gets the part c of any
    lesion, the mean of (e - c)^2 is (e - mean c)^2 + variance of c, with e what is left without the part.
    """
    lost = np.empty(len(y))
    for number, fit in enumerate(found.fits):
        out, part = found.fold == number, _part(fit, x, where)
        error = y[out] - fit.predict(x[out])[:, 0]
        lost[out] = (error + part[out] - part.mean()) ** 2 + part.var() - error**2
    return lost


def doubt_model(
    fit: LinearFit, x: np.ndarray, names: Sequence[str], patients: int, sources: Sequence[str], r2: float
) -> DoubtModel:
    """A fit as it is kept in a file; of its targets the first."""
    scaled, weights = fit.scale.apply(x), fit.weights[:, 0]
    kept: dict[str, Weight] = {}
    for where in groups_of(names).values():
        whole = scaled[:, where] @ weights[where]
        for j in where[weights[where] != 0]:
            kept[names[j]] = Weight(
                weight=float(weights[j]),
                centre=float(fit.scale.centre[j]),
                unit=float(fit.scale.unit[j]),
                leads=float(np.clip(np.corrcoef(scaled[:, j], whole)[0, 1], -1, 1)),
            )
    return DoubtModel(
        constant=float(fit.constant[0]),
        weights=kept,
        lesions=len(x),
        patients=patients,
        sources=tuple(sources),
        r2_patients=r2,
    )
