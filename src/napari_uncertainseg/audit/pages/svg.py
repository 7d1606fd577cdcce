"""Pieces of charts as SVG within a page: marks, texts, a frame. A model or group has one colour in all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from markupsafe import Markup

_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#707070", "#8c564b")
_LONGEST = 26
_FRAME = Markup(
    '<svg viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}" role="img" '
    'aria-label="{title}" font-size="12" fill="currentColor">{inside}</svg>'
)


def colour(model: int) -> str:
    """Of the model or group with this number; after eight they come again."""
    return _COLOURS[model % len(_COLOURS)]


def chart(parts: Iterable[Markup], width: float, height: float, title: str) -> Markup:
    """Parts as one picture, with what it shows for readers that do not see it."""
    return _FRAME.format(width=width, height=height, title=title, inside=Markup("").join(parts))


def text(x: float, y: float, words: object, *, anchor: str = "middle", size: int = 12) -> Markup:
    """Words at a place."""
    return Markup('<text x="{:.1f}" y="{:.1f}" text-anchor="{}" font-size="{}">{}</text>').format(
        x, y, anchor, size, words
    )


def name(x: float, y: float, model: str, *, anchor: str = "end") -> Markup:
    """A name; of a long one the middle is cut, and it is whole under the mouse."""
    half = _LONGEST // 2
    short = model if len(model) <= _LONGEST else f"{model[: half - 1]}…{model[-half:]}"
    return Markup('<text x="{:.1f}" y="{:.1f}" text-anchor="{}"><title>{}</title>{}</text>').format(
        x, y, anchor, model, short
    )


def name_width(models: Sequence[str]) -> float:
    """Pixels that the longest name takes."""
    return 7.2 * min(_LONGEST, max(len(model) for model in models)) + 12


def line(
    points: Sequence[tuple[float, float]],
    stroke: str = "currentColor",
    *,
    width: float = 1,
    opacity: float = 1,
    dashes: str = "none",
) -> Markup:
    """A line through points."""
    where = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return Markup(
        '<polyline points="{}" fill="none" stroke="{}" stroke-width="{}" stroke-opacity="{}" '
        'stroke-dasharray="{}"/>'
    ).format(where, stroke, width, opacity, dashes)


def box(x: float, y: float, width: float, height: float, fill: str, said: object = "") -> Markup:
    """A filled box that says something where the mouse rests on it."""
    return Markup(
        '<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" fill="{}"><title>{}</title></rect>'
    ).format(x, y, width, height, fill, said)


def frame(x: float, y: float, width: float, height: float) -> Markup:
    """A thin frame."""
    return Markup(
        '<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" fill="none" stroke="currentColor" '
        'stroke-opacity="0.5"/>'
    ).format(x, y, width, height)


def dot(x: float, y: float, radius: float, fill: str, said: object = "") -> Markup:
    """A filled circle that says something where the mouse rests on it."""
    return Markup(
        '<circle cx="{:.1f}" cy="{:.1f}" r="{:.2f}" fill="{}" fill-opacity="0.8"><title>{}</title></circle>'
    ).format(x, y, radius, fill, said)


def ring(x: float, y: float, radius: float) -> Markup:
    """A circle."""
    return Markup('<circle cx="{:.1f}" cy="{:.1f}" r="{:.1f}" fill="none" stroke="currentColor"/>').format(
        x, y, radius
    )


def limits(values: np.ndarray) -> tuple[float, float]:
    """Ends of an axis that holds all finite values; 0 and 1 where there are none."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        return 0.0, 1.0
    low, high = float(finite.min()), float(finite.max())
    return (low, high) if high > low else (low - 0.5, high + 0.5)
