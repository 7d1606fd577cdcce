"""What the statistics say, in plain sentences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from napari_uncertainseg.explain.drivers.definitions import GROUPS, PLACES, driver_of
from napari_uncertainseg.explain.drivers.design import IN, group_of_number
from napari_uncertainseg.explain.drivers.statistics.doubt_drivers import DoubtDrivers

_LISTED = 0.05
"""Groups with a smaller share are not named among those that doubt goes with."""
_BETWEEN = 0.2
"""Where R2 is above this and lesions of a patient are not told apart, it is patients that differ."""


def describe(found: DoubtDrivers) -> str:
    """Whether doubt goes with anything, with what, and how much of it is told by that."""
    within, low, high = found.within
    judged = (
        f"in patients left out the drivers tell {percent(within)} of how the lesions of a patient differ "
        f"(95 % interval {percent(low)} to {percent(high)}; by chance {percent(found.null[0])} to "
        f"{percent(found.null[1])}, p {found.p:.2g}), and {percent(found.r2[0])} of all differences"
    )
    if not found.is_finding:
        more = (
            " It differs between patients or scanners more than within them, and so few cannot tell by what."
            if found.r2[1] > _BETWEEN
            else ""
        )
        return f"There is no evidence that '{found.measure}' goes with any of the drivers: {judged}.{more}"
    named, others = groups_with_evidence(found)
    parts = [
        f"{GROUPS[name]} ({direction(found, name)}; share {percent(found.groups.loc[name, 'share'])})"
        for name in named
    ]
    said = f"goes with {listed(parts)}" if parts else "goes with no single group of drivers"
    none = f"; no evidence for {listed([GROUPS[name] for name in others], 'or')}" if others else ""
    scanner = " Slice thickness cannot be told from what else differs between scanners."
    end = scanner if "slices" in named else ""
    return f"'{found.measure}' {said}{none}. {judged[0].upper()}{judged[1:]}.{end}"


def groups_with_evidence(found: DoubtDrivers) -> tuple[list[str], list[str]]:
    """Groups that doubt goes with, the largest share first, and all others.

    Named are those whose importance lies above 0 with all of its interval, and whose share is 5 % or more.
    """
    rows = found.groups.sort_values("share", ascending=False, kind="stable")
    sure = (rows["importance_low"] > 0) & (rows["share"] >= _LISTED)
    return [str(name) for name in rows.index[sure]], [str(name) for name in rows.index[~sure]]


def direction(found: DoubtDrivers, group: str) -> str:
    """Which lesions are the doubtful ones by a group of drivers, such as "small"."""
    own = {name: one for name, one in found.model.weights.items() if group_of_number(name) == group}
    if not own:
        return "in no direction"
    name = max(own, key=lambda one: abs(own[one].leads))
    up = own[name].leads > 0
    if name.startswith(IN):
        words = PLACES[name.removeprefix(IN)]
        return words if up else f"not {words}"
    driver = driver_of(name)
    return driver.high if up else driver.low


def percent(value: float) -> str:
    """A share in words, without a sign before 0."""
    if not np.isfinite(value):
        return "an unknown share"
    return f"{100 * value:.0f} %".replace("-0 %", "0 %")


def listed(words: Sequence[str], joined: str = "and") -> str:
    """Words with commas, and the last one with another word before it."""
    return f" {joined} ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
