"""Everything that can be clicked or typed into has a name, for programs that read the screen aloud."""

import weakref
from itertools import pairwise

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QScrollBar,
    QTextEdit,
    QWidget,
)

from napari_uncertainseg.widgets.dock_list import DOCKS
from napari_uncertainseg.widgets.window import review_of

from .actions import focus

KINDS = (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
    QTextEdit,
)
COMPOUND = (QAbstractSpinBox, QComboBox, QAbstractItemView)


def in_compound(widget):
    """Whether it belongs to another control, as the list of a box of choices does."""
    parent = widget.parent()
    return parent is not None and (isinstance(parent, COMPOUND) or in_compound(parent))


def has_name(widget, labelled):
    words = widget.accessibleName() or (widget.text() if isinstance(widget, QAbstractButton) else "")
    return any(sign.isalpha() for sign in words) or widget in labelled


def interactive(root):
    return [
        widget
        for widget in root.findChildren(QWidget)
        if isinstance(widget, KINDS)
        and not isinstance(widget, QScrollBar)
        and not widget.objectName().startswith("qt_")
        and not in_compound(widget)
        and not (isinstance(widget, QAbstractButton) and not widget.text() and not widget.isVisibleTo(root))
    ]


def nameless(root):
    labelled = {label.buddy() for label in root.findChildren(QLabel)}
    return [
        " ".join((type(widget).__name__, widget.objectName(), repr(widget.toolTip())))
        for widget in interactive(root)
        if not has_name(widget, labelled)
    ]


@pytest.fixture
def review(segmented_viewer, qtbot):
    review = review_of(segmented_viewer)
    for dock in DOCKS:
        review.open_dock(dock.key)
    qtbot.wait(10)
    return weakref.proxy(review)  # a fixture's value outlives the window


def test_every_control_of_docks_and_bar_has_a_name(review):
    found = {opened.dock.key: nameless(opened.area) for opened in review.opened}
    found |= {key: nameless(part) for key, part in review.opened.parts.items()}
    assert not {key: names for key, names in found.items() if names}
    assert sum(len(interactive(opened.area)) for opened in review.opened) > 150


def test_a_control_without_a_name_is_found(qtbot):
    root = QWidget()
    qtbot.addWidget(root)
    boxes = [QComboBox(root) for _ in range(3)]
    boxes[0].setAccessibleName("Chosen")
    QLabel("Other", root).setBuddy(boxes[1])
    assert len(nameless(root)) == 1


def test_tab_goes_through_a_dock_from_top_to_bottom(review, qtbot):
    """From each field to the one below or beside it, and never to one that is hidden."""
    for key in ("segment", "calibration", "session"):
        review.show_dock(key)
        qtbot.wait(10)
        content = review.opened.get(key).widget
        first = next(w for w in interactive(content) if takes_tab(w))
        order, widget = [], first
        while widget is not None and widget not in order and len(order) < 60:
            order.append(widget)
            widget = next_in_chain(widget, content)
        heights = [w.mapTo(content, w.rect().center()).y() for w in order]
        jumps = [b - a for a, b in pairwise(heights) if b < a - 60]
        assert len(order) > 2 and not jumps, (key, [w.toolTip()[:30] for w in order], heights)


def takes_tab(widget):
    return widget.isVisible() and widget.isEnabled() and bool(widget.focusPolicy() & Qt.FocusPolicy.TabFocus)


def next_in_chain(widget, content):
    later = widget.nextInFocusChain()
    while later is not widget:
        if content.isAncestorOf(later) and takes_tab(later) and isinstance(later, KINDS):
            return later
        later = later.nextInFocusChain()
    return None


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_the_focus_is_seen(review, qtbot, theme):
    """A control with the focus looks other than without it, in both themes."""
    review._viewer.theme = theme
    review.show_dock("session")
    dock = review.session
    for control in (dock.start_button, dock.order, dock.annotator):
        control.setEnabled(True)
        focus(qtbot, control)
        with_focus = control.grab().toImage()
        control.clearFocus()
        qtbot.wait(10)
        assert control.grab().toImage() != with_focus, type(control).__name__
