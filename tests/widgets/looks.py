"""How layers look and what is chosen in a window: to tell what a test changed, and to choose it again."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np


def looks(layer: Any) -> dict[str, Any]:
    names = ("visible", "opacity", "blending", "mode", "contour", "contrast_limits", "editable", "size")
    found = {name: np.asarray(getattr(layer, name, None)).tolist() for name in names}
    found["colormap"] = getattr(getattr(layer, "colormap", None), "name", None)
    found["metadata"] = dict(layer.metadata.get("uncertainseg", {}))
    found["transform"] = np.asarray(layer.scale).tolist(), np.asarray(layer.translate).tolist()
    data = layer.data
    found["data"] = zlib.crc32(np.ascontiguousarray(data)) if isinstance(data, np.ndarray) else len(data)
    return found


def undo(review: Any) -> Any:
    """What could be undone and done again."""
    history = review._history
    return history.last(back=True) is None, history.last(back=False) is None


def choice(widget: Any) -> tuple[Any, ...]:
    name = type(widget).__name__, widget.objectName(), widget.accessibleName()
    if hasattr(widget, "isCheckable"):
        return (*name, widget.isCheckable() and widget.isChecked())
    if hasattr(widget, "currentIndex"):
        return (*name, widget.currentIndex(), widget.count())
    return (*name, widget.value() if hasattr(widget, "value") else widget.text())


def choose(widget: Any, chosen: tuple[Any, ...]) -> None:
    try:
        now = choice(widget)
    except RuntimeError:  # it has gone
        return
    if now == chosen:
        return
    if hasattr(widget, "isCheckable"):
        widget.click()
    elif hasattr(widget, "currentIndex"):
        widget.setCurrentIndex(chosen[3])
    elif hasattr(widget, "value"):
        widget.setValue(chosen[3])


def differing(before: Any, now: Any) -> str:
    """What differs, for the report of a test."""
    if isinstance(before, dict) and isinstance(now, dict):
        differs = {key for key in {*before, *now} if before.get(key) != now.get(key)}
        before, now = ({key: told.get(key) for key in differs} for told in (before, now))
    return f"{before} before, {now} now"
