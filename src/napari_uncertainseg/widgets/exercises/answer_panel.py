"""Where an annotator answers: the stated confidence, what makes it hard, and a button for each answer."""

from __future__ import annotations

from collections.abc import Mapping

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QSlider, QVBoxLayout, QWidget

from napari_uncertainseg.widgets.exercises import texts
from napari_uncertainseg.widgets.shared.feedback.row import FeedbackRow
from napari_uncertainseg.widgets.shared.form_helpers import PlainLabel

STEP = 10
"""Percent by which a key changes the confidence."""


class AnswerPanel(QWidget):
    """A slider for the confidence, and two buttons.

    Attributes
    ----------
    yes, no
        Buttons: there is a lesion, or none.
    confidence
        Slider, 50 to 100 percent.
    hard
        Why it is hard: ticks that go with the answer, and are gone after it.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.yes, self.no = QPushButton(), QPushButton()
        self.confidence = QSlider(Qt.Orientation.Horizontal)
        self.confidence.setRange(50, 100)
        self.confidence.setPageStep(STEP)
        self.confidence.setAccessibleName(texts.CONFIDENCE)
        self._percent = PlainLabel()
        self.confidence.valueChanged.connect(lambda percent: self._percent.setText(f"{percent} %"))
        self.confidence.setValue(75)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        for widgets in (
            (PlainLabel(texts.CONFIDENCE), self.confidence, self._percent),
            (self.yes, self.no),
        ):
            row = QHBoxLayout()
            for widget in widgets:
                row.addWidget(widget)
            column.addLayout(row)
        self.hard = FeedbackRow(sureness=False)
        self.hard.ask(texts.WHAT_MAKES_IT_HARD)
        self.hard.changed.connect(self.hard.show_feedback)
        column.insertWidget(1, self.hard)
        self.show_keys({})

    def show_keys(self, keys: Mapping[str, str]) -> None:
        """Show the keys that answer, by action."""
        for button, text, tip, action in (
            (self.yes, texts.YES, texts.YES_TIP, "accept"),
            (self.no, texts.NO, texts.NO_TIP, "reject"),
        ):
            key = keys.get(action, "")
            button.setText(texts.with_key(text, key))
            button.setToolTip(texts.with_key(tip, key))
        self.hard.show_keys(keys)
        self.confidence.setToolTip(texts.confidence_tip(keys.get("less_sure", ""), keys.get("surer", "")))
