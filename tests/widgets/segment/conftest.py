"""A Segment dock in a viewer without a window, with a segmenter that needs no network."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_uncertainseg.case import Case
from napari_uncertainseg.images.preparation.found_brain import FoundBrain
from napari_uncertainseg.widgets.layers.review_layers import ReviewLayers
from napari_uncertainseg.widgets.segment import texts
from napari_uncertainseg.widgets.segment.dock import SegmentDock

from ..fakes import FakeSegmenter
from .handling import CHOICES, MENDING, Looking, add, press, run


@pytest.fixture
def viewer(qtbot):
    return ViewerModel()


@pytest.fixture
def layers(viewer):
    made = ReviewLayers(viewer, Case())
    yield made
    made.cleanup()


@pytest.fixture
def make_dock(layers, qtbot):
    docks = []

    def make(wait=True, **options):
        options = {"make_segmenter": FakeSegmenter, "load": lambda: CHOICES, **options}
        dock = SegmentDock(layers._case, layers, **options)
        dock.show()
        docks.append(dock)
        if wait:
            qtbot.waitUntil(lambda: dock.settings.device.text() != texts.DEVICE_SEARCH, timeout=2000)
        return dock

    yield make
    for dock in docks:
        dock.cleanup()
        dock.close()
        dock.deleteLater()
    qtbot.wait(1)  # deleteLater waits for an event loop


@pytest.fixture
def brain(grid):
    """A block, bool; too small for a brain."""
    found = np.zeros(grid.shape, bool)
    found[2:22, 4:36, 4:28] = True
    return found


@pytest.fixture
def asked():
    """The brains that the segmenter was given."""
    return []


@pytest.fixture
def make_looking_dock(make_dock, brain, asked):
    """Make a dock whose segmenter finds the brain, perhaps a strange one."""

    def make(strange=""):
        found = FoundBrain(brain, "network", (strange,) if strange else (), strange)
        return make_dock(make_segmenter=partial(Looking, found=found, asked=asked))

    return make


@pytest.fixture
def mending(viewer, make_looking_dock, qtbot, flair):
    """A dock after a run, and the layer on which its brain is mended."""
    dock = make_looking_dock()
    add(viewer, flair)
    run(qtbot, dock)
    press(qtbot, dock.brain.mend)
    return dock, viewer.layers[MENDING]
