"""What tests of several docks do with widgets."""

from __future__ import annotations

from qtpy.QtCore import Qt


def click(qtbot, button):
    """Press a button with the mouse."""
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def discard(qtbot, widget):
    """Delete a widget now: deleteLater waits for an event loop, which ``wait`` runs."""
    widget.close()
    widget.deleteLater()
    qtbot.wait(1)
