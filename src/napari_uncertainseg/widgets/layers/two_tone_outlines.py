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
AROUND_SELECTED = (1.0, 1.0, 1.0, 1.0)
"""Colour that it has around the selected lesion."""


def reserved(dtype: np.dtype[Any]) -> tuple[int, int]:
    """Numbers that stand for the dark line, and for the one around the selected lesion."""
    most = int(np.iinfo(dtype).max)
    return most - 1, most - 2


def line_colours(dtype: np.dtype[Any]) -> dict[int | None, Any]:
    """Their colours, for a colormap of labels."""
    return dict(zip(reserved(dtype), (AROUND, AROUND_SELECTED), strict=True))


def drawn(
    labels: np.ndarray, sides: tuple[float, float], *, selected: int = 0, alone: bool = False
) -> np.ndarray:
    """What is drawn of a slice of labels.

    Parameters
    ----------
    labels
        Integers, shape (m, n).
    sides
        Sides of its pixels, any unit.
    selected
        The label that is marked; 0 for none.
    alone
        Whether the others are left out.

    Returns
    -------
    numpy.ndarray
        Same shape and dtype: the label on its own rim, `reserved` numbers around it, otherwise 0.
    """
    if alone:
        labels = np.where(labels == selected, labels, 0).astype(labels.dtype)
    rim, around, marked = (np.zeros(labels.shape, bool) for _ in range(3))
    for axis in (0, 1):
        if sides[axis] > _THICK * min(sides):
            continue
        for here, there in (((1, None), (None, -1)), ((None, -1), (1, None))):
            own, other = (_part(axis, *ends) for ends in (here, there))
            differ = labels[own] != labels[other]
            rim[own] |= differ
            around[own] |= differ & (labels[other] > 0)
            marked[own] |= differ & (labels[other] == selected) & (selected > 0)
    dark, light = reserved(labels.dtype)
    found = np.where(rim, labels, 0).astype(labels.dtype)
    found[around & (labels == 0)] = dark
    found[marked] = light
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
        Of unsigned integers, whose colormap has `line_colours`.
    """

    def __init__(self, layer: Labels) -> None:
        self._layer = layer
        self._selected, self._alone = 0, False
        self._draw_plainly = napari_internals.replace_contour(layer, self._draw)
        layer.contour = 1

    def mark(self, selected: int, *, alone: bool) -> None:
        """Mark a label, 0 for none; draw no other when it is to be alone."""
        if (selected, alone) != (self._selected, self._alone):
            self._selected, self._alone = selected, alone
            self._layer.refresh(extent=False, thumbnail=False, highlight=False)

    def of_slice(self, labels: np.ndarray, sides: tuple[float, float]) -> np.ndarray:
        """What is drawn of any slice of the layer, as :func:`drawn` has it."""
        return drawn(labels, sides, selected=self._selected, alone=self._alone)

    def _draw(self, labels: np.ndarray, data_slice: tuple[slice, ...]) -> np.ndarray | None:
        if labels.ndim != 2:
            return None  # napari would say so in a message each time
        if self._layer.contour < 1:
            return self._draw_plainly(labels, data_slice)
        sides = napari_internals.displayed_sides(self._layer)
        starts = [max(part.start - 1, 0) for part in data_slice]
        wider = tuple(slice(a, part.stop + 1) for a, part in zip(starts, data_slice, strict=True))
        found = self.of_slice(labels[wider], (sides[0], sides[1]))
        inner = (slice(part.start - a, part.stop - a) for a, part in zip(starts, data_slice, strict=True))
        return found[tuple(inner)]
