"""While a button is held on the picture, neither keys nor the wheel change the place; with real events."""

from __future__ import annotations

import weakref

import numpy as np
import pytest
from qtpy.QtCore import QEvent, QPoint, Qt
from qtpy.QtWidgets import QApplication

from napari_uncertainseg.widgets.reading_bar.correct import texts
from napari_uncertainseg.widgets.reading_bar.measure import texts as measure_texts
from napari_uncertainseg.widgets.reading_bar.mouse.held import LET_GO
from napari_uncertainseg.widgets.shared import napari_internals
from napari_uncertainseg.widgets.window import review_of

from .actions import click, focus
from .mouse_events import LEFT, NONE, RIGHT, SHIFT, mouse, wheel

KEYS = (
    (Qt.Key.Key_N, NONE),  # the next lesion
    (Qt.Key.Key_G, NONE),  # a verdict
    (Qt.Key.Key_K, NONE),  # the ruler
    (Qt.Key.Key_A, NONE),  # peek
    (Qt.Key.Key_B, SHIFT),  # another tool
    (Qt.Key.Key_T, NONE),  # three views
    (Qt.Key.Key_Z, SHIFT),  # the zoom
    (Qt.Key.Key_Right, NONE),  # napari's next slice
    (Qt.Key.Key_Down, NONE),  # another row of the list
    (Qt.Key.Key_E, Qt.KeyboardModifier.ControlModifier),  # napari's next orientation
    (Qt.Key.Key_Y, Qt.KeyboardModifier.ControlModifier),  # napari's 3-D
)

SOME = KEYS[:2]


class Desk:
    """A reader whose one hand holds a button while the other is on the keys and the wheel."""

    def __init__(self, review, viewer, qtbot):
        self.review, self.viewer, self.qtbot = review, viewer, qtbot
        self.canvas = napari_internals.drawing_canvas(viewer).native

    @property
    def said(self):
        return self.viewer.window._qt_window.statusBar().currentMessage()

    def place(self):
        """All that a key may change."""
        case, camera = self.review.case, self.viewer.scene.camera
        return (
            self.viewer.dims.ndisplay,
            self.viewer.dims.order,
            self.viewer.dims.current_step,
            (camera.zoom, tuple(camera.center)),
            case.selected,
            case.review.decisions(),
            tuple(layer.visible for layer in self.viewer.layers),
            {name: part.button.isChecked() for name, part in self.parts("correct", "measure", "views")},
            self.tool,
        )

    def parts(self, *names):
        return [(name, self.review.opened.parts[name]) for name in names]

    @property
    def tool(self):
        tools = self.review.opened.parts["correct"].tools
        return "" if tools is None else tools.active

    def slice_of(self, layer):
        """Of the layer's own array, which is shown."""
        return round(float(layer.world_to_data(self.viewer.dims.point)[0]))

    def press(self, at, button=LEFT):
        self.qtbot.mouseMove(self.canvas, QPoint(*at))
        self.qtbot.wait(20)
        self.qtbot.mousePress(self.canvas, button, pos=QPoint(*at))

    def move(self, at, button=LEFT):
        mouse(self.canvas, QEvent.Type.MouseMove, at, buttons=button)
        self.qtbot.wait(20)

    def release(self, at, button=LEFT):
        self.qtbot.mouseRelease(self.canvas, button, pos=QPoint(*at))
        self.qtbot.wait(20)

    def try_all(self, button, keys=KEYS):
        """Press keys with the focus on canvas and list, and turn the wheel; nothing comes of it."""
        for taker in (self.canvas, self.review.lesions.table):
            focus(self.qtbot, taker)
            before = self.place()
            for key, held in keys:
                self.viewer.window._qt_window.statusBar().clearMessage()
                self.qtbot.keyClick(taker, key, held)
                self.qtbot.wait(5)
                assert self.place() == before, (key, taker)
                assert self.said == LET_GO, (key, taker)
        for held in (NONE, SHIFT, Qt.KeyboardModifier.ControlModifier):
            wheel(self.canvas, -120, held=held, buttons=button)
            self.qtbot.wait(20)
            assert self.place() == before


@pytest.fixture
def desk(kept_viewer, qtbot):
    review = review_of(kept_viewer)
    review.show_dock("lesions")
    kept_viewer.reset_view()
    review.case.select((12, 21, 18))
    review.layers.go_to((12, 21, 18))
    qtbot.wait(50)
    made = Desk(weakref.proxy(review), kept_viewer, qtbot)
    yield weakref.proxy(made)
    vars(made).clear()


def slices(changed):
    return set(np.argwhere(changed)[:, 0].tolist())


def test_keys_and_wheel_wait_while_something_is_drawn(desk, qtbot):
    """The brush, the smart click, the ruler and napari's own brush: what is drawn stays where it began."""
    review, viewer = desk.review, desk.viewer
    click(qtbot, review.opened.parts["correct"].button)
    row = review.opened.parts["correct"].tools.row
    middle = (desk.canvas.width() // 2, desk.canvas.height() // 2)
    other = (middle[0] + 40, middle[1] + 10)
    row.brush.size_field.setValue(4.0)
    for shape in (0, 1):  # a disc, and a ball in 3-D
        row.brush.shape.setCurrentIndex(shape)
        before = review.case.lesions.labels.copy()
        if desk.tool != "brush":
            click(qtbot, row.buttons["brush"])
        desk.press(middle)
        desk.try_all(LEFT, KEYS if not shape else SOME)
        desk.move(other)
        desk.release(other)
        painted = np.argwhere((before == 0) & (review.case.lesions.labels > 0))[:, 0]
        assert len(painted) and abs(painted - painted.mean()).max() <= (2 if shape else 0)
        qtbot.keyClick(desk.canvas, Qt.Key.Key_Q)
    click(qtbot, row.buttons["click"])
    desk.press(middle)
    desk.try_all(LEFT, SOME)
    desk.release(middle)
    assert desk.tool == "click"
    focus(qtbot, desk.canvas)
    qtbot.keyClick(desk.canvas, Qt.Key.Key_K)
    measure = review.opened.parts["measure"]
    assert measure.tool.kind == "ruler", "and after it keys work"
    shown = review.layers.current_slice()[1]
    desk.press(middle)
    desk.move(other)
    desk.try_all(LEFT, SOME)
    desk.release(other)
    (ruler,) = measure.measured.items
    zoom = viewer.scene.camera.zoom
    assert ruler.where.index == shown and ruler.length_mm == pytest.approx(np.hypot(40, 10) / zoom, abs=1.5)
    measure.stop()
    lesions = viewer.layers["lesions"]
    viewer.layers.selection.active, lesions.mode, lesions.selected_label = lesions, "paint", 1
    before = lesions.data.copy()
    desk.press(middle)
    desk.move(other)
    desk.try_all(LEFT, SOME)
    desk.release(other)
    assert slices(lesions.data != before) == {desk.slice_of(lesions)}
    lesions.mode = "pan_zoom"


def test_keys_and_wheel_wait_while_window_and_level_are_dragged(desk):
    middle = (desk.canvas.width() // 2, desk.canvas.height() // 2)
    limits = list(desk.viewer.layers["FLAIR"].contrast_limits)
    desk.press(middle, RIGHT)
    desk.try_all(RIGHT)
    desk.move((middle[0] + 60, middle[1]), RIGHT)
    desk.release(middle, RIGHT)
    assert list(desk.viewer.layers["FLAIR"].contrast_limits) != limits
    step = desk.viewer.dims.current_step
    wheel(desk.canvas, -120)
    desk.qtbot.wait(20)
    assert desk.viewer.dims.current_step != step, "and after it the wheel works"


def test_a_release_that_nobody_heard_of_leaves_the_keys_alive(desk, qtbot, monkeypatch):
    """Such as over a dialog that came up meanwhile."""
    middle = (desk.canvas.width() // 2, desk.canvas.height() // 2)
    focus(qtbot, desk.canvas)
    desk.press(middle)
    monkeypatch.setattr(QApplication, "mouseButtons", lambda: Qt.MouseButton.NoButton)
    qtbot.keyClick(desk.canvas, Qt.Key.Key_K)
    monkeypatch.undo()
    assert desk.review.opened.parts["measure"].tool.kind == "ruler"
    desk.release(middle)


def test_a_stroke_ends_where_another_slice_is_shown_by_a_program(desk, qtbot):
    """The slider, napari's play button, a script: nothing is painted or measured from slice to slice."""
    review, viewer = desk.review, desk.viewer
    click(qtbot, review.opened.parts["correct"].button)
    tools = review.opened.parts["correct"].tools
    middle = (desk.canvas.width() // 2, desk.canvas.height() // 2)
    one, two = ((middle[0] + right, middle[1] + 10) for right in (20, 60))
    shown, where = int(viewer.dims.current_step[0]), review.layers.current_slice()[1]

    def drag():
        viewer.dims.set_current_step(0, shown)
        qtbot.wait(30)
        desk.press(middle)
        desk.move(one)
        viewer.dims.set_current_step(0, shown + 4)
        qtbot.wait(30)
        desk.move(two)
        desk.release(two)

    click(qtbot, tools.row.buttons["brush"])
    tools.row.brush.size_field.setValue(4.0)
    labels = review.case.lesions.labels.copy()
    drag()
    assert slices(review.case.lesions.labels != labels) == slices(review.case.review.edit) == {where}
    assert tools.row.said.text() == texts.STROKE_ENDED
    edit = review.case.review.edit.copy()
    click(qtbot, tools.row.buttons["split"])
    drag()
    assert np.array_equal(review.case.review.edit, edit) and tools.row.said.text() == texts.OTHER_SLICE
    focus(qtbot, desk.canvas)
    qtbot.keyClick(desk.canvas, Qt.Key.Key_K)
    drag()
    measure = review.opened.parts["measure"]
    assert measure.tool.kind == "ruler" and not measure.measured.items
    assert desk.said == measure_texts.OTHER_SLICE
    measure.stop()
    lesions = viewer.layers["lesions"]
    viewer.layers.selection.active, lesions.mode, lesions.selected_label = lesions, "paint", 1
    viewer.dims.set_current_step(0, shown)
    before, where = lesions.data.copy(), desk.slice_of(lesions)
    drag()
    assert slices(lesions.data != before) == {where}
    lesions.mode = "pan_zoom"
