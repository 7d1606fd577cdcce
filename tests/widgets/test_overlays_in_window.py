"""Overlays hidden and shown by the real key, held and released; and the heat map on top."""

import weakref

import numpy as np
import pytest
from napari.layers import Image, Labels
from qtpy.QtCore import QEvent, Qt
from qtpy.QtGui import QKeyEvent, QShortcut
from qtpy.QtWidgets import QApplication

from napari_uncertainseg.widgets.reading_bar.overlays import held_key, texts
from napari_uncertainseg.widgets.scans.top_scan import top_scan
from napari_uncertainseg.widgets.scans.volumes import COMPARED_ROLE, KEY, is_result
from napari_uncertainseg.widgets.shared import napari_internals
from napari_uncertainseg.widgets.shared.preferences import PreferenceStore
from napari_uncertainseg.widgets.window import review_of

from .actions import click, focus
from .mouse_events import LEFT

A, D = Qt.Key.Key_A, Qt.Key.Key_D
LESIONS, ENTROPY, OUTLINE = "lesions", "entropy (nats)", "selected (outline)"


class Opened:
    """The window of a case, with the part of the bar."""

    def __init__(self, viewer):
        self.viewer, self.review = viewer, review_of(viewer)
        self.part = self.review.opened.parts["overlays"]
        self.window = napari_internals.main_window(viewer)
        self.canvas = napari_internals.drawing_canvas(viewer).native
        self.text = viewer.canvas.overlays["overlays_hidden"]


@pytest.fixture
def opened(segmented_viewer, qtbot):
    made = Opened(segmented_viewer)
    made.review.show_dock("lesions")
    focus(qtbot, made.canvas)  # keys of a window that is not active are not heard
    yield weakref.proxy(made)  # a fixture's value outlives the window
    vars(made).clear()


def visible(viewer):
    return {layer.name for layer in viewer.layers if layer.visible}


def check(opened, *, hidden, shown):
    """All ways to see whether overlays are hidden agree."""
    assert visible(opened.viewer) == shown
    assert opened.part.hiding.hidden is hidden is opened.text.visible
    assert opened.part.button.isChecked() is not hidden and opened.part.button.isEnabled()
    assert opened.part.button.text() == (texts.HIDDEN if hidden else texts.BUTTON)
    if hidden:
        assert opened.text.text == "Overlays are hidden:\nlesions may be here.\nA shows them."


def hold(opened, qtbot, key, clock, seconds, *, repeats=3):
    """Hold a key as X11 tells of it: releases and presses again and again, which are no real ones."""
    qtbot.keyPress(opened.canvas, key)
    for _ in range(repeats):
        clock.now += seconds / max(repeats, 1)
        for kind in (QEvent.Type.KeyRelease, QEvent.Type.KeyPress):
            event = QKeyEvent(kind, key, Qt.KeyboardModifier.NoModifier, "a", True)
            QApplication.sendEvent(opened.canvas, event)
    return visible(opened.viewer)


def let_go(opened, qtbot, key):
    """Release a key, and wait until it counts as released."""
    qtbot.keyRelease(opened.canvas, key)
    qtbot.wait(120)


class Clock:
    def __init__(self):
        self.now = 100.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    monkeypatch.setattr(held_key, "time", made)
    return made


def check_short_and_long(opened, qtbot, clock):
    viewer = opened.viewer
    own = Labels(np.zeros(viewer.layers["FLAIR"].data.shape, np.uint8), name="mine")
    viewer.add_layer(own)
    earlier = Image(own.data + 0.5, name="FLAIR of 2021", metadata={KEY: {"role": COMPARED_ROLE}})
    viewer.add_layer(earlier)
    assert top_scan(viewer) is earlier
    viewer.layers["candidates"].visible = True
    all_of_them = visible(viewer)
    rest = {"FLAIR", "mine", "FLAIR of 2021"}
    assert all_of_them == {*rest, LESIONS, "candidates", ENTROPY}
    for _ in range(2):
        qtbot.keyClick(opened.canvas, A)
        check(opened, hidden=True, shown=rest)
        qtbot.keyClick(opened.canvas, A)
        check(opened, hidden=False, shown=all_of_them)

    assert hold(opened, qtbot, A, clock, 2.0) == rest
    let_go(opened, qtbot, A)
    check(opened, hidden=False, shown=all_of_them)
    hold(opened, qtbot, A, clock, 0.2)
    let_go(opened, qtbot, A)
    check(opened, hidden=True, shown=rest)
    assert hold(opened, qtbot, A, clock, 2.0) == all_of_them, "hidden ones are peeked at in the same way"
    let_go(opened, qtbot, A)
    check(opened, hidden=True, shown=rest)
    click(qtbot, opened.part.button)
    check(opened, hidden=False, shown=all_of_them)
    opened.part.maps.choose(None)
    assert visible(viewer) == all_of_them - {ENTROPY}, "the scan of another visit is no map"
    opened.part.maps.choose("entropy")
    viewer.layers.remove(own)
    viewer.layers.remove(earlier)
    viewer.layers["candidates"].visible = False


def check_a_lost_release(opened, qtbot, clock):
    shown = visible(opened.viewer)
    hold(opened, qtbot, A, clock, 0.1)
    QApplication.sendEvent(opened.window, QEvent(QEvent.Type.WindowDeactivate))  # Alt+Tab: no release comes
    check(opened, hidden=False, shown=shown)
    let_go(opened, qtbot, A)  # comes late
    check(opened, hidden=False, shown=shown)
    qtbot.keyClick(opened.canvas, A)
    check(opened, hidden=True, shown={"FLAIR"})
    qtbot.keyPress(opened.canvas, A)  # its release is never heard of, by nobody
    qtbot.keyPress(opened.canvas, A)
    clock.now += 0.1
    let_go(opened, qtbot, A)
    check(opened, hidden=True, shown={"FLAIR"})
    opened.part.toggle()
    qtbot.keyPress(opened.canvas, A)
    clock.now += 1.0
    qtbot.keyRelease(opened.canvas, A)
    qtbot.keyClick(opened.canvas, A)  # at once: the held one comes back, then this one hides
    check(opened, hidden=True, shown={"FLAIR"})
    opened.part.toggle()


class Stamped(QKeyEvent):
    """With the time at which X11 says that it was."""

    moment = 0

    def timestamp(self):
        return self.moment


def tell(opened, kind, key, moment):
    """Send a key event with its time."""
    event = Stamped(kind, key, Qt.KeyboardModifier.NoModifier, "x")
    event.moment = moment
    QApplication.sendEvent(opened.canvas, event)


def check_a_false_release(opened, qtbot, clock):
    """X11 tells of a key that repeats as released and pressed at one moment; Qt may take that for true."""
    shown = visible(opened.viewer)
    press, release = QEvent.Type.ShortcutOverride, QEvent.Type.KeyRelease
    for key, action in ((A, "toggle_overlays"), (D, "next_map")):
        opened.part.act(action)
        once = visible(opened.viewer)
        assert once != shown
        for moment in (1000, 1040, 1080):
            clock.now += 0.2
            tell(opened, release, key, moment)
            tell(opened, press, key, moment)
            opened.part.act(action)  # as Qt's shortcut does
            assert visible(opened.viewer) == once
        qtbot.wait(120)
        assert visible(opened.viewer) == once, "it is held"
        tell(opened, release, key, 1200)
        qtbot.wait(120)
        if key == A:
            check(opened, hidden=False, shown=shown)
    tell(opened, press, D, 2000)
    opened.part.act("next_map")
    tell(opened, release, D, 2050)
    tell(opened, press, D, 2080)
    opened.part.act("next_map")
    assert opened.part.maps.title() == "probability", "two true presses, however short"
    opened.part.choose_map("entropy")
    qtbot.wait(120)


def check_qt_repeats_neither_key(opened):
    repeats = {each.key().toString(): each.autoRepeat() for each in opened.window.findChildren(QShortcut)}
    assert (repeats["A"], repeats["D"], repeats["Q"]) == (False, False, True)


def check_the_brush(opened, qtbot):
    """It is put down while its layer is hidden."""
    viewer, lesions = opened.viewer, opened.viewer.layers[LESIONS]
    viewer.layers.selection.active = lesions
    lesions.mode, lesions.selected_label = "paint", 1
    before = lesions.data.copy()
    qtbot.keyClick(opened.canvas, A)
    assert lesions.mode == "pan_zoom"
    lesions.mode = "paint"  # as its key would
    assert lesions.mode == "pan_zoom"
    qtbot.mouseClick(opened.canvas, LEFT, pos=opened.canvas.rect().center())
    qtbot.wait(30)
    assert np.array_equal(lesions.data, before)
    qtbot.keyClick(opened.canvas, A)
    assert lesions.mode == "paint" and lesions.visible
    lesions.mode = "pan_zoom"


def check_a_key_during_a_drag(opened, qtbot, monkeypatch):
    """A stroke goes on seen."""
    shown = visible(opened.viewer)
    monkeypatch.setattr(QApplication, "mouseButtons", lambda: LEFT)
    for key in (A, D):
        qtbot.keyClick(opened.canvas, key)
    monkeypatch.undo()
    check(opened, hidden=False, shown=shown)


def check_what_happens_meanwhile(opened, qtbot):
    viewer, review = opened.viewer, opened.review
    qtbot.keyClick(opened.canvas, A)
    review.lesions.next_lesion()  # read without the outlines
    check(opened, hidden=True, shown={"FLAIR"})
    viewer.layers[ENTROPY].visible = True  # its eye
    check(opened, hidden=True, shown={"FLAIR", ENTROPY})
    viewer.layers[LESIONS].visible = True
    check(opened, hidden=True, shown={"FLAIR", ENTROPY, LESIONS})
    viewer.layers[OUTLINE].visible = True  # the last one: nothing is hidden any more
    check(opened, hidden=False, shown={"FLAIR", ENTROPY, LESIONS, OUTLINE})

    qtbot.keyClick(opened.canvas, A)
    case = review.case
    candidates = case.lesions.candidates
    if candidates.any():
        voxel = tuple(int(i) for i in np.argwhere(candidates)[0])
        case.select(voxel)
        review.layers.go_to(voxel)
        check(opened, hidden=True, shown={"FLAIR"})
    with qtbot.waitSignal(review.segment.done, timeout=15_000):
        review.show_dock("segment")
        click(qtbot, review.segment.run)
    assert LESIONS in visible(viewer) and not opened.part.hiding.hidden, "a new run is seen"

    qtbot.keyClick(opened.canvas, A) if QApplication.focusWidget() is opened.canvas else opened.part.toggle()
    assert opened.part.hiding.hidden
    case.close_prediction()
    assert not opened.part.hiding.hidden and not opened.text.visible
    assert not opened.part.button.isEnabled() and texts.NOTHING in opened.part.button.toolTip()


def check_an_exercise(opened, qtbot):
    layers, viewer = opened.review.layers, opened.viewer
    shown = visible(viewer)
    qtbot.keyClick(opened.canvas, A)
    layers.blind()
    assert not opened.text.visible and not opened.part.button.isEnabled()
    assert opened.part.map_button.text() == "Map: none", "nothing of the model's is told"
    for action in ("toggle_overlays", "next_map"):
        opened.part.act(action)
    assert visible(viewer) == {"FLAIR"}
    layers.unblind()
    check(opened, hidden=True, shown={"FLAIR"})
    opened.part.toggle()
    check(opened, hidden=False, shown=shown)


def check_3d(opened, qtbot):
    viewer, shown = opened.viewer, visible(opened.viewer)
    qtbot.keyClick(opened.canvas, A)
    opened.review.layers.surfaces.toggle()
    qtbot.wait(50)
    assert viewer.dims.ndisplay == 3 and not opened.text.visible and not opened.part.button.isEnabled()
    in_3d = visible(viewer)
    for action in ("toggle_overlays", "next_map"):
        opened.part.act(action)
    assert visible(viewer) == in_3d and LESIONS not in in_3d
    opened.review.layers.surfaces.toggle()
    qtbot.wait(50)
    check(opened, hidden=True, shown={"FLAIR"})
    opened.part.toggle()
    check(opened, hidden=False, shown=shown)


def check_closing(opened, qtbot):
    viewer, review, shown = opened.viewer, opened.review, visible(opened.viewer)
    opened.part.maps.set_percent(33)
    qtbot.keyClick(opened.canvas, A)
    for key in list(review.docks):
        if (dock := review.opened.get(key)) is not None:
            viewer.window.remove_dock_widget(dock.area)
    qtbot.waitUntil(lambda: not review.opened.parts, timeout=3000)
    assert visible(viewer) == shown and "overlays_hidden" not in viewer.canvas.overlays
    assert PreferenceStore().load().map_opacity == 33
    viewer.layers[ENTROPY].opacity = 0.9
    assert viewer.layers["probability"].opacity == pytest.approx(0.33), "nobody listens any more"


MAPS = [ENTROPY, "disagreement (variance)", "mutual information (nats)", "probability"]


def maps_seen(viewer):
    return [x.name for x in viewer.layers if isinstance(x, Image) and is_result(x) and x.visible]


def check_the_key_of_maps(opened, qtbot):
    viewer, button = opened.viewer, opened.part.map_button
    viewer.layers["probability"].visible = True  # two at once, by its eye
    viewer.layers["probability"].visible = False
    for wanted, said in [
        *zip(MAPS[1:], ["disagreement", "mutual information", "probability"], strict=True),
        (None, "none"),
        (ENTROPY, "entropy"),
    ]:
        qtbot.keyClick(opened.canvas, D)
        assert maps_seen(viewer) == ([] if wanted is None else [wanted])
        assert button.text() == f"Map: {said}"
        assert LESIONS in visible(viewer)
    qtbot.keyClick(opened.canvas, A)
    assert button.text() == "Map: entropy"
    qtbot.keyClick(opened.canvas, D)
    assert maps_seen(viewer) == [MAPS[1]] and LESIONS in visible(viewer), "who asks for a map sees it"

    grid = opened.review.case.grid
    opened.review.layers.show_class("class: oedema", np.zeros(grid.shape, np.float32), 1.0, "")
    assert button.text() == "Map: class: oedema"
    seen = []
    for _ in range(6):
        seen += maps_seen(viewer) or [None]
        qtbot.keyClick(opened.canvas, D)
    assert seen == ["class: oedema", None, *MAPS]


def check_the_menu(opened, qtbot):
    viewer, part = opened.viewer, opened.part
    part.menu.aboutToShow.emit()
    entries = {action.text(): action for action in part.menu.actions() if action.text()}
    assert list(entries) == ["entropy", "disagreement", "mutual information", "probability", "none"]
    assert [name for name, action in entries.items() if action.isChecked()] == ["entropy"]
    assert entries["entropy"].toolTip() == "entropy of the mean probability"
    entries["probability"].trigger()
    assert maps_seen(viewer) == ["probability"]
    entries["none"].trigger()
    assert maps_seen(viewer) == []

    part.choose_map("entropy")
    assert part.slider.value() == 50 == round(100 * viewer.layers[ENTROPY].opacity)
    part.slider.setValue(20)
    assert {round(viewer.layers[name].opacity, 2) for name in MAPS} == {0.2}
    viewer.layers[ENTROPY].opacity = 0.8  # the layer's own slider
    assert part.slider.value() == 80 and part._percent.text() == "Opacity 80 %"
    part.choose_map("probability")
    assert viewer.layers["probability"].opacity == 0.8
    assert PreferenceStore().load().map_opacity == 50, "not yet: napari writes all its settings each time"
    qtbot.waitUntil(lambda: PreferenceStore().load().map_opacity == 80, timeout=5000)

    opened.review.layers.show_class("class: oedema", np.zeros(opened.review.case.grid.shape, "f4"), 1.0, "")
    assert viewer.layers["class: oedema"].opacity == 0.8, "new maps have it too"
    opened.review.case.close_prediction()
    with qtbot.waitSignal(opened.review.segment.done, timeout=15_000):
        opened.review.show_dock("segment")
        click(qtbot, opened.review.segment.run)
    assert {round(viewer.layers[name].opacity, 2) for name in MAPS} == {0.8}


def test_hiding_with_the_key(opened, qtbot, clock, monkeypatch):
    """All in one window: each costs seconds."""
    check_short_and_long(opened, qtbot, clock)
    check_a_lost_release(opened, qtbot, clock)
    check_a_false_release(opened, qtbot, clock)
    check_the_brush(opened, qtbot)
    check_an_exercise(opened, qtbot)
    check_3d(opened, qtbot)
    check_a_key_during_a_drag(opened, qtbot, monkeypatch)


def test_what_happens_while_overlays_are_hidden(opened, qtbot):
    check_what_happens_meanwhile(opened, qtbot)


def test_maps_and_their_opacity(opened, qtbot):
    check_the_key_of_maps(opened, qtbot)
    opened.review.layers.classes.remove()
    opened.part.choose_map("entropy")
    check_the_menu(opened, qtbot)


def test_overlays_come_back_when_the_docks_close(opened, qtbot):
    check_qt_repeats_neither_key(opened)
    check_closing(opened, qtbot)
