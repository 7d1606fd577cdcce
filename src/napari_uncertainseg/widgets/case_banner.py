"""Whose case it is, on every dock and in the title; and which docks are covered during a blinded reading."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_uncertainseg._base import as_warning
from napari_uncertainseg.images.preparation.found_brain import MENDED
from napari_uncertainseg.widgets.scans.segmented_scan import LostScan, name_of
from napari_uncertainseg.widgets.segment.leaving_case import ask_about_gone
from napari_uncertainseg.widgets.shared.connections import Connections

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from qtpy.QtWidgets import QWidget

    from napari_uncertainseg.case import Case
    from napari_uncertainseg.widgets.dock_description import Dock
    from napari_uncertainseg.widgets.layers.review_layers import ReviewLayers
    from napari_uncertainseg.widgets.open_docks import OpenDocks

_NO_CASE = "No case: nothing is segmented"
_EXERCISE = "Hidden during an exercise.\n\nPress Stop and score in Exercises to show it again."
_READING = "Hidden during a second or third reading: it would show what other readers decided."


class CaseBanner:
    """Says on docks and window whose case it is, closes the case when its scan goes, and covers docks.

    Parameters
    ----------
    viewer, window
        Whose title says the case's name; the Qt parent of questions.
    case, layers
        What the docks share.
    docks
        Those that are open; they come and go.
    """

    def __init__(
        self,
        viewer: ViewerModel,
        window: QWidget,
        case: Case,
        layers: ReviewLayers,
        docks: OpenDocks,
    ) -> None:
        self._viewer, self._window = viewer, window
        self._case, self._layers, self._docks = case, layers, docks
        self._title = viewer.title
        self._connections = Connections(
            (case.prediction_changed, self.show),
            (layers.blinding_changed, self.show),
            (layers.layers_changed, self.show),
            (layers.seen_changed, self.show),
            (case.verdicts_changed, self._cover),
            (layers.scan.gone, self._on_gone),
        )

    def show(self) -> None:
        """Say it anew."""
        name = name_of(self._case)
        self._viewer.title = f"{name} - {self._title}" if name else self._title
        others = ", ".join(self._layers.also_shown()) if name else ""
        words = f"Case: {name}{self._whose_brain()}"
        if others:
            words += f"\n{as_warning(f'Also shown, not of it: {others}')}"
        for opened in self._docks:
            opened.area.say_whose(words if name else opened.widget.subject or _NO_CASE)
        self._cover()

    def _whose_brain(self) -> str:
        """A line that says so where the outline of the brain was mended by hand."""
        prediction = self._case.prediction
        by_hand = prediction is not None and prediction.information.get("brain") == MENDED
        return f"\nBrain outline: {MENDED}" if by_hand else ""

    def _cover(self) -> None:
        for opened in self._docks:
            opened.area.cover_with(self._reason(opened.dock))

    def _reason(self, dock: Dock) -> str:
        """Why a dock may not be seen now; empty where it may."""
        if self._layers.blinded:
            return "" if dock.shown_in_exercise else _EXERCISE
        recorder = self._case.review.recorder
        blind = recorder is not None and recorder.session.kind == "qc"
        return _READING if blind and dock.shows_other_readers else ""

    def _on_gone(self, gone: LostScan) -> None:
        ask_about_gone(self._window, self._case, gone)

    def cleanup(self) -> None:
        """Let go of case and layers. May be called twice."""
        self._connections.disconnect_all()
