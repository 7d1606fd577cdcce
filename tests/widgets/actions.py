"""What tests of several docks do with widgets."""

from __future__ import annotations

import gc
import weakref
from time import monotonic
from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication


def areas_of(review):
    """The areas around the open docks of a window, by the docks' keys."""
    return {opened.dock.key: opened.area for opened in review.opened}


def agreement_known(qtbot, dock):
    """Wait until the Session dock has read, in the background, how far readers agree."""
    qtbot.waitUntil(lambda: dock.agreement.known, timeout=60_000)


def click(qtbot, button):
    """Press a button with the mouse."""
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def wait_until_gone(qtbot, kept: weakref.ref[Any]) -> None:
    """Wait until nothing holds an object any more: what is deleted later, or by a thread, needs a moment."""
    qtbot.wait(10)  # only a running event loop carries out deleteLater
    qtbot.waitUntil(lambda: gc.collect() >= 0 and kept() is None)


def discard(qtbot, widget):
    """Delete a widget now: deleteLater waits for an event loop, which ``wait`` runs."""
    widget.close()
    widget.deleteLater()
    qtbot.wait(1)


def focus(qtbot, widget):
    """Give the keyboard to a widget; asked again and again, since a bare screen may ignore it."""

    def has_focus():
        widget.window().activateWindow()
        widget.setFocus()
        return widget.hasFocus()

    qtbot.waitUntil(has_focus, timeout=15_000)


def press(qtbot, widget, key, modifier=Qt.KeyboardModifier.NoModifier):
    """Press a key of the window while a widget has the keyboard."""
    focus(qtbot, widget)
    qtbot.keyClick(widget, key, modifier)


def make_active(window):
    """Wait until a window that is shown is the active one; a menu over it has the keys, and keeps them."""
    give_up = monotonic() + 15
    while window.isVisible() and not window.isActiveWindow() and QApplication.activePopupWidget() is None:
        assert monotonic() < give_up, "the window does not become active, so that it would hear no key"
        window.activateWindow()
        QTest.qWait(10)
