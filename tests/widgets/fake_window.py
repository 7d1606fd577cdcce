"""The docks of the real window, but with a Segment dock whose model is small, or no network at all."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from napari_uncertainseg.widgets.dock_list import DOCKS
from napari_uncertainseg.widgets.segment.dock import make_dock
from napari_uncertainseg.widgets.segment.options import Choices, MethodChoice


def docks_with(model="small", fewest=3, most=5, *, about="A small model.", **options):
    """All docks; Segment offers one model, and one method with so many members."""
    method = MethodChoice("one-pass", "One pass", "Heads.", {model: (fewest, most)})
    choices = Choices(((model, about),), (method,), "CPU")

    make = partial(make_dock, load=lambda: choices, **options)
    return tuple(replace(dock, make=make) if dock.key == "segment" else dock for dock in DOCKS)
