"""A box that makes one mask of two or three readers' reviews of the case."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from napari.layers import Labels
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QComboBox, QGroupBox, QHBoxLayout, QListWidget, QListWidgetItem, QVBoxLayout

from napari_uncertainseg._base import InputError, Progress, as_warning
from napari_uncertainseg.evaluate.adjudication.combine import RULES, Adjudication, Outcome, adjudicate
from napari_uncertainseg.evaluate.adjudication.reviews import finished_reviews, read_masks
from napari_uncertainseg.prediction.prediction import Prediction
from napari_uncertainseg.widgets.dock_description import ReviewContext
from napari_uncertainseg.widgets.reading_bar.result import adjudication_texts as texts
from napari_uncertainseg.widgets.scans.placement import Placement
from napari_uncertainseg.widgets.scans.volumes import KEY
from napari_uncertainseg.widgets.shared.connections import Connections
from napari_uncertainseg.widgets.shared.dialogs import ask_new_folder
from napari_uncertainseg.widgets.shared.form_helpers import ExportButton, button_with_tip, wrapping_label
from napari_uncertainseg.widgets.shared.jobs import JobRunner, JobState

_HEIGHT = 90
_Made = tuple[Prediction, Adjudication]


@dataclass(frozen=True, eq=False)
class _Saved:
    """Where a mask was written, and which."""

    folder: Path
    found: Adjudication


class AdjudicationBox(QGroupBox):
    """Finished reviews to tick, the rule, and what the rule leaves to be decided, one after another.

    Nothing of it can be seen while somebody reads blinded to others, or in an exercise.

    Parameters
    ----------
    context
        What docks and bar share.
    """

    message_changed = Signal(str)
    """What was done, or why not, in a sentence."""

    def __init__(self, context: ReviewContext) -> None:
        super().__init__(texts.TITLE)
        self.setToolTip(texts.TITLE_TIP)
        self._context, self._case = context, context.case
        self._jobs = JobRunner(self)
        self._of: Prediction | None = None
        self._recorder = context.case.review.recorder
        self._ml = 0.0
        self.found: Adjudication | None = None
        self._layer: Labels | None = None
        self._hidden = False
        """Whether the layer was taken out because of a second reading."""
        self.hidden = wrapping_label()
        self.reviews, self.places = QListWidget(), QListWidget()
        self.reviews.setMaximumHeight(_HEIGHT)
        self.places.setMaximumHeight(2 * _HEIGHT)
        self.places.setWordWrap(True)
        self.state = wrapping_label()
        self.reviews.setAccessibleName(texts.REVIEWS)
        self.places.setAccessibleName(texts.PLACES)
        self.rule = QComboBox()
        self.rule.setAccessibleName(texts.RULE)
        for rule, words in texts.RULES.items():
            self.rule.addItem(words, rule)
            self.rule.setItemData(self.rule.count() - 1, RULES[rule], Qt.ItemDataRole.ToolTipRole)  # type: ignore[index]
        self.meaning, self.summary = wrapping_label(), wrapping_label()
        self.make_button = button_with_tip(texts.MAKE, texts.MAKE_TIP)
        self.save_button = ExportButton(texts.SAVE, texts.SAVE_TIP, self._case)
        self.remove_button = button_with_tip(texts.REMOVE, texts.REMOVE_TIP)
        self.keep_button = button_with_tip(texts.KEEP, texts.KEEP_TIP)
        self.drop_button = button_with_tip(texts.DROP, texts.DROP_TIP)
        self.reopen_button = button_with_tip(texts.REOPEN, texts.REOPEN_TIP)
        self._lay_out()
        self._connections = Connections(
            (self._case.prediction_changed, self._on_prediction),
            (self._case.verdicts_changed, self._on_verdicts),
            (context.layers.blinding_changed, self.refresh),
            (context.sessions.changed, self.refresh),
            (self.reviews.itemChanged, self._show),
            (self.rule.currentIndexChanged, self._show),
            (self.places.currentRowChanged, self._go_to),
            (self.make_button.clicked, self.make),
            (self.save_button.clicked, self.save),
            (self.remove_button.clicked, self.remove),
            (self.keep_button.clicked, self.keep),
            (self.drop_button.clicked, self.drop),
            (self.reopen_button.clicked, self.reopen),
            (self._jobs.finished, self._on_done),
            (self._jobs.failed, self._warn),
            (self._jobs.state_changed, self._show),
        )
        self.refresh()

    def _lay_out(self) -> None:
        column, act, decide = QVBoxLayout(self), QHBoxLayout(), QHBoxLayout()
        for button in (self.make_button, self.save_button, self.remove_button):
            act.addWidget(button)
        for button in (self.keep_button, self.drop_button, self.reopen_button):
            decide.addWidget(button)
        for widget in (self.hidden, self.reviews, self.state, self.rule, self.meaning):
            column.addWidget(widget)
        column.addLayout(act)
        column.addWidget(self.summary)
        column.addWidget(self.places)
        column.addLayout(decide)

    def cleanup(self) -> None:
        """Stop reading, and disconnect; a mask that was made stays in the window. May be called twice."""
        self._connections.disconnect_all()
        self.save_button.cleanup()
        self._jobs.cleanup()

    # -- what may be chosen -------------------------------------------------------------------

    @property
    def _reason(self) -> str:
        """Why other readers may not be seen now; empty where they may."""
        recorder = self._case.review.recorder
        reading = recorder is not None and recorder.session.kind == "qc"
        return texts.READING if reading or self._context.layers.blinded else ""

    def _on_prediction(self) -> None:
        now, before = self._case.original, self._of
        if now is not before:
            self.found = None
        if now is not None and before is not None and now is not before:
            if not _same_scan(now, before):  # of somebody else, perhaps
                self._take_out()
            self._of = self._layer = None
        self.refresh()

    def _on_verdicts(self) -> None:
        """List the reviews anew with another session only: the file is not read at each verdict."""
        if self._case.review.recorder is not self._recorder:
            self.refresh()

    def refresh(self) -> None:
        """List the reviews that can be put together now; those that are ticked stay so."""
        ticked, self._recorder = set(self.chosen), self._case.review.recorder
        self._follow_reason()
        blocked = self.reviews.blockSignals(True)
        self.reviews.clear()
        self.state.setText("")
        prediction, sessions = self._case.original, self._context.sessions
        try:
            if prediction is not None and sessions.exists and not self._reason:
                offer = finished_reviews(sessions.store(), prediction)
                for one in offer.sessions:
                    item = QListWidgetItem(f"{one.annotator}, {one.opened[:16].replace('T', ' ')}")
                    item.setData(Qt.ItemDataRole.UserRole, one.id)
                    item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
                    on = one.id in ticked
                    item.setCheckState(Qt.CheckState.Checked if on else Qt.CheckState.Unchecked)
                    self.reviews.addItem(item)
                said = (len(offer.sessions), offer.unfinished, offer.other_predictions, offer.hidden)
                self.state.setText(texts.offered(*said))
        except InputError as error:
            self.state.setText(as_warning(error))
        self.reviews.blockSignals(blocked)
        self._show()

    @property
    def chosen(self) -> list[str]:
        """Ids of the reviews that are ticked."""
        items = [self.reviews.item(row) for row in range(self.reviews.count())]
        return [
            str(item.data(Qt.ItemDataRole.UserRole))
            for item in items
            if item is not None and item.checkState() == Qt.CheckState.Checked
        ]

    # -- what the user does -------------------------------------------------------------------

    def make(self) -> None:
        """Put the ticked reviews together in the background."""
        prediction, chosen, rule = self._case.original, self.chosen, self.rule.currentData()
        if prediction is None or self._reason:
            return
        store = self._context.sessions.store()

        def work(progress: Progress) -> _Made:
            masks = []
            for i, one in enumerate(chosen):
                progress(texts.WORKING, i / len(chosen))
                masks.append(read_masks(store, one, prediction))
            return prediction, adjudicate(masks, rule, prediction.grid)

        self.message_changed.emit(texts.WORKING)
        self._jobs.start(work)

    def _on_done(self, done: _Made | _Saved) -> None:
        if isinstance(done, _Saved):
            # what was decided while it was written is in no file yet
            self._case.unsaved_mask = self.found is not None and self.found is not done.found
            self.message_changed.emit(texts.saved(done.folder))
            return
        prediction, found = done
        if prediction is self._case.original and not self._reason:
            self._of, self.found = prediction, found
            self._case.unsaved_mask = True
            self.message_changed.emit("")
            self._draw()
            self._list_places()

    def keep(self) -> None:
        """Keep the place that is chosen."""
        self._decide("kept")

    def drop(self) -> None:
        """Drop the place that is chosen."""
        self._decide("dropped")

    def reopen(self) -> None:
        """Leave the place that is chosen open again."""
        self._decide("open")

    def _decide(self, outcome: Outcome) -> None:
        row = self.places.currentRow()
        if self.found is None or not 0 <= row < len(self.found.undecided_by_rule):
            return
        self.found = self.found.decide(self.found.undecided_by_rule[row].number, outcome)
        self._case.unsaved_mask = True
        self._draw()
        left = [i for i, one in enumerate(self.found.undecided_by_rule) if one.outcome == "open" and i > row]
        self._list_places(row if outcome == "open" or not left else left[0])

    def save(self) -> None:
        """Ask for a folder, write the mask there, and note it in the journal."""
        found, prediction = self.found, self._of
        if found is None or prediction is None:
            return
        folder = ask_new_folder(self, texts.FOLDER_TITLE, texts.FOLDER_NAME)
        if folder is None:
            return
        store, by = self._context.sessions.store(), self._context.sessions.reader

        def work(progress: Progress) -> _Saved:
            from napari_uncertainseg.evaluate.adjudication.files import (
                journal_adjudication,
                write_adjudication,
            )

            write_adjudication(folder, found, prediction, by)
            journal_adjudication(store, found, prediction, by)
            return _Saved(folder, found)

        self._jobs.start(work)

    def remove(self) -> None:
        """Take the mask out of the window, and forget it; what was saved stays."""
        self._take_out()
        self.found = self._layer = None
        self._case.unsaved_mask = False
        self._list_places()

    # -- what is shown ------------------------------------------------------------------------

    def _draw(self) -> None:
        """Show the mask as a label layer of its own, which can be chosen as a reference."""
        found, prediction = self.found, self._of
        if found is None or prediction is None:
            return
        viewer, scan = self._context.layers.viewer, self._context.layers.scan.layer()
        placing = Placement.over(scan, prediction.grid)
        mask = found.mask
        self._ml = float((mask > 0).sum()) * prediction.grid.voxel_volume / 1000
        data = placing.array(mask)
        if self._layer is not None and self._layer in viewer.layers:
            self._layer.data = data
            return
        about = {KEY: {name: x for name, x in placing.metadata[KEY].items() if name != "role"}}
        active = viewer.layers.selection.active
        # Painting on it would be in no file: what is saved is what the readers said, and what was decided.
        self._layer = Labels(data, name=texts.LAYER, opacity=0.5, metadata=about, **placing.options)
        self._layer.editable = False
        viewer.add_layer(self._layer)
        if active is not None:
            viewer.layers.selection.active = active

    def _take_out(self) -> bool:
        """Take the layer out of the viewer; False where it is not there."""
        layers = self._context.layers.viewer.layers
        if self._layer is None or self._layer not in layers:
            return False
        layers.remove(self._layer)
        return True

    def _follow_reason(self) -> None:
        """Hide the mask from a second reader, and bring it back; in an exercise all layers are aside."""
        if self._context.layers.blinded:
            return
        if self._reason:
            self._hidden = self._take_out() or self._hidden
        elif self._hidden:
            self._hidden = False
            self._draw()

    def _list_places(self, row: int = 0) -> None:
        blocked = self.places.blockSignals(True)
        self.places.clear()
        found = self.found
        if found is not None:
            for one in found.undecided_by_rule:
                said = (one.number, one.volume_mm3, one.outcome, found.readers, one.says)
                self.places.addItem(texts.place(*said))
        self.places.blockSignals(blocked)
        self.places.setCurrentRow(row)
        self._show()

    def _go_to(self, row: int) -> None:
        found = self.found
        if found is not None and 0 <= row < len(found.undecided_by_rule) and not self._reason:
            self._context.layers.show_slice(found.undecided_by_rule[row].voxel)

    def _show(self, _changed: object = None) -> None:
        reason, found, idle = self._reason, self.found, self._jobs.state is JobState.IDLE
        self.hidden.setText(reason)
        self.hidden.setVisible(bool(reason))
        several = 2 <= len(self.chosen) <= 3
        for widget in (self.reviews, self.rule, self.meaning, self.make_button):
            widget.setVisible(not reason and self.reviews.count() > 1)
        self.state.setVisible(not reason and bool(self.state.text()))
        self.meaning.setText(RULES[self.rule.currentData()])
        self.make_button.setEnabled(several and idle)
        for widget in (self.summary, self.save_button, self.remove_button):
            widget.setVisible(found is not None and not reason)
        self.save_button.setEnabled(idle)
        for widget in (self.places, self.keep_button, self.drop_button, self.reopen_button):
            widget.setVisible(found is not None and not reason and self.places.count() > 0)
        if found is not None:
            outcomes = [one.outcome for one in found.lesions]
            counts = (outcomes.count("kept"), outcomes.count("dropped"), outcomes.count("open"))
            self.summary.setText(texts.summary(*counts, self._ml))

    def _warn(self, sentence: str) -> None:
        self.message_changed.emit(as_warning(sentence))


def _same_scan(one: Prediction, other: Prediction) -> bool:
    """Whether two predictions are of the same scan, by its voxels where they are known."""
    ours, theirs = (str(each.information.get("case", {}).get("sha256") or "") for each in (one, other))
    return ours == theirs if ours and theirs else one.grid.same_as(other.grid)
