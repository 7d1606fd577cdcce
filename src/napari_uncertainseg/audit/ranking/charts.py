"""The charts of a ranking: podium, blobs, frequencies of ranks, significance map, ways to rank compared."""

from __future__ import annotations

import numpy as np
from markupsafe import Markup

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
from napari_uncertainseg.audit.ranking.methods import ALPHA
from napari_uncertainseg.audit.ranking.ranking import Ranking
from napari_uncertainseg.audit.ranking.resampling import rank_shares

_ROW = 28.0
_PLOT = 340.0
_TOP = 8.0
_MOST_NUMBERS = 12
"""Ranks that are named at an axis."""


def podium(ranking: Ranking) -> Markup:
    """Each case as a line from the model that was best on it to the one that was worst.

    A column is a place; in it each model has a slot, best model first. Below: how often each had the place.
    Models that are equal on a case get their places at random.
    """
    scores, order = ranking.scores, ranking.order
    number, tall, bars = len(order), 230.0, 70.0
    left, slot = 52.0, max(4.0, 420.0 / len(order) ** 2)
    slot_of = np.argsort(order)
    places = _places(scores.oriented)
    low, high = limits(scores.values)
    parts = []
    for case in range(len(scores.cases)):
        known = [i for i in np.argsort(places[:, case]) if np.isfinite(scores.values[i, case])]
        at = [
            (
                left + (places[i, case] * number + slot_of[i] + 0.5) * slot,
                _TOP + tall * (1 - (scores.values[i, case] - low) / (high - low)),
            )
            for i in known
        ]
        parts.append(line(at, opacity=0.25))
        parts += [
            dot(x, y, 3, colour(i), f"{scores.models[i]}, {scores.cases[case]}: {scores.values[i, case]:.3g}")
            for i, (x, y) in zip(known, at, strict=True)
        ]
    wide, base = number * number * slot, _TOP + tall + bars
    for place in range(number):
        x = left + place * number * slot
        parts.append(frame(x, _TOP, number * slot, tall))
        parts.append(text(x + number * slot / 2, base + 16, f"place {place + 1}"))
        for i in range(number):
            often = int((places[i] == place).sum())
            height = (bars - 6) * often / len(scores.cases)
            said = f"{scores.models[i]}: place {place + 1} on {often} of {len(scores.cases)} cases"
            parts.append(box(x + slot_of[i] * slot + 0.5, base - height, slot - 1, height, colour(i), said))
    parts.append(line([(left, base), (left + wide, base)]))
    parts += [
        text(left - 5, _TOP + 10, f"{high:.3g}", anchor="end"),
        text(left - 5, _TOP + tall, f"{low:.3g}", anchor="end"),
    ]
    parts += _legend(ranking, left + wide + 14)
    width = left + wide + 40 + name_width(scores.models)
    return chart(parts, width, max(base + 24, 30 + 20 * number), f"podium of {scores.title}")


def _places(oriented: np.ndarray) -> np.ndarray:
    """Place of each model on each case, 0 is best, int (models, cases); equal ones at random."""
    chance = np.random.default_rng(0).random(oriented.shape)
    order = np.lexsort((chance, np.where(np.isnan(oriented), np.inf, -oriented)), axis=0)
    return np.argsort(order, axis=0)


def _legend(ranking: Ranking, x: float) -> list[Markup]:
    parts = []
    for row, i in enumerate(ranking.order):
        y = _TOP + 14 + 20 * row
        parts += [dot(x, y - 4, 5, colour(i)), name(x + 10, y, ranking.scores.models[i], anchor="start")]
    return parts


def blobs(ranking: Ranking) -> Markup:
    """How often each model has each rank in the draws, see `blob_chart`."""
    scores = ranking.scores
    return blob_chart(scores.models, ranking.order, ranking.main.ranks, _drawn(ranking), scores.title)


def blob_chart(
    models: tuple[str, ...], order: np.ndarray, ranks: np.ndarray, drawn: np.ndarray, title: str
) -> Markup:
    """How often each model has each rank in the draws: the area of a blob is the share.

    A cross is the median, a line holds 95 % of the draws, a ring is the rank of all cases.

    Parameters
    ----------
    models, order
        Their names, and numbers of them from top to bottom.
    ranks, drawn
        Of all cases and in draws, float64 (models,) and (models, draws).
    title
        For readers that do not see the chart.
    """
    left = name_width(models)
    there, shares = rank_shares(drawn)
    parts = [_axis(left, len(models))]

    def at(rank: float) -> float:
        return _at(rank, left, len(models))

    for row, i in enumerate(order):
        y = _TOP + _ROW * (row + 0.5)
        low, middle, high = np.quantile(drawn[i], (0.025, 0.5, 0.975))
        parts += [name(left - 10, y + 4, models[i]), line([(at(low), y), (at(high), y)])]
        parts += [
            dot(at(rank), y, 12 * np.sqrt(share), colour(i), _often(models[i], rank, share))
            for rank, share in zip(there, shares[i], strict=True)
            if share > 0
        ]
        x = at(middle)
        parts += [line([(x - 4, y - s), (x + 4, y + s)], width=2) for s in (4, -4)]
        parts.append(ring(at(ranks[i]), y, 13))
    return chart(parts, left + _PLOT + 24, _bottom(len(models)), f"ranks in draws, {title}")


def _often(model: str, rank: float, share: float) -> str:
    return f"{model}: rank {rank:g} in {100 * share:.0f} % of draws"


def _drawn(ranking: Ranking) -> np.ndarray:
    if ranking.main.drawn is None:
        raise ValueError("nothing was drawn of one patient")
    return ranking.main.drawn.ranks


def _at(rank: float, left: float, number: int) -> float:
    return left + 16 + (rank - 1) / max(number - 1, 1) * (_PLOT - 32)


def _bottom(rows: int) -> float:
    return _TOP + _ROW * rows + 40


def _axis(left: float, number: int) -> Markup:
    """A frame with ranks below."""
    y = _TOP + _ROW * number
    step = -(-number // _MOST_NUMBERS)
    parts = [frame(left, _TOP, _PLOT, _ROW * number), text(left + _PLOT / 2, y + 34, "rank, 1 is best")]
    parts += [text(_at(rank, left, number), y + 17, rank) for rank in range(1, number + 1, step)]
    return Markup("").join(parts)


def frequencies(ranking: Ranking) -> Markup:
    """The share of the draws in which each model has each rank, as bars; the darker the better the rank."""
    models, left = ranking.scores.models, name_width(ranking.scores.models)
    there, shares = rank_shares(_drawn(ranking))
    y_axis = _TOP + _ROW * len(models)
    parts = [frame(left, _TOP, _PLOT, _ROW * len(models))]
    parts += [text(left + _PLOT * t, y_axis + 17, f"{100 * t:.0f}") for t in (0, 0.5, 1)]
    parts.append(text(left + _PLOT / 2, y_axis + 34, "% of the draws; the darker, the better the rank"))
    for row, i in enumerate(ranking.order):
        x, y = left, _TOP + _ROW * row
        parts.append(name(left - 10, y + _ROW / 2 + 4, models[i]))
        for rank, share in zip(there, shares[i], strict=True):
            shade = f"rgba(31,79,168,{1 - 0.88 * (rank - 1) / max(len(models) - 1, 1):.2f})"
            parts.append(box(x, y + 3, _PLOT * share, _ROW - 6, shade, _often(models[i], rank, share)))
            if share >= 0.08:
                dark = rank <= (1 + len(models)) / 2
                parts.append(_number_on(x + _PLOT * share / 2, y + _ROW / 2 + 4, f"{rank:g}", dark=dark))
            x += _PLOT * share
    return chart(
        parts, left + _PLOT + 24, _bottom(len(models)), f"frequencies of ranks, {ranking.scores.title}"
    )


def _number_on(x: float, y: float, number: str, *, dark: bool) -> Markup:
    return Markup('<text x="{:.1f}" y="{:.1f}" text-anchor="middle" fill="{}">{}</text>').format(
        x, y, "#fff" if dark else "currentColor", number
    )


def significance_map(ranking: Ranking) -> Markup:
    """Which model is shown to be better than which: the row than the column, p after Holm."""
    models, order, side = ranking.scores.models, ranking.order, 44.0
    left = name_width(models) + 26
    parts = []
    for row, i in enumerate(order):
        y = _TOP + side * (row + 0.5) + 4
        parts += [name(left - 34, y, models[i]), text(left - 8, y, f"({row + 1})", anchor="end")]
        parts.append(text(left + side * (row + 0.5), _TOP + side * len(order) + 16, f"({row + 1})"))
        for column, j in enumerate(order):
            x, y, p = left + side * column, _TOP + side * row, ranking.p_holm[i, j]
            won = bool(ranking.beats[i, j])
            fill = "none" if i == j else "#e0a800" if won else "rgba(31,79,168,0.25)"
            said = f"{models[i]} better than {models[j]}: p {p:.3g} after Holm, {ranking.p[i, j]:.3g} before"
            parts += [box(x, y, side, side, fill, "" if i == j else said), frame(x, y, side, side)]
            if i != j and not np.isnan(p):
                parts.append(text(x + side / 2, y + side / 2 + 4, _short_p(p), size=11))
    about = f"yellow: the row is better than the column, p <= {ALPHA:g} (Holm)"
    parts.append(text(8, _TOP + side * len(order) + 34, about, anchor="start"))
    width = max(left + side * len(order) + 24, 380)
    return chart(parts, width, _TOP + side * len(order) + 42, f"significance map, {ranking.scores.title}")


def _short_p(p: float) -> str:
    return "<.001" if p < 0.001 else f"{p:.3f}"[1:] if p < 0.9995 else "1"


def ways_compared(ranking: Ranking) -> Markup:
    """The ranks of the models by each way to rank, as lines."""
    models, ways, left = ranking.scores.models, list(ranking.methods), 40.0
    step, tall = 96.0, max(150.0, _ROW * len(models))

    def place(way: int, rank: float, shift: float) -> tuple[float, float]:
        below = (rank - 1) / max(len(models) - 1, 1) * (tall - 48)
        return left + step * (way + 0.5), _TOP + 24 + below + shift

    wide = step * len(ways)
    parts = [frame(left, _TOP, wide, tall)]
    for row, i in enumerate(ranking.order):
        shift = 3.0 * (row - (len(models) - 1) / 2) if len(models) < 10 else 0.0
        at = [place(k, ranking.methods[way].ranks[i], shift) for k, way in enumerate(ways)]
        parts.append(line(at, colour(i), width=2, dashes="none" if i < 8 else "5 3"))
        parts += [
            dot(x, y, 4, colour(i), f"{models[i]}, {way}: rank {ranking.methods[way].ranks[i]:g}")
            for (x, y), way in zip(at, ways, strict=True)
        ]
    for k, way in enumerate(ways):
        first, _, then = way.partition("-then-")
        x = left + step * (k + 0.5)
        parts += [text(x, _TOP + tall + 16, first), text(x, _TOP + tall + 31, f"then {then}")]
    parts += [text(left - 8, place(0, rank, 4)[1], rank, anchor="end") for rank in (1, len(models))]
    parts += _legend(ranking, left + wide + 14)
    height = max(_TOP + tall + 40, 30 + 20 * len(models))
    return chart(
        parts, left + wide + 40 + name_width(models), height, f"ways to rank, {ranking.scores.title}"
    )
