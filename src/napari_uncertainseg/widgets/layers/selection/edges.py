"""The sides of pixels along which an outline runs, and the lines that draw it."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from napari.layers import Vectors

Colour = tuple[float, ...]
WHITE, BLACK = (1.0, 1.0, 1.0, 1.0), (0.0, 0.0, 0.0, 1.0)
LINE_PX, HALO_PX = 2.5, 2.0
"""Width of the white line, and of the black one on either side of it, in pixels of the screen."""
THIN_PX, THIN_HALO_PX = 1.5, 1.0
"""The same of the lesions that are not selected."""


def outline(mask: np.ndarray) -> np.ndarray:
    """Where a mask ends: straight stretches along the sides of its pixels.

    Parameters
    ----------
    mask
        bool, 2-D.

    Returns
    -------
    numpy.ndarray
        Both ends of each, float (n, 2, 2): (stretch, end, axis), in indices, in which the middle of pixel
        (0, 0) is (0, 0). Neighbouring sides in a row are one stretch.
    """
    padded = np.pad(mask.astype(bool), 1)
    found = [_along(padded, axis) for axis in (0, 1)]
    return np.concatenate(found) - 1.5


def _along(mask: np.ndarray, axis: int) -> np.ndarray:
    """Stretches along an axis, where pixels beside each other across it differ; corners at whole numbers."""
    other = 1 - axis
    differs = np.diff(mask.astype(np.int8), axis=other) != 0
    runs = differs if axis == 1 else differs.T  # rows: which side; columns: along it
    edge = np.diff(np.pad(runs, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    side, start = np.nonzero(edge == 1)
    _, stop = np.nonzero(edge == -1)
    across = side + 1
    ends = np.empty((len(side), 2, 2))
    for end, place in enumerate((start, stop)):
        ends[:, end, axis], ends[:, end, other] = place, across
    return ends


def lines(
    ends: np.ndarray,
    pixel: float,
    colour: Colour = WHITE,
    *,
    line_px: float = LINE_PX,
    halo_px: float = HALO_PX,
) -> tuple[np.ndarray, np.ndarray]:
    """What is drawn of an outline: black bands, and over them a line in a colour.

    All lines are as wide as that one, so that one width serves for all: a band is made of lines beside
    each other.

    Parameters
    ----------
    ends
        As of `outline`, but in the world, (n, 2, 2); stretches may have any direction there.
    pixel
        How much of the world a pixel of the screen covers.
    colour
        Of the line.
    line_px, halo_px
        Width of the line, and of the black on either side of it, in pixels of the screen.

    Returns
    -------
    starts and ways
        float (m, 2, 2): of each line its start, and the way from there to its end.
    colours
        float (m, 4).
    """
    way = ends[:, 1] - ends[:, 0]
    length = np.linalg.norm(way, axis=1, keepdims=True)
    along = np.divide(way, length, out=np.zeros_like(way), where=length > 0)
    across = along[:, ::-1] * (-1, 1)
    reach = (line_px / 2 + halo_px) * pixel
    parts, colours = [], []
    for shift in (-halo_px, halo_px):  # the line itself covers what is between them
        parts.append(_longer(ends + (shift * pixel) * across[:, None], along, reach))
        colours.append(np.tile(BLACK, (len(ends), 1)))
    parts.append(_longer(ends, along, line_px / 2 * pixel))
    colours.append(np.tile(colour, (len(ends), 1)))
    drawn = np.concatenate(parts)
    return np.stack([drawn[:, 0], drawn[:, 1] - drawn[:, 0]], axis=1), np.concatenate(colours)


def plain_lines(ends: np.ndarray, pixel: float, colour: Colour) -> tuple[np.ndarray, np.ndarray]:
    """As `lines`, but lines of one colour alone."""
    drawn, _ = lines(ends, pixel)
    own = drawn[len(drawn) - len(ends) :]  # the white ones come last
    return own, np.tile(colour, (len(own), 1))


def _longer(ends: np.ndarray, along: np.ndarray, by: float) -> np.ndarray:
    """Lines drawn out at both ends, so that they meet at corners."""
    return np.stack([ends[:, 0] - by * along, ends[:, 1] + by * along], axis=1)


def put_lines(
    layer: Vectors, ways: np.ndarray, colours: np.ndarray, scale: np.ndarray, width: float | None
) -> None:
    """Draw lines with their colours in a layer, also while it is hidden.

    Parameters
    ----------
    layer
        Filled anew.
    ways
        Starts and ways, float (n, 2, axes), in the world.
    colours
        float (n, 4).
    scale
        Of the layer from now on, one for each axis.
    width
        Of the lines; None to leave it as it is.
    """
    if not np.array_equal(layer.scale, scale):
        layer.data = np.zeros((0, 2, layer.ndim))
        layer.scale = scale
    if width is not None:
        with layer.events.edge_width.blocker():
            layer.edge_width = width
    layer.data = ways / scale
    if len(ways):
        # A hidden layer still has the lines of the slice before, for which there may be too few colours; once
        # it is shown, lines and colours are drawn anew together.
        with nullcontext() if layer.visible else layer.events.edge_color.blocker():
            layer.edge_color = colours
