"""A small row of buttons: why a verdict was hard, and how sure the reader is of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QLineEdit, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from napari_uncertainseg.review.feedback import LONGEST_NOTE, NO_FEEDBACK, REASONS, SURENESS, Feedback
from napari_uncertainseg.widgets.shared.feedback import texts
from napari_uncertainseg.widgets.shared.form_helpers import PlainLabel

_REASON, _SURENESS = "hard_{}", "sureness_{}"
REASON_OF: Mapping[str, str] = {_REASON.format(reason): reason for reason in REASONS}
"""Reasons by the action that ticks them."""
SURENESS_OF: Mapping[str, int] = {_SURENESS.format(step): step for step in SURENESS}
"""Steps of sureness by the action that ticks them."""
KEYS: Mapping[str, str] = {action: f"Alt+{i}" for i, action in enumerate((*REASON_OF, *SURENESS_OF), start=1)}
"""The keys of the actions, as they stand in the row; letters and digits alone are taken."""
_NARROW = "QPushButton { padding: 3px 1px; }"
"""So that six words fit beside each other in a narrow dock."""
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
    question, how_sure
        What is asked, with the keys that answer.
    buttons
        By action.
    note
        What the other reason is.
    """

    changed = Signal(object)
    """The reader ticked something, took a tick away, or wrote a note: the `Feedback` that is wanted."""

    def __init__(self, parent: QWidget | None = None, *, sureness: bool = True) -> None:
        super().__init__(parent)
        self._shown, self._asked, self._keys = NO_FEEDBACK, "", KEYS
        self.question, self.how_sure = PlainLabel(parent=self), PlainLabel(parent=self)
        self.how_sure.setVisible(sureness)
        self.question.setWordWrap(True)
        self._words = {action: texts.REASON_WORDS[reason] for action, reason in REASON_OF.items()}
        if sureness:
            self._words |= {action: texts.SURENESS_WORDS[step] for action, step in SURENESS_OF.items()}
        self.buttons = {action: self._button(action) for action in self._words}
        self.note = QLineEdit()
        self.note.setMaxLength(LONGEST_NOTE)
        self.note.setPlaceholderText(texts.NOTE_HINT)
        self.note.setAccessibleName(texts.NOTE_HINT)
        self.note.setToolTip(texts.NOTE_TIP)
        self.note.editingFinished.connect(self.finish_note)
        self.note.returnPressed.connect(self.note.clearFocus)  # the keys work again
        self._lay_out()
        self.show_keys(KEYS)
        self.show_feedback(NO_FEEDBACK)

    def _button(self, action: str) -> QPushButton:
        button = QPushButton(self._words[action][0])
        button.setCheckable(True)
        button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        button.setStyleSheet(_NARROW)
        button.clicked.connect(lambda: self._press(action))
        return button

    def _press(self, action: str) -> None:
        """Do as the key does. Who clicks on *other* goes on to write it, and letters are keys elsewhere."""
        self.act(action)
        if REASON_OF.get(action) == "other" and self.note.isVisible():
            self.note.setFocus()

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(3)
        layout.addWidget(self.question)
        layout.addLayout(_side_by_side(self.buttons[action] for action in REASON_OF))
        layout.addWidget(self.note)
        steps = [self.buttons[action] for action in SURENESS_OF if action in self.buttons]
        if steps:
            layout.addLayout(_side_by_side((self.how_sure, *steps)))

    @property
    def feedback(self) -> Feedback:
        """What is ticked, with the note as it stands in its field."""
        return self._shown.noted(self.note.text()) if self.note.isModified() else self._shown

    def ask(self, question: str) -> None:
        """Ask about a verdict, in words."""
        self._asked = question
        reasons = [self._keys.get(action, "") for action in REASON_OF]
        self.question.setText(texts.with_keys(question, reasons))
        steps = [self._keys.get(action, "") for action in SURENESS_OF]
        self.how_sure.setText(texts.with_keys(texts.HOW_SURE, steps))

    def show_feedback(self, feedback: Feedback, *, unsure: bool = False) -> None:
        """Show what is ticked of a verdict; of one that is unsure, nobody is asked how sure it is."""
        self._shown = feedback
        self.how_sure.setToolTip(texts.NOT_OF_UNSURE if unsure else "")
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

    def why_not(self, action: str) -> str:
        """Why an action would tick nothing now; empty where it ticks."""
        return "" if self.buttons[action].isEnabled() else texts.NOT_OF_UNSURE

    def finish_note(self) -> None:
        """Say that the note is another one, where it is."""
        if self.note.isModified():
            wanted = self.feedback
            self.note.setModified(False)
            self.changed.emit(wanted)

    def show_keys(self, keys: Mapping[str, str]) -> None:
        """Show the keys, by action; an action without a key is named without one."""
        self._keys = keys
        for action, button in self.buttons.items():
            button.setToolTip(texts.button_tip(self._words[action][1], keys.get(action, "")))
        self.ask(self._asked)


def _side_by_side(widgets: Iterable[QWidget]) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(3)
    for widget in widgets:
        row.addWidget(widget)
    return row
