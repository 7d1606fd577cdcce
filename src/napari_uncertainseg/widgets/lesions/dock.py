"""The Lesions dock: list, verdicts, measures, live threshold and export."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pandas as pd
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QHBoxLayout,
    QSizePolicy,
    QStackedWidget,
    QTabBar,
    QVBoxLayout,
    QWidget,
)

from napari_uncertainseg.case import Case
from napari_uncertainseg.explain.place.known_zones import KnownZones
from napari_uncertainseg.widgets.dock_description import Dock, ReviewContext
from napari_uncertainseg.widgets.layers.selection.known_reasons import KnownReasons
from napari_uncertainseg.widgets.lesions import texts
from napari_uncertainseg.widgets.lesions.action_buttons import ActionButtons
from napari_uncertainseg.widgets.lesions.actions import KEYS
from napari_uncertainseg.widgets.lesions.agreement.panel import AgreementPanel
from napari_uncertainseg.widgets.lesions.agreement.texts import NO_MISSED
from napari_uncertainseg.widgets.lesions.export import ExportPanel
from napari_uncertainseg.widgets.lesions.feedback import FeedbackPanel
from napari_uncertainseg.widgets.lesions.heading.panel import ListHeading
from napari_uncertainseg.widgets.lesions.measures import MeasuresPanel
from napari_uncertainseg.widgets.lesions.messages import empty_list_message, header_tip, recording_message
from napari_uncertainseg.widgets.lesions.places import PlacesPanel
from napari_uncertainseg.widgets.lesions.refined.panel import RefinedPanel
from napari_uncertainseg.widgets.lesions.resume_offer import ResumeBar
from napari_uncertainseg.widgets.lesions.selected.panel import SelectedPanel
from napari_uncertainseg.widgets.lesions.selected.stepping import SteppingDock
from napari_uncertainseg.widgets.lesions.table import LesionTable, make_filters
from napari_uncertainseg.widgets.lesions.table_model import Filter, decisions_of_list, with_verdicts
from napari_uncertainseg.widgets.lesions.threshold import ThresholdPanel
from napari_uncertainseg.widgets.shared.connections import Connections
from napari_uncertainseg.widgets.shared.form_helpers import PlainLabel, let_yield
from napari_uncertainseg.widgets.shared.preferences import PreferenceStore

if TYPE_CHECKING:
    from napari_uncertainseg.lesions.against_reference import AgainstReference
    from napari_uncertainseg.uncertainty.lesion_ranking import Lesions
    from napari_uncertainseg.widgets.layers.review_layers import ReviewLayers
    from napari_uncertainseg.widgets.shared.kept_review import ReviewKeeper


class LesionsDock(SteppingDock):
    """One row per lesion, the most uncertain first; the reader gives each a verdict.

    Parameters
    ----------
    case
        The case under review.
    layers
        Moves the viewer.
    parent
        Qt parent.
    keeper
        Finds earlier reviews of the same scans, which the dock offers to resume.
    zones
        Of the brain, shared with other docks.
    preferences
        Remembers whether to zoom.
    remembered
        By the window, what Explain has said among it.
    open_dock
        Opens another dock, by its key.
    """

    def __init__(
        self,
        case: Case,
        layers: ReviewLayers,
        parent: QWidget | None = None,
        *,
        keeper: ReviewKeeper | None = None,
        zones: KnownZones | None = None,
        preferences: PreferenceStore | None = None,
        remembered: dict[str, Any] | None = None,
        open_dock: Callable[[str], None] = lambda key: None,
    ) -> None:
        super().__init__(parent)
        self.resume = None if keeper is None else ResumeBar(case, keeper, self)
        self._case, self._layers, self._keeper = case, layers, keeper
        self.agreement = AgreementPanel(case, layers, self)
        self._make_list()
        self._make_buttons()
        self.feedback = FeedbackPanel(case, self, not_now=self._not_now)
        self.refined = RefinedPanel(case, self)
        self.places = PlacesPanel(case, zones or KnownZones(), self)
        reasons = KnownReasons.among({} if remembered is None else remembered)
        kept = preferences or PreferenceStore()
        self.selected = SelectedPanel(case, layers.framing, reasons, kept, lambda: self.places.problem, self)
        self._open_dock = open_dock
        self._listed: tuple[Lesions | None, AgainstReference | None] = (None, None)
        self.measures = MeasuresPanel(case, self)
        self.threshold = ThresholdPanel(case, layers, self)
        self.export = ExportPanel(case, self._listed_table, self)
        self._stack.addWidget(self.agreement.missed)
        self._panels = (self.refined, self.places, self.measures, self.threshold, self.export)
        self._lay_out()
        self._connect()
        self._show_lesions()

    def cleanup(self) -> None:
        """Disconnect from the case. May be called twice."""
        self._connections.disconnect_all()
        if self.resume is not None:
            self.resume.cleanup()
        for panel in (self.heading, self.agreement, self.feedback, self.selected, *self._panels):
            panel.cleanup()

    # -- widgets ------------------------------------------------------------------------------

    def _make_list(self) -> None:
        self.heading = ListHeading(self._case, self)
        self.header, self.progress = self.heading.counts, self.heading.progress
        self.tabs = QTabBar()
        self.tabs.setDrawBase(False)
        self.tabs.setUsesScrollButtons(False)
        self.tabs.setElideMode(Qt.TextElideMode.ElideNone)
        self.tabs.setTabToolTip(self.tabs.addTab(texts.LESIONS), texts.LESIONS_TIP)
        self.tabs.setTabToolTip(self.tabs.addTab(texts.CANDIDATES), texts.CANDIDATES_TIP)
        self.tables = (LesionTable(texts.LESIONS), LesionTable(texts.CANDIDATES))
        self.empty = PlainLabel()
        self.empty.setWordWrap(True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._stack = QStackedWidget()
        # Without this napari puts an empty stretch below it.
        self._stack.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        for page in (*self.tables, self.empty):
            self._stack.addWidget(page)
        self._stack.setMinimumHeight(120)
        self.verdict_filter, self.uncertainty_filter = make_filters()

    def _make_buttons(self) -> None:
        self._action_buttons = ActionButtons()
        self.buttons, self.keys = self._action_buttons.buttons, self._action_buttons.hints
        self.recorded, self.message = PlainLabel(), PlainLabel()
        let_yield(self.recorded, self.message)
        self.recorded.setTextFormat(Qt.TextFormat.PlainText)
        self.recorded.setToolTip(texts.RECORDED_TIP)
        self._show_message("")

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.setSpacing(4)
        if self.resume is not None:
            layout.addWidget(self.resume)
        layout.addWidget(self.heading)
        layout.addWidget(self.recorded)
        listing = QHBoxLayout()
        listing.addWidget(self.tabs)
        listing.addWidget(self.verdict_filter)
        listing.addWidget(self.uncertainty_filter, stretch=1)
        layout.addLayout(listing)
        layout.addWidget(self.agreement)
        layout.addWidget(self._stack, stretch=1)
        for below in (
            self.selected,
            self._action_buttons,
            self.feedback,
            self.message,
            self.keys,
            *self._panels,
        ):
            layout.addWidget(below)

    def _connect(self) -> None:
        case = self._case
        self._connections = Connections(
            (case.prediction_changed, self._on_prediction),
            (case.lesions_changed, self._on_lesions),
            (case.verdicts_changed, self._show_verdicts),
            (case.selection_changed, self._show_selection),
            (case.stepped, self._show_message),
            (case.not_kept, self._show_recorded),
            (self._layers.surfaces.changed, self._show_3d),
            *(() if self._keeper is None else ((self._keeper.reader_changed, self._show_recorded),)),
        )
        for table in self.tables:
            table.chosen.connect(self._choose)
            table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
            table.customContextMenuRequested.connect(self._open_row_menu)
        self.feedback.failed.connect(self._show_message)
        self.selected.fit_asked.connect(self.fit_or_whole)
        self.selected.places_asked.connect(self._open_places)  # no lambda: Qt would keep the dock alive
        self.selected.explain_asked.connect(self._open_explain)
        for name, button in self.buttons.items():
            button.clicked.connect(getattr(self, name))
        self.message.linkActivated.connect(self._open_session)
        self.tabs.currentChanged.connect(self._show_page)
        self.verdict_filter.currentIndexChanged.connect(self._filter)
        self.uncertainty_filter.currentIndexChanged.connect(self._filter)
        self.refined.filtered.connect(self._filter)
        self.places.filtered.connect(self._filter)
        self.agreement.filtered.connect(self._filter)
        self.agreement.updated.connect(self._show_agreement)

    # -- from the case to the screen ----------------------------------------------------------

    def _on_prediction(self) -> None:
        """Clear the message: it was about another prediction."""
        self._show_message("")
        self.buttons["alone"].setChecked(self._layers.alone)

    def _open_places(self) -> None:
        self.places.button.setChecked(True)

    def _open_session(self, _: str) -> None:
        self._open_dock("session")

    def _open_explain(self) -> None:
        self._open_dock("explain")

    def _show_lesions(self) -> None:
        lesions = self._case.lesions
        self._listed = lesions, self.agreement.found
        for widget in (self.tabs, self.verdict_filter, self.uncertainty_filter, *self.buttons.values()):
            widget.setEnabled(lesions is not None)
        if lesions is None:
            self.header.set_html(texts.TITLE_EMPTY)
            for view in self.tables:
                view.clear()
        else:
            candidates = len(lesions.candidate_table)
            self.header.set_html(texts.header(lesions.count, candidates, lesions.volume_ml))
            self.header.setToolTip(header_tip(lesions, self._case.prediction))
            decisions = self._case.review.decisions()
            selected, columns = self._selected_labels(), {**lesions.columns, **self.agreement.columns}
            tables = (self.agreement.with_reference(lesions.table), lesions.candidate_table)
            for number, (view, table) in enumerate(zip(self.tables, tables, strict=True)):
                view.set_table(table, decisions_of_list(decisions, number), selected[number], columns)
            here = self.tabs.currentIndex()
            if selected[here] is None and selected[1 - here] is not None:
                # The selected region crossed the threshold: it is in the other list now.
                self.tabs.setCurrentIndex(1 - here)
        self._show_page()

    def _show_verdicts(self) -> None:
        decisions = self._case.review.decisions()
        for number, view in enumerate(self.tables):
            view.set_verdicts(decisions_of_list(decisions, number))
        self._show_page()

    def _show_selection(self) -> None:
        selected = self._selected_labels()
        for number, (view, label) in enumerate(zip(self.tables, selected, strict=True)):
            if label is not None:
                self.tabs.setCurrentIndex(number)
            if label != view.selected:
                view.select(label)

    def _selected_labels(self) -> tuple[int | None, int | None]:
        """Label of the selected lesion, and of the selected candidate; at most one is not None."""
        lesions, voxel = self._case.lesions, self._case.selected
        if lesions is None or voxel is None:
            return None, None
        return int(lesions.labels[voxel]) or None, int(lesions.candidates[voxel]) or None

    def _filter(self) -> None:
        state, least = self.verdict_filter.currentData(), self.uncertainty_filter.currentData()
        chosen = Filter(state, least, (*self.places.chosen, *self.refined.chosen))
        by_reference = self.agreement.chosen  # it says nothing of candidates
        self.tables[0].set_filter(replace(chosen, within=(*chosen.within, *by_reference)))
        self.tables[1].set_filter(chosen)
        self._show_page()

    def _show_agreement(self) -> None:
        """Show in the list what the reference says, and whether the threshold was chosen by it."""
        self.threshold.hide_reference(self._layers.errors.hidden)
        best = self.threshold.best
        if best is not None and best.threshold == self._case.threshold:
            self.agreement.say_best(best.threshold, best.dice)
        else:
            self.agreement.say_best(None, 0.0)
        self._on_lesions()

    def _on_lesions(self) -> None:
        """Show the lesions, unless those are shown with what the reference says of them."""
        now = self._case.lesions, self.agreement.found
        if now[0] is None or self._listed[0] is not now[0] or self._listed[1] is not now[1]:
            self._show_lesions()

    def _show_page(self) -> None:
        """Show the list, or a sentence where it is empty; or the missed lesions."""
        model = self.table.lesions
        predicted, candidates = self._case.lesions is not None, bool(self.tabs.currentIndex())
        if self.agreement.lists_missed and not candidates and self.agreement.missed.rowCount():
            self._stack.setCurrentWidget(self.agreement.missed)
        elif self.agreement.lists_missed and not candidates:
            self.empty.setText(NO_MISSED)
            self._stack.setCurrentWidget(self.empty)
        elif sentence := empty_list_message(model, predicted=predicted, candidates=candidates):
            self.empty.setText(sentence)
            self._stack.setCurrentWidget(self.empty)
        else:
            self._stack.setCurrentWidget(self.table)
        self.progress.setVisible(model.total > 0)
        self.progress.setRange(0, max(model.total, 1))
        self.progress.setValue(model.reviewed)
        self.progress.setFormat(texts.progress(model.reviewed, model.total))
        self._show_recorded()

    def _show_recorded(self) -> None:
        """Show for whom a session is recorded; a message about an earlier one is cleared."""
        review = self._case.review
        waits = self._case.lesions is not None and review.begins_by_itself and self._keeper is not None
        reader = self._keeper.reader if self._keeper is not None and waits else ""
        left = review.was_left and self._case.lesions is not None and self._keeper is not None
        text = review.played or recording_message(review.recorder, review.why_not_kept, reader, left=left)
        tip = texts.READER_TIP if reader else texts.RECORDED_TIP
        self.recorded.setToolTip(review.locked or tip)
        if text != self.recorded.text():
            self.recorded.setText(text)
            self._show_message("")
        self.recorded.setVisible(bool(text))

    def _listed_table(self) -> tuple[str, pd.DataFrame] | None:
        """Name and rows of the list that is shown, with the verdicts."""
        lesions = self._case.lesions
        if lesions is None:
            return None
        number = self.tabs.currentIndex()
        table = (lesions.table, lesions.candidate_table)[number]
        return ("lesions", "candidates")[number], with_verdicts(table, self._case.review.decisions(), number)


def make_dock(context: ReviewContext) -> LesionsDock:
    """Make the dock for a window."""
    return LesionsDock(
        context.case,
        context.layers,
        keeper=context.keeper,
        zones=context.zones,
        preferences=context.preferences,
        remembered=context.remembered,
        open_dock=context.open_dock,
    )


DOCK = Dock("lesions", "Lesions", make_dock, opens_with_review=True, keys=KEYS, follows_target=True)
