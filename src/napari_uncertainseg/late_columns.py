"""Columns of lesions that are known only some time after a result, from work in the background.

Whoever has such values makes a `LateColumns` of them and gives it to `Case.add_columns`. From then on they
stand in the tables of lesions and candidates, and so on screen and in every file, until another result is
opened.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol

import numpy as np
import pandas as pd

from napari_uncertainseg.uncertainty.lesion_columns import MeasureColumn
from napari_uncertainseg.uncertainty.lesion_ranking import Lesions


class LateColumns(Protocol):
    """Values of whatever lesions there are at a threshold."""

    @property
    def columns(self) -> Mapping[str, MeasureColumn]:
        """Title, unit and definition of each column, by its name."""

    def values(self, labels: np.ndarray) -> pd.DataFrame:
        """The values of lesions or candidates.

        It is asked at each move of the threshold, so that it must only look things up: in maps of the scan,
        such as zones, or in values that were computed for lesions as they were (`KeptValues`).

        Parameters
        ----------
        labels
            uint16 on the grid.

        Returns
        -------
        pandas.DataFrame
            Indexed by number, with the columns; lesions that are not in it have no value.
        """


@dataclass(frozen=True, eq=False)
class KeptValues:
    """Values that were computed for lesions as they were: a lesion has its value while its voxels stay.

    Attributes
    ----------
    columns
        As of `LateColumns`.
    labels
        The lesions as they were, whole numbers on the grid.
    table
        Their values, indexed by number.
    """

    columns: Mapping[str, MeasureColumn]
    labels: np.ndarray
    table: pd.DataFrame

    @cached_property
    def _before(self) -> np.ndarray:
        """Voxels of each lesion as it was, by number."""
        return np.bincount(self.labels.ravel()[np.flatnonzero(self.labels != 0)].astype(int), minlength=1)

    def values(self, labels: np.ndarray) -> pd.DataFrame:
        """Of those lesions that have the voxels that they had; their numbers may have changed."""
        where = np.flatnonzero(labels != 0)  # fifteen times as fast as of integers
        now, then = labels.ravel()[where].astype(int), self.labels.ravel()[where].astype(int)
        voxels = np.bincount(now, minlength=1)
        was = np.zeros(len(voxels), int)
        was[now] = then  # of one of its voxels; the others must have been of the same lesion
        same = np.bincount(now[then == was[now]], minlength=len(voxels))
        unchanged = (was > 0) & (same == voxels) & (voxels == self._before[was])
        numbers = np.flatnonzero(unchanged & np.isin(was, self.table.index))
        return self.table.loc[was[numbers]].set_axis(numbers)


def with_late_columns(lesions: Lesions, late: Iterable[LateColumns]) -> Lesions:
    """Lesions with further columns in both tables; those that a table has already are replaced.

    Parameters
    ----------
    lesions
        At a threshold.
    late
        What is known by now.
    """
    for each in late:
        names = [*each.columns]
        tables = [
            table.drop(columns=names, errors="ignore").join(each.values(labels)[names], on="label")
            for table, labels in (
                (lesions.table, lesions.labels),
                (lesions.candidate_table, lesions.candidates),
            )
        ]
        known = {**lesions.late, **each.columns}
        lesions = replace(lesions, table=tables[0], candidate_table=tables[1], late=known)
    return lesions
