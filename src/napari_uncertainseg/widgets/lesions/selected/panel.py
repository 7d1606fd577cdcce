"""The selected lesion in a few lines: size, place, doubt in words, verdict and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from psygnal import SignalInstance
from qtpy.QtCore import QEvent, Signal
from qtpy.QtWidgets import QCheckBox, QHBoxLayout, QToolButton, QVBoxLayout, QWidget

from napari_uncertainseg.case import Case
from napari_uncertainseg.explain.kept import Region
from napari_uncertainseg.uncertainty.at_a_glance.selected_lesion import SelectedLesion, selected_lesion
from napari_uncertainseg.widgets.layers.selection.known_reasons import KnownReasons
from napari_uncertainseg.widgets.lesions.selected import texts
from napari_uncertainseg.widgets.lesions.table_model import MARKS
from napari_uncertainseg.widgets.shared.connections import Connections
from napari_uncertainseg.widgets.shared.form_helpers import yielding_label
from napari_uncertainseg.widgets.shared.plots import accent, theme_of
from napari_uncertainseg.widgets.shared.preferences import PreferenceStore


class Framing(Protocol):
    """What the panel asks of the viewer's framing of lesions."""

    zooms: bool

    @property
    def changed(self) -> SignalInstance:
        """`zooms` is another one."""


class SelectedPanel(QWidget):
    """Says of the selected lesion or candidate what a report would.

    Parameters
    ----------
    case
        The case under review.
    framing
        How the viewer goes to lesions.
    reasons
        What Explain has said.
    preferences
        Remembers whether to zoom.
    place_problem
        Why places are not known, a sentence; empty where they are or nobody has looked.
    parent
        Qt parent.
    """

    fit_asked = Signal()
    """The user wants the zoom to fit, or the whole slice."""
    places_asked = Signal()
    explain_asked = Signal()
    """The user wants to know the place, or why."""

    def __init__(
        self,
        case: Case,
        framing: Framing,
        reasons: KnownReasons,
        preferences: PreferenceStore,
        place_problem: Callable[[], str],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._case, self._framing, self._reasons = case, framing, reasons
        self._preferences, self._place_problem = preferences, place_problem
        self.found: SelectedLesion | None = None
        """What is shown."""
        self.measure, self.doubt = yielding_label(), yielding_label()
        self.place, self.why = yielding_label(), yielding_label()
        for label, tip in (
            (self.measure, texts.SIZE_TIP),
            (self.doubt, texts.DOUBT_TIP),
            (self.place, texts.PLACE_TIP),
            (self.why, texts.WHY_TIP),
        ):
            label.setToolTip(tip)
        self.fit = QToolButton()
        self.fit.setText(texts.FIT)
        self.zoom = QCheckBox(texts.ZOOM)
        self.zoom.setToolTip(texts.ZOOM_TIP)
        framing.zooms = preferences.load().zoom_to_lesion
        self.zoom.setChecked(framing.zooms)
        self._lay_out()
        self._connections = Connections(
            (case.selection_changed, self.follow),
            (case.lesions_changed, self.follow),
            (case.verdicts_changed, self.follow),
            (reasons.changed, self.follow),
            (framing.changed, self._show_zoom),
            (self.zoom.toggled, self._on_zoom),
            (self.fit.clicked, self._on_fit),
            (self.place.linkActivated, self._on_place),
            (self.why.linkActivated, self._on_why),
        )
        self.show_keys({texts.FIT_ACTION: texts.FIT_KEY})
        self.follow()

    def cleanup(self) -> None:
        """Disconnect from the case. May be called twice."""
        self._connections.disconnect_all()

    def changeEvent(self, event: QEvent | None) -> None:
        """Follow napari's theme."""
        super().changeEvent(event)
        if event is not None and event.type() == QEvent.Type.StyleChange and hasattr(self, "_connections"):
            self.follow()

    def _lay_out(self) -> None:
        first, second = QHBoxLayout(), QHBoxLayout()
        first.addWidget(self.measure, stretch=1)
        first.addWidget(self.fit)
        second.addWidget(self.doubt, stretch=1)
        second.addWidget(self.zoom)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(1)
        column.addLayout(first)
        column.addLayout(second)
        column.addWidget(self.place)
        column.addWidget(self.why)

    def show_keys(self, keys: Mapping[str, str]) -> None:
        """Show the key in the tooltip of the button."""
        key = keys.get(texts.FIT_ACTION, "")
        self.fit.setToolTip(f"{texts.FIT_MEANING} ({key})" if key else texts.FIT_MEANING)

    def follow(self) -> None:
        """Show what is selected now."""
        case = self._case
        self.found = found = selected_lesion(case.lesions, case.selected, case.grid)
        for widget in (self.doubt, self.place, self.why):
            widget.setVisible(found is not None)
        self.fit.setEnabled(found is not None)
        if found is None:
            self.measure.setText(texts.NOTHING)
            return
        verdict = case.review.decisions().get(found.number, "to do")
        self.measure.set_html(texts.size(found))
        self.doubt.set_html(texts.doubt(found, f"{MARKS[verdict]} {verdict}"))
        problem, colour = self._place_problem(), accent(theme_of(self)).name()
        self.place.set_html(texts.place(found.place, problem, colour))
        self.why.set_html(texts.why(self._why(found), colour))

    def _why(self, found: SelectedLesion) -> str:
        sides = zip(found.start, found.inside.shape, strict=True)
        s, a, r = (slice(start, start + size) for start, size in sides)
        return self._reasons.find(self._case.original, Region((s, a, r), found.inside).sha256())

    def _on_fit(self) -> None:
        self.fit_asked.emit()

    def _on_place(self, _: str) -> None:
        self.places_asked.emit()

    def _on_why(self, _: str) -> None:
        self.explain_asked.emit()

    def _on_zoom(self, zooms: bool) -> None:
        self._framing.zooms = zooms
        self._preferences.save(zoom_to_lesion=zooms)

    def _show_zoom(self) -> None:
        self.zoom.setChecked(self._framing.zooms)
