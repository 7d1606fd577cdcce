"""A Segment dock for the real window whose model is small, or no network at all."""

from __future__ import annotations

from napari_uncertainseg.widgets import window as review_module
from napari_uncertainseg.widgets.segment.dock import SegmentDock
from napari_uncertainseg.widgets.segment.options import Choices, MethodChoice


def segment_with(model="small", most=5, **options):
    """What `Review` makes its Segment dock of: one model, one method with at most so many members."""
    method = MethodChoice("one-pass", "One pass", "Heads.", {model: (3, most)})
    choices = Choices(((model, "A small model."),), (method,), "CPU")

    def segment(owner):
        return SegmentDock(
            owner.case, owner.layers, load=lambda: choices, preferences=owner.preferences, **options
        )

    kind = review_module._DOCKS["segment"]
    return review_module._Dock(kind.title, kind.name, segment)
