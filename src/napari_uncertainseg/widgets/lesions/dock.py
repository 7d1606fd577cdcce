"""The Lesions dock: the list, the verdicts, the live threshold and the export."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QStackedWidget,
    QTabBar,
    QVBoxLayout,
    QWidget,
)

from napari_uncertainseg._base import InputError
from napari_uncertainseg.case import Case
from napari_uncertainseg.review.session.undo_history import Change
from napari_uncertainseg.review.verdicts import Decision
from napari_uncertainseg.widgets.dock_description import Dock, KeyAction
from napari_uncertainseg.widgets.lesions.actions import ACTIONS
from napari_uncertainseg.widgets.lesions.export import ExportPanel
from napari_uncertainseg.widgets.lesions.measures import MeasuresPanel
from napari_uncertainseg.widgets.lesions.messages import recorded_for, what_is_left, why_empty
from napari_uncertainseg.widgets.lesions.resume_offer import ResumeBar
from napari_uncertainseg.widgets.lesions.table import LesionTable
from napari_uncertainseg.widgets.lesions.table_model import STATES, Filter
from napari_uncertainseg.widgets.lesions.threshold import ThresholdPanel
from napari_uncertainseg.widgets.shared.dock_widget import DockWidget
from napari_uncertainseg.widgets.shared.form_helpers import PlainLabel, rich

if TYPE_CHECKING:
    from napari_uncertainseg.widgets.layers.review_layers import ReviewLayers
    from napari_uncertainseg.widgets.shared.kept_review import ReviewKeeper


class LesionsDock(DockWidget):
    """One row per lesion, the most doubtful first; a verdict for each.

    Parameters
    ----------
    case
        The case under review.
    layers
        Moves the viewer.
    parent
        Qt parent.
    keeper
        Finds reviews of the same scans, which are offered here.
    """

    def __init__(
        self,
        case: Case,
        layers: ReviewLayers,
        parent: QWidget | None = None,
        *,
        keeper: ReviewKeeper | None = None,
    ) -> None:
        super().__init__(parent)
        self.offer = None if keeper is None else ResumeBar(case, keeper, self)
        self._case = case
        self._layers = layers
        self._make_list()
        self._make_buttons()
        self.details = MeasuresPanel(case, self)
        self.tuning = ThresholdPanel(case, layers, self)
        self.export = ExportPanel(case, self._listed_table, self)
        self._lay_out()
        self._connect()
        self._show_lesions()

    def cleanup(self) -> None:
        """Disconnect from the case. May be called twice."""
        for signal, slot in self._listened():
            signal.disconnect(slot, missing_ok=True)
        if self.offer is not None:
            self.offer.cleanup()
        self.details.cleanup()
        self.tuning.cleanup()
        self.export.cleanup()

    # -- making it ----------------------------------------------------------------------------

    def _make_list(self) -> None:
        self.header = PlainLabel()
        self.header.setToolTip(
            "Lesions at the threshold, with their volume,\n"
            "and candidates below it that may be missed lesions."
        )
        self.tabs = QTabBar()
        self.tabs.setDrawBase(False)
        self.tabs.setUsesScrollButtons(False)
        self.tabs.setElideMode(Qt.TextElideMode.ElideNone)
        for title, meaning in (
            ("Lesions", "What lies at or above the threshold."),
            ("Candidates", "What lies below the threshold and may be a missed lesion: accept what is one."),
        ):
            self.tabs.setTabToolTip(self.tabs.addTab(title), meaning)
        self.tables = (LesionTable(), LesionTable())
        self.empty = PlainLabel()
        self.empty.setWordWrap(True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._stack = QStackedWidget()
        # Without this napari puts an empty stretch below it.
        self._stack.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        for page in (*self.tables, self.empty):
            self._stack.addWidget(page)
        self._stack.setMinimumHeight(120)
        self.shown = QComboBox()
        for state in ("all", *STATES):
            self.shown.addItem(state, state)
        self.shown.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.shown.setToolTip("List all lesions, or only those with one verdict.")
        self.least_doubt = QComboBox()
        for doubt in (0.0, 0.25, 0.5, 0.75):
            self.least_doubt.addItem(f"doubt ≥ {doubt}" if doubt else "any doubt", doubt)
        self.least_doubt.setToolTip("List only lesions with at least this doubt (LSU, 0 to 1).")

    def _make_buttons(self) -> None:
        self.buttons = {action.method: QPushButton(action.text) for action in ACTIONS}
        for action in ACTIONS:
            self.buttons[action.method].setToolTip(f"{action.meaning}\nKey: {action.key}")
        self.buttons["alone"].setCheckable(True)
        self.progress = QProgressBar()
        self.progress.setFixedWidth(130)
        self.progress.setToolTip("Lesions of this list that have a verdict.")
        self.recorded = PlainLabel()
        self.recorded.setTextFormat(Qt.TextFormat.PlainText)
        self.recorded.setToolTip("Verdicts and painting are on disk in a session. Leave in Session stops it.")
        self.keys = rich(" · ".join(f"<b>{a.key}</b>&nbsp;{a.method.split('_')[0]}" for a in ACTIONS))
        self.keys.setWordWrap(True)
        self.keys.setToolTip("They work while the viewer or this dock has the focus.")
        self.message = PlainLabel()
        self.message.setWordWrap(True)
        self._say("")

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.setSpacing(4)
        heading = QHBoxLayout()
        heading.addWidget(self.header, stretch=1)
        heading.addWidget(self.progress)
        if self.offer is not None:
            layout.addWidget(self.offer)
        layout.addLayout(heading)
        layout.addWidget(self.recorded)
        listing = QHBoxLayout()
        listing.addWidget(self.tabs)
        listing.addWidget(self.shown)
        listing.addWidget(self.least_doubt, stretch=1)
        layout.addLayout(listing)
        layout.addWidget(self._stack, stretch=1)
        layout.addLayout(self._lay_out_buttons())
        layout.addWidget(self.message)
        layout.addWidget(self.keys)
        layout.addWidget(self.details)
        layout.addWidget(self.tuning)
        layout.addWidget(self.export)

    def _lay_out_buttons(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setSpacing(4)
        for number, name in enumerate(("previous_lesion", "next_lesion", "undo", "redo")):
            grid.addWidget(self.buttons[name], 0, 3 * number, 1, 3)
        for number, name in enumerate(("accept", "reject", "unsure", "alone")):
            grid.addWidget(self.buttons[name], 1, 3 * number, 1, 3)
        return grid

    def _listened(self) -> list[tuple[Any, Callable[..., None]]]:
        case = self._case
        return [
            (case.prediction_changed, self._forget),
            (case.lesions_changed, self._show_lesions),
            (case.verdicts_changed, self._show_verdicts),
            (case.selection_changed, self._show_selection),
            (case.stepped, self._say),
            (case.not_kept, self._show_recorded),
        ]

    def _connect(self) -> None:
        for signal, slot in self._listened():
            signal.connect(slot)
        for table in self.tables:
            table.chosen.connect(self._choose)
        for name, button in self.buttons.items():
            button.clicked.connect(getattr(self, name))
        self.tabs.currentChanged.connect(self._show_page)
        self.shown.currentIndexChanged.connect(self._filter)
        self.least_doubt.currentIndexChanged.connect(self._filter)

    # -- stepping and judging -----------------------------------------------------------------

    @property
    def table(self) -> LesionTable:
        """The list that is shown: lesions or candidates."""
        return self.tables[self.tabs.currentIndex()]

    def act(self, action: str) -> None:
        """Do what the button of an action does."""
        if self._case.prediction is not None:
            getattr(self, action)()

    def next_lesion(self) -> None:
        """Go to the next lesion without a verdict, in the order of the list."""
        self._go_on(self.table.lesions.next_task(self.table.selected))

    def previous_lesion(self) -> None:
        """Go to the lesion above in the list."""
        label = self.table.lesions.beside(self.table.selected, -1)
        if label is not None:
            self._go_to(label)

    def accept(self) -> None:
        """Accept the selected lesion, and go on."""
        self._judge("accepted")

    def reject(self) -> None:
        """Reject the selected lesion, and go on."""
        self._judge("rejected")

    def unsure(self) -> None:
        """Call the selected lesion unsure, and go on."""
        self._judge("unsure")

    def alone(self) -> None:
        """See only the selected lesion's outline, or all again."""
        self._layers.show_alone(not self._layers.alone)
        self.buttons["alone"].setChecked(self._layers.alone)

    def undo(self) -> None:
        """Take back what was done last, a verdict or a stroke, and go there."""
        self._step(self._case.undo, "There is nothing to take back.")

    def redo(self) -> None:
        """Do again what was taken back, and go there."""
        self._step(self._case.redo, "There is nothing to do again.")

    def _judge(self, decision: Decision) -> None:
        label = self.table.selected
        if label is None or self.table.lesions.row(label) is None:
            self._say("Choose a lesion in the list first.")
            return
        following = self.table.lesions.next_task(label)  # before the filter takes the row away
        self._say("")
        try:
            self._case.judge(self._case.selected or self.table.lesions.voxel(label), decision)
        except InputError as error:
            self._say(f"⚠ Not recorded: {error}")
            return
        self._go_on(following)

    def _go_on(self, following: int | None) -> None:
        """Go to what the session has next, or else, unless it takes nothing else, the list."""
        recorder = self._case.recorder
        if (voxel := self._case.next_task()) is not None:
            self._go_to_voxel(voxel)
        elif following is None or not (recorder is None or recorder.accepts_new_tasks):
            self._say(what_is_left([view.lesions for view in self.tables], self.table.lesions, recorder))
        else:
            self._go_to(following)

    def _step(self, step: Callable[[], Change | None], otherwise: str) -> None:
        try:
            done = step()
        except InputError as error:
            self._say(f"⚠ Not recorded: {error}")
            return
        if done is None:
            self._say(otherwise)
        elif (lesions := self._case.lesions) is not None and lesions.component_at(done.voxel):
            self._go_to_voxel(done.voxel)
        else:
            self._layers.show_slice(done.voxel)

    def _go_to(self, label: int) -> None:
        self._choose(label)
        self.table.select(label)

    def _go_to_voxel(self, voxel: tuple[int, int, int]) -> None:
        """Go to what a session shows next: it may stand in the other list, or in none at this threshold."""
        self._case.selected = voxel
        self._layers.go_to(voxel)

    def _choose(self, label: int) -> None:
        voxel = self.table.lesions.voxel(label)
        self._case.selected = voxel
        self._layers.go_to(voxel)

    def _say(self, sentence: str) -> None:
        self.message.setText(sentence)
        self.message.setVisible(bool(sentence))

    def _forget(self) -> None:
        """What was said was about another prediction."""
        self._say("")
        self.buttons["alone"].setChecked(self._layers.alone)

    # -- from the case to the screen ----------------------------------------------------------

    def _show_lesions(self) -> None:
        lesions = self._case.lesions
        for widget in (self.tabs, self.shown, self.least_doubt, *self.buttons.values()):
            widget.setEnabled(lesions is not None)
        if lesions is None:
            self.header.set_html("<b>Lesions</b>")
            for view in self.tables:
                view.clear()
        else:
            candidates = len(lesions.candidate_table)
            self.header.set_html(
                f"<b>Lesions {lesions.count}</b> · candidates {candidates} · {lesions.volume_ml:.1f} ml"
            )
            decisions = self._case.decisions()
            selected = self._selected_labels()
            tables = (lesions.table, lesions.candidate_table)
            for number, (view, table) in enumerate(zip(self.tables, tables, strict=True)):
                view.take(table, _of_list(decisions, number), selected[number])
            here = self.tabs.currentIndex()
            if selected[here] is None and selected[1 - here] is not None:
                self.tabs.setCurrentIndex(
                    1 - here
                )  # what is selected has become a lesion, or is none any more
        self._show_page()

    def _show_verdicts(self) -> None:
        decisions = self._case.decisions()
        for number, view in enumerate(self.tables):
            view.take_verdicts(_of_list(decisions, number))
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
        chosen = Filter(self.shown.currentData(), self.least_doubt.currentData())
        for view in self.tables:
            view.set_filter(chosen)
        self._show_page()

    def _show_page(self) -> None:
        """Show the list, or say what to do when it is empty."""
        model = self.table.lesions
        predicted, candidates = self._case.lesions is not None, bool(self.tabs.currentIndex())
        if sentence := why_empty(model, predicted=predicted, candidates=candidates):
            self.empty.setText(sentence)
            self._stack.setCurrentWidget(self.empty)
        else:
            self._stack.setCurrentWidget(self.table)
        self.progress.setVisible(model.total > 0)
        self.progress.setRange(0, max(model.total, 1))
        self.progress.setValue(model.judged)
        self.progress.setFormat(f"{model.judged} of {model.total} judged")
        self._show_recorded()

    def _show_recorded(self) -> None:
        """Say for whom a session is recorded, if one is; what was said of another one is over."""
        text = recorded_for(self._case.recorder, self._case.why_not_kept)
        if text != self.recorded.text():
            self.recorded.setText(text)
            self._say("")
        self.recorded.setVisible(bool(text))

    def _listed_table(self) -> tuple[str, pd.DataFrame] | None:
        """Name and rows of the list that is shown, with the verdicts."""
        lesions = self._case.lesions
        if lesions is None:
            return None
        number = self.tabs.currentIndex()
        table = (lesions.table, lesions.candidate_table)[number]
        decisions = _of_list(self._case.decisions(), number)
        verdicts = [decisions.get(int(label), "") for label in table["label"]]
        return ("lesions", "candidates")[number], table.assign(verdict=verdicts)


def _of_list(decisions: Mapping[int, Decision], number: int) -> dict[int, Decision]:
    """Verdicts on lesions (0) or on candidates (1), by label."""
    sign = -1 if number else 1
    return {sign * label: decision for label, decision in decisions.items() if sign * label > 0}


DOCK = Dock(
    "lesions",
    "Lesions",
    lambda context: LesionsDock(context.case, context.layers, keeper=context.keeper),
    opens_with_review=True,
    keys=tuple(KeyAction(action.method, action.key, action.meaning) for action in ACTIONS),
)
