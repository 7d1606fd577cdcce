"""The mouse as on a workstation, with real events on the real canvas; and napari's own when it has gone."""

import weakref

import numpy as np
import pytest
from napari.layers import Image
from qtpy.QtCore import QEvent, QPoint

from napari_uncertainseg.widgets.reading_bar.mouse import texts
from napari_uncertainseg.widgets.reading_bar.mouse.held import LET_GO
from napari_uncertainseg.widgets.shared import napari_internals
from napari_uncertainseg.widgets.shared.preferences import PreferenceStore
from napari_uncertainseg.widgets.window import review_of

from .drawn_layers import drawing_node
from .mouse_events import ALT, CONTROL, LEFT, MIDDLE, RIGHT, SHIFT, drag, mouse, wheel

ENTROPY = "entropy (nats)"


class Seen:
    """The viewer of a case, its canvas, and its FLAIR."""

    def __init__(self, viewer):
        self.viewer, self.flair = viewer, viewer.layers["FLAIR"]
        self.canvas = napari_internals.drawing_canvas(viewer).native


@pytest.fixture
def seen(segmented_viewer, qtbot):
    review_of(segmented_viewer).show_dock("lesions")
    segmented_viewer.reset_view()
    qtbot.wait(30)
    made = Seen(segmented_viewer)
    yield weakref.proxy(made)  # a fixture's value outlives the window
    vars(made).clear()


def under(seen, at):
    """The place in the world that napari draws at a pixel: from its own transform of a layer."""
    node = drawing_node(seen.viewer, seen.flair)
    data = node.get_transform("visual", "canvas").imap((*at, 0, 1))
    down, right = (data[:2] / data[3])[::-1]
    return np.array(seen.flair.data_to_world((0, down, right)))[1:]


def look(seen):
    """All that the mouse may change."""
    camera = seen.viewer.scene.camera
    return (
        seen.viewer.dims.current_step,
        tuple(camera.center),
        camera.zoom,
        {
            layer.name: tuple(layer.contrast_limits)
            for layer in seen.viewer.layers
            if isinstance(layer, Image)
        },
    )


def turn(qtbot, seen, *many, **how):
    for turned in many:
        wheel(seen.canvas, turned, **how)
    qtbot.wait(30)


def check_the_wheel(seen, qtbot):
    viewer, camera = seen.viewer, seen.viewer.scene.camera
    viewer.dims.set_current_step(0, 12)
    before = look(seen)
    turn(qtbot, seen, -120)
    assert viewer.dims.current_step[0] == 13 and look(seen)[1:] == before[1:], "down: the next slice"
    turn(qtbot, seen, 120, 240)
    assert viewer.dims.current_step[0] == 10, "all notches count, also those of one event"
    turn(qtbot, seen, 40, 40)
    assert viewer.dims.current_step[0] == 10
    turn(qtbot, seen, 40)
    assert viewer.dims.current_step[0] == 9, "a touchpad's small steps add up"
    turn(qtbot, seen, 80, -80)
    assert viewer.dims.current_step[0] == 9, "and are forgotten when it turns round"
    turn(qtbot, seen, -120, inverted=True)
    assert viewer.dims.current_step[0] == 8, "where the system scrolls the other way, as napari does"
    turn(qtbot, seen, -120, held=SHIFT)
    assert viewer.dims.current_step[0] == 18
    turn(qtbot, seen, -120, held=SHIFT)
    assert viewer.dims.current_step[0] == 23, "it ends with the last one"
    assert look(seen)[1:] == before[1:]

    here = (150, 220)
    place = under(seen, here)
    turn(qtbot, seen, 120, at=here, held=CONTROL)
    assert camera.zoom == pytest.approx(before[2] * 1.007**30)
    assert under(seen, here) == pytest.approx(place, abs=0.02) and viewer.dims.current_step[0] == 23
    turn(qtbot, seen, -120, at=here, held=CONTROL)
    assert (camera.zoom, *camera.center[1:]) == pytest.approx((before[2], *before[1][1:]))


def check_other_axes(seen, qtbot):
    """Scrolling goes through the axis that is not shown."""
    viewer = seen.viewer
    for axis in (1, 2):
        viewer.dims.order = (axis, *(other for other in range(3) if other != axis))
        viewer.dims.set_current_step(axis, 15)
        others = [step for other, step in enumerate(viewer.dims.current_step) if other != axis]
        turn(qtbot, seen, -120)
        assert viewer.dims.current_step[axis] == 16
        assert [step for other, step in enumerate(viewer.dims.current_step) if other != axis] == others
    viewer.dims.order = (0, 1, 2)
    qtbot.wait(30)


def check_a_finer_layer(seen, qtbot):
    """A notch is a slice of the scan on top."""
    viewer, flair = seen.viewer, seen.flair
    fine = Image(np.zeros((72, 4, 4)), name="fine", scale=(1, 1, 1), visible=False)
    fine.translate = (float(np.min(flair.extent.world[:, 0])), 0, 0)
    viewer.add_layer(fine)
    viewer.layers.selection.active = flair
    assert viewer.dims.range[0].step == 1
    viewer.dims.set_point(0, float(flair.data_to_world((12, 0, 0))[0]))
    for wanted in (11, 10, 9):
        turn(qtbot, seen, -120)
        assert float(flair.world_to_data(viewer.dims.point)[0]) == pytest.approx(wanted)
    viewer.layers.remove(fine)


def check_pan_and_window(seen, qtbot):
    viewer, flair = seen.viewer, seen.flair
    before = look(seen)
    place = under(seen, (150, 220))
    drag(qtbot, seen.canvas, MIDDLE, (150, 220), (190, 200))
    assert under(seen, (190, 200)) == pytest.approx(place, abs=0.02), "what was grabbed stays at the pointer"
    assert look(seen)[2:] == before[2:] and look(seen)[0] == before[0]

    low, high = flair.contrast_limits
    after = look(seen)
    drag(qtbot, seen.canvas, RIGHT, (150, 200), (275, 200))
    now = flair.contrast_limits
    assert now[1] - now[0] == pytest.approx((high - low) * np.exp(0.5)), "to the right: wider"
    assert sum(now) == pytest.approx(low + high), "and nothing else"
    drag(qtbot, seen.canvas, RIGHT, (275, 200), (150, 200))
    assert flair.contrast_limits == pytest.approx([low, high])
    drag(qtbot, seen.canvas, RIGHT, (150, 200), (150, 160))
    shift = (high - low) * 40 / 400
    assert flair.contrast_limits == pytest.approx([low - shift, high - shift]), "upwards: brighter"
    same = look(seen)[3] | {"FLAIR": after[3]["FLAIR"]}
    assert same == after[3] and look(seen)[:3] == after[:3], "no map, slice or camera has changed"
    text = viewer.canvas.overlays["window_and_level"]
    assert text.visible and text.text == f"W {high - low:.3g}  L {(low + high) / 2 - shift:.3g}"


def check_far_drags(seen, qtbot):
    """However far, something can be seen."""
    flair, part = seen.flair, review_of(seen.viewer).opened.parts["window"]
    part.act("reset_window")
    lowest, highest = flair.contrast_limits_range
    for start, stop in (((150, 200), (3000, 200)), ((150, 200), (150, 9000)), ((2900, 200), (5, 200))):
        for _ in range(3):
            drag(qtbot, seen.canvas, RIGHT, start, stop)
        low, high = flair.contrast_limits
        assert 1e-4 < (high - low) / (highest - lowest) < 2.1
        assert lowest <= (low + high) / 2 <= highest
    part.act("reset_window")


def check_the_brush(seen, qtbot):
    """It never paints with the middle or the right button, nor on another slice."""
    viewer, lesions = seen.viewer, seen.viewer.layers["lesions"]
    viewer.layers.selection.active = lesions
    lesions.mode, lesions.brush_size = "paint", 5
    lesions.selected_label = 1
    before = lesions.data.copy()
    for button in (MIDDLE, RIGHT):
        drag(qtbot, seen.canvas, button, (150, 200), (180, 230))
    turn(qtbot, seen, -120)
    assert np.array_equal(lesions.data, before) and lesions.mode == "paint"
    step = viewer.dims.current_step
    mouse(seen.canvas, QEvent.Type.MouseButtonPress, (150, 200), LEFT, LEFT)
    turn(qtbot, seen, -120, buttons=LEFT)
    assert viewer.window._qt_window.statusBar().currentMessage() == LET_GO
    mouse(seen.canvas, QEvent.Type.MouseButtonPress, (150, 200), RIGHT, LEFT | RIGHT)
    mouse(seen.canvas, QEvent.Type.MouseButtonRelease, (150, 200), RIGHT, LEFT)
    assert viewer.dims.current_step == step, "a stroke stays on its slice"
    mouse(seen.canvas, QEvent.Type.MouseButtonRelease, (150, 200), LEFT)
    qtbot.wait(30)
    assert not np.array_equal(lesions.data, before), "the left button is the brush's"
    lesions.mode = "polygon"
    limits = list(seen.flair.contrast_limits)
    drag(qtbot, seen.canvas, RIGHT, (150, 200), (250, 200))
    assert seen.flair.contrast_limits == limits, "a polygon's corner is taken back with the right button"
    lesions.mode = "pan_zoom"


def check_a_layers_own_wheel(seen, qtbot):
    viewer, heard = seen.viewer, []
    active = viewer.layers.selection.active
    active.mouse_wheel_callbacks.append(lambda layer, event: heard.append(event.delta[1]))
    step = viewer.dims.current_step
    turn(qtbot, seen, -120)
    assert heard == [-1] and viewer.dims.current_step == step
    active.mouse_wheel_callbacks.clear()
    turn(qtbot, seen, -120, held=ALT)
    assert viewer.layers.selection.active is not active and viewer.dims.current_step == step


def check_naparis_own(seen, qtbot):
    """What napari 0.9.2 does without us."""
    viewer, camera = seen.viewer, seen.viewer.scene.camera
    viewer.layers.selection.active = seen.flair
    viewer.reset_view()
    viewer.dims.set_current_step(0, 12)
    qtbot.wait(30)
    zoom, limits = camera.zoom, look(seen)[3]
    turn(qtbot, seen, 120)
    assert camera.zoom == pytest.approx(zoom * 1.007**30, rel=1e-4) and viewer.dims.current_step[0] == 12
    turn(qtbot, seen, -120, held=CONTROL)
    assert viewer.dims.current_step[0] == 13
    zoom, centre = camera.zoom, tuple(camera.center)
    drag(qtbot, seen.canvas, MIDDLE, (150, 220), (190, 200))
    assert (camera.zoom, tuple(camera.center)) == (zoom, centre)
    drag(qtbot, seen.canvas, RIGHT, (150, 200), (150, 150))
    assert camera.zoom > 1.1 * zoom and look(seen)[3] == limits
    drag(qtbot, seen.canvas, LEFT, (150, 200), (190, 200))
    qtbot.waitUntil(lambda: tuple(camera.center) != centre, timeout=3000)


def check_the_choice(seen, qtbot):
    part = review_of(seen.viewer).opened.parts["window"]
    part.menu.aboutToShow.emit()
    choices = {action.text(): action for action in part.menu.actions() if action.text()}
    assert choices[texts.MOUSE_CHOICES[texts.WORKSTATION]].isChecked()
    (group,) = part.help()
    assert [(*line.keys, line.meaning[:-1]) for line in group.lines] == texts.mouse_lines()
    choices[texts.MOUSE_CHOICES[texts.NAPARIS]].trigger()
    assert part.help()[0].lines[0].meaning == "Zoom at the pointer."
    assert PreferenceStore().load().mouse == texts.NAPARIS
    check_naparis_own(seen, qtbot)
    part.choose_mouse(texts.WORKSTATION)
    turn(qtbot, seen, -120)
    assert seen.viewer.dims.current_step[0] == 14


def check_smooth_scans(seen, qtbot):
    part, viewer = review_of(seen.viewer).opened.parts["window"], seen.viewer
    maps = {
        x.name: str(x.interpolation2d) for x in viewer.layers if isinstance(x, Image) and x is not seen.flair
    }
    assert set(maps.values()) == {"nearest"}, "a map is shown voxel by voxel"
    assert str(seen.flair.interpolation2d) == "linear"
    part.menu.aboutToShow.emit()
    choices = {action.text(): action for action in part.menu.actions() if action.text()}
    assert choices[texts.DRAWING_CHOICES[texts.SMOOTH]].isChecked()
    choices[texts.DRAWING_CHOICES[texts.VOXELS]].trigger()
    assert str(seen.flair.interpolation2d) == "nearest"
    assert not PreferenceStore().load().smooth_scans
    coming = viewer.add_image(np.asarray(seen.flair.data), name="T2")
    assert str(coming.interpolation2d) == "nearest", "a scan that comes is drawn as the others"
    part.choose_drawing(texts.SMOOTH)
    assert str(coming.interpolation2d) == "linear"
    coming.interpolation2d = "nearest"  # by hand, in napari's own controls
    viewer.add_image(np.asarray(seen.flair.data), name="T1")
    assert str(coming.interpolation2d) == "nearest", "what the user chose for one scan stays"
    assert {x.name: str(x.interpolation2d) for x in viewer.layers if x.name in maps} == maps
    viewer.layers.remove("T1")
    viewer.layers.remove("T2")


def check_closing(seen, qtbot):
    viewer, review = seen.viewer, review_of(seen.viewer)
    lists = [list(getattr(viewer, f"mouse_{kind}_callbacks")) for kind in ("wheel", "move")]
    assert [function.__name__ for function in lists[0]] == ["dims_scroll", "layers_scroll"]
    before = seen.flair.contrast_limits_range
    drag(qtbot, seen.canvas, RIGHT, (150, 200), (900, 200))
    assert seen.flair.contrast_limits_range != before
    review.opened.parts["window"].act("reset_window")
    chosen = list(seen.flair.contrast_limits)
    mouse(seen.canvas, QEvent.Type.MouseButtonPress, (150, 200), RIGHT, RIGHT)  # held as the docks close
    for key in list(review.docks):
        if (opened := review.opened.get(key)) is not None:
            viewer.window.remove_dock_widget(opened.area)
    qtbot.waitUntil(lambda: not review.opened.parts, timeout=3000)
    assert "window_and_level" not in viewer.canvas.overlays
    assert seen.flair.contrast_limits == chosen, "what was chosen stays"
    assert seen.flair.contrast_limits_range == before, "and napari's slider is as it was"
    check_naparis_own(seen, qtbot)


def check_3d(seen, qtbot):
    """There the mouse is napari's."""
    viewer, camera = seen.viewer, seen.viewer.scene.camera
    for layer in viewer.layers:
        layer.visible = layer is seen.flair
    viewer.dims.ndisplay = 3
    qtbot.wait(50)
    zoom, limits = camera.zoom, list(seen.flair.contrast_limits)

    def turned() -> bool:  # again: a notch is lost where the canvas was not drawn yet
        turn(qtbot, seen, 120)
        return camera.zoom != zoom

    qtbot.waitUntil(turned)
    drag(qtbot, seen.canvas, RIGHT, (150, 200), (190, 200))
    assert seen.flair.contrast_limits == limits
    assert not viewer.canvas.overlays["window_and_level"].visible
    viewer.dims.ndisplay = 2
    qtbot.wait(30)


def check_a_grid(seen, qtbot):
    """What lies under the pointer stays there, in each view."""
    viewer = seen.viewer
    for layer in list(viewer.layers):
        layer.visible = layer is seen.flair
    copy = Image(seen.flair.data, name="T1", scale=seen.flair.scale, translate=seen.flair.translate)
    viewer.add_layer(copy)
    viewer.canvas.grid.enabled = True
    viewer.canvas.grid.stride = len(viewer.layers) - 1  # all others in one view, the copy in the second
    qtbot.wait(100)
    native = seen.canvas
    for at in ((native.width() // 4, native.height() // 3), (native.width() * 3 // 4, native.height() // 3)):
        qtbot.mouseMove(native, QPoint(*at))
        qtbot.wait(50)
        place = np.array(viewer.cursor.position)[1:]
        zoom = viewer.scene.camera.zoom
        turn(qtbot, seen, 240, at=at, held=CONTROL)
        assert viewer.scene.camera.zoom > 1.3 * zoom
        qtbot.mouseMove(native, QPoint(at[0] + 1, at[1]))
        qtbot.wait(30)
        qtbot.mouseMove(native, QPoint(*at))
        qtbot.wait(50)
        assert np.array(viewer.cursor.position)[1:] == pytest.approx(place, abs=0.05)
    viewer.canvas.grid.enabled = False


def test_slices_zoom_pan_and_window(seen, qtbot):
    """All in one window: each costs seconds."""
    for check in (
        check_the_wheel,
        check_other_axes,
        check_pan_and_window,
        check_far_drags,
        check_a_finer_layer,
    ):
        check(seen, qtbot)


def test_tools_of_layers(seen, qtbot):
    check_the_brush(seen, qtbot)
    check_a_layers_own_wheel(seen, qtbot)


def test_naparis_own_mouse_by_choice_and_after_the_docks_are_closed(seen, qtbot):
    for check in (check_the_choice, check_smooth_scans, check_closing):
        check(seen, qtbot)


def test_three_dimensions_and_a_grid(seen, qtbot):
    for check in (check_3d, check_a_grid):
        check(seen, qtbot)


def test_a_second_viewer_can_have_the_same_mouse(make_viewer, qtbot):
    from napari_uncertainseg.widgets.reading_bar.mouse.workstation import WorkstationMouse

    viewer = make_viewer()
    viewer.add_layer(Image(np.random.default_rng(0).random((9, 20, 30)), name="FLAIR"))
    canvas = napari_internals.drawing_canvas(viewer).native
    made = WorkstationMouse(viewer, canvas, lambda: True)
    viewer.dims.set_current_step(0, 4)
    wheel(canvas, -120)
    qtbot.wait(30)
    assert viewer.dims.current_step[0] == 5
    made.cleanup()
    made.cleanup()
    zoom = viewer.scene.camera.zoom

    def turned() -> bool:  # again: a notch is lost where the canvas was not drawn yet
        wheel(canvas, 120)
        qtbot.wait(30)
        return viewer.scene.camera.zoom > zoom

    qtbot.waitUntil(turned)
    assert viewer.dims.current_step[0] == 5


def test_the_sheet_of_keys_can_say_what_the_mouse_does():
    ours, naparis = texts.mouse_lines(), texts.mouse_lines(texts.NAPARIS)
    for lines in (ours, naparis):
        assert len({what for what, _ in lines}) == len(lines) and all(all(pair) for pair in lines)
    assert dict(ours)["Shift + wheel"] == "Other slices, 10 for each notch"
