"""The tables of a recalibration: what it gives on hospitals that were left out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from comparing import table, with_interval
from fitted_lines import Fitted, TriedRule, by_patient, common_loss, held_out_lines, without
from left_out import LeftOut
from logit_fit import REGIONS, Line, ace, ace_of_map, fit_line, fit_map
from outlines import Rule
from sources import cell

from napari_uncertainseg.calibration.recalibration import Kind

MAPS: tuple[Kind, ...] = ("beta", "isotonic")
"""Of the members' mean, more supple than a line in their logits: to compare with."""


def by_source(found: Sequence[LeftOut], values: Sequence[float]) -> dict[str, str]:
    """A cell of a table for each source, and the mean of the sources."""
    patients = by_patient(found, values)
    cells = {str(s): cell(own["value"].tolist()) for s, own in patients.groupby("source", sort=False)}
    mean = patients.groupby("source")["value"].mean().mean()
    return cells | {"mean of sources": f"{mean:.3f}"}


def regions(found: Sequence[LeftOut]) -> str:
    """ACE on the hospital left out by region of the fit, with and without a shift."""
    rows = [["as it is", "-", "-", *by_source(found, [ace(one) for one in found]).values()]]
    for region in REGIONS:
        for shifted in (False, True):

            def fit(own: Sequence[LeftOut], region: str = region, shifted: bool = shifted) -> Line:
                return fit_line(own, region, shifted=shifted)

            all_of_them, lines = fit(found), held_out_lines(found, fit)
            values = [ace(one, line) for one, line in zip(found, lines, strict=True)]
            numbers = [f"{all_of_them.temperature:.2f}", f"{all_of_them.shift:.2f}"]
            rows.append([region, *numbers, *by_source(found, values).values()])
    for kind in MAPS:
        maps = {h: fit_map(without(found, h), kind) for h in {one.hospital for one in found}}
        values = [ace_of_map(one, maps[one.hospital]) for one in found]
        rows.append([f"bins, {kind}", "-", "-", *by_source(found, values).values()])
    names = by_source(found, [0.0] * len(found))
    return table(["fitted on", "temperature", "shift", *(f"ACE, {n}" for n in names)], rows)


def before_and_after(fitted: Sequence[Fitted]) -> str:
    """By source: ACE as it is, by the line of left-out sources, and by that of sources seen.

    On a left-out source the first was fitted without its hospital. On one that was seen, the other was fitted
    on its own patients, whom the network was trained on, too: it is at its best.
    """
    rows = []
    for one in fitted:
        for name, found, left_out in (
            ("left out", one.found, one.held_out),
            ("seen", one.seen, [one.line] * len(one.seen)),
        ):
            if found:
                columns = (
                    by_source(found, [ace(scan) for scan in found]),
                    by_source(found, [ace(scan, line) for scan, line in zip(found, left_out, strict=True)]),
                    by_source(found, [ace(scan, one.seen_line) for scan in found]),
                )
                for source in columns[0]:
                    cells = [column[source] for column in columns]
                    cells = cells if one.seen else [*cells[:2], "-"]
                    rows.append([one.method, one.inputs, f"{source}, {name}", *cells])
    titles = ["ACE as it is", "by the line of left-out sources", "by the line of sources seen"]
    return table(["method", "inputs", "source", *titles], rows)


def own_or_common(fitted: Sequence[Fitted]) -> str:
    """Whether each method and kind of inputs gains by a line of its own over the first one's."""
    rows = []
    for one in fitted[1:]:
        gain = common_loss(fitted[0], one)
        rows.append([one.method, one.inputs, with_interval(gain), "yes" if gain[1] > 0 else "no"])
    return table(["method", "inputs", "ACE less by a line of its own", "by more than noise"], rows)


def rules_table(fitted: Fitted, tried: Sequence[TriedRule]) -> str:
    """What each kind of rule for outlines gives on left-out hospitals."""
    rows = []
    for one in tried:
        dice, f1 = (
            by_source(fitted.found, [getattr(agreement, what) for agreement in one.reached])
            for what in ("dice", "f1")
        )
        cells = [f"{dice[source]} / {f1[source]}" for source in dice]
        rows.append([one.kind, _words(one.best), *cells, with_interval(one.gain)])
    names = by_source(fitted.found, [0.0] * len(fitted.found))
    titles = ["outlines by", "fitted on all", *(f"Dice / F1, {n}" for n in names), "better than its own"]
    return table(titles, rows)


def _words(rule: Rule) -> str:
    words = f"{rule.threshold:.2f}, from {rule.min_volume:g} mm3"
    if rule.peak > rule.threshold:
        below = "" if np.isinf(rule.large) else f" below {rule.large:g} mm3"
        words += f", {rule.peak:.2f} somewhere{below}"
    return words
