"""After a number was typed the keys are the picture's again: no key is dead without a word."""

import weakref

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QAbstractSpinBox, QApplication

from napari_uncertainseg.widgets.shared import napari_internals
from napari_uncertainseg.widgets.window import review_of

from .actions import click, focus

N = Qt.Key.Key_N


@pytest.fixture
def review(kept_viewer, qtbot):
    made = review_of(kept_viewer)
    made.show_dock("lesions")
    qtbot.wait(30)
    return weakref.proxy(made)  # a fixture's value outlives the window


def check_keys_work(review, qtbot):
    """The canvas has the keyboard, and N goes to a lesion."""
    canvas = napari_internals.drawing_canvas(review._viewer).native
    qtbot.waitUntil(canvas.hasFocus, timeout=3000)
    before = review.case.selected
    qtbot.keyClick(QApplication.focusWidget(), N)
    assert review.case.selected is not None and review.case.selected != before


def test_enter_in_a_field_of_numbers_gives_the_keyboard_back(review, qtbot):
    for field in (review.lesions.threshold.spin, review.lesions.threshold.volume):
        for key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            focus(qtbot, field)
            qtbot.keyClick(field, Qt.Key.Key_Up)
            assert field.hasFocus(), "while one types, it is the field's"
            qtbot.keyClick(field, key)
            check_keys_work(review, qtbot)


def test_a_click_on_reset_gives_it_back_too(review, qtbot):
    panel = review.lesions.threshold
    focus(qtbot, panel.spin)
    panel.spin.selectAll()
    qtbot.keyClicks(panel.spin, "0.25")
    qtbot.keyClick(panel.spin, Qt.Key.Key_Return)
    qtbot.waitUntil(panel.reset_button.isEnabled, timeout=3000)
    focus(qtbot, panel.spin)
    click(qtbot, panel.reset_button)
    check_keys_work(review, qtbot)
    assert review.case.threshold == review.case.prediction.threshold


def test_fields_of_other_docks_do_the_same(review, qtbot):
    review.open_dock("segment")
    fields = [x for x in review.segment.findChildren(QAbstractSpinBox) if x.isVisible() and x.isEnabled()]
    for field in fields:
        focus(qtbot, field)
        qtbot.keyClick(field, Qt.Key.Key_Return)
        check_keys_work(review, qtbot)
    assert fields
