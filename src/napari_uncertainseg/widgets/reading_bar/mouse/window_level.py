"""Window and level of a scan's layer: what it has, how a drag changes it, and how it is said."""

from __future__ import annotations

from math import exp

from napari.layers import Image

from napari_uncertainseg.images.grey_windows import GreyWindow

_FOR_WIDTH = 250.0
"""Pixels to the right in which the window gets e times as wide."""
_FOR_LEVEL = 400.0
"""Pixels up or down in which the level moves by one width."""
_NARROWEST, _WIDEST = 1e-3, 2.0
"""Of the layer's range: below, all would be black or white; above, all one grey."""


def window_of(layer: Image) -> GreyWindow:
    """What a layer has now."""
    low, high = layer.contrast_limits
    return GreyWindow(float(low), float(high))


def dragged(start: GreyWindow, right: float, down: float) -> GreyWindow:
    """The window after a drag: to the right it gets wider, upwards the picture brighter.

    Steps go with the window's own width, so a drag feels alike in scans of any unit, and is fine in a narrow
    window.

    Parameters
    ----------
    start
        When the button was pressed.
    right, down
        How far the mouse has come since, in pixels.
    """
    return GreyWindow.around(
        start.level + start.width * down / _FOR_LEVEL, start.width * exp(right / _FOR_WIDTH)
    )


def range_of(layer: Image) -> GreyWindow:
    """What the slider of a layer goes through in napari: at first, all brightness that there is."""
    lowest, highest = layer.contrast_limits_range
    return GreyWindow(float(lowest), float(highest))


def set_window(layer: Image, window: GreyWindow, there: GreyWindow) -> None:
    """Give a layer a window, kept to what can still be seen.

    Parameters
    ----------
    layer, window
        Napari widens the layer's range where the window goes beyond it.
    there
        The range that the layer had at first.
    """
    width = min(max(window.width, _NARROWEST * there.width), _WIDEST * there.width)
    kept = GreyWindow.around(min(max(window.level, there.low), there.high), width)
    layer.contrast_limits = (kept.low, kept.high)


def in_words(window: GreyWindow) -> str:
    """Such as ``"W 850  L 420"``: three digits say all that can be seen."""
    return f"W {_number(window.width)}  L {_number(window.level)}"


def _number(value: float) -> str:
    return f"{value:.0f}" if 100 <= abs(value) < 1e6 else f"{value:.3g}"
