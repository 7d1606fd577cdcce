"""The charts of the sheet: retention curves, poor cases left, reliability, and cases as dots."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from napari_uncertainseg.audit.challenge.retained import Compared, cases_retained, poor_left
from napari_uncertainseg.audit.challenge.sheet import IN, OUT, Sheet
from napari_uncertainseg.audit.pages.svg import chart, colour, dot, frame, line, name, name_width, text
from napari_uncertainseg.calibration.dataset import join
from napari_uncertainseg.uncertainty.retention import RetentionCurve

_WIDE, _TALL, _LEFT, _TOP = 420.0, 240.0, 56.0, 10.0
_ROW = 26.0
_OURS = ("f1",)
"""Curves of which nothing was published to compare with."""
_SEEN = 0.002
"""Two lines closer than this look like one."""
_IDEAL, _RANDOM, _PUBLISHED = colour(2), colour(6), colour(1)


@dataclass(frozen=True, eq=False)
class _Line:
    """A line of a chart: its name, points, colour and dashes."""

    name: str
    x: np.ndarray
    y: np.ndarray
    colour: str
    dashes: str = "none"


def curve_of_cases(sheet: Sheet, curve: str, words: str) -> Markup | None:
    """Mean over the cases of a curve (`CaseScores.curves`), beside ideal and random order.

    Parameters
    ----------
    sheet
        With the cases.
    curve
        Its name.
    words
        What the height is.

    Returns
    -------
    None where no case has it.
    """
    found = [one.curves[curve] for one in sheet.cases if curve in one.curves]
    if not found:
        return None

    def mean(which: Callable[[Compared], RetentionCurve]) -> tuple[np.ndarray, np.ndarray]:
        return which(found[0]).fractions, np.mean([which(one).values for one in found], axis=0)

    at, published = mean(lambda c: c.published)
    mended = mean(lambda c: c.curve)[1]
    lines = [
        _Line("random order", *mean(lambda c: c.random), _RANDOM),
        _Line("ideal order", *mean(lambda c: c.ideal), _IDEAL),
    ]
    if curve not in _OURS and np.abs(published - mended).max() > _SEEN:
        lines.append(_Line("by doubt, as published", at, published, _PUBLISHED, "5 3"))
        lines.append(_Line("by doubt, mended", at, mended, colour(0)))
    else:
        both = "by doubt" if curve in _OURS else "by doubt, published and mended alike"
        lines.append(_Line(both, at, mended, colour(0)))
    return _lines(lines, "share kept, the least doubtful first", words, f"{words}: retention")


def curve_of_cohort(sheet: Sheet) -> Markup:
    """Mean Dice as the most doubtful cases are segmented perfectly, by both doubts."""
    dice = np.array([one.dice for one in sheet.cases])
    lines: list[_Line] = []
    for i, (words, doubt) in enumerate(_doubts(sheet)):
        known = np.isfinite(doubt)
        if not known.any():
            continue
        found = cases_retained(doubt[known], dice[known])
        if not lines:
            lines += [
                _Line("random order", found.random.fractions, found.random.values, _RANDOM),
                _Line("ideal order", found.ideal.fractions, found.ideal.values, _IDEAL),
            ]
        lines.append(_Line(f"by {words}", found.curve.fractions, found.curve.values, colour((0, 3)[i])))
    return _lines(lines, "share of cases kept", "mean Dice", "retention of cases")


def poor_cases_left(sheet: Sheet) -> Markup | None:
    """Share of the poor cases that is left by the share that is discarded; None where none is poor."""
    poor = np.array([one.dice for one in sheet.cases]) < sheet.setting.poor
    lines: list[_Line] = []
    for i, (words, doubt) in enumerate(_doubts(sheet)):
        known = np.isfinite(doubt)
        left = poor_left(doubt[known], poor[known]) if known.any() else None
        if left is None:
            continue
        if not lines:
            lines += [
                _Line("random order", 1 - left.random.fractions, left.random.values, _RANDOM),
                _Line("ideal order", 1 - left.ideal.fractions, left.ideal.values, _IDEAL),
            ]
        lines.append(_Line(f"by {words}", 1 - left.curve.fractions, left.curve.values, colour((0, 3)[i])))
    if not lines:
        return None
    return _lines(lines, "share of cases discarded", "share of poor cases left", "poor cases left")


def _doubts(sheet: Sheet) -> tuple[tuple[str, np.ndarray], ...]:
    return (
        ("PSU", np.array([one.psu for one in sheet.cases])),
        ("mean entropy", np.array([one.entropy for one in sheet.cases])),
    )


def reliability_chart(sheet: Sheet) -> Markup:
    """Observed share of lesion by probability, 30 bins over the brain; in and out of the domain if told."""
    groups = sheet.groups or {"all cases": np.ones(len(sheet.cases), bool)}
    words = {IN: "in the domain", OUT: "out of the domain"}
    lines = [_Line("calibrated", np.array([0.0, 1.0]), np.array([0.0, 1.0]), _RANDOM, "2 3")]
    for i, (group, members) in enumerate(groups.items()):
        found = join([one.bins for one, inside in zip(sheet.cases, members, strict=True) if inside])
        filled = found.count > 0
        lines.append(
            _Line(words.get(group, group), found.mean_probability[filled], found.fraction[filled], colour(i))
        )
    return _lines(lines, "probability", "share of lesion", "reliability", (0.0, 1.0))


def dots_of_cases(sheet: Sheet, rows: Sequence[tuple[str, str]], by_group: bool = False) -> Markup:
    """Each case as a dot, a row for each measure, or for each group by one measure.

    Parameters
    ----------
    sheet
        With the cases.
    rows
        Title and `Measure.key`.
    by_group
        A row for each group of the cases instead; the first measure counts.
    """
    found: list[tuple[str, list[tuple[str, float]], int]] = []
    if by_group:
        key = rows[0][1]
        groups = list(dict.fromkeys(one.case.group for one in sheet.cases))
        groups.sort(key=lambda group: group not in sheet.setting.inside)
        for group in groups:
            inside = group in sheet.setting.inside
            own = [_dot(one, key) for one in sheet.cases if one.case.group == group]
            found.append((f"{'in' if inside else 'out'}: {group}", own, 0 if inside else 1))
    else:
        found = [(title, [_dot(one, key) for one in sheet.cases], i) for i, (title, key) in enumerate(rows)]
    return _dots(found, rows[0][0])


def _dot(one: object, key: str) -> tuple[str, float]:
    return one.case.name, one.judged[key].value  # type: ignore[attr-defined]


def _dots(rows: Sequence[tuple[str, list[tuple[str, float]], int]], title: str) -> Markup:
    left = name_width([row[0] for row in rows])
    bottom = _TOP + _ROW * len(rows)
    parts = [frame(left, _TOP, _WIDE, bottom - _TOP)]
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        x = left + tick * _WIDE
        parts += [line([(x, _TOP), (x, bottom)], opacity=0.15), text(x, bottom + 17, f"{tick:g}")]
    for i, (label, dots, shade) in enumerate(rows):
        y = _TOP + _ROW * (i + 0.5)
        parts.append(name(left - 8, y + 4, label))
        known = [(case, value) for case, value in dots if np.isfinite(value)]
        parts += [dot(left + v * _WIDE, y, 4, colour(shade), f"{case}: {v:.3f}") for case, v in known]
        if known:
            x = left + float(np.mean([v for _, v in known])) * _WIDE
            parts.append(line([(x, y - 9), (x, y + 9)], width=2))
    return chart(parts, left + _WIDE + 24, bottom + 26, f"cases as dots: {title}")


def _lines(
    lines: Sequence[_Line], across: str, up: str, title: str, limits: tuple[float, float] | None = None
) -> Markup:
    low, high = limits or _limits(lines)
    bottom = _TOP + _TALL

    def place(x: float, y: float) -> tuple[float, float]:
        return _LEFT + x * _WIDE, bottom - (y - low) / (high - low) * _TALL

    parts = [frame(_LEFT, _TOP, _WIDE, _TALL)]
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        parts.append(text(_LEFT + tick * _WIDE, bottom + 17, f"{tick:g}"))
        height = low + tick * (high - low)
        parts.append(text(_LEFT - 6, place(0, height)[1] + 4, f"{height:.3g}", anchor="end"))
        parts.append(line([place(0, height), place(1, height)], opacity=0.12))
    for i, one in enumerate(lines):
        at = [place(float(x), float(y)) for x, y in zip(one.x, one.y, strict=True)]
        parts.append(line(at, one.colour, width=2, dashes=one.dashes))
        y = _TOP + 14 + 20 * i
        parts.append(
            line(
                [(_LEFT + _WIDE + 14, y - 4), (_LEFT + _WIDE + 38, y - 4)],
                one.colour,
                width=2,
                dashes=one.dashes,
            )
        )
        parts.append(text(_LEFT + _WIDE + 44, y, one.name, anchor="start"))
    parts.append(text(_LEFT + _WIDE / 2, bottom + 34, across))
    parts.append(text(_LEFT, bottom + 52, f"height: {up}", anchor="start"))
    return chart(parts, _LEFT + _WIDE + 280, bottom + 58, title)


def _limits(lines: Sequence[_Line]) -> tuple[float, float]:
    """A range of round numbers that holds all lines, within 0 to 1."""
    values = np.concatenate([one.y for one in lines])
    low = max(0.0, float(np.floor(values.min() * 20) / 20))
    high = min(1.0, float(np.ceil(values.max() * 20) / 20))
    return (low, high) if high > low else (max(0.0, low - 0.05), max(0.05, high))
