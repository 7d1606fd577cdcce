"""What `Plugins > UncertainSeg` offers: one function for each dock, as napari's manifest names them."""

from __future__ import annotations

from functools import partial

import napari
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QWidget

from napari_uncertainseg.widgets.window import review_of


def _contribute(kind: str) -> QWidget:
    """Make a dock's widget for napari, which docks it when this function has returned."""
    viewer = napari.current_viewer()
    assert viewer is not None
    review = review_of(viewer)
    widget = review.make(kind)
    QTimer.singleShot(0, review.open if kind == "segment" else partial(review.arrange, kind))
    return widget


def review_widget() -> QWidget:
    """`Plugins > UncertainSeg > Review`: the Segment dock, and the two others with it."""
    return _contribute("segment")


def lesions_widget() -> QWidget:
    """`Plugins > UncertainSeg > Lesions`."""
    return _contribute("lesions")


def raters_widget() -> QWidget:
    """`Plugins > UncertainSeg > Raters`."""
    return _contribute("raters")


def session_widget() -> QWidget:
    """`Plugins > UncertainSeg > Session`."""
    return _contribute("session")


def exercises_widget() -> QWidget:
    """`Plugins > UncertainSeg > Exercises`."""
    return _contribute("exercises")


def cohort_widget() -> QWidget:
    """`Plugins > UncertainSeg > Cohort`."""
    return _contribute("cohort")


def dashboard_widget() -> QWidget:
    """`Plugins > UncertainSeg > Dashboard`."""
    return _contribute("dashboard")


def calibration_widget() -> QWidget:
    """`Plugins > UncertainSeg > Calibration`."""
    return _contribute("calibration")
