"""Definitions of numbers: a window that shows them at a section, and tooltips that several docks share."""

from __future__ import annotations

from html import escape
from importlib.resources import files

from qtpy.QtCore import Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtWidgets import QTextBrowser, QWidget

from napari_uncertainseg.widgets.shared.form_helpers import PlainLabel

SCORES = {
    "right": "Share of right answers.",
    "d'": "How well lesions are told apart from other locations: 0 is guessing, 3 is nearly perfect.",
    "criterion": "Above 0: tends to answer no lesion. Below 0: tends to answer lesion.",
    "Brier": "Mean squared error of the stated probability (0 to 1): 0 is best, 0.25 is guessing.",
    "missed": "Lesions that were answered with no lesion.",
    "false positives": "Other locations that were answered with lesion.",
}
"""Names of the scores of an exercise, and their tooltips."""
CONFIDENCE_DIAGRAM = (
    "Fraction of true lesions at each probability that the annotator stated (0 to 1).\n"
    "The diagonal is perfect calibration."
)
_NAME = "uncertainseg-definitions"
_SIZE = (960, 640)


class DefinedLabel(PlainLabel):
    """A label that opens the definitions when it is clicked.

    Parameters
    ----------
    section
        The beginning of a heading of docs/methods.md.
    text
        Its text, underlined.
    parent
        Qt parent.
    """

    def __init__(self, section: str, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent=parent)
        self.set_html(f"<u>{escape(text)}</u>" if text else "")
        self._section = section
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        """Open the definitions."""
        super().mouseReleaseEvent(event)
        show_definitions(self, self._section)


def show_definitions(asker: QWidget, section: str) -> QTextBrowser:
    """Open docs/methods.md at a section; there is one such window, which closes with the asker's.

    Parameters
    ----------
    asker
        Any widget of the window.
    section
        The beginning of a heading.
    """
    home = asker.window() or asker
    window = home.findChild(QTextBrowser, _NAME)
    if window is None:
        window = QTextBrowser(home)
        window.setObjectName(_NAME)
        window.setWindowFlag(Qt.WindowType.Window)
        window.setWindowTitle("Definitions and sources")
        window.setOpenExternalLinks(True)
        window.setMarkdown(files("napari_uncertainseg").joinpath("methods.md").read_text(encoding="utf-8"))
        window.resize(*_SIZE)
    window.show()
    window.raise_()
    _scroll_to(window, section)
    return window


def _scroll_to(window: QTextBrowser, section: str) -> None:
    """Show a heading at the top."""
    document, bar = window.document(), window.verticalScrollBar()
    assert document is not None and bar is not None
    layout, block = document.documentLayout(), document.begin()
    assert layout is not None
    while block.isValid():
        if block.blockFormat().headingLevel() and block.text().startswith(section):
            bar.setValue(int(layout.blockBoundingRect(block).top()))
            return
        block = block.next()


def session_definitions() -> DefinedLabel:
    """A label of several lines about a session, which opens the definitions of its numbers."""
    label = DefinedLabel("Sessions")
    label.setWordWrap(True)
    label.setToolTip("Click to open the definitions of these numbers.")
    return label
