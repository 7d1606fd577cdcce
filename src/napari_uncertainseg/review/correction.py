"""With which tool an outline was corrected, and how it was set: what a journal keeps of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

Settings = Mapping[str, float | str]
"""By name: numbers in mm, probability or the scan's own unit, and words."""


@dataclass(frozen=True)
class Correction:
    """One use of a tool.

    Attributes
    ----------
    tool
        One of `TOOLS`; another one in files of later versions.
    settings
        As it was set; which there are depends on the tool.
    """

    tool: str
    settings: Settings = field(default_factory=dict)

    def written(self) -> dict[str, Any]:
        """As a journal entry holds it."""
        return {"tool": self.tool, "settings": dict(self.settings)}

    def in_words(self) -> str:
        """Such as ``grow by 1 mm``."""
        say = TOOLS.get(self.tool)
        return self.tool if say is None else say(self.settings)


def _number(settings: Settings, name: str, unit: str = "") -> str:
    """A setting with its unit; a question mark where a file lacks it, or holds another kind of value."""
    value = settings.get(name)
    return f"{value:.3g}{unit}" if isinstance(value, int | float) else f"?{unit}"


def _brush(settings: Settings) -> str:
    does = "erase" if settings.get("does") == "erase" else "paint"
    shape = "ball" if settings.get("shape") == "ball" else "disc"
    limit = settings.get("limit")
    bound = f", only {limit} {_number(settings, 'level')}" if limit in ("above", "below") else ""
    return f"{does} with a {shape} of {_number(settings, 'diameter_mm', ' mm')}{bound}"


TOOLS: Mapping[str, Callable[[Settings], str]] = MappingProxyType(
    {
        "grow": lambda s: f"grow by {_number(s, 'distance_mm', ' mm')}",
        "shrink": lambda s: f"shrink by {_number(s, 'distance_mm', ' mm')}",
        "fill": lambda s: f"fill holes in {'the slices' if s.get('holes') == 'slices' else '3-D'}",
        "brush": _brush,
        "click": lambda s: f"model's outline at probability {_number(s, 'threshold')}",
        "split": lambda s: f"split {'by a line' if s.get('by') == 'line' else 'between two places'}",
        "merge": lambda s: f"merge over at most {_number(s, 'farthest_mm', ' mm')}",
        "interpolate": lambda s: "interpolate between slices",
    }
)
"""What each tool did, in words, from its settings."""
