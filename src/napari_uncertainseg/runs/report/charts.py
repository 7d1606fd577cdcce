"""Two small charts as SVG within a page: how bins of single visits scatter, and retention curves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

_SIDE, _LEFT, _BELOW = 260, 44, 36
_FRAME = Markup(
    '<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" aria-label="{title}" '
    'font-size="11" fill="currentColor">{inside}</svg>'
)


def heat_map(cases: np.ndarray, title: str, x: str, y: str) -> Markup:
    """Counts as squares, the darker the more.

    Parameters
    ----------
    cases
        Counts, shape (K, K), row 0 at the top.
    title
        For readers that do not see it.
    x, y
        What the axes are.
    """
    step = _SIDE / len(cases)
    most = max(int(cases.max(initial=0)), 1)
    squares = [
        Markup('<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" fill="#1f4fa8" '
               'fill-opacity="{:.2f}"><title>{}</title></rect>').format(
            _LEFT + column * step, row * step, step, step, 0.15 + 0.85 * count / most, int(count)
        )
        for (row, column), count in np.ndenumerate(cases)
        if count
    ]  # fmt: skip
    return _framed([*squares, _line([(0, 0), (1, 1)], "currentColor", "4 3")], title, x, y)


def curves(lines: Sequence[np.ndarray], mean: np.ndarray, title: str, x: str, y: str) -> Markup:
    """Curves over equal steps from 0 to 1: single ones thin, their mean thick.

    Parameters
    ----------
    lines
        Values from 0 to 1, each of its own length.
    mean
        Likewise.
    title, x, y
        As for `heat_map`.
    """
    thin = [_line(_points(line), "#1f4fa8", width=0.6, opacity=0.35) for line in lines]
    return _framed([*thin, _line(_points(mean), "#d55e00", width=2)], title, x, y)


def _points(values: np.ndarray) -> list[tuple[float, float]]:
    kept = np.unique(np.linspace(0, len(values) - 1, 101).round().astype(int))
    return [(float(i / max(len(values) - 1, 1)), float(values[i])) for i in kept]


def _line(
    points: Sequence[tuple[float, float]],
    colour: str,
    dashes: str = "none",
    width: float = 1,
    opacity: float = 1,
) -> Markup:
    where = " ".join(f"{_LEFT + a * _SIDE:.1f},{(1 - b) * _SIDE:.1f}" for a, b in points)
    return Markup(
        '<polyline points="{}" fill="none" stroke="{}" stroke-dasharray="{}" stroke-width="{}" '
        'stroke-opacity="{}"/>'
    ).format(where, colour, dashes, width, opacity)


def _framed(content: Sequence[Markup], title: str, x: str, y: str) -> Markup:
    frame = Markup(
        '<rect x="{}" y="0" width="{}" height="{}" fill="none" stroke="currentColor" stroke-opacity="0.5"/>'
    ).format(_LEFT, _SIDE, _SIDE)
    ticks = [_text(_LEFT + t * _SIDE, _SIDE + 14, f"{t:g}") for t in (0, 0.5, 1)]
    ticks += [_text(_LEFT - 12, (1 - t) * _SIDE + (12 if t == 1 else 0), f"{t:g}") for t in (0, 0.5, 1)]
    titles = [
        _text(_LEFT + _SIDE / 2, _SIDE + 30, x),
        Markup('<text transform="translate(12 {}) rotate(-90)" text-anchor="middle">{}</text>').format(
            _SIDE / 2, y
        ),
    ]
    inside = Markup("").join([frame, *content, *ticks, *titles])
    return _FRAME.format(width=_LEFT + _SIDE + 10, height=_SIDE + _BELOW, title=title, inside=inside)


def _text(x: float, y: float, text: str) -> Markup:
    return Markup('<text x="{:.1f}" y="{:.1f}" text-anchor="middle">{}</text>').format(x, y, text)
