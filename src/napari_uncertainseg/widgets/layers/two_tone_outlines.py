"""Outlines that are seen on any ground: a line in the lesion's own colour, and a dark one around it.

No single colour is seen both on grey and on the heat maps, white and yellow least of all. And the
outline of thick slices, seen from the side, would be as thick as they are and cover what it goes
around: there only its sides are drawn.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Labels

from napari_uncertainseg.widgets.shared import napari_internals

_THICK = 2.0  # times the other voxel side: across such a side no line is drawn
AROUND = (0.0, 0.0, 0.0, 0.75)
"""Colour of the dark line."""
_MOST = np.iinfo(np.uint16).max
_DOT = 2
"""Pixels of a dotted line that are drawn, and then left out."""


def reserved(dtype: np.dtype[Any]) -> int:
    """The number that stands for the dark line: napari has no table of colours for larger ones."""
    return min(int(np.iinfo(dtype).max), _MOST) - 1


def line_colours(dtype: np.dtype[Any]) -> dict[int | None, Any]:
    """Its colour, for a colormap of labels."""
    return {reserved(dtype): AROUND}


def drawn(
    labels: np.ndarray, sides: tuple[float, float], *, without: int = 0, dotted: bool = False
) -> np.ndarray:
    """What is drawn of a slice of labels.

    Parameters
    ----------
    labels
        Integers, shape (m, n).
    sides
        Sides of its pixels, any unit.
    without
        A label that is left out: that of the selected lesion, which has an outline of its own; 0 for none.
    dotted
        Whether the rim is interrupted.

    Returns
    -------
    numpy.ndarray
        Same shape and dtype: the label on its own rim, the `reserved` number around it, otherwise 0.
    """
    if without:
        labels = np.where(labels == without, 0, labels).astype(labels.dtype)
    rim, around = np.zeros(labels.shape, bool), np.zeros(labels.shape, bool)
    for axis in (0, 1):
        if sides[axis] > _THICK * min(sides):
            continue
        for here, there in (((1, None), (None, -1)), ((None, -1), (1, None))):
            own, other = (_part(axis, *ends) for ends in (here, there))
            differ = labels[own] != labels[other]
            rim[own] |= differ
            around[own] |= differ & (labels[other] > 0)
    if dotted:
        rows, columns = np.indices(labels.shape)
        around |= rim & ((rows + columns) % (2 * _DOT) >= _DOT)
        rim &= ~around
    found = np.where(rim, labels, 0).astype(labels.dtype)
    found[around & ((labels == 0) | dotted)] = reserved(labels.dtype)
    return found


def _part(axis: int, start: int | None, stop: int | None) -> tuple[slice, slice]:
    part = slice(start, stop)
    return (part, slice(None)) if axis == 0 else (slice(None), part)


class TwoToneOutline:
    """Draws a label layer so, instead of napari's contour.

    It replaces a method that napari keeps to itself; where a later napari does without it, napari's
    own contour is seen.

    Parameters
    ----------
    layer
        Of integers, whose colormap has `line_colours`.
    dotted
        Whether lines are interrupted.
    """

    def __init__(self, layer: Labels, *, dotted: bool = False) -> None:
        self._layer, self._dotted = layer, dotted
        self._without, self._hidden = 0, False
        self._as_lines = False
        self._draw_plainly = napari_internals.replace_contour(layer, self._draw)
        layer.contour = 1

    def end(self) -> None:
        """Let napari draw the outlines again."""
        napari_internals.replace_contour(self._layer, self._draw_plainly)

    def leave_out(self, number: int, *, hidden: bool) -> None:
        """Draw all but one label, 0 for none; draw nothing at all while it is hidden."""
        if (number, hidden) != (self._without, self._hidden):
            self._without, self._hidden = number, hidden
            self._layer.refresh(extent=False, thumbnail=False, highlight=False)

    def draw_as_lines(self, as_lines: bool) -> None:
        """Leave it to somebody who draws lines instead, because voxels are large on the screen."""
        if as_lines != self._as_lines:
            self._as_lines = as_lines
            self._layer.refresh(extent=False, thumbnail=False, highlight=False)

    def of_slice(self, labels: np.ndarray, sides: tuple[float, float]) -> np.ndarray:
        """What is drawn of any slice of the layer, as :func:`drawn` has it."""
        part = np.zeros_like(labels) if self._hidden else labels
        return drawn(part, sides, without=self._without, dotted=self._dotted)

    def drawn_numbers(self, labels: np.ndarray) -> list[int]:
        """The labels of a slice that have an outline now."""
        if self._hidden:
            return []
        return [int(x) for x in np.unique(labels) if x > 0 and x != self._without]

    def _draw(self, labels: np.ndarray, data_slice: tuple[slice, ...]) -> np.ndarray | None:
        if labels.ndim != 2:
            return None  # napari would say so in a message each time
        if self._layer.contour < 1:
            return self._draw_plainly(labels, data_slice)
        if self._as_lines:
            return np.zeros_like(labels[data_slice])
        sides = napari_internals.displayed_sides(self._layer)
        starts = [max(part.start - 1, 0) for part in data_slice]
        wider = tuple(slice(a, part.stop + 1) for a, part in zip(starts, data_slice, strict=True))
        found = self.of_slice(labels[wider], (sides[0], sides[1]))
        inner = (slice(part.start - a, part.stop - a) for a, part in zip(starts, data_slice, strict=True))
        return found[tuple(inner)]
