"""A small row of buttons: why a verdict was hard, and how sure the reader is of it."""

from __future__ import annotations

from collections.abc import Mapping

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QGridLayout, QHBoxLayout, QLineEdit, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from napari_uncertainseg.review.feedback import LONGEST_NOTE, NO_FEEDBACK, REASONS, SURENESS, Feedback
from napari_uncertainseg.widgets.shared.feedback import texts
from napari_uncertainseg.widgets.shared.form_helpers import PlainLabel

_REASON, _SURENESS = "hard_{}", "sureness_{}"
REASON_OF: Mapping[str, str] = {_REASON.format(reason): reason for reason in REASONS}
"""Reasons by the action that ticks them."""
SURENESS_OF: Mapping[str, int] = {_SURENESS.format(step): step for step in SURENESS}
"""Steps of sureness by the action that ticks them."""
KEYS: Mapping[str, str] = {action: f"F{i}" for i, action in enumerate((*REASON_OF, *SURENESS_OF), start=1)}
"""The keys of the actions, as they stand in the row; letters and digits are verdicts and napari's tools."""
MEANINGS: Mapping[str, str] = {
    **{action: texts.REASON_WORDS[reason][1].replace("\n", " ") for action, reason in REASON_OF.items()},
    **{action: texts.SURENESS_WORDS[step][1] for action, step in SURENESS_OF.items()},
}
"""What each action says, in one sentence."""


class FeedbackRow(QWidget):
    """Shows what is ticked, and says when something else is.

    Parameters
    ----------
    parent
        Qt parent.
    sureness
        Whether it asks how sure the reader is.

    Attributes
    ----------
    buttons
        By action.
    note
        What the other reason is.
    """

    changed = Signal(object)
    """The reader ticked something, took a tick away, or wrote a note: the `Feedback` that is wanted."""

    def __init__(self, parent: QWidget | None = None, *, sureness: bool = True) -> None:
        super().__init__(parent)
        self._shown = NO_FEEDBACK
        self._words = {action: texts.REASON_WORDS[reason] for action, reason in REASON_OF.items()}
        if sureness:
            self._words |= {action: texts.SURENESS_WORDS[step] for action, step in SURENESS_OF.items()}
        self.buttons = {action: self._button(action) for action in self._words}
        self.note = QLineEdit()
        self.note.setMaxLength(LONGEST_NOTE)
        self.note.setPlaceholderText(texts.NOTE_HINT)
        self.note.setToolTip(texts.NOTE_TIP)
        self.note.editingFinished.connect(self.finish_note)
        self.note.returnPressed.connect(self.note.clearFocus)  # the keys work again
        self._lay_out()
        self.show_keys(KEYS)
        self.show_feedback(NO_FEEDBACK)

    def _button(self, action: str) -> QToolButton:
        button = QToolButton()
        button.setCheckable(True)
        button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        button.clicked.connect(lambda: self.act(action))
        return button

    def _lay_out(self) -> None:
        grid = QGridLayout()
        grid.setSpacing(3)
        for i, action in enumerate(REASON_OF):
            grid.addWidget(self.buttons[action], i // 3, i % 3)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(3)
        layout.addLayout(grid)
        layout.addWidget(self.note)
        steps = QHBoxLayout()
        steps.setSpacing(3)
        self._how_sure = PlainLabel(texts.HOW_SURE)
        asked = [self.buttons[action] for action in SURENESS_OF if action in self.buttons]
        for widget in (self._how_sure, *asked):
            steps.addWidget(widget)
        self._how_sure.setVisible(bool(asked))
        layout.addLayout(steps)

    @property
    def feedback(self) -> Feedback:
        """What is ticked, with the note as it stands in its field."""
        return self._shown.noted(self.note.text()) if self.note.isModified() else self._shown

    def show_feedback(self, feedback: Feedback, *, unsure: bool = False) -> None:
        """Show what is ticked of a verdict; of one that is unsure, nobody is asked how sure it is."""
        self._shown = feedback
        for action, button in self.buttons.items():
            ticked = action in SURENESS_OF and SURENESS_OF[action] == feedback.sureness
            button.setChecked(ticked or REASON_OF.get(action) in feedback.reasons)
            button.setEnabled(not (unsure and action in SURENESS_OF))
        self.note.setText(feedback.note)
        self.note.setVisible("other" in feedback.reasons)

    def act(self, action: str) -> None:
        """Tick what an action stands for, or take its tick away."""
        if action in self.buttons and self.buttons[action].isEnabled():
            now = self.feedback
            wanted = (
                now.toggle_reason(REASON_OF[action])
                if action in REASON_OF
                else now.toggle_sureness(SURENESS_OF[action])
            )
            self.note.setModified(False)  # it goes with the tick
            self.changed.emit(wanted)

    def finish_note(self) -> None:
        """Say that the note is another one, where it is."""
        if self.note.isModified():
            wanted = self.feedback
            self.note.setModified(False)
            self.changed.emit(wanted)

    def show_keys(self, keys: Mapping[str, str]) -> None:
        """Show the keys, by action; an action without a key is named without one."""
        for action, button in self.buttons.items():
            word, meaning = self._words[action]
            button.setText(texts.button_text(word, keys.get(action, "")))
            button.setToolTip(texts.button_tip(meaning, keys.get(action, "")))
