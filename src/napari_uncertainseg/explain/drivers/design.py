"""From the table of drivers to the numbers that a linear model reads, and their scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from napari_uncertainseg.explain.drivers.definitions import (
    PLACE,
    PLACES,
    UNKNOWN,
    driver_columns,
    driver_of,
    group_of,
)

IN = "place: "
"""Before the place, in the name of a number that is 1 for the lesions that lie there."""
_BASE = next(iter(PLACES))
"""The place that the others are compared with."""
_CONSTANT = 1e-9
"""What differs by a smaller share of its size is constant."""


def design(table: pd.DataFrame) -> pd.DataFrame:
    """The numbers of each lesion.

    Parameters
    ----------
    table
        As `measure_drivers` makes it.

    Returns
    -------
    pandas.DataFrame
        float64, a column for each driver, some as logarithms, and one for each place but the first of
        `PLACES`: 1 there, 0 elsewhere, NaN where the place is unknown. NaN is what is not known.
    """
    found: dict[str, np.ndarray] = {}
    for name in driver_columns(list(table.columns)):
        if name == PLACE:
            own = table[PLACE].astype(object)
            known = ((own != UNKNOWN) & own.notna()).to_numpy()
            for place in PLACES:
                if place != _BASE:
                    found[IN + place] = np.where(known, (own == place).to_numpy(float), np.nan)
            continue
        values = table[name].to_numpy(float)
        values = np.where(np.isfinite(values), values, np.nan)
        found[name] = np.log1p(values) if driver_of(name).logarithmic else values
    return pd.DataFrame(found, index=table.index)


def is_number(name: str) -> bool:
    """Whether `design` may have a column of this name."""
    if name.startswith(IN):
        return name.removeprefix(IN) in PLACES
    return name != PLACE and bool(driver_columns([name]))


def group_of_number(name: str) -> str:
    """The group of a column of `design`."""
    return group_of(PLACE if name.startswith(IN) else name)


def title_of_number(name: str) -> str:
    """What a column of `design` is called, with its unit; a place by its name."""
    if name.startswith(IN):
        return name.removeprefix(IN)
    known = driver_of(name)
    return f"{known.title}, {known.unit}" if known.unit else known.title


@dataclass(frozen=True, eq=False)
class Scale:
    """Means and deviations of the lesions that something was fitted on.

    Attributes
    ----------
    centre, unit
        float64 (columns,). The unit of a column that is constant, or unknown for all, is infinite: it is 0
        for every lesion, so that it counts for nothing.
    """

    centre: np.ndarray
    unit: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray) -> Scale:
        """Of the known values in each column; float64 (lesions, columns)."""
        known = ~np.isnan(values)
        number = np.maximum(known.sum(0), 1)
        centre = np.where(known, values, 0.0).sum(0) / number
        unit = np.sqrt((np.where(known, values - centre, 0.0) ** 2).sum(0) / number)
        return cls(centre, np.where(unit > _CONSTANT * np.maximum(np.abs(centre), 1e-12), unit, np.inf))

    def apply(self, values: np.ndarray) -> np.ndarray:
        """In deviations from the mean; what is not known counts as the mean."""
        return np.nan_to_num((values - self.centre) / self.unit)


def groups_of(names: Sequence[str]) -> dict[str, np.ndarray]:
    """Positions of the columns of each group, by its name, in the order of the columns."""
    groups = [group_of_number(name) for name in names]
    return {one: np.flatnonzero([group == one for group in groups]) for one in dict.fromkeys(groups)}
