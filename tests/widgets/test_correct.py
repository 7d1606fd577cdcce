"""The correction tools in the real window: clicks, drags, wheel, keys; undo, journal and results."""

from __future__ import annotations

import weakref

import numpy as np
import pytest
from napari.utils.notifications import notification_manager
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent, QWheelEvent
from qtpy.QtWidgets import QApplication, QToolBar

from napari_uncertainseg.evaluate.saved_results import read_saved_results
from napari_uncertainseg.export import write_results
from napari_uncertainseg.review.session.replay import Replay
from napari_uncertainseg.review.store.store import Store
from napari_uncertainseg.widgets.layers.correcting.preview import MARK, NAME, REMOVE, TAKE
from napari_uncertainseg.widgets.reading_bar.correct import texts
from napari_uncertainseg.widgets.shared import napari_internals
from napari_uncertainseg.widgets.window import review_of

from .actions import click, focus
from .drawn_layers import drawing_node

FIRST, SECOND, THIRD = (5, 10, 8), (12, 21, 18), (18, 32, 26)
SHIFT = Qt.KeyboardModifier.ShiftModifier


class Hands:
    """A reader's hands on a window: voxels are clicked on where they are seen."""

    def __init__(self, review, viewer, qtbot):
        self.review, self.viewer, self.qtbot = review, viewer, qtbot

    @property
    def canvas(self):
        return napari_internals.drawing_canvas(self.viewer).native

    @property
    def part(self):
        return self.review.opened.parts["correct"]

    @property
    def tools(self):
        return self.part.tools

    @property
    def row(self):
        return self.tools.row

    @property
    def preview(self):
        return self.tools.bench.preview.shown

    @property
    def said(self):
        return self.row.said.text()

    def look_at(self, voxel):
        self.review.layers.show_slice(voxel)
        self.qtbot.wait(30)

    def pixel(self, voxel):
        """Where the middle of a voxel of the visible slice is drawn."""
        layer = self.viewer.layers["lesions"]
        node = drawing_node(self.viewer, layer)
        shown = [voxel[axis] + 0.5 for axis in self.viewer.dims.displayed]  # vispy counts from the edge
        x, y = node.get_transform("visual", "canvas").map(np.array(shown[::-1]))[:2]
        return QPoint(round(float(x)), round(float(y)))

    def settled_pixel(self, voxel):
        """The same once it stays: docks that say more or less move the canvas a moment later."""
        before, at = None, self.pixel(voxel)
        while at != before:
            self.qtbot.wait(30)
            before, at = at, self.pixel(voxel)
        return at

    def click(self, voxel):
        self.look_at(voxel)
        at = self.settled_pixel(voxel)
        self.move(at)
        self.qtbot.mouseClick(self.canvas, Qt.MouseButton.LeftButton, pos=at)
        self.qtbot.wait(20)

    def hover(self, voxel):
        self.look_at(voxel)
        self.move(self.pixel(voxel))

    def move(self, at, buttons=Qt.MouseButton.NoButton):
        """Move the mouse, straight to the canvas: a notice over it would catch the screen's own pointer."""
        self.qtbot.wait(20)  # vispy lets at most a hundred moves a second pass
        none, event = Qt.MouseButton.NoButton, QEvent.Type.MouseMove
        place = QPointF(at), QPointF(self.canvas.mapToGlobal(at))
        modifiers = Qt.KeyboardModifier.NoModifier
        QApplication.sendEvent(self.canvas, QMouseEvent(event, *place, none, buttons, modifiers))
        self.qtbot.wait(20)

    def drag(self, start, stop, meanwhile=lambda: None):
        self.look_at(start)
        ends = [self.pixel(voxel) for voxel in (start, stop)]
        self.move(ends[0])
        self.qtbot.mousePress(self.canvas, Qt.MouseButton.LeftButton, pos=ends[0])
        for share in (0.3, 0.7, 1.0):
            self.move(ends[0] + (ends[1] - ends[0]) * share, Qt.MouseButton.LeftButton)
        meanwhile()
        self.qtbot.mouseRelease(self.canvas, Qt.MouseButton.LeftButton, pos=ends[1])
        self.qtbot.wait(20)

    def wheel(self, notches):
        middle = QPointF(self.canvas.rect().center())
        event = QWheelEvent(
            middle,
            QPointF(self.canvas.mapToGlobal(self.canvas.rect().center())),
            QPoint(),
            QPoint(0, 120 * notches),
            Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        QApplication.sendEvent(self.canvas, event)
        self.qtbot.wait(20)

    def key(self, key, modifier=Qt.KeyboardModifier.NoModifier):
        focus(self.qtbot, self.review.lesions.table)
        self.qtbot.keyClick(self.review.lesions.table, key, modifier)
        self.qtbot.wait(20)


@pytest.fixture
def hands(kept_viewer, qtbot):
    review = review_of(kept_viewer)
    review.show_dock("lesions")
    kept_viewer.reset_view()
    qtbot.wait(50)
    made = Hands(weakref.proxy(review), kept_viewer, qtbot)
    click(qtbot, made.part.button)
    yield weakref.proxy(made)
    made.viewer = None


def labels_at(review, *voxels):
    return [int(review.case.lesions.labels[voxel]) for voxel in voxels]


def size_at(review, voxel):
    labels = review.case.lesions.labels
    return int((labels == labels[voxel]).sum()) if labels[voxel] else 0


def steps_of(tmp_path):
    with Store(tmp_path / "sessions.db") as store:
        (session,) = store.sessions()
        return [step.what for step in Replay(store, session.id).steps]


def test_a_click_reaches_the_voxel_that_is_seen(hands):
    seen = []
    click(hands.qtbot, hands.row.buttons["merge"])
    hands.tools._hand.press = seen.append
    for voxel in (FIRST, (5, 3, 28), THIRD):
        hands.click(voxel)
    assert seen == [FIRST, (5, 3, 28), THIRD]


def test_the_row_opens_and_closes_with_words_and_leaves_nothing(hands):
    viewer, window = hands.viewer, hands.review._window
    (row,) = [bar for bar in window.findChildren(QToolBar) if bar.objectName() == "uncertainseg-correct-row"]
    assert row.isVisible() and row is hands.row
    assert [button.text() for button in row.buttons.values()] == [w.name for w in texts.TOOLS.values()]
    assert "(Shift+G)" in row.buttons["grow"].toolTip() and "(Shift+T)" in hands.part.button.toolTip()
    assert row.distance.value() == 1.0 and row.distance.suffix() == " mm"  # 3 x 1 x 1 mm
    hands.key(Qt.Key.Key_T, SHIFT)
    callbacks = list(viewer.mouse_drag_callbacks), list(viewer.mouse_move_callbacks)
    hands.key(Qt.Key.Key_B, SHIFT)
    row = hands.row
    assert row.buttons["brush"].isChecked() and row.hint.text().endswith(texts.LEAVE.strip())
    assert NAME in viewer.layers and row.brush.isVisible() and not row.click.isVisible()
    hands.key(Qt.Key.Key_T, SHIFT)
    assert hands.tools is None and NAME not in viewer.layers and not hands.part.button.isChecked()
    assert (list(viewer.mouse_drag_callbacks), list(viewer.mouse_move_callbacks)) == callbacks
    hands.key(Qt.Key.Key_T, SHIFT)
    assert hands.row.isVisible()
    click(hands.qtbot, hands.row.close_button)
    assert hands.tools is None


def test_a_tool_in_hand_changes_nothing_that_is_hidden(hands):
    lesions, hiding = hands.viewer.layers["lesions"], hands.review.opened.parts["overlays"]
    before = hands.review.case.lesions.labels.copy()
    click(hands.qtbot, hands.row.buttons["brush"])
    hiding.toggle()
    assert not lesions.visible
    hands.drag((8, 6, 24), (8, 14, 24))
    assert np.array_equal(hands.review.case.lesions.labels, before)
    assert lesions.visible and not hiding.hiding.hidden  # who draws wants to see it
    hands.drag((8, 6, 24), (8, 14, 24))
    assert not np.array_equal(hands.review.case.lesions.labels, before)


def test_a_key_changes_nothing_that_is_hidden(hands):
    lesions, hiding = hands.viewer.layers["lesions"], hands.review.opened.parts["overlays"]
    hands.click(FIRST)
    before = hands.review.case.lesions.labels.copy()
    hide = (hiding.toggle, lambda: setattr(lesions, "visible", False))
    for key, hidden in ((Qt.Key.Key_G, hide[0]), (Qt.Key.Key_H, hide[1]), (Qt.Key.Key_F, hide[0])):
        hidden()
        assert not lesions.visible
        said = len(notification_manager.records)
        hands.key(key, SHIFT)
        assert np.array_equal(hands.review.case.lesions.labels, before)
        assert lesions.visible and not hiding.hiding.hidden
        assert len(notification_manager.records) == said + 1
    hands.key(Qt.Key.Key_G, SHIFT)
    assert not np.array_equal(hands.review.case.lesions.labels, before)


def test_a_layer_of_lesions_that_was_removed_comes_back_with_a_press(hands):
    review, viewer = hands.review, hands.viewer
    before = review.case.lesions.labels.copy()
    click(hands.qtbot, hands.row.buttons["brush"])
    hands.look_at((8, 6, 24))
    at, to = (hands.settled_pixel(voxel) for voxel in ((8, 6, 24), (8, 14, 24)))
    viewer.layers.remove("lesions")
    assert hands.said == texts.REMOVED and hands.tools.active == "brush"
    hands.qtbot.mousePress(hands.canvas, Qt.MouseButton.LeftButton, pos=at)
    hands.qtbot.mouseRelease(hands.canvas, Qt.MouseButton.LeftButton, pos=to)
    assert viewer.layers["lesions"].visible and hands.said == texts.BACK
    assert np.array_equal(review.case.lesions.labels, before)
    hands.drag((8, 6, 24), (8, 14, 24))
    assert not np.array_equal(review.case.lesions.labels, before)
    viewer.layers["lesions"].mode = "paint"  # its mode is followed, too
    assert not hands.tools.active


def test_tools_that_act_at_once_bring_a_removed_layer_back(hands):
    review, viewer = hands.review, hands.viewer
    hands.click(FIRST)
    before = review.case.lesions.labels.copy()
    viewer.layers.remove("lesions")
    hands.key(Qt.Key.Key_G, SHIFT)
    assert viewer.layers["lesions"].visible and np.array_equal(review.case.lesions.labels, before)
    hands.key(Qt.Key.Key_G, SHIFT)
    assert not np.array_equal(review.case.lesions.labels, before)
    viewer.layers.remove("lesions")
    click(hands.qtbot, hands.row.buttons["brush"])
    assert viewer.layers["lesions"].visible and hands.tools.active == "brush"


def test_enter_takes_no_outline_that_is_hidden(hands):
    hiding = hands.review.opened.parts["overlays"]
    click(hands.qtbot, hands.row.buttons["click"])
    hands.click((8, 30, 6))
    hands.click(FIRST)
    before = hands.review.case.lesions.labels.copy()
    hands.tools._turn(1)
    hiding.toggle()
    hands.tools._accept()
    assert np.array_equal(hands.review.case.lesions.labels, before) and not hiding.hiding.hidden
    hands.tools._accept()
    assert not np.array_equal(hands.review.case.lesions.labels, before)


def test_grow_shrink_and_fill_act_on_the_selected_lesion_at_once(hands, tmp_path):
    review = hands.review
    click(hands.qtbot, hands.row.buttons["grow"])
    assert hands.said == texts.NONE_SELECTED
    hands.click(FIRST)  # no tool in hand: a click selects, as ever
    assert review.case.lesions.component_at(review.case.selected) == labels_at(review, FIRST)[0]
    before = size_at(review, FIRST)
    hands.key(Qt.Key.Key_G, SHIFT)
    grown = size_at(review, FIRST)
    assert grown > before and "grow by 1 mm" in hands.said and "more" in hands.said
    hands.row.distance.setValue(2.0)
    click(hands.qtbot, hands.row.buttons["shrink"])
    assert size_at(review, FIRST) < grown
    click(hands.qtbot, hands.row.buttons["fill"])
    assert "has no hole in these slices" in hands.said
    hands.row.holes.setCurrentIndex(1)
    hands.key(Qt.Key.Key_F, SHIFT)
    assert "has no hole in 3-D" in hands.said
    hands.key(Qt.Key.Key_Q)
    assert size_at(review, FIRST) == grown and not hands.said  # what was said holds no longer
    hands.key(Qt.Key.Key_Q)
    assert size_at(review, FIRST) == before
    hands.viewer.layers["lesions"].redo()
    assert size_at(review, FIRST) == grown
    assert steps_of(tmp_path)[1:] == [
        "grow by 1 mm",
        "shrink by 2 mm",
        "shrink by 2 mm undone",
        "grow by 1 mm undone",
        "grow by 1 mm redone",
    ]


def test_the_brush_is_in_mm_paints_once_per_stroke_and_erases(hands, tmp_path):
    review = hands.review
    hands.row.brush.size_field.setValue(6.0)
    hands.row.brush.shape.setCurrentText(texts.BALL)
    click(hands.qtbot, hands.row.buttons["brush"])
    centre = hands.viewer.scene.camera.center
    count = review.case.lesions.count
    hands.hover((8, 6, 24))
    assert (hands.preview == TAKE).sum() == 31  # 29 in the slice, and one in each of the next: 3 mm away

    def halfway():
        assert review.case.review.edit is None and (hands.preview == TAKE).sum() > 60

    hands.drag((8, 6, 24), (8, 14, 24), halfway)
    labels = review.case.lesions.labels
    assert labels[8, 6:15, 24].all() and labels[7, 6:15, 24].all() and labels[9, 6:15, 24].all()
    assert not labels[8, 10, 28] and not labels[[6, 10], 6:15, 24].any()
    assert review.case.lesions.count == count + 1 and hands.viewer.scene.camera.center == centre
    hands.row.brush.does.setCurrentText(texts.ERASE)
    hands.hover((8, 6, 24))
    assert set(np.unique(hands.preview)) == {0, REMOVE}
    hands.drag((8, 4, 24), (8, 16, 24))
    assert not review.case.lesions.labels[8, 6:15, 24].any() and review.case.lesions.count == count
    hands.key(Qt.Key.Key_Q)
    assert review.case.lesions.labels[8, 6:15, 24].all()
    strokes = steps_of(tmp_path)[1:]
    assert strokes == [
        "paint with a ball of 6 mm",
        "erase with a ball of 6 mm",
        "erase with a ball of 6 mm undone",
    ]


def test_the_threshold_brush_takes_only_what_is_bright_and_shows_it_before(hands):
    review, brush = hands.review, hands.row.brush
    scan = review.case.scan.data
    click(hands.qtbot, hands.row.buttons["brush"])
    assert brush.limit.isEnabled() and not brush.level.isVisible()
    brush.limit.setCurrentText(texts.ABOVE)
    assert brush.level.isVisible() and brush.value.isVisible()
    level = brush.chosen.brightness.level
    assert 0.5 < level < 0.9  # between the brain (0.4) and the lesions (1)
    hands.look_at(FIRST)
    brush.level.setValue(brush.level.value() + 1)  # what it lets through in this slice, at once
    shown = np.argwhere(hands.preview)
    assert len(shown) and set(shown[:, 0]) == {5}
    np.testing.assert_array_equal(
        hands.preview[5] > 0,
        (scan[5] >= brush.chosen.brightness.level) & (review.case.prediction.brain[5] > 0),
    )
    review.case.review.set_edit(np.where(review.case.lesions.labels > 0, -1, 0).astype(np.int8))
    brush.size_field.setValue(30.0)
    hands.drag(FIRST, (5, 12, 10))
    found = review.case.lesions.labels > 0
    assert found.any() and (scan[found] >= brush.chosen.brightness.level).all()
    bright = scan[5] >= brush.chosen.brightness.level
    np.testing.assert_array_equal(found[5], bright)
    correction = review.case.review._history.last(back=True).correction
    assert correction.settings["limit"] == "above" and correction.settings["level"] == pytest.approx(
        brush.chosen.brightness.level
    )
    brush.limit.setCurrentText(texts.BELOW)
    hands.hover(FIRST)
    assert (scan[hands.preview > 0] < brush.chosen.brightness.level).all()


def test_smart_click_outlines_what_the_model_sees_at_a_threshold_that_the_wheel_moves(hands, tmp_path):
    review, viewer = hands.review, hands.viewer
    hands.key(Qt.Key.Key_C, SHIFT)
    before, zoom = size_at(review, SECOND), None
    hands.click(SECOND)
    zoom = viewer.scene.camera.zoom
    at_threshold = int((hands.preview > 0).sum())
    assert f"Probability {review.case.threshold:.3f}" in hands.row.click.said.text()
    assert review.case.review.edit is None and at_threshold == before
    hands.wheel(5)
    larger = int((hands.preview > 0).sum())
    hands.wheel(-10)
    smaller = int((hands.preview > 0).sum())
    assert larger > at_threshold > smaller > 0 and viewer.scene.camera.zoom == zoom
    step = viewer.dims.current_step
    click(hands.qtbot, hands.row.click.larger)
    click(hands.qtbot, hands.row.click.smaller)
    assert int((hands.preview > 0).sum()) == smaller and viewer.dims.current_step == step
    hands.key(Qt.Key.Key_Return)
    assert size_at(review, SECOND) == smaller and not hands.preview.any()
    assert "model's outline at probability" in hands.said
    hands.click(SECOND)
    hands.wheel(5)
    hands.click(SECOND)  # inside of what is shown: taken
    assert size_at(review, SECOND) == larger
    hands.click((3, 2, 30))
    assert "The model sees nothing here" in hands.said
    hands.wheel(1)  # no place: the wheel is the viewer's again
    hands.click(SECOND)
    hands.key(Qt.Key.Key_Escape)
    assert not hands.preview.any() and hands.tools.active == "click"
    hands.key(Qt.Key.Key_Escape)
    assert hands.tools.active == "" and NAME not in viewer.layers and size_at(review, SECOND) == larger
    assert [what.split(" at ")[0] for what in steps_of(tmp_path)[1:]] == ["model's outline"] * 2


@pytest.mark.parametrize("key", ["brush", "click"])
@pytest.mark.parametrize("enter", [Qt.Key.Key_Return, Qt.Key.Key_Enter])
def test_enter_in_a_field_is_the_fields_with_a_tool_in_hand(hands, key, enter):
    """It takes the number that was typed; afterwards it is the tool's again."""
    review, panel = hands.review, hands.review.lesions.threshold
    hands.tools.use(key)
    took = []
    hands.tools._hand.accept = lambda: took.append(key)
    for field, typed, read in (
        (panel.spin, "0.3", lambda: review.case.threshold),
        (panel.volume, "7", lambda: review.case.min_volume),
    ):
        before = read()
        focus(hands.qtbot, field)
        field.selectAll()
        hands.qtbot.keyClicks(field, typed)
        hands.qtbot.keyClick(field, enter)
        hands.qtbot.waitUntil(lambda read=read, typed=typed: read() == float(typed), timeout=3000)
        assert before != float(typed) and not took
    assert hands.tools.active == key
    hands.key(enter)
    assert took == [key]


def test_split_by_a_line_and_by_two_clicks_and_merge_again(hands, tmp_path):
    review = hands.review
    count = review.case.lesions.count
    ends = (18, 30, 26), (18, 35, 26)
    hands.key(Qt.Key.Key_X, SHIFT)
    marks = []
    hands.drag((18, 32, 18), (18, 33, 31), lambda: marks.append((hands.preview == MARK).sum()))
    assert marks[0] >= 14 and not hands.preview.any()
    one, other = labels_at(review, *ends)
    assert one and other and one != other and review.case.lesions.count == count + 1
    review.case.review.judge(ends[0], "accepted")
    review.case.review.judge(ends[1], "rejected")
    hands.key(Qt.Key.Key_M, SHIFT)
    review.case.select(None)
    hands.click(ends[0])
    assert f"Lesion {one} is the first" in hands.said
    hands.click(ends[1])
    assert len(set(labels_at(review, *ends))) == 1 and review.case.lesions.count == count
    assert set(review.case.review.decisions().values()) == {"unsure"}
    hands.key(Qt.Key.Key_Q)
    assert labels_at(review, *ends) == [one, other]
    assert sorted(review.case.review.decisions().values()) == ["accepted", "rejected"]
    for _ in range(3):
        hands.key(Qt.Key.Key_Q)
    assert review.case.lesions.count == count
    click(hands.qtbot, hands.row.buttons["split"])
    hands.click((18, 30, 24))
    assert "Now click on another place" in hands.said and (hands.preview == MARK).sum() == 1
    hands.click((18, 35, 25))
    assert "split between two places" in hands.said
    assert review.case.lesions.count == count + 1
    hands.click((3, 2, 30))
    assert hands.said == texts.NO_LESION_HERE
    assert [what for what in steps_of(tmp_path) if what.startswith(("split", "merge"))] == [
        "split by a line",
        "merge over at most 5 mm",
        "merge over at most 5 mm undone",
        "split by a line undone",
        "split between two places",
    ]


def test_interpolate_between_two_painted_slices(hands):
    review = hands.review
    count = review.case.lesions.count
    hands.row.brush.size_field.setValue(5.0)
    click(hands.qtbot, hands.row.buttons["brush"])
    hands.click((8, 6, 24))
    hands.click((12, 8, 26))
    assert review.case.lesions.count == count + 2
    hands.key(Qt.Key.Key_I, SHIFT)
    review.case.select((8, 6, 24))
    hands.click((12, 8, 26))
    labels = review.case.lesions.labels
    number = labels[8, 6, 24]
    assert review.case.lesions.count == count + 1 and number == labels[12, 8, 26] == labels[10, 7, 25]
    assert [int((labels[s] == number).sum()) for s in (8, 9, 10, 11, 12)] == [21] * 5
    hands.key(Qt.Key.Key_Q)
    assert review.case.lesions.count == count + 2


def test_in_coronal_slices_tools_work_across_that_axis(hands):
    viewer, review = hands.viewer, hands.review
    viewer.dims.order = (1, 0, 2)
    viewer.reset_view()
    hands.qtbot.wait(50)
    hands.row.brush.size_field.setValue(9.0)
    click(hands.qtbot, hands.row.buttons["brush"])
    hands.click((15, 12, 25))
    found = np.argwhere((review.case.lesions.labels > 0) & (review.case.review.edit > 0))
    assert set(found[:, 1]) == {12} and set(found[:, 0]) == {14, 15, 16}


def test_what_the_tools_painted_is_in_the_saved_results(hands, tmp_path):
    review = hands.review
    hands.key(Qt.Key.Key_C, SHIFT)
    hands.click(SECOND)
    hands.wheel(6)
    hands.key(Qt.Key.Key_Return)
    review.case.review.judge(SECOND, "accepted")
    case = review.case
    write_results(
        tmp_path / "results",
        case.prediction,
        case.lesions,
        verdicts=case.review.decisions(),
        edit=case.review.edit,
        given=case.review.verdicts,
    )
    restored = read_saved_results(tmp_path / "results")
    np.testing.assert_array_equal(restored.edit, case.review.edit)
    review.case.reset_review(restored.verdicts, restored.edit)
    assert review.case.review.decisions() == {labels_at(review, SECOND)[0]: "accepted"}


def test_two_quick_clicks_are_two_clicks_and_no_zoom(hands):
    zoom, edits = hands.viewer.scene.camera.zoom, []
    hands.row.brush.size_field.setValue(5.0)
    click(hands.qtbot, hands.row.buttons["brush"])
    hands.look_at((8, 6, 24))
    hands.review.case.lesions_changed.connect(lambda: edits.append(1))
    hands.click((8, 6, 24))
    assert hands.review.case.lesions.labels[8, 6, 24]
    hands.row.brush.does.setCurrentText(texts.ERASE)
    hands.qtbot.wait(50)
    at = hands.pixel((8, 6, 24))  # a first stroke may change the width of a dock, and so the canvas
    hands.qtbot.mouseDClick(hands.canvas, Qt.MouseButton.LeftButton, pos=at)  # without its release
    hands.qtbot.mouseRelease(hands.canvas, Qt.MouseButton.LeftButton, pos=at)
    hands.qtbot.wait(20)
    assert hands.viewer.scene.camera.zoom == zoom and len(edits) >= 2
    assert hands.review.case.lesions.labels[8, 6, 24] == 0


def test_escape_in_the_middle_of_a_drag_drops_it(hands):
    review = hands.review
    labels = review.case.lesions.labels.copy()
    for tool in ("split", "brush"):
        click(hands.qtbot, hands.row.buttons[tool])
        hands.drag((18, 32, 18), (18, 33, 31), lambda: hands.key(Qt.Key.Key_Escape))
        assert hands.tools.active == tool and not hands.preview.any(), "it is still in hand"
        np.testing.assert_array_equal(review.case.lesions.labels, labels)
        assert review.case.review.edit is None


def test_a_tool_that_was_put_away_in_the_middle_of_a_drag_does_nothing_more(hands):
    review = hands.review
    click(hands.qtbot, hands.row.buttons["split"])
    hands.drag((18, 32, 18), (18, 33, 31), hands.tools.leave)
    assert review.case.review.edit is None and hands.tools.active == ""
    click(hands.qtbot, hands.row.buttons["split"])
    hands.drag((18, 32, 18), (18, 33, 31), lambda: hands.tools.use("brush"))
    assert review.case.review.edit is None


def test_the_ruler_and_a_tool_are_never_both_in_hand(hands):
    review = hands.review
    measure = review.opened.parts["measure"]
    click(hands.qtbot, hands.row.buttons["brush"])
    hands.key(Qt.Key.Key_K)
    assert measure.tool.kind == "ruler" and hands.tools.active == ""
    hands.drag((8, 6, 24), (8, 14, 24))
    assert review.case.review.edit is None and len(measure.measured.items) == 1
    click(hands.qtbot, hands.row.buttons["brush"])
    assert not measure.tool.kind and hands.tools.active == "brush"
    hands.drag((8, 6, 24), (8, 14, 24))
    assert review.case.review.edit is not None and len(measure.measured.items) == 1


def test_who_takes_the_place_of_a_verdict_away_is_told(hands):
    review = hands.review
    place = tuple(int(i) for i in np.argwhere(review.case.lesions.labels == labels_at(review, FIRST)[0])[0])
    review.case.review.judge(place, "accepted")
    review.case.select(FIRST)
    hands.row.distance.setValue(1.0)
    click(hands.qtbot, hands.row.buttons["shrink"])
    assert not review.case.review.decisions() and texts.VERDICT_GONE.strip() in hands.said
    hands.key(Qt.Key.Key_Q)
    assert list(review.case.review.decisions().values()) == ["accepted"]
    review.case.select(FIRST)
    hands.key(Qt.Key.Key_G, SHIFT)
    assert texts.VERDICT_GONE.strip() not in hands.said


def test_naparis_own_brush_and_ours_are_never_both_in_hand(hands):
    layer = hands.viewer.layers["lesions"]
    layer.mode = "paint"
    click(hands.qtbot, hands.row.buttons["brush"])
    assert layer.mode == "pan_zoom" and hands.tools.active == "brush"
    layer.mode = "paint"
    assert hands.tools.active == "" and NAME not in hands.viewer.layers
    layer.mode = "pan_zoom"


def test_without_outlines_in_3d_and_in_an_exercise_the_tools_are_off_and_say_why(hands, qtbot):
    review, viewer = hands.review, hands.viewer
    click(qtbot, hands.row.buttons["click"])
    hands.click(SECOND)
    assert hands.preview.any()
    viewer.dims.ndisplay = 3
    assert hands.tools.active == ""
    click(qtbot, hands.row.buttons["click"])
    assert hands.said == texts.IN_3D and hands.tools.active == ""
    viewer.dims.ndisplay = 2
    click(qtbot, hands.row.buttons["click"])
    hands.click(SECOND)
    review.layers.blind()
    assert hands.tools.active == "" and NAME not in viewer.layers
    for button in hands.row.buttons.values():
        click(qtbot, button)
        assert hands.said == texts.EXERCISE and hands.tools.active == "" and NAME not in viewer.layers
    review.layers.unblind()
    assert NAME not in viewer.layers
    review.case.close_prediction()
    click(qtbot, hands.row.buttons["grow"])
    assert hands.said == texts.NOTHING


def test_closing_the_docks_puts_the_tool_away(hands, qtbot):
    review, viewer = hands.review, hands.viewer
    click(qtbot, hands.row.buttons["brush"])
    for opened in list(review.opened):
        viewer.window.remove_dock_widget(opened.area)
    qtbot.wait(30)
    assert NAME not in viewer.layers
    assert not [bar for bar in review._window.findChildren(QToolBar) if "uncertainseg" in bar.objectName()]
