"""The chart of intervals: a line for each scan, what the model says, and what the reader outlined."""

from __future__ import annotations

import math
from collections.abc import Sequence

from napari_uncertainseg.audit.pages.svg import chart, colour, dot, line, name, name_width, text
from napari_uncertainseg.audit.patients.analysis import PatientResult
from napari_uncertainseg.calibration.patients.intervals import QUANTITIES
from napari_uncertainseg.review.reports.html import Markup

_ROW, _WIDTH, _TOP, _BOTTOM = 22, 460, 12, 44
_MISSED = "#c2410c"


def intervals(results: Sequence[PatientResult], quantity: str) -> Markup:
    """Intervals of one quantity.

    Parameters
    ----------
    results
        Those that have an interval.
    quantity
        One of `QUANTITIES`.
    """
    about, at = QUANTITIES[quantity], list(QUANTITIES).index(quantity)
    names = [one.measured.case.name for one in results]
    left = name_width(names) + 12
    ends = [one.said.intervals[quantity] for one in results]
    true = [None if one.measured.load.true is None else one.measured.load.true[at] for one in results]
    said = [(one.said.said.volume_ml, float(one.said.said.count))[at] for one in results]
    most = max([*(float(end.high or 0) for end in ends), *(value or 0 for value in true), *said, 1.0])
    ticks = _ticks(most)
    top = ticks[-1]

    def place(value: float) -> float:
        return left + _WIDTH * math.sqrt(max(value, 0.0) / top)  # a root, so that small ones can be seen

    bottom = _TOP + _ROW * len(results)
    parts = [line(((place(t), _TOP), (place(t), bottom)), "#d4d4d8") for t in ticks]
    parts += [text(place(t), bottom + 16, f"{t:g}", size=11) for t in ticks]
    unit = f", {about.unit.strip()}" if about.unit else ""
    parts.append(text(left + _WIDTH / 2, bottom + 36, f"{about.title}{unit}"))
    for i, (end, own, value) in enumerate(zip(ends, said, true, strict=True)):
        y = _TOP + _ROW * (i + 0.5)
        parts.append(name(left - 8, y + 4, names[i]))
        low, high = float(end.low or 0), float(end.high or 0)
        words = f"{names[i]}: {low:.4g} to {high:.4g}{about.unit}, the model {own:.4g}"
        parts.append(line(((place(low), y), (place(high), y)), "#94a3b8", width=5))
        parts.append(dot(place(own), y, 3, "#334155", words))
        if value is not None:
            inside = end.holds(value)
            fill = colour(0) if inside else _MISSED
            said_by = f"{names[i]}: by the reference {value:.4g}{about.unit}"
            parts.append(dot(place(value), y, 5, fill, said_by if inside else f"{said_by}, outside"))
    return chart(parts, left + _WIDTH + 24, bottom + _BOTTOM, f"intervals, {about.title}")


def _ticks(most: float) -> list[float]:
    """Round values from 0 to at least the largest, denser near 0 as the scale is a root."""
    step = 10 ** math.floor(math.log10(most))
    top = next(step * n for n in (1, 2, 5, 10) if step * n >= most)
    return [top * share for share in (0, 0.02, 0.1, 0.25, 0.5, 1)]
