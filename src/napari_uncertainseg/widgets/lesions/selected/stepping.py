"""Going from lesion to lesion, and giving verdicts: what buttons and keys of the Lesions dock do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from typing import TYPE_CHECKING

from napari.utils.notifications import show_info
from qtpy.QtCore import QPoint, Qt
from qtpy.QtGui import QCursor
from qtpy.QtWidgets import QMenu, QPushButton, QTabBar

from napari_uncertainseg._base import InputError
from napari_uncertainseg.case import Case
from napari_uncertainseg.review.open_case.changed_lesion import lesion_of_change
from napari_uncertainseg.review.open_case.undo_history import Change
from napari_uncertainseg.review.verdicts import Decision
from napari_uncertainseg.widgets.layers.by_reader.painting import STILL_DRAWN
from napari_uncertainseg.widgets.lesions import texts
from napari_uncertainseg.widgets.lesions.action_buttons import ActionButtons
from napari_uncertainseg.widgets.lesions.feedback import FeedbackPanel
from napari_uncertainseg.widgets.lesions.messages import end_of_list_message, start_of_list_message
from napari_uncertainseg.widgets.lesions.selected.panel import SelectedPanel
from napari_uncertainseg.widgets.lesions.selected.texts import FIT_ACTION, FIT_IN_3D, link
from napari_uncertainseg.widgets.lesions.table import LesionTable
from napari_uncertainseg.widgets.shared.dock_widget import DockWidget
from napari_uncertainseg.widgets.shared.form_helpers import PlainLabel, add_action, notice
from napari_uncertainseg.widgets.shared.kept_review import SEE_SESSION
from napari_uncertainseg.widgets.shared.plots import accent, theme_of

if TYPE_CHECKING:
    from napari_uncertainseg.widgets.layers.review_layers import ReviewLayers


class SteppingDock(DockWidget):
    """A dock with lists of lesions and of candidates; its subclass makes the widgets.

    Attributes
    ----------
    tables, tabs
        The lists, and which one is shown.
    buttons
        By the action's method.
    feedback, selected
        The ticks beside a verdict, and the panel of the selected lesion.
    message
        What there is to say.
    """

    _case: Case
    _layers: ReviewLayers
    _action_buttons: ActionButtons
    tables: tuple[LesionTable, LesionTable]
    tabs: QTabBar
    buttons: Mapping[str, QPushButton]
    feedback: FeedbackPanel
    selected: SelectedPanel
    message: PlainLabel

    @property
    def table(self) -> LesionTable:
        """The list that is shown: lesions or candidates."""
        return self.tables[self.tabs.currentIndex()]

    def act(self, action: str) -> None:
        """Do what the button of an action does; what there is to say is said where it is seen."""
        self._show_message("")
        if action in self.feedback.row.buttons:
            self.feedback.act(action)
        else:
            getattr(self, action)()
        if self.message.text() and self.message.visibleRegion().isEmpty():  # the dock lies behind another
            show_info(notice(self.message.text()))

    def why_not(self, action: str) -> str:
        """Why a key would do nothing: nothing is segmented yet, or nothing is there to do it with."""
        if self._case.prediction is None:
            return texts.NO_PREDICTION
        if action in self.feedback.row.buttons:
            return self.feedback.why_not(action)
        if action == FIT_ACTION and self._case.selected is None:
            return texts.CHOOSE_LESION
        if action == FIT_ACTION and self._layers.viewer.dims.ndisplay != 2:
            return FIT_IN_3D
        return ""

    def show_keys(self, keys: Mapping[str, str]) -> None:
        """Show the keys in the tooltips of the buttons and below them."""
        self._action_buttons.show_keys(keys)
        self.feedback.show_keys(keys)
        self.selected.show_keys(keys)

    def next_lesion(self) -> None:
        """Go to the next lesion without a verdict, in the order of the list."""
        self._go_to_next(self.table.lesions.next_task(self.table.selected))

    def previous_lesion(self) -> None:
        """Go to the lesion above in the list."""
        label = self.table.lesions.neighbour(self.table.selected, -1)
        if label is not None:
            self._go_to(label)
        else:
            self._show_message(
                start_of_list_message(self.table.lesions, candidates=self.table is self.tables[1])
            )

    def accept(self) -> None:
        """Accept the selected lesion, and go to the next."""
        self._record("accepted")

    def reject(self) -> None:
        """Reject the selected lesion, and go to the next."""
        self._record("rejected")

    def unsure(self) -> None:
        """Mark the selected lesion as unsure, and go to the next."""
        self._record("unsure")

    def alone(self) -> None:
        """Show only the selected lesion's outline, or all again."""
        self._layers.show_alone(not self._layers.alone)
        self.buttons["alone"].setChecked(self._layers.alone)

    def fit_or_whole(self) -> None:
        """Fit the zoom to the selected lesion again; where it fits already, show the whole slice."""
        self._layers.fit_or_whole()

    def in_3d(self) -> None:
        """Show the lesions as surfaces in 3-D, or the slices again."""
        self._layers.surfaces.toggle()
        self._show_3d()

    def _show_3d(self) -> None:
        self.buttons["in_3d"].setChecked(self._layers.surfaces.shown)

    def undo(self) -> None:
        """Undo the last verdict or brush stroke, and go there."""
        self._undo_or_redo(self._case.review.undo, texts.NOTHING_TO_UNDO)

    def redo(self) -> None:
        """Redo what was undone, and go there."""
        self._undo_or_redo(self._case.review.redo, texts.NOTHING_TO_REDO)

    def take_back(self) -> None:
        """Take the verdict on the selected lesion back, whenever it was given: it is to do again."""
        if why := self._not_now():
            self._show_message(why)
            return
        voxel = self._case.selected
        if voxel is None or self._case.review.verdict_on(voxel) is None:
            self._show_message(texts.NOTHING_TO_TAKE_BACK)
            return
        self._judge(voxel, None)

    def _judge(self, voxel: tuple[int, int, int], decision: Decision | None) -> bool:
        """Give a verdict, or take it back; False where it could not be written, and then it is said."""
        self.feedback.finish_note()
        try:
            self._case.review.judge(voxel, decision)
        except InputError as error:
            self._show_message(texts.not_recorded(error))
            return False
        return True

    def _open_row_menu(self, at: QPoint) -> None:
        """What can be done with the row under the mouse, which the click has selected."""
        table, voxel = self.table, self._case.selected
        if voxel is None or not table.indexAt(at).isValid():
            return
        menu = QMenu(table)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.setToolTipsVisible(True)
        action = add_action(menu, texts.TAKE_BACK)
        action.setToolTip(texts.TAKE_BACK_TIP)
        action.setEnabled(self._case.review.verdict_on(voxel) is not None)
        action.triggered.connect(self.take_back)
        menu.popup(QCursor.pos() if (shown := table.viewport()) is None else shown.mapToGlobal(at))

    def _not_now(self) -> str:
        """Why nothing is judged now, in a sentence; empty where it is."""
        return self._case.review.locked or (STILL_DRAWN if self._layers.unseen else "")

    def _record(self, decision: Decision) -> None:
        if why := self._not_now():
            self._show_message(why)
            return
        label = self.table.selected
        if label is None or self.table.lesions.row(label) is None:
            self._show_message(texts.CHOOSE_LESION)
            return
        if self._layers.reveal_chosen():  # nobody judges what is not seen: the next press does
            self._show_message(texts.OUTLINED_AGAIN)
            return
        following = self.table.lesions.next_task(label)  # read before the filter hides the row
        self._show_message("")
        if self._judge(self._case.selected or self.table.lesions.voxel(label), decision):
            self._go_to_next(following)

    def _go_to_next(self, following: int | None) -> None:
        """Go to the session's next task; if it has none and accepts new ones, to the next of the list."""
        recorder = self._case.review.recorder
        if (voxel := self._case.next_task()) is not None:
            self._go_to_voxel(voxel)
        elif following is None or not (recorder is None or recorder.accepts_new_tasks):
            lists = [view.lesions for view in self.tables]
            self._show_message(end_of_list_message(lists, self.table.lesions, recorder))
        else:
            self._go_to(following)

    def _undo_or_redo(self, step: Callable[[], Change | None], nothing_left: str) -> None:
        if why := self._not_now():
            self._show_message(why)
            return
        self.feedback.finish_note()
        try:
            change = step()
        except InputError as error:
            self._show_message(texts.not_recorded(error))
            return
        lesions = self._case.lesions
        if change is None:
            self._show_message(nothing_left)
        elif lesions is not None and (voxel := lesion_of_change(lesions, change)) is not None:
            self._go_to_voxel(voxel)
        else:  # it is gone: the next verdict is not to fall on another that is out of sight
            self._case.select(None)
            self._layers.go_to(change.voxel)

    def _go_to(self, label: int) -> None:
        self._choose(label)
        self.table.select(label)

    def _go_to_voxel(self, voxel: tuple[int, int, int]) -> None:
        """Go to a task of the session: it may be in the other list, or in none at this threshold."""
        self._case.select(voxel)
        self._layers.go_to(voxel)

    def _choose(self, label: int) -> None:
        voxel = self.table.lesions.voxel(label)
        self._case.select(voxel)
        self._layers.go_to(voxel)

    def _show_message(self, sentence: str) -> None:
        if sentence.endswith(SEE_SESSION):  # a link, because no Session may be in sight
            said = escape(sentence.removesuffix(SEE_SESSION))
            self.message.set_html(said + link("session", SEE_SESSION, accent(theme_of(self)).name()))
        else:
            self.message.setText(sentence)
        self.message.setVisible(bool(sentence))
