"""The charts of attributes: areas with their intervals, the bottlenecks in a plane, and where is looked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from markupsafe import Markup

from napari_uncertainseg.audit.attributes.audit import AttributeFound, Plane
from napari_uncertainseg.audit.attributes.looking import Looking
from napari_uncertainseg.audit.attributes.sentences import WORDS
from napari_uncertainseg.audit.pages.svg import chart, colour, dot, frame, line, name, name_width, text

_ROW, _WIDE, _TOP = 26.0, 420.0, 10.0
_CELL = 9.0
_SEEN = ("from above", "from the front", "from the side")
UNKNOWN = "not known"


def areas(found: AttributeFound) -> Markup:
    """The area under the curve of each input as a dot, with its 95 % interval; one half is chance."""
    left = 216.0
    parts = []
    for tick in (0, 0.25, 0.5, 0.75, 1):
        x = left + _WIDE * tick
        bottom = _TOP + _ROW * len(found.inputs)
        parts.append(line([(x, _TOP), (x, bottom)], opacity=0.6 if tick == 0.5 else 0.15))
        parts.append(text(x, bottom + 16, f"{tick:g}"))
    for row, (key, one) in enumerate(found.inputs.items()):
        y, told = _TOP + _ROW * (row + 0.5), one.told
        parts.append(text(left - 12, y + 4, WORDS[key], anchor="end"))
        if told.auc != told.auc:
            continue
        low, high = told.interval
        if low == low:
            parts.append(line([(left + _WIDE * low, y), (left + _WIDE * high, y)], width=2, opacity=0.5))
        shade = colour(1) if told.shown else colour(6)
        parts.append(dot(left + _WIDE * told.auc, y, 6, shade, f"{WORDS[key]}: {told.auc:.3f}"))
    height = _TOP + _ROW * len(found.inputs) + 26
    return chart(parts, left + _WIDE + 24, height, f"areas under the curve of {found.attribute}")


def plane_chart(plane: Plane, groups: Sequence[str], cases: Sequence[str], attribute: str) -> Markup:
    """The bottleneck of each case as a dot in the plane in which cases differ most, coloured by its group.

    Parameters
    ----------
    plane
        The places.
    groups
        Of each case of the cohort; empty where it is not known.
    cases
        Their names.
    attribute
        Of the groups.
    """
    side, left = 340.0, 46.0
    names = sorted({group or UNKNOWN for group in groups})
    low, high = plane.places.min(0), plane.places.max(0)
    middle, reach = (low + high) / 2, 1.08 * max(float((high - low).max()) / 2, 1e-9)
    parts = [frame(left, _TOP, side, side)]
    for place, case in zip(plane.places, plane.cases, strict=True):
        x, y = (place - middle) / reach * (side / 2)
        group = groups[case] or UNKNOWN
        at = left + side / 2 + x, _TOP + side / 2 - y
        parts.append(dot(*at, 6, colour(names.index(group)), f"{cases[case]}: {group}"))
    first, second = (
        f"axis {i + 1}: {100 * share:.0f} % of the variance" for i, share in enumerate(plane.shares)
    )
    parts.append(text(left + side / 2, _TOP + side + 20, first))
    turned = Markup('<g transform="translate({:.1f} {:.1f}) rotate(-90)">{}</g>')
    parts.append(turned.format(left - 14, _TOP + side / 2, text(0, 0, second)))
    for row, group in enumerate(names):
        y = _TOP + 14 + 20 * row
        parts += [
            dot(left + side + 18, y - 4, 5, colour(row)),
            name(left + side + 28, y, group, anchor="start"),
        ]
    width = left + side + 40 + name_width(names)
    return chart(parts, width, max(_TOP + side + 28, 30 + 20 * len(names)), f"bottlenecks by {attribute}")


def places_chart(looking: Mapping[str, Looking], title: str) -> Markup:
    """What blocks of the scan add to the distance of the classes, summed along each axis; inside and outside.

    Front and top are up, the patient's right is on the right; from the side, the front is on the right.
    Orange speaks for the class, blue against it; the deepest colour is that of the strongest place of a row.
    """
    parts, y = [], _TOP
    width = 0.0
    for label, one in looking.items():
        views = [[_view(places, axis) for axis in range(3)] for places in one.places]
        most = max(float(np.abs(view).max()) for row in views for view in row) or 1.0
        parts.append(text(0, y + 12, label, anchor="start"))
        y += 20
        x = 0.0
        for side, row in zip(("in the brain", "outside the brain"), views, strict=True):
            parts.append(text(x, y + 10, side, anchor="start", size=11))
            for view, seen in zip(row, _SEEN, strict=True):
                parts += _cells(view / most, x, y + 32)
                parts.append(text(x, y + 26, seen, anchor="start", size=11))
                x += _CELL * view.shape[1] + 10
            x += 24
        width = max(width, x)
        y += 32 + _CELL * max(view.shape[0] for view in views[0]) + 16
    return chart(parts, width, y, title)


def _view(places: np.ndarray, axis: int) -> np.ndarray:
    """Summed along an axis, upside up."""
    return np.asarray(places.sum(axis)[::-1])


def _cells(view: np.ndarray, x: float, y: float) -> list[Markup]:
    parts = [frame(x, y, _CELL * view.shape[1], _CELL * view.shape[0])]
    for (row, column), value in np.ndenumerate(view):
        if abs(value) < 0.01:
            continue
        cell = Markup('<rect x="{:.1f}" y="{:.1f}" width="{}" height="{}" fill="{}" fill-opacity="{:.2f}"/>')
        shade = colour(1) if value > 0 else colour(0)
        parts.append(cell.format(x + _CELL * column, y + _CELL * row, _CELL, _CELL, shade, abs(value)))
    return parts
