"""Small things that several docks are made of."""

from __future__ import annotations

from html import escape

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox, QLabel


def offer_layers(box: QComboBox, names: list[str]) -> None:
    """Offer label layers without a signal; the chosen one stays chosen where it is still there."""
    chosen, blocked = box.currentData(), box.blockSignals(True)
    box.clear()
    box.addItem("choose a label layer", None)
    for name in names:
        box.addItem(name, name)
    box.setCurrentIndex(max(box.findData(chosen), 0))
    box.blockSignals(blocked)


def wrapped(alignment: Qt.AlignmentFlag | None = None, *, selectable: bool = False) -> QLabel:
    """A label of several lines, whose text may be copied."""
    label = QLabel()
    label.setWordWrap(True)
    if alignment is not None:
        label.setAlignment(alignment)
    if selectable:
        label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label


def tip(text: str) -> str:
    """A tooltip that shows what it is given as it is, whatever is in it."""
    return f"<qt>{escape(text)}</qt>".replace("\n", "<br>")
