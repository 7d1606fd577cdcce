"""The charts of groups: a dot for each patient, means of the groups, and gaps with their intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from napari_uncertainseg.audit.groups.audit import ALPHA, GroupsAudit
from napari_uncertainseg.audit.groups.gaps import Gap
from napari_uncertainseg.audit.groups.measures import MEASURES
from napari_uncertainseg.audit.pages.svg import (
    box,
    chart,
    colour,
    dot,
    frame,
    limits,
    line,
    name,
    name_width,
    ring,
    text,
)
from napari_uncertainseg.review.reports.html import Markup

_WIDE, _ROW, _TOP, _LEFT = 210.0, 22.0, 24.0, 10.0
_GAP = 26.0
_COLUMNS = 3
MOST_GROUPS = 12
KINDS = {"raw": "raw", "same patients": "raw, same patients", "adjusted": "adjusted", "matched": "matched"}


def dots(audit: GroupsAudit, attribute: str) -> Markup:
    """A small panel for each measure: patients as dots, one row for each group, a bar at the mean."""
    groups = list(audit.groups[attribute])[:MOST_GROUPS]
    left, tall = name_width(groups), _ROW * len(groups)
    measures = audit.setting.measures
    columns = min(_COLUMNS, len(measures))
    step_x, step_y = _WIDE + 28, _TOP + tall + 34
    parts: list[Markup] = []
    for number, measure in enumerate(measures):
        row, column = divmod(number, columns)
        x, y = left + column * step_x, row * step_y + _TOP
        if column == 0:
            parts += [name(x - 8, y + _ROW * (i + 0.5) + 4, group) for i, group in enumerate(groups)]
        parts += _panel(audit, attribute, measure, groups, x, y)
    rows = math.ceil(len(measures) / columns)
    return chart(
        parts, left + columns * step_x, rows * step_y + 4, f"measures of the patients by {attribute}"
    )


def _panel(
    audit: GroupsAudit, attribute: str, measure: str, groups: Sequence[str], x: float, y: float
) -> list[Markup]:
    values = audit.patients.values[measure].to_numpy(float)
    of = audit.patients.groups[attribute]
    low, high = limits(values[np.isin(of, groups)])
    tall = _ROW * len(groups)

    def at(value: float) -> float:
        return x + 8 + (value - low) / (high - low) * (_WIDE - 16)

    parts = [text(x, y - 7, MEASURES[measure].titled, anchor="start"), frame(x, y, _WIDE, tall)]
    parts += [
        text(x + 2, y + tall + 14, f"{low:.3g}", anchor="start", size=11),
        text(x + _WIDE - 2, y + tall + 14, f"{high:.3g}", anchor="end", size=11),
    ]
    for i, group in enumerate(groups):
        own = np.flatnonzero((of == group) & np.isfinite(values))
        middle = y + _ROW * (i + 0.5)
        for k, patient in enumerate(own):
            said = f"{audit.patients.names[patient]}: {values[patient]:.3g}"
            parts.append(dot(at(values[patient]), middle + 3 * (k % 3 - 1), 3, colour(i), said))
        if len(own):
            mean = at(float(values[own].mean()))
            parts.append(line([(mean, middle - 9), (mean, middle + 9)], width=2))
    return parts


def gap_lines(gaps: Sequence[Gap]) -> Markup:
    """Gaps of one pair of groups, a row for each measure; each row has a scale of its own around 0.

    Filled: shown after correction. Raw, adjusted and matched ones have their own colours.
    """
    measures = list(dict.fromkeys(gap.measure for gap in gaps))
    kinds = [kind for kind in KINDS if any(gap.kind == kind for gap in gaps)]
    left, wide, row = 250.0, 420.0, 10.0 + 11.0 * len(kinds)
    parts: list[Markup] = []
    for i, measure in enumerate(measures):
        own = [gap for gap in gaps if gap.measure == measure]
        y = _TOP + row * i
        reach = max(
            (abs(v) for gap in own for v in (gap.value, gap.low, gap.high) if math.isfinite(v)), default=0
        )
        reach = reach * 1.08 or 1.0
        if i % 2:
            parts.append(box(0, y, left + wide + 100, row, "rgba(128,128,128,0.10)"))
        parts.append(text(left - 12, y + row / 2 + 4, MEASURES[measure].titled, anchor="end"))
        parts.append(text(left + wide + 10, y + row / 2 + 4, f"± {reach:.2g}", anchor="start", size=11))
        for gap in own:
            parts += _one(
                gap, y + 10 + 11.0 * kinds.index(gap.kind), left + wide / 2, wide / 2 / reach, kinds
            )
    bottom = _TOP + row * len(measures)
    parts.append(line([(left + wide / 2, _TOP), (left + wide / 2, bottom)], dashes="3 3"))
    first, second = gaps[0].first, gaps[0].second
    parts += [
        text(left, _TOP - 8, f"higher in {_short(first)}", anchor="start"),
        text(left + wide, _TOP - 8, f"higher in {_short(second)}", anchor="end"),
    ]
    for k, kind in enumerate(kinds):
        x = left + 150 * k
        parts += [
            dot(x, bottom + 18, 4, _colour(kind)),
            text(x + 9, bottom + 22, KINDS[kind], anchor="start"),
        ]
    return chart(parts, left + wide + 100, bottom + 34, f"gaps between {first} and {second}")


def _colour(kind: str) -> str:
    return colour({"raw": 0, "same patients": 6, "adjusted": 1, "matched": 2}[kind])


def _one(gap: Gap, y: float, zero: float, scale: float, kinds: Sequence[str]) -> list[Markup]:
    if not math.isfinite(gap.value):
        return []
    x, own = zero + gap.value * scale, _colour(gap.kind)
    parts = []
    if math.isfinite(gap.low):
        parts.append(line([(zero + gap.low * scale, y), (zero + gap.high * scale, y)], own, width=2))
    p = f"p {gap.p_holm:.3g} after Holm" if gap.tested else f"not tested: {gap.why_not}"
    parts.append(dot(x, y, 4, own, f"{KINDS[gap.kind]}: {gap.value:.3g}; {p}"))
    return [*parts, ring(x, y, 7)] if gap.p_holm <= ALPHA else parts


def _short(group: str) -> str:
    return group if len(group) <= 22 else f"{group[:20]}…"
