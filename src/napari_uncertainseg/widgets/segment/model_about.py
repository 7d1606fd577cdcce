"""A window that says what is known of a model, and shows its card."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from qtpy.QtCore import Qt, QUrl
from qtpy.QtGui import QTextCursor, QTextDocument
from qtpy.QtWidgets import QFormLayout, QTextBrowser, QVBoxLayout, QWidget

from napari_uncertainseg._base import visible
from napari_uncertainseg.widgets.shared.form_helpers import PlainLabel, wrapping_label

_NAME = "uncertainseg-about-model"
_SIZE = (820, 760)
_LONGEST = 40_000
"""Characters of a card that are shown: with 100,000 brackets Qt would hold the window for minutes."""


@dataclass(frozen=True)
class About:
    """What is known of a model.

    Attributes
    ----------
    name
        As the user calls it.
    facts
        As `inference.model_facts` gives them.
    card
        Its card, in Markdown.
    """

    name: str
    facts: Mapping[str, str]
    card: str


def read_about(name: str) -> About:
    """Find a model and what is known of it. Imports torch, so it is called in the background."""
    from napari_uncertainseg.inference.model_facts import model_facts
    from napari_uncertainseg.networks.catalog import find_model

    model = find_model(name)
    return About(name, model_facts(model), model.card())


class _Card(QTextBrowser):
    """A text in Markdown from elsewhere: no HTML, no links that open, and nothing is loaded for it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.setOpenLinks(False)
        document = self.document()
        assert document is not None
        features = QTextDocument.MarkdownFeature
        shown = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
        document.setMarkdown(visible(shown), features.MarkdownDialectGitHub | features.MarkdownNoHTML)
        self.moveCursor(QTextCursor.MoveOperation.Start)

    def loadResource(self, kind: int, name: QUrl) -> Any:
        """Load nothing: a picture in a card could be any file or page."""
        return None


class AboutModel(QWidget):
    """Facts above, the card below.

    Parameters
    ----------
    about
        What is shown.
    parent
        Whose window it closes with.
    """

    def __init__(self, about: About, parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self.setObjectName(_NAME)
        self.setWindowTitle(visible(f"Model {about.name}"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        form = QFormLayout()
        for title, fact in about.facts.items():
            label = wrapping_label(selectable=True)
            label.setText(fact)
            form.addRow(PlainLabel(title), label)
        self.card = _Card(about.card)
        column = QVBoxLayout(self)
        column.addLayout(form)
        column.addWidget(self.card, 1)
        self.resize(*_SIZE)


def show_about(asker: QWidget, about: About) -> AboutModel:
    """Show what is known of a model; a window about one before closes.

    Parameters
    ----------
    asker
        Any widget of the window.
    about
        What is shown.
    """
    home = asker.window() or asker
    for before in home.findChildren(AboutModel):
        before.close()
    window = AboutModel(about, home)
    window.show()
    window.raise_()
    return window
