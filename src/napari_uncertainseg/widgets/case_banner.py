"""Whose case it is, on every dock and in the title; and what is covered while somebody is blinded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from napari_uncertainseg.images.identity import case_name
from napari_uncertainseg.widgets.scans.patient import origin_of
from napari_uncertainseg.widgets.scans.segmented_scan import LostScan, name_of
from napari_uncertainseg.widgets.segment.dock import SegmentDock
from napari_uncertainseg.widgets.segment.leaving_case import ask_about_gone

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from qtpy.QtWidgets import QWidget

    from napari_uncertainseg.case import Case
    from napari_uncertainseg.widgets.layers.review_layers import ReviewLayers
    from napari_uncertainseg.widgets.shared.dock_area import DockArea

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
    areas
        The docks by kind; they come and go.
    """

    def __init__(
        self,
        viewer: ViewerModel,
        window: QWidget,
        case: Case,
        layers: ReviewLayers,
        areas: Mapping[str, DockArea],
    ) -> None:
        self._viewer, self._window = viewer, window
        self._case, self._layers, self._areas = case, layers, areas
        self._title = viewer.title
        self._listened = (
            case.prediction_changed,
            layers.blinding_changed,
            layers.layers_changed,
            layers.seen_changed,
        )
        for signal in self._listened:
            signal.connect(self.show)
        case.verdicts_changed.connect(self._cover)
        layers.scan.gone.connect(self._on_gone)

    def show(self) -> None:
        """Say it anew."""
        name = name_of(self._case)
        self._viewer.title = f"{name} - {self._title}" if name else self._title
        others = ", ".join(self._layers.also_shown()) if name else ""
        words = f"Case: {name}\n⚠ Also shown, not of it: {others}" if others else f"Case: {name}"
        for area in self._areas.values():
            area.say_whose(words if name else _without_case(area))
        self._cover()

    def _cover(self) -> None:
        for kind, area in self._areas.items():
            area.cover_with(self._reason(kind))

    def _reason(self, kind: str) -> str:
        """Why a dock may not be seen now; empty where it may."""
        if self._layers.blinded:
            return "" if kind == "exercises" else _EXERCISE
        recorder = self._case.recorder
        blind = recorder is not None and recorder.session.kind == "qc"
        return _READING if blind and kind == "dashboard" else ""

    def _on_gone(self, gone: LostScan) -> None:
        ask_about_gone(self._window, self._case, gone)

    def cleanup(self) -> None:
        """Let go of case and layers. May be called twice."""
        for signal in self._listened:
            signal.disconnect(self.show, missing_ok=True)
        self._case.verdicts_changed.disconnect(self._cover, missing_ok=True)
        self._layers.scan.gone.disconnect(self._on_gone, missing_ok=True)


def _without_case(area: DockArea) -> str:
    """What stands where there is no case: in Segment, what is to become one."""
    dock = area.widget()
    chosen = dock.roles.layer("flair") if isinstance(dock, SegmentDock) else None
    if chosen is None:
        return "No case: nothing is segmented"
    return f"To be segmented: {case_name(origin_of(chosen).path, chosen.name)}"
