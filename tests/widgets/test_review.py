"""The arrangement in a real viewer: opened once, closed with X, opened again, keys, a run, no leaks."""

import weakref

import pytest
from napari.layers import Image
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QKeySequence, QWheelEvent
from qtpy.QtWidgets import (
    QApplication,
    QComboBox,
    QDockWidget,
    QLabel,
    QLineEdit,
    QSlider,
    QSpinBox,
    QTextEdit,
    QVBoxLayout,
    QWidget,
)

from napari_uncertainseg.review.feedback import Feedback
from napari_uncertainseg.review.store.store import Store
from napari_uncertainseg.widgets import menu
from napari_uncertainseg.widgets import window as module
from napari_uncertainseg.widgets.dock_list import DOCKS, WITH_KEYS
from napari_uncertainseg.widgets.lesions.dock import LesionsDock
from napari_uncertainseg.widgets.scans.volumes import layer_data
from napari_uncertainseg.widgets.shared.dock_area import DockArea
from napari_uncertainseg.widgets.window import open_review, review_of

from ..review.many_sessions import a_department
from .actions import focus, press, wait_until_gone
from .fake_window import docks_with
from .fakes import FakeSegmenter


@pytest.fixture
def viewer(make_viewer, monkeypatch, tmp_path):
    monkeypatch.setattr(module, "default_file", lambda: tmp_path / "sessions.db")
    made = make_viewer()
    review_of(made, docks_with(fewest=5, most=5, make_segmenter=FakeSegmenter))
    return made


def _docks(viewer):
    window = viewer.window._qt_window
    return {d.windowTitle(): d for d in window.findChildren(QDockWidget) if d.widget() and d.area == "right"}


def _close_with_x(dock, qtbot):
    qtbot.mouseClick(dock.titleBarWidget().close_button, Qt.MouseButton.LeftButton)
    qtbot.wait(50)


def _add_scan(viewer, flair):
    data, options, _ = layer_data(flair)
    viewer.add_layer(Image(data, **options))


def _run(qtbot, review):
    qtbot.waitUntil(review.segment.run.isEnabled, timeout=3000)
    with qtbot.waitSignal(review.segment.done, timeout=5000):
        qtbot.mouseClick(review.segment.run, Qt.MouseButton.LeftButton)


def test_opened_twice_it_is_one_arrangement(viewer, qtbot):
    size = viewer.window._qt_window.size()
    review = open_review(viewer)
    assert open_review(viewer) is review
    docks = _docks(viewer)
    assert sorted(docks) == ["Calibration", "Lesions", "Segment"]
    assert {d.objectName() for d in viewer.window._qt_window.tabifiedDockWidgets(docks["Segment"])} == {
        "Lesions (UncertainSeg)",
        "Calibration (UncertainSeg)",
    }
    qtbot.wait(50)
    assert viewer.window._qt_window.size() == size
    assert all(dock.minimumSizeHint().width() <= 420 for dock in docks.values())


def test_closed_docks_stop_listening_are_freed_and_open_again_on_the_same_case(viewer, qtbot, flair):
    review = open_review(viewer)
    _add_scan(viewer, flair)
    _run(qtbot, review)
    review.case.review.judge((5, 10, 8), "accepted")
    case, gone, heard_by = review.case, weakref.ref(review.lesions), len(review.case.lesions_changed)
    _close_with_x(_docks(viewer)["Lesions"], qtbot)
    wait_until_gone(qtbot, gone)
    assert len(case.lesions_changed) < heard_by
    assert sorted(_docks(viewer)) == ["Calibration", "Segment"]
    case.threshold = 0.4
    again = open_review(viewer)
    assert again is review and review.case is case and len(case.review.verdicts) == 1
    assert isinstance(review.lesions, LesionsDock)
    assert sorted(_docks(viewer)) == ["Calibration", "Lesions", "Segment"]


def test_after_a_run_the_list_is_in_front_a_lesion_in_view_and_keys_step_through_all(viewer, qtbot, flair):
    review = open_review(viewer)
    _add_scan(viewer, flair)
    _run(qtbot, review)
    qtbot.waitUntil(review.lesions.isVisible, timeout=2000)
    axis, index = review.layers.current_slice()
    assert review.case.lesions.labels.take(index, axis).any()
    canvas = viewer.window._qt_viewer.canvas.native
    press(qtbot, canvas, Qt.Key.Key_N)
    first = review.case.selected
    assert first is not None
    press(qtbot, canvas, Qt.Key.Key_G)
    assert [v.decision for v in review.case.review.verdicts] == ["accepted"]
    assert review.case.selected != first
    press(qtbot, canvas, Qt.Key.Key_W)
    press(qtbot, canvas, Qt.Key.Key_U)
    assert [v.decision for v in review.case.review.verdicts] == ["accepted", "rejected", "unsure"]
    press(qtbot, canvas, Qt.Key.Key_Q)
    assert len(review.case.review.verdicts) == 2
    press(qtbot, canvas, Qt.Key.Key_Q, Qt.KeyboardModifier.ShiftModifier)
    assert len(review.case.review.verdicts) == 3


def test_a_session_outlasts_its_window(make_viewer, viewer, qtbot, flair):
    review = open_review(viewer)
    _add_scan(viewer, flair)
    _run(qtbot, review)
    review.open_dock("session")
    review.session.annotator.setFocus()
    qtbot.keyClicks(review.session.annotator, "reader 1")
    qtbot.mouseClick(review.session.start_button, Qt.MouseButton.LeftButton)
    canvas = viewer.window._qt_viewer.canvas.native
    focus(qtbot, canvas)
    for key in (Qt.Key.Key_N, Qt.Key.Key_G):
        press(qtbot, canvas, key)
    for key in (Qt.Key.Key_1, Qt.Key.Key_8):  # why it was hard, and how sure the reader is
        press(qtbot, canvas, key, Qt.KeyboardModifier.AltModifier)
    press(qtbot, canvas, Qt.Key.Key_W)
    given = review.case.review.verdicts
    assert [v.feedback for v in given] == [Feedback(("size",), 2), Feedback()]
    assert [v.decision for v in given] == ["accepted", "rejected"]
    viewer.close()

    later = make_viewer()
    review = open_review(later, docks_with(fewest=5, most=5, make_segmenter=FakeSegmenter))
    _add_scan(later, flair)
    _run(qtbot, review)
    review.open_dock("session")
    review.session.table.selectRow(0)
    qtbot.mouseClick(review.session.resume_button, Qt.MouseButton.LeftButton)
    assert review.session.message.text() == "" and review.case.review.verdicts == given
    gone = weakref.ref(review.session)
    _close_with_x(_docks(later)["Session"], qtbot)
    wait_until_gone(qtbot, gone)
    assert review.case.review.recorder is None


def test_keys_judge_wherever_the_focus_is(viewer, qtbot, flair):
    review = open_review(viewer)
    _add_scan(viewer, flair)
    _run(qtbot, review)
    qt_viewer = viewer.window._qt_viewer
    for place, widget in {
        "canvas": qt_viewer.canvas.native,
        "list": review.lesions.table,
        "slider": review.lesions.threshold.slider,
        "layer list": qt_viewer.layers,
    }.items():
        review.case.open_prediction(review.case.prediction)  # without verdicts, and nothing selected
        assert review.case.selected is None and review.case.review.verdicts == ()
        focus(qtbot, widget)
        decisions = []
        for key, shift in (("N", 0), ("G", 0), ("W", 0), ("Q", 0), ("Q", 1), ("U", 0), ("N", 1)):
            modifier = Qt.KeyboardModifier.ShiftModifier if shift else Qt.KeyboardModifier.NoModifier
            qtbot.keyClick(widget, getattr(Qt.Key, f"Key_{key}"), modifier)
            decisions.append([v.decision[0] for v in review.case.review.verdicts])
        assert decisions == [[], ["a"], ["a", "r"], ["a"], ["a", "r"], ["a", "u"], ["a", "u"]], place
        assert review.lesions.table.selected == 2, place


def test_typing_gives_no_verdict(viewer, qtbot, flair):
    review = open_review(viewer)
    _add_scan(viewer, flair)
    _run(qtbot, review)
    field = QLineEdit(review.lesions)
    field.show()
    review.show_dock("lesions")
    focus(qtbot, field)
    qtbot.keyClicks(field, "ngw")
    assert field.text() == "ngw"
    assert review.case.selected is None and review.case.review.verdicts == ()
    field.hide()
    spin = review.lesions.threshold.spin
    focus(qtbot, spin)
    spin.selectAll()
    qtbot.keyClicks(spin, "gw0.25nuq")
    qtbot.keyClick(spin, Qt.Key.Key_Return)
    assert spin.value() == 0.25
    qtbot.waitUntil(lambda: review.case.threshold == 0.25, timeout=2000)
    assert review.case.selected is None and review.case.review.verdicts == ()


def test_keys_are_free_in_napari():
    from napari.components import ViewerModel
    from napari.layers import Image, Labels
    from napari.utils.action_manager import action_manager
    from napari.utils.shortcuts import default_shortcuts

    providers = {name: action.keymapprovider for name, action in action_manager._actions.items()}
    taken = {
        str(key)
        for name, keys in default_shortcuts.items()
        for key in keys
        if providers.get(name) in (None, ViewerModel, Image, Labels)
    }
    assert {"Z", "P", "V"} <= taken
    taken |= {str(key) for layer in (Image, Labels) for key in layer.class_keymap}
    actions = [action for owner in WITH_KEYS for action in owner.keys]
    ours = {action.key for action in actions}
    assert len(ours) == len(actions) == 43
    assert not taken & ours
    assert all(QKeySequence(key).count() == 1 for key in ours)


def test_contributed_widget_opens_the_whole_arrangement(viewer, qtbot):
    viewer.window.add_dock_widget(menu.segment_dock(viewer), name="Review (UncertainSeg)", area="right")
    qtbot.waitUntil(lambda: sorted(_docks(viewer)) == ["Calibration", "Lesions", "Segment"], timeout=2000)
    assert _docks(viewer)["Segment"].isAncestorOf(open_review(viewer).segment)


def test_closing_the_window_during_a_run_ends_it(viewer, qtbot, flair, monkeypatch):
    review = open_review(viewer)
    review.segment._segmenters._make = lambda *a, **k: FakeSegmenter(*a, **k, steps=2000)
    _add_scan(viewer, flair)
    qtbot.waitUntil(review.segment.run.isEnabled, timeout=3000)
    qtbot.mouseClick(review.segment.run, Qt.MouseButton.LeftButton)
    qtbot.wait(50)
    assert review.segment.run.text() == "Cancel"
    viewer.close()
    review.cleanup()


def _fits(window):
    return (window.width(), window.height()) == (1280, 720)


def test_no_dock_makes_a_small_window_larger(viewer, qtbot, flair):
    window = viewer.window._qt_window
    viewer.window.resize(1280, 720)
    review = open_review(viewer)
    _add_scan(viewer, flair)
    _run(qtbot, review)
    review.lesions.next_lesion()
    review.lesions.measures.button.click()
    for dock in DOCKS:
        review.open_dock(dock.key)
        qtbot.wait(50)
        assert _fits(window), dock.key
    for dock in DOCKS:
        review.show_dock(dock.key)
        qtbot.wait(50)
        opened = review.opened.get(dock.key)
        area, content = opened.area, opened.widget
        assert area.viewport().width() == content.width() >= content.minimumSizeHint().width(), dock.key
        assert content.height() == area.viewport().height() + area.verticalScrollBar().maximum(), dock.key
    assert _fits(window)


def test_a_dock_of_the_menu_leaves_the_window_as_it_is(viewer, qtbot):
    window = viewer.window._qt_window
    viewer.window.resize(1280, 720)
    open_review(viewer)
    for make, name in (
        (menu.session_dock, "Session (UncertainSeg)"),
        (menu.dashboard_dock, "Dashboard (UncertainSeg)"),
    ):
        viewer.window.add_dock_widget(make(viewer), name=name, area="right")
        qtbot.wait(100)
        assert _fits(window), name
    again = menu.session_dock(viewer)  # the one that is there is closed
    viewer.window.add_dock_widget(again, name="Session (UncertainSeg)", area="right")
    qtbot.wait(100)
    assert len(_docks(viewer)) == 5 and again.isAncestorOf(open_review(viewer).session)


def test_the_dashboard_is_read_again_when_its_tab_is(viewer, qtbot, tmp_path):
    review = open_review(viewer)
    review.open_dock("dashboard")
    qtbot.wait(50)
    assert not review.dashboard.statistics.annotators
    review.show_dock("segment")
    qtbot.wait(50)
    with Store(tmp_path / "sessions.db") as store:
        a_department(store)
    review.show_dock("dashboard")
    qtbot.waitUntil(lambda: bool(review.dashboard.statistics.annotators), timeout=2000)


@pytest.fixture
def scrolled(qtbot):
    """A label that breaks, a text that grows, and three controls; at least 300 pixels high."""
    content = QWidget()
    layout = QVBoxLayout(content)
    content.label = QLabel("One of many words. " * 10)
    content.label.setWordWrap(True)
    content.text = QTextEdit()
    content.text.setMinimumHeight(150)
    content.turned = QSpinBox(), QSlider(Qt.Orientation.Horizontal), QComboBox()
    content.turned[2].addItems(["a", "b"])
    for widget in (content.label, content.text, *content.turned):
        layout.addWidget(widget)
    area = DockArea(content)
    area.resize(300, 600)
    area.show()
    qtbot.waitUntil(area.isVisible, timeout=2000)
    yield area
    area.close()
    area.deleteLater()
    qtbot.wait(1)


def test_a_dock_fills_its_room_or_scrolls(scrolled, qtbot):
    content = scrolled.widget()
    assert content.size() == scrolled.viewport().size() and not scrolled.scrolls
    high = content.text.height()
    scrolled.resize(300, 200)
    qtbot.waitUntil(lambda: scrolled.scrolls, timeout=1000)
    qtbot.waitUntil(lambda: content.width() == scrolled.viewport().width(), timeout=1000)
    assert content.text.height() == 150 < high
    assert content.label.height() >= content.label.heightForWidth(content.label.width())
    assert scrolled.minimumSizeHint().height() <= 100
    assert scrolled.minimumSizeHint().width() > content.minimumSizeHint().width()
    content.text.setMinimumHeight(500)
    qtbot.waitUntil(lambda: content.text.height() == 500, timeout=1000)
    content.text.hide()
    scrolled.resize(300, 600)
    qtbot.waitUntil(lambda: content.size() == scrolled.viewport().size(), timeout=1000)


def _turn(control):
    middle = QPointF(control.rect().center())
    wheel = QWheelEvent(
        middle,
        control.mapToGlobal(middle),
        QPoint(),
        QPoint(0, 120 if isinstance(control, QSpinBox | QSlider) else -120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(control, wheel)


def test_a_wheel_that_scrolls_a_dock_turns_no_control(scrolled, qtbot):
    spin, slider, box = scrolled.widget().turned
    value = lambda: (spin.value(), slider.value(), box.currentIndex())  # noqa: E731
    for control in (spin, slider, box):
        _turn(control)
        assert not control.hasFocus()
    assert all(turned := value())
    scrolled.resize(300, 200)
    qtbot.waitUntil(lambda: scrolled.scrolls, timeout=1000)
    for control in (spin, slider, box):
        _turn(control)
    assert value() == turned
    focus(qtbot, spin)
    _turn(spin)
    assert spin.value() > turned[0]
