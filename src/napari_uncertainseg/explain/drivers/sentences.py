"""What the statistics say, in one plain sentence for each thing."""

from __future__ import annotations

import numpy as np

from napari_uncertainseg.explain.drivers.definitions import GROUPS, PLACES, driver_of
from napari_uncertainseg.explain.drivers.design import IN, group_of_number
from napari_uncertainseg.explain.drivers.doubt_drivers import DoubtDrivers

_LISTED = 0.05
"""Groups with a smaller share are not named among those that doubt goes with."""


def describe(found: DoubtDrivers) -> str:
    """Whether doubt goes with anything, with what, how much of it, and what is left."""
    value, low, high = found.r2
    judged = (
        f"in patients left out the drivers explain {value:.0%} of its variance (95 % interval {low:.0%} to "
        f"{high:.0%}; after permuting {found.null[0]:.0%} to {found.null[1]:.0%}, p {_p(found.p)})"
    )
    if not found.is_finding:
        return f"There is no evidence that '{found.measure}' goes with any of the drivers: {judged}."
    rows = found.groups.sort_values("share", ascending=False, kind="stable")
    sure = [
        str(name) for name, row in rows.iterrows() if row["importance_low"] > 0 and row["share"] >= _LISTED
    ]
    parts = [
        f"{GROUPS[name]} ({direction(found, name)}: share {rows.loc[name, 'share']:.0%})" for name in sure
    ]
    none = [GROUPS[str(name)] for name in rows.index if name not in sure]
    with_what = " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
    said = (
        f"'{found.measure}' goes with {with_what}"
        if parts
        else f"What '{found.measure}' goes with is unclear"
    )
    missing = f"; no evidence for {', '.join(none)}" if none else ""
    return f"{said}{missing}. {judged[0].upper()}{judged[1:]}."


def direction(found: DoubtDrivers, group: str) -> str:
    """Which lesions of a group of drivers are the doubtful ones, such as "small"."""
    own = {name: one for name, one in found.model.weights.items() if group_of_number(name) == group}
    if not own:
        return "no direction"
    name = max(own, key=lambda one: abs(own[one].leads))
    up = own[name].leads > 0
    if name.startswith(IN):
        words = PLACES[name.removeprefix(IN)]
        return words if up else f"not {words}"
    driver = driver_of(name)
    return driver.high if up else driver.low


def validity(found: DoubtDrivers | None) -> str:
    """How far shares can be trusted; "" if nothing was fitted."""
    if found is None:
        return ""
    value = found.r2[0]
    words = "well" if value >= 0.5 else "in part" if value >= 0.2 else "poorly" if value > 0 else "not at all"
    return f"The drivers explain the doubt of other patients {words} (R2 {value:.2f})."


def _p(value: float) -> str:
    return f"{value:.2g}" if np.isfinite(value) else "not known"
