"""Whose case it is, on every dock and in the title; and which docks are covered during a blinded reading."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from napari_uncertainseg._base import as_warning
from napari_uncertainseg.images.preparation.found_brain import BY_HAND
from napari_uncertainseg.widgets.made_with import model_line, model_tip, target_line
from napari_uncertainseg.widgets.scans.segmented_scan import LostScan, name_of
from napari_uncertainseg.widgets.segment.leaving_case import ask_about_gone
from napari_uncertainseg.widgets.segment.texts import also_shown
from napari_uncertainseg.widgets.shared.connections import Connections

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from qtpy.QtWidgets import QWidget

    from napari_uncertainseg.case import Case
    from napari_uncertainseg.widgets.dock_description import Dock
    from napari_uncertainseg.widgets.layers.review_layers import ReviewLayers
    from napari_uncertainseg.widgets.open_docks import OpenDocks

_NO_CASE = "No case: nothing is segmented"
_OTHER_BRAIN = as_warning("Brain changed since this run: press Run again")
_OTHER_BRAIN_TIP = "The results were made with the brain before the change; Run makes them anew."
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
            (layers.brain.outdated_changed, self.show),
            (case.verdicts_changed, self._cover),
            (layers.scan.gone, self._on_gone),
        )

    def show(self) -> None:
        """Say it anew."""
        name = name_of(self._case)
        self._viewer.title = f"{name} - {self._title}" if name else self._title
        lines = [f"Case: {name}", *self._made_with(), *self._warnings()] if name else []
        for opened in self._docks:
            words = "\n".join(lines) or opened.widget.subject or _NO_CASE
            opened.area.say_whose(words, self._more() if name else "")
        self._cover()

    def _made_with(self) -> list[str]:
        """Lines that name the model, its target, and an outline of the brain that was mended by hand."""
        about = self._information
        by_hand = [f"Brain outline: {about['brain']}"] if about.get("brain") in list(BY_HAND) else []
        return [line for line in (model_line(about), target_line(about), *by_hand) if line]

    def _warnings(self) -> list[str]:
        """Lines about what could be taken for something that it is not."""
        shown = also_shown(self._layers.also_shown())
        return [_OTHER_BRAIN, *shown] if self._layers.brain.outdated else shown

    def _more(self) -> str:
        """What the tooltip says below the lines."""
        outdated = _OTHER_BRAIN_TIP if self._layers.brain.outdated else ""
        return "\n".join(text for text in (model_tip(self._information), outdated) if text)

    @property
    def _information(self) -> Mapping[str, Any]:
        prediction = self._case.prediction
        return {} if prediction is None else prediction.information

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
