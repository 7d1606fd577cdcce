"""Why one lesion is doubtful: a short list for the window, from a fitted model or from the case alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from napari_uncertainseg.explain.drivers.definitions import (
    GROUPS,
    PLACE,
    PLACES,
    UNKNOWN,
    driver_columns,
    driver_of,
)
from napari_uncertainseg.explain.drivers.design import IN, group_of_number
from napari_uncertainseg.explain.drivers.model import DoubtModel, grouped
from napari_uncertainseg.explain.drivers.sentences import listed, percent

LEAST_SHARE = 0.05
"""Drivers with less of the doubt are not listed."""
_AVERAGE = 0.4
"""Deviations from the mean within which a lesion is called average."""
_EXTREME = 0.2
"""Without a model: the share of the case's lesions, at either end, that is worth a word."""
_SHOWN = {"size": "volume_mm3"}
"""By group, the column whose number is shown, whichever of the group leads."""
_FEWEST = 5
"""Lesions that a case needs for one of them to be called small."""


@dataclass(frozen=True)
class Reason:
    """One thing about a lesion that its doubt goes with.

    Attributes
    ----------
    driver
        One of `GROUPS`.
    share
        Of all that the drivers add to, or take from, this lesion's doubt, 0 to 1; NaN without a model.
    raises
        Whether it makes the lesion more doubtful than an average one, or less; None without a model.
    words
        Such as ``"small"``, ``"at the cortex"``.
    value
        The number behind it with its unit, such as ``"14 mm3"``; empty for a place.
    column
        The column of the table that the words are about.
    """

    driver: str
    share: float
    raises: bool | None
    words: str
    value: str
    column: str


@dataclass(frozen=True, eq=False)
class CaseDrivers:
    """The drivers of the lesions of a case, ready to be asked about each lesion.

    Attributes
    ----------
    table
        As `measure_drivers` makes it, by the lesions' numbers.
    model
        Fitted; None where there is none, and only facts can be told.
    measure
        The doubt that the model is of, a column of the list of lesions; empty without a model.
    basis
        What the shares rest on and how well the model explains doubt, or why there are none; for a tooltip.
    drawn
        Numbers of lesions that a human drew: there is no doubt of the model to share out.
    """

    table: pd.DataFrame
    model: DoubtModel | None
    measure: str
    basis: str
    drawn: frozenset[int] = frozenset()

    def reasons(self, number: int) -> tuple[Reason, ...]:
        """What makes a lesion doubtful, then what makes it sure, the larger share first.

        Without a model, or of a drawn lesion: in what it differs from most lesions of the case, the most
        unusual first.

        Raises
        ------
        KeyError
            If the table has no lesion of that number.
        """
        row = self.table.loc[[number]]
        if self.model is None or number in self.drawn:
            return _facts(self.table, row)
        return _shares(self.model, row)

    def sentence(self, number: int) -> str:
        """The same as a sentence, such as "More doubtful because small (61 %); less because round (9 %)."."""
        found = self.reasons(number)
        if self.model is None or number in self.drawn:
            words = listed([one.words for one in found])
            return (
                f"In this case it stands out as {words}."
                if words
                else "It is like most lesions of this case."
            )
        up = listed([f"{one.words} ({percent(one.share)})" for one in found if one.raises])
        down = listed([f"{one.words} ({percent(one.share)})" for one in found if not one.raises])
        if up and down:
            return f"More doubtful because {up}; less because {down}."
        if up or down:
            return f"{'More' if up else 'Less'} doubtful because {up or down}."
        return "It is average in all that doubt goes with."


def _shares(model: DoubtModel, row: pd.DataFrame) -> tuple[Reason, ...]:
    own, values = model.contributions(row), model.values(row).iloc[0]
    added = grouped(own).iloc[0]
    total = float(added.abs().sum())
    found = []
    for driver, amount in added.items():
        share = abs(float(amount)) / total if total else 0.0
        if share < LEAST_SHARE:
            continue
        group = [name for name in own.columns if group_of_number(name) == driver]
        # One that is not known, such as the contrast on a scan that is not there, is no reason.
        columns = [name for name in group if own[name].iloc[0]]
        way = float(np.sign(amount))
        leading = max(columns, key=lambda name: way * float(values[name]) * model.weights[name].leads)
        words, value, column = _words(row.iloc[0], leading, float(values[leading]))
        found.append(Reason(str(driver), share, bool(amount > 0), words, value, column))
    return tuple(sorted(found, key=lambda one: (not one.raises, -one.share)))


def _words(lesion: pd.Series, name: str, z: float) -> tuple[str, str, str]:
    """Words, value and column of what a column of the design says of a lesion."""
    if name.startswith(IN):
        return PLACES.get(str(lesion[PLACE]), "in an unknown place"), "", PLACE
    driver = driver_of(name)
    words = driver.high if z > 0 else driver.low
    if abs(z) < _AVERAGE:
        words = "at a usual distance" if driver.group == PLACE else f"of average {GROUPS[driver.group]}"
    shown = _SHOWN.get(driver.group, name)  # a reader knows volumes, not surfaces
    shown = shown if shown in lesion.index else name
    return words, _value(lesion[shown], driver_of(shown).unit), shown


def _value(number: float, unit: str) -> str:
    if not np.isfinite(number):
        return "not known"
    digits = f"{number:.0f}" if abs(number) >= 100 or number == round(number) else f"{number:.2g}"
    return f"{digits} {unit}".strip()


def _facts(table: pd.DataFrame, row: pd.DataFrame) -> tuple[Reason, ...]:
    """In what a lesion is unusual among those of its case."""
    nan, lesion, best = float("nan"), row.iloc[0], dict[str, tuple[float, Reason]]()
    place = str(lesion.get(PLACE, UNKNOWN))
    if place in PLACES and place != next(iter(PLACES)):
        best["place"] = (0.0, Reason("place", nan, None, PLACES[place], "", PLACE))
    for name in driver_columns(list(table.columns)):
        if name == PLACE or len(table) < _FEWEST:
            continue
        driver, own = driver_of(name), float(lesion[name])
        values = table[name].to_numpy(float)
        values = values[np.isfinite(values)]
        if not np.isfinite(own) or values.min() == values.max():
            continue
        below, above = float((values < own).mean()), float((values > own).mean())
        rarity = min(below, above) + (1 - below - above) / 2  # of equals, half
        words = driver.low if below < above else driver.high
        found = Reason(driver.group, nan, None, words, _value(own, driver.unit), name)
        if rarity <= _EXTREME and rarity < best.get(driver.group, (1.0, None))[0]:
            best[driver.group] = (rarity, found)
    order = list(GROUPS)
    return tuple(
        one for _, one in sorted(best.values(), key=lambda two: (two[0], order.index(two[1].driver)))
    )
