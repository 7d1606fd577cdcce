"""Relations within readings: what belongs to a scan or to a reader as a whole plays no part in them.

Lesions are compared with others of the same reading only. Intervals draw cases anew. The null permutes which
lesion of a case has which answers, those of all its readers together: so readers who agree with each other do
not make a chance relation look sure.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from napari_uncertainseg.explain.drivers.statistics.intervals import bounds, draw_patients

PERMUTATIONS = 1999
_MOST_INDICES = 100_000_000
"""Permutations times rows that are held in memory: of more than 50,000 verdicts there are fewer."""
_AT_ONCE = 100
"""Permutations that are looked at together."""
_LEAST = 1e-9
"""Sums below are 0 but for rounding: nothing can be compared."""


@dataclass(frozen=True)
class Relation:
    """A relation, its interval, and how often chance gives one as strong; NaN where nothing can be compared.

    Attributes
    ----------
    value
        -1 to 1; 0 is none.
    low, high
        95 %, from drawing cases anew.
    p
        Two-sided, of the permutations.
    """

    value: float = np.nan
    low: float = np.nan
    high: float = np.nan
    p: float = np.nan


class Readings:
    """Verdicts that are compared, with permutations of them.

    Parameters
    ----------
    rows
        With ``reading``, ``case`` and ``voxel``, as `Answers.table`; no reading has a lesion twice.
    permutations, seed
        Of the null.
    """

    def __init__(self, rows: pd.DataFrame, *, permutations: int = PERMUTATIONS, seed: int = 0) -> None:
        self._reading, self._case = _codes(rows["reading"]), _codes(rows["case"])
        self._size = np.bincount(self._reading)[self._reading]
        permutations = min(permutations, max(1, _MOST_INDICES // max(1, len(rows))))
        self._shuffled = _shuffled(rows, self._reading, permutations, np.random.default_rng(seed))
        self._often = draw_patients(int(self._case.max(initial=0)) + 1, seed)
        self._lesions = np.bincount(self._case, minlength=self._often.shape[1])

    def of_tick(self, ticked: np.ndarray, values: np.ndarray) -> Relation:
        """Rank-biserial correlation of a tick with a number.

        Of all pairs of lesions of one reading, one with the tick and one without: the share in which the one
        with it has the larger number, less the share in which it has the smaller (2 AUROC - 1).

        Parameters
        ----------
        ticked, values
            bool and float64, (rows,); all values known.
        """
        ticks, centred = ticked.astype(float), self._centred(values)
        without = self._size - np.bincount(self._reading, ticks)[self._reading]
        # A lesion's rank less the middle rank is half of what it wins less what it loses against all; among
        # the ticked themselves that adds up to nothing.
        won, pairs = self._by_case(2 * ticks * centred), self._by_case(ticks * without)
        if pairs.sum() < _LEAST or abs(centred).max() < _LEAST:
            return Relation()
        null = 2 * self._null(ticks, centred) / pairs.sum()
        drawn = _ratio(self._often @ won, self._often @ pairs)
        return self._relation(won.sum() / pairs.sum(), drawn, null)

    def of_numbers(self, first: np.ndarray, second: np.ndarray) -> Relation:
        """Spearman's correlation, from ranks less their mean in each reading, in shares of its lesions.

        Parameters
        ----------
        first, second
            float64, (rows,); all known.
        """
        x, y = (self._centred(values) / self._size for values in (first, second))
        sums = [self._by_case(product) for product in (x * y, x * x, y * y)]
        scale = np.sqrt(sums[1].sum() * sums[2].sum())
        if scale < _LEAST:
            return Relation()
        null = self._null(x, y) / scale
        mixed, xx, yy = (self._often @ each for each in sums)
        return self._relation(sums[0].sum() / scale, _ratio(mixed, np.sqrt(xx * yy)), null)

    def _centred(self, values: np.ndarray) -> np.ndarray:
        """Ranks in each reading, from 1, less their mean; equal values have the mean of their ranks."""
        ranks = np.empty(len(values))
        for reading in range(int(self._reading.max(initial=-1)) + 1):
            here = self._reading == reading
            ranks[here] = rankdata(values[here])
        return np.asarray(ranks - (self._size + 1) / 2)

    def _null(self, moved: np.ndarray, kept: np.ndarray) -> np.ndarray:
        """Sum of products for each permutation of the first of two columns."""
        parts = range(0, len(self._shuffled), _AT_ONCE)
        return np.concatenate([moved[self._shuffled[i : i + _AT_ONCE]] @ kept for i in parts])

    def _by_case(self, values: np.ndarray) -> np.ndarray:
        return np.bincount(self._case, values, self._often.shape[1])

    def _relation(self, value: float, drawn: np.ndarray, null: np.ndarray) -> Relation:
        middle = null.mean()
        as_strong = np.abs(null - middle) >= abs(value - middle) - _LEAST
        low, high = bounds(drawn[:, None], self._lesions)
        p = (1 + int(as_strong.sum())) / (1 + len(null))
        # Wider intervals of few cases may pass what a correlation can be.
        return Relation(float(value), max(float(low[0]), -1.0), min(float(high[0]), 1.0), p)


def _codes(column: pd.Series) -> np.ndarray:
    return np.asarray(pd.factorize(column)[0])


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.divide(above, below, out=np.full(len(above), np.nan), where=below > _LEAST)


def _shuffled(
    rows: pd.DataFrame, reading: np.ndarray, permutations: int, rng: np.random.Generator
) -> np.ndarray:
    """For each permutation the row whose answers each row gets: int32 (permutations, rows).

    Lesions of one case that the same readings have judged change places, in all these readings alike.
    """
    at: dict[tuple[int, object], list[int]] = {}
    for row, (case, voxel) in enumerate(zip(rows["case"], rows["voxel"], strict=True)):
        at.setdefault((case, voxel), []).append(row)
    alike: dict[object, list[list[int]]] = {}
    for (case, _), mine in at.items():
        mine.sort(key=lambda row: reading[row])
        alike.setdefault((case, tuple(reading[mine])), []).append(mine)
    found = np.tile(np.arange(len(rows), dtype=np.int32), (permutations, 1))
    for places in alike.values():
        mine_at = np.array(places)
        order = rng.permuted(np.tile(np.arange(len(places)), (permutations, 1)), axis=1)
        for column in mine_at.T:
            found[:, column] = column[order]
    return found
