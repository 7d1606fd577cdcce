"""What doubt goes with, over the lesions of many patients: correlations, a linear model, and its shares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from napari_uncertainseg._base import InputError, pluralised
from napari_uncertainseg.explain.drivers.design import design, title_of_number
from napari_uncertainseg.explain.drivers.model import DoubtModel
from napari_uncertainseg.explain.drivers.statistics.cross_validation import cross_validated
from napari_uncertainseg.explain.drivers.statistics.intervals import Draws, Interval
from napari_uncertainseg.explain.drivers.statistics.left_out import Squares, permuted
from napari_uncertainseg.explain.drivers.statistics.rank_correlation import rank_correlations
from napari_uncertainseg.explain.drivers.statistics.shares import doubt_model, split_over_groups

FEWEST_PATIENTS, FEWEST_LESIONS = 3, 30
"""That are needed for statistics."""
FEW_PATIENTS = 5
"""With fewer, intervals are too narrow: in worlds with 3 patients they held the truth in 75 of 100."""
PERMUTATIONS = 99
"""Of doubt within patients, with which the fit is compared."""
LEAST_KNOWN = 0.5
"""Share of the lesions for which a driver must be known to be in the fit."""
CHANCE = 0.05
"""A fit that chance reaches more often is no finding."""


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
        By the names of `GROUPS`, as `split_over_groups` gives them.
    r2
        Share of the doubt's variance that fits explain which have not seen the patient.
    within
        The same of the variance between lesions of one patient.
    null
        The 95 % range of the latter after permuting doubt within patients.
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
    within: Interval
    null: tuple[float, float]
    p: float
    model: DoubtModel

    @property
    def is_finding(self) -> bool:
        """Whether the drivers tell lesions of patients left out apart.

        Better than chance, and with an interval of `within` above 0.
        """
        return self.p <= CHANCE and self.within[1] > 0


def explain_doubt(
    table: pd.DataFrame,
    doubt: pd.Series,
    patients: Sequence[object] | np.ndarray | pd.Series,
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
    told = np.isfinite(doubt.to_numpy(float))
    names, groups = np.unique(np.asarray(patients, object).astype(str)[told], return_inverse=True)
    if len(names) < FEWEST_PATIENTS:
        raise InputError(
            f"What doubt goes with is learned from {FEWEST_PATIENTS} patients at least, not {len(names)}: "
            "what holds in one or two may be theirs alone."
        )
    return _explained(
        table[told], doubt[told], groups, groups, int((~told).sum()), sources, seed, permutations
    )


def explain_doubt_within(
    table: pd.DataFrame, doubt: pd.Series, *, seed: int = 0, permutations: int = PERMUTATIONS
) -> DoubtDrivers:
    """The same of the lesions of one case, which are left out and drawn one by one.

    It tells nothing of other patients. Lesions of one case are not independent of each other, so that the
    intervals are too narrow.

    Parameters
    ----------
    table, doubt, seed, permutations
        As for `explain_doubt`.

    Raises
    ------
    InputError
        As `explain_doubt`, but for the number of patients.
    """
    told = np.isfinite(doubt.to_numpy(float))
    each, one = np.arange(told.sum()), np.zeros(told.sum(), int)
    return _explained(table[told], doubt[told], each, one, int((~told).sum()), (), seed, permutations)


def _explained(
    table: pd.DataFrame,
    doubt: pd.Series,
    groups: np.ndarray,
    patients: np.ndarray,
    without: int,
    sources: Sequence[str],
    seed: int,
    permutations: int,
) -> DoubtDrivers:
    """Of lesions with a doubt: groups are left out and drawn, doubt is permuted within patients."""
    measure, values, y = str(doubt.name), design(table), doubt.to_numpy(float)
    if len(y) < FEWEST_LESIONS:
        raise InputError(
            f"What doubt goes with is learned from {FEWEST_LESIONS} lesions at least, not {len(y)}."
        )
    if y.min() == y.max():
        raise InputError(f"All lesions have the same '{measure}': there is nothing to explain.")
    used = serving(values)
    x, targets = values[used].to_numpy(), permuted(y, patients, permutations, seed)
    found, drawn = cross_validated(x, targets, groups), Draws(groups, seed)
    squares = Squares.of(found, x, targets, patients)
    by_chance = squares.all_within()
    null = np.quantile(by_chance[1:], [0.025, 0.975]) if permutations else np.full(2, np.nan)
    as_well = np.count_nonzero(~(by_chance[1:] < by_chance[0]))
    correlations = rank_correlations(values, y, groups, seed)
    correlations["weight"] = pd.Series(found.whole.weights[:, 0] / y.std(), index=used)
    number, r2 = int(patients.max()) + 1, squares.r2(drawn)
    return DoubtDrivers(
        measure,
        len(y),
        number,
        (*_few(len(drawn)), *_notes(without, values)),
        correlations,
        split_over_groups(found, x, y, used, drawn),
        r2,
        squares.within(drawn),
        (float(null[0]), float(null[1])),
        (1 + as_well) / (1 + permutations),
        doubt_model(found.whole, x, used, number, sources, r2[0]),
    )


def left_out_r2(table: pd.DataFrame, doubt: np.ndarray, groups: np.ndarray, seed: int = 0) -> Interval:
    """R2 with whole groups left out, such as sources; three at least.

    Parameters
    ----------
    table
        As for `explain_doubt`.
    doubt
        float64 (lesions,), known for all.
    groups
        Of each lesion, whole numbers from 0 up without gaps.
    """
    values = design(table)
    x, targets = values[serving(values)].to_numpy(), np.asarray(doubt, float)[:, None]
    squares = Squares.of(cross_validated(x, targets, groups), x, targets, groups)
    return squares.r2(Draws(groups, seed))


def serving(values: pd.DataFrame) -> list[str]:
    """Columns of `design` that are known for enough lesions and differ between them.

    Raises
    ------
    InputError
        If there is none.
    """
    used = [name for name in values.columns if _serves(values[name].to_numpy())]
    if not used:
        raise InputError("No driver differs between these lesions: there is nothing to compare doubt with.")
    return used


def _serves(values: np.ndarray) -> bool:
    known = values[~np.isnan(values)]
    return len(known) >= max(1, LEAST_KNOWN * len(values)) and bool(known.min() < known.max())


def _few(groups: int) -> tuple[str, ...]:
    if groups >= FEW_PATIENTS:
        return ()
    return (f"Intervals over {groups} patients are too narrow; with five or more they hold.",)


def _notes(without: int, values: pd.DataFrame) -> tuple[str, ...]:
    """What is not looked at, or is in part unknown."""
    found = []
    if without:
        found.append(f"{pluralised(without, 'lesion')} without a doubt of the model (drawn) left out.")
    for name in values.columns:
        own, title = values[name].to_numpy(), title_of_number(name)
        unknown = int(np.isnan(own).sum())
        if unknown > (1 - LEAST_KNOWN) * len(own):
            found.append(f"{title}: not known for most lesions, left out of the fit.")
        elif not _serves(own):
            found.append(f"{title}: the same for all lesions, left out of the fit.")
        elif unknown:
            found.append(f"{title}: not known for {pluralised(unknown, 'lesion')}; they count as the mean.")
    return tuple(found)
