"""The charts of stability: heat tables of distances, agreement with intervals, and what moves what."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from napari_uncertainseg.audit.pages.svg import (
    box,
    chart,
    colour,
    dot,
    frame,
    line,
    name,
    name_width,
    ring,
    text,
)
from napari_uncertainseg.audit.stability.analysis import MeasuredStability
from napari_uncertainseg.audit.stability.changes import Change
from napari_uncertainseg.audit.stability.reliability import Estimate

_ROW, _PLOT, _TOP = 24.0, 320.0, 8.0
_CELL = (58.0, 30.0)
_WIDE = 92.0
_GROUPS = {"lesions": 0, "doubt": 1, "radiomics": 2, "agreement": 6}


def matrix(
    names: Sequence[str], mean: np.ndarray, deviation: np.ndarray, what: str, *, near_is_low: bool
) -> Markup:
    """Distances two and two: below the diagonal the mean, above it the standard deviation over people.

    The darker, the further apart.
    """
    left, (wide, high) = name_width(names) + 30, _CELL
    off = ~np.eye(len(names), dtype=bool) & np.isfinite(mean)
    low, top = (float(mean[off].min()), float(mean[off].max())) if off.any() else (0.0, 1.0)
    parts: list[Markup] = []
    for i, row in enumerate(names):
        y = _TOP + high * i
        parts += [
            name(left - 34, y + high / 2 + 4, row),
            text(left - 6, y + high / 2 + 4, f"({i + 1})", anchor="end"),
        ]
        parts.append(text(left + wide * (i + 0.5), _TOP + high * len(names) + 16, f"({i + 1})"))
        for j, column in enumerate(names):
            x = left + wide * j
            if i == j:
                parts.append(box(x, y, wide, high, "rgba(127,127,127,0.25)"))
                continue
            share = (mean[i, j] - low) / (top - low) if top > low else 0.0
            dark = share if near_is_low else 1 - share
            said = f"{what}, {row} and {column}: {_short(mean[i, j])}, SD {_short(deviation[i, j])}"
            fill = f"rgba(31,79,168,{0.06 + 0.5 * dark:.2f})" if math.isfinite(mean[i, j]) else "none"
            parts += [box(x, y, wide, high, fill, said), frame(x, y, wide, high)]
            shown = (
                _short(mean[i, j])
                if j < i
                else f"±{_short(deviation[i, j])}"
                if math.isfinite(deviation[i, j])
                else ""
            )
            parts.append(text(x + wide / 2, y + high / 2 + 4, shown, size=11))
    return chart(parts, left + wide * len(names) + 16, _TOP + high * len(names) + 26, what)


def _short(value: float) -> str:
    if not math.isfinite(value):
        return "–"  # noqa: RUF001
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3f}" if abs(value) < 1 else f"{value:.2f}"


def agreement(measured: Sequence[MeasuredStability], title: str) -> Markup:
    """ICC(2,1) of each measure as a dot with its interval, ICC(3,1) as a ring; the dashed line is 0.75."""
    known = [one for one in measured if one.agreement and one.agreement.icc2.known]
    left = name_width([one.measure.title for one in known] or [""]) + 8

    def at(value: float) -> float:
        return left + _PLOT * min(1.0, max(0.0, value))

    bottom = _TOP + _ROW * len(known)
    parts = [
        frame(left, _TOP, _PLOT, _ROW * len(known)),
        line([(at(0.75), _TOP), (at(0.75), bottom)], dashes="4 4"),
    ]
    parts += [text(at(t), bottom + 17, f"{t:g}") for t in (0, 0.25, 0.5, 0.75, 1)]
    parts.append(text(left + _PLOT / 2, bottom + 34, "dot and line: ICC(2,1), 95 %; ring: ICC(3,1)"))
    for row, one in enumerate(known):
        y = _TOP + _ROW * (row + 0.5)
        icc2, icc3 = one.agreement.icc2, one.agreement.icc3  # type: ignore[union-attr]
        shade = colour(_GROUPS.get(one.measure.group, 7))
        said = f"{one.measure.title}: ICC(2,1) {_whole(icc2)}, ICC(3,1) {_whole(icc3)}"
        parts += [
            name(left - 10, y + 4, one.measure.title),
            line([(at(icc2.low), y), (at(icc2.high), y)], shade, width=2),
        ]
        parts += [dot(at(icc2.value), y, 5, shade, said), ring(at(icc3.value), y, 7)]
    return chart(parts, left + _PLOT + 24, bottom + 42, title)


def _whole(one: Estimate) -> str:
    return f"{one.value:.2f} ({one.low:.2f} to {one.high:.2f})"


def moves(changes: Sequence[Change], title: str) -> Markup:
    """Mean change of each measure, % of the first acquisition. A star: the interval leaves 0 out."""
    rows = list(dict.fromkeys(one.acquisition for one in changes))
    columns = list(dict.fromkeys(one.measure.title for one in changes))
    left, high, head = name_width(rows) + 4, 28.0, 64.0
    parts: list[Markup] = []
    for j, column in enumerate(columns):
        for k, words in enumerate(_in_lines(column)):
            parts.append(text(left + _WIDE * (j + 0.5), 14 + 14 * k, words, size=11))
    parts += [name(left - 10, head + high * (i + 0.5) + 4, row) for i, row in enumerate(rows)]
    for one in changes:
        x = left + _WIDE * columns.index(one.measure.title)
        y = head + high * rows.index(one.acquisition)
        value = one.relative.value
        parts += [box(x, y, _WIDE, high, _diverging(value), _change_in_words(one)), frame(x, y, _WIDE, high)]
        shown = f"{100 * value:+.0f} %{'*' if one.shown else ''}" if math.isfinite(value) else "–"  # noqa: RUF001
        parts.append(text(x + _WIDE / 2, y + high / 2 + 4, shown, size=11))
    return chart(parts, left + _WIDE * len(columns) + 16, head + high * len(rows) + 10, title)


def _in_lines(title: str) -> list[str]:
    """Words of a title in up to four short lines."""
    lines = [""]
    for word in title.split():
        if lines[-1] and len(lines[-1]) + len(word) > 12 and len(lines) < 4:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def _diverging(value: float) -> str:
    """Blue for less, orange for more, of 50 % and beyond in full."""
    if not math.isfinite(value):
        return "none"
    share = min(1.0, abs(value) / 0.5)
    return f"rgba({'213,94,0' if value > 0 else '0,114,178'},{0.65 * share:.2f})"


def _change_in_words(one: Change) -> str:
    low, high = one.signed.low, one.signed.high
    span = f", {low:.3g} to {high:.3g}" if math.isfinite(low) else ""
    unit = f" {one.measure.unit}" if one.measure.unit else ""
    return f"{one.acquisition}, {one.measure.title}: {one.signed.value:+.3g}{unit}{span}, {one.people} people"
