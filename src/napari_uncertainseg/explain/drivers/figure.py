"""The figure of the drivers: correlations of each and shares of their groups, for some measures of doubt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from napari_uncertainseg._base import InputError
from napari_uncertainseg.explain.drivers.definitions import GROUPS
from napari_uncertainseg.explain.drivers.design import group_of_number, title_of_number
from napari_uncertainseg.explain.drivers.statistics.doubt_drivers import DoubtDrivers
from napari_uncertainseg.figures import can_draw
from napari_uncertainseg.uncertainty.lesion_columns import COLUMNS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_BLUE, _GREY = "#1f4fa8", "0.62"


def drivers_figure(found: Sequence[DoubtDrivers]) -> Figure:
    """A column for each measure: above Spearman's correlations, below the shares of the groups.

    Dots are blue where the interval leaves 0 out. Bars are blue for groups whose importance lies above 0 with
    all of its interval.

    Parameters
    ----------
    found
        At least one, of the same lesions.

    Raises
    ------
    InputError
        If matplotlib is not installed.
    """
    if not can_draw():
        raise InputError("Figures need matplotlib, which is not installed: pip install matplotlib.")
    from matplotlib.figure import Figure

    drivers = [
        name
        for name in found[0].correlations.index
        if any(one.correlations.loc[name, "lesions"] for one in found)
    ]
    groups = [name for name in GROUPS if any(name in one.groups.index for one in found)]
    figure = Figure(
        figsize=(2.2 + 2.3 * len(found), 1.6 + 0.24 * (len(drivers) + len(groups))), layout="constrained"
    )
    axes = figure.subplots(
        2, len(found), sharey="row", squeeze=False, height_ratios=(len(drivers), len(groups))
    )
    for number, one in enumerate(found):
        above, below = axes[:, number]
        _correlations(above, one, drivers)
        _shares(below, one, groups)
        above.set_title(f"{title(one.measure)}\n{_said(one)}", fontsize=9)
    return figure


def title(measure: str) -> str:
    """What a measure of doubt is called."""
    return COLUMNS[measure].title if measure in COLUMNS else measure.replace("_", " ")


def _said(one: DoubtDrivers) -> str:
    found = f"R² {one.r2[0]:.2f}, within patients {one.within[0]:.2f}"
    chance = f"{one.null[1]:.2f}".replace("-0.00", "0.00")
    return f"{found}\n(chance to {chance}, p {one.p:.2g})"


def _correlations(axes: Axes, one: DoubtDrivers, drivers: Sequence[str]) -> None:
    rows = one.correlations.loc[list(drivers)]
    places = np.arange(len(drivers))[::-1]
    axes.axvline(0, color="0.8", linewidth=1, zorder=0)
    before = ""
    for place, (name, row) in zip(places, rows.iterrows(), strict=True):
        group = group_of_number(str(name))
        if before and group != before:
            axes.axhline(place + 0.5, color="0.9", linewidth=0.8, zorder=0)
        before = group
        sure = row["low"] > 0 or row["high"] < 0
        colour = _BLUE if sure else _GREY
        axes.plot([row["low"], row["high"]], [place, place], color=colour, linewidth=1.5)
        axes.plot([row["rho"]], [place], "o", color=colour, markersize=4)
    axes.set(xlim=(-1, 1), ylim=(-0.6, len(drivers) - 0.4), xlabel="Spearman's correlation")
    axes.set_yticks(places, [title_of_number(name) for name in drivers], fontsize=8)
    axes.tick_params(axis="x", labelsize=8)


def _shares(axes: Axes, one: DoubtDrivers, groups: Sequence[str]) -> None:
    places = np.arange(len(groups))[::-1]
    for place, group in zip(places, groups, strict=True):
        if group not in one.groups.index:
            continue
        row = one.groups.loc[group]
        sure = one.is_finding and row["importance_low"] > 0
        axes.barh(place, row["share"], color=_BLUE if sure else _GREY, height=0.65)
        axes.plot([row["share_low"], row["share_high"]], [place, place], color="0.2", linewidth=1)
    axes.set(xlim=(0, 1), ylim=(-0.6, len(groups) - 0.4), xlabel="share of what is told")
    axes.set_yticks(places, [GROUPS[name] for name in groups], fontsize=8)
    axes.tick_params(axis="x", labelsize=8)
