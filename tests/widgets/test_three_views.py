"""Three views in the real window: what is clicked, scrolled, painted or hidden in one is seen in all."""

import weakref
from itertools import pairwise

import numpy as np
import pytest
from napari.layers import Image
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QEnterEvent, QMouseEvent, QWheelEvent
from qtpy.QtWidgets import QApplication

from napari_uncertainseg.images.volume import Volume
from napari_uncertainseg.widgets.reading_bar.mouse.held import LET_GO
from napari_uncertainseg.widgets.reading_bar.views import texts
from napari_uncertainseg.widgets.scans.volumes import layer_data
from napari_uncertainseg.widgets.shared import napari_internals
from napari_uncertainseg.widgets.shared.preferences import PreferenceStore
from napari_uncertainseg.widgets.window import open_review, review_of

from .actions import areas_of, click, focus
from .drawn_layers import drawing_node
from .fake_window import docks_with
from .fakes import FakeSegmenter
from .mouse_events import NONE, RIGHT, SHIFT, drag


@pytest.fixture
def review(kept_viewer, qtbot):
    """The window that tests of this file share, without the three views."""
    made = review_of(kept_viewer)
    made.show_dock("lesions")
    yield weakref.proxy(made)  # a fixture's value outlives the window
    kept_viewer.dims.ndisplay = 2
    if (part := made.opened.parts["views"]).views is not None:
        click(qtbot, part.button)
    qtbot.wait(50)


@pytest.fixture
def own_review(segmented_viewer):
    """A window of its own, to be closed, or with canvases that are not laid out as before."""
    made = review_of(segmented_viewer)
    made.show_dock("lesions")
    return weakref.proxy(made)


def part_of(review):
    return weakref.proxy(review.opened.parts["views"])


def three(qtbot, review):
    """Press the button; the three views."""
    click(qtbot, part_of(review).button)
    qtbot.wait(60)
    return weakref.proxy(part_of(review).views)


def named(views, name):
    return next(view for view in views.views if view.plane.name == name)


def world_of(viewer, voxel, layer="FLAIR"):
    return np.asarray(viewer.layers[layer].data_to_world(voxel), float)


def at(view, world):
    """Pixel of a place on a small view."""
    found = view.to_widget(world[view.plane.columns], world[view.plane.rows])
    return QPoint(round(found.x()), round(found.y()))


def click_on(qtbot, view, world):
    qtbot.mouseClick(view, Qt.MouseButton.LeftButton, pos=at(view, world))
    qtbot.wait(60)


def voxel_shown(viewer):
    return tuple(np.rint(viewer.layers["FLAIR"].world_to_data(viewer.dims.point)).astype(int))


def on_large(viewer, world):
    """Pixel of a place on napari's canvas, as it draws it."""
    node = drawing_node(viewer, viewer.layers["FLAIR"])
    layer, shown = viewer.layers["FLAIR"], viewer.dims.displayed
    data = np.asarray(layer.world_to_data(world))[list(shown)] + 0.5  # a pixel's middle
    found = node.get_transform("visual", "canvas").map(data[::-1])
    return found[:2] / found[3]


def click_large(qtbot, viewer, world):
    canvas = napari_internals.drawing_canvas(viewer).native
    pixel = QPoint(*(round(float(x)) for x in on_large(viewer, world)))
    qtbot.mouseMove(canvas, pixel)
    qtbot.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=pixel)
    qtbot.wait(60)


def wheel(view, notches, modifiers=Qt.KeyboardModifier.NoModifier):
    middle = QPointF(view.rect().center())
    event = QWheelEvent(
        middle,
        QPointF(view.mapToGlobal(view.rect().center())),
        QPoint(),
        QPoint(0, 120 * notches),
        Qt.MouseButton.NoButton,
        modifiers,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(view, event)


def moved_to(view, pixel):
    """The mouse goes to a pixel with the left button down."""
    left = Qt.MouseButton.LeftButton
    kind, none = QEvent.Type.MouseMove, Qt.KeyboardModifier.NoModifier
    return QMouseEvent(kind, QPointF(pixel), QPointF(view.mapToGlobal(pixel)), left, left, none)


def picture(view):
    """Red, green and blue of a small view, shape (height, width, 3)."""
    image = view.grab().toImage().convertToFormat(view.grab().toImage().Format.Format_RGBA8888)
    bits = image.constBits()
    if hasattr(bits, "setsize"):
        bits.setsize(image.sizeInBytes())
    array = np.frombuffer(bytes(bits), np.uint8).reshape(image.height(), image.bytesPerLine() // 4, 4)
    return array[:, : image.width(), :3].astype(int)


# -- linked ---------------------------------------------------------------------------------------


def check_clicks_move_all(review, viewer, views, qtbot):
    for voxel, name in (((12, 22, 18), "Coronal"), ((18, 30, 25), "Sagittal"), ((6, 9, 21), "Coronal")):
        view, world = named(views, name), world_of(viewer, voxel)
        before = voxel_shown(viewer)
        click_on(qtbot, view, world)
        now = voxel_shown(viewer)
        plane = view.plane
        assert (now[plane.rows], now[plane.columns]) == (voxel[plane.rows], voxel[plane.columns])
        assert now[plane.across] == before[plane.across]
    click_large(qtbot, viewer, world_of(viewer, (0, 33, 11)))
    assert voxel_shown(viewer) == (6, 33, 11), "a click in the large view keeps its slice"


def check_cross(viewer, views):
    """The crosshair goes through the same voxel in all views."""
    world = np.asarray(viewer.dims.point, float)
    for view in views.views:
        found = view.to_widget(*view.cross)
        assert view.to_world(found) == pytest.approx(
            (world[view.plane.columns], world[view.plane.rows]), abs=1e-6
        )
        assert view.rect().contains(round(found.x()), round(found.y()))
    large = views._cross.at
    assert (large.x(), large.y()) == pytest.approx(tuple(on_large(viewer, world)), abs=1.5)


def check_wheel(viewer, views, qtbot):
    for view, axis in ((named(views, "Coronal"), 1), (named(views, "Sagittal"), 2)):
        viewer.dims.set_current_step(axis, 10)
        before = viewer.dims.current_step
        wheel(view, 2)
        wheel(view, 1)
        moved = np.subtract(viewer.dims.current_step, before)
        assert moved[axis] == -3 and np.count_nonzero(moved) == 1, "up is earlier, as in the large view"
    fine = viewer.add_image(np.zeros((72, 40, 32), np.float32), scale=(-1, -1, -1), visible=False)
    viewer.dims.order = (2, 0, 1)
    qtbot.wait(60)
    before = voxel_shown(viewer)
    wheel(named(views, "Axial"), -1)
    assert np.subtract(voxel_shown(viewer), before).tolist() == [-1, 0, 0], "not 1 mm"
    viewer.layers.remove(fine)
    viewer.dims.order = (0, 1, 2)
    qtbot.wait(60)


def check_zoom(viewer, views, qtbot):
    view = views.views[0]
    zoom, under = view.zoom, view.to_world(QPointF(view.rect().center()))
    wheel(view, 3, Qt.KeyboardModifier.ControlModifier)
    assert view.zoom > 1.2 * zoom
    assert view.to_world(QPointF(view.rect().center())) == pytest.approx(under)
    viewer.scene.camera.zoom *= 3
    qtbot.wait(60)
    field = min(viewer.canvas.size) / viewer.scene.camera.zoom
    assert min(view.width(), view.height()) / view.zoom == pytest.approx(field, rel=0.02), "as many mm"


def check_lesions(review, viewer, views, qtbot):
    """A lesion chosen in the list, and clicked on in a small view."""
    table = review.case.lesions.table.set_index("label")
    assert all(len(view.selected) == 0 for view in views.views)
    for number in (2, 3):
        review.lesions.table.chosen.emit(number)
        qtbot.wait(60)
        shown = voxel_shown(viewer)
        assert review.case.lesions.labels[shown] == number, "the slice of its largest section"
        assert all(len(view.selected) >= 4 for view in views.views)
        check_cross(viewer, views)
    voxel = tuple(int(table.loc[1, f"slice_{axis}"]) for axis in "sar")
    viewer.dims.set_point((0, 1, 2), world_of(viewer, voxel))
    qtbot.wait(60)
    view = named(views, "Sagittal")
    click_on(qtbot, view, world_of(viewer, voxel))
    assert review.case.lesions.component_at(review.case.selected) == 1 == review.lesions.table.selected
    QApplication.sendEvent(view, QEnterEvent(*[QPointF(5, 5)] * 3))
    assert status(viewer) == texts.STATUS and "large view" in texts.STATUS, "it says where one paints"
    voxel = tuple(int(table.loc[2, f"slice_{axis}"]) for axis in "sar")
    qtbot.mousePress(view, Qt.MouseButton.LeftButton, pos=view.rect().center())
    before = review.case.selected
    QApplication.sendEvent(view, moved_to(view, at(view, world_of(viewer, voxel))))
    qtbot.mouseRelease(view, Qt.MouseButton.LeftButton)
    assert review.case.selected == before, "dragging over lesions selects none"


def status(viewer):
    """What the status bar says alone, with nothing of napari's beside it."""
    return viewer.window._qt_window.statusBar().currentMessage()


def test_the_mouse_works_in_a_small_view_as_in_the_large_one(review, kept_viewer, qtbot):
    """The right button changes window and level, Shift and the wheel go ten slices; drawing is refused."""
    viewer, flair = kept_viewer, kept_viewer.layers["FLAIR"]
    views = three(qtbot, review)
    view = named(views, "Sagittal")
    axis = view.plane.across
    viewer.dims.set_point(axis, world_of(viewer, (12, 20, 16))[axis])
    qtbot.wait(60)
    shown = [voxel_shown(viewer)[axis]]
    for held in (SHIFT, NONE):
        wheel(view, -1, held)
        qtbot.wait(60)
        shown.append(voxel_shown(viewer)[axis])
    assert [abs(b - a) for a, b in pairwise(shown)] == [10, 1]

    low, high = flair.contrast_limits
    start, point = (60, 60), viewer.dims.point
    drag(qtbot, view, RIGHT, start, (185, 60))
    now = flair.contrast_limits
    assert now[1] - now[0] == pytest.approx((high - low) * np.exp(0.5)), "to the right: wider"
    drag(qtbot, view, RIGHT, (185, 60), start)
    assert flair.contrast_limits == pytest.approx([low, high])
    drag(qtbot, view, RIGHT, start, (60, 20))
    shift = (high - low) * 40 / 400
    assert flair.contrast_limits == pytest.approx([low - shift, high - shift]), "upwards: brighter"
    assert viewer.dims.point == point, "the crosshair stays"

    qtbot.mousePress(view, RIGHT, pos=QPoint(60, 60))
    wheel(view, -1)
    qtbot.keyClick(view, Qt.Key.Key_T)
    assert status(viewer) == LET_GO and viewer.dims.point == point and part_of(review).views is not None
    qtbot.mouseRelease(view, RIGHT, pos=QPoint(60, 60))

    correct, measure = (review.opened.parts[name] for name in ("correct", "measure"))
    qtbot.mouseClick(view, Qt.MouseButton.LeftButton, pos=QPoint(60, 60))
    assert status(viewer) != texts.DRAW_IN_LARGE, "a click without a tool moves the crosshair"
    correct.act("tool_brush")
    check_refused(viewer, view, qtbot)
    measure.act("measure_length")
    assert correct.tools.active == "" and measure.tool.kind == "ruler"
    check_refused(viewer, view, qtbot)
    measure.stop()
    lesions = viewer.layers["lesions"]
    viewer.layers.selection.active, lesions.mode = lesions, "paint"
    check_refused(viewer, view, qtbot)
    lesions.mode = "pan_zoom"
    assert review.case.review.edit is None and not measure.measured.items


def check_refused(viewer, view, qtbot):
    viewer.window._qt_window.statusBar().clearMessage()
    qtbot.mouseClick(view, Qt.MouseButton.LeftButton, pos=QPoint(70, 70))
    qtbot.wait(30)
    assert status(viewer) == texts.DRAW_IN_LARGE


def test_what_is_done_in_one_view_moves_the_others(review, kept_viewer, qtbot):
    viewer = kept_viewer
    views = three(qtbot, review)
    assert [view.plane.name for view in views.views] == ["Coronal", "Sagittal"]
    assert all(view.isVisible() and view.width() > 100 for view in views.views)
    check_clicks_move_all(review, viewer, views, qtbot)
    check_cross(viewer, views)
    check_wheel(viewer, views, qtbot)
    check_cross(viewer, views)
    check_zoom(viewer, views, qtbot)
    check_cross(viewer, views)
    check_lesions(review, viewer, views, qtbot)


def test_the_lesion_that_was_selected_before_is_in_the_middle_of_all_views(review, kept_viewer, qtbot):
    """Also when only the small views change their sizes: nothing else then brings them back to the place."""
    review.case.select((18, 32, 26))  # far from where the world begins
    review.layers.go_to((18, 32, 26))
    qtbot.wait(60)
    lesion = world_of(kept_viewer, review.case.selected)
    views = three(qtbot, review)
    canvas = kept_viewer.canvas.size
    for sizes in ([100, 300], [300, 100]):
        views.both.setSizes(sizes)
        qtbot.wait(50)
        assert kept_viewer.canvas.size == canvas
        check_middle(views, lesion)
    kept_viewer.window.resize(900, 700)
    qtbot.wait(100)
    check_middle(views, lesion)


def check_middle(views, lesion):
    for view in views.views:
        middle = QPointF(view.rect().center())
        off = view.to_widget(lesion[view.plane.columns], lesion[view.plane.rows]) - middle
        assert abs(off.x()) < 0.4 * view.width() and abs(off.y()) < 0.4 * view.height(), view.plane.name


def test_one_more_press_gives_the_single_view_back_as_it_was(review, kept_viewer, qtbot):
    viewer, camera = kept_viewer, kept_viewer.scene.camera
    area = viewer.window._qt_viewer
    camera.center, camera.zoom = (0, 3.0, -2.0), 7.5
    qtbot.wait(50)
    before = (camera.center, camera.zoom, viewer.dims.order, viewer.dims.point, viewer.canvas.size)
    layout = (area.count(), area.orientation())
    window = napari_internals.main_window(viewer)
    focus(qtbot, window)
    qtbot.keyClick(window, Qt.Key.Key_T)
    qtbot.wait(60)
    views = part_of(review).views
    assert views is not None and area.count() == 2 and part_of(review).button.isChecked()
    assert camera.zoom < 7.5, "it shows as much as before"
    there = at(views.views[0], viewer.dims.point)
    qtbot.mouseDClick(views.views[0], Qt.MouseButton.LeftButton, pos=there)
    qtbot.mouseRelease(views.views[0], Qt.MouseButton.LeftButton, pos=there)  # or keys would wait for it
    assert viewer.dims.order == (1, 0, 2)
    assert [view.plane.name for view in views.views] == ["Axial", "Sagittal"]
    del views
    focus(qtbot, window)
    qtbot.keyClick(window, Qt.Key.Key_T)
    qtbot.wait(60)
    assert part_of(review).views is None and (area.count(), area.orientation()) == layout
    now = (camera.center, camera.zoom, viewer.dims.order, viewer.dims.point, viewer.canvas.size)
    assert [pytest.approx(one, abs=1e-6) for one in before] == list(now)
    assert not any("Cross" in type(child).__name__ for child in area.findChildren(object))


def test_a_picture_is_where_the_crosshair_says_in_thick_slices_too(make_viewer, qtbot, grid):
    """One bright voxel among 3 mm slices, found in the pixels of each view."""
    viewer = make_viewer()
    review = open_review(viewer, docks_with(make_segmenter=FakeSegmenter))
    voxel = (15, 12, 21)
    data = np.zeros(grid.shape, np.float32)
    data[voxel] = 1
    array, options, _ = layer_data(Volume(data, grid, "FLAIR", "flair"))
    viewer.add_layer(Image(array, **{**options, "contrast_limits": (0, 1)}))
    views = three(qtbot, review)
    part_of(review).crosshair.setChecked(False)
    viewer.dims.set_point((0, 1, 2), world_of(viewer, voxel))
    qtbot.wait(60)
    assert all(view.cross is None for view in views.views) and views._cross.at is None
    for view in views.views:  # drawn smoothly it is a blur around the same place
        seen = picture(view).min(-1) * _inside(picture(view).shape[:2])
        middle = at(view, world_of(viewer, voxel))
        found = [np.average(index, weights=seen) for index in np.indices(seen.shape)]
        assert found[::-1] == pytest.approx((middle.x(), middle.y()), abs=1.5)
    review.opened.parts["window"].choose_drawing("voxels")
    qtbot.wait(60)
    spacing = np.array(grid.spacing)
    for view in views.views:
        seen = picture(view)
        letters = {(0, 0, 0)}
        rows, columns = np.nonzero((seen.min(-1) > 250) & _inside(seen.shape[:2]))
        middle = at(view, world_of(viewer, voxel))
        assert (columns.mean(), rows.mean()) == pytest.approx((middle.x(), middle.y()), abs=1.5), letters
        height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
        expected = spacing[view.plane.rows] / spacing[view.plane.columns]
        assert height / width == pytest.approx(expected, rel=0.35), "3 mm are three times 1 mm"
    part_of(review).crosshair.setChecked(True)
    qtbot.wait(60)
    check_cross(viewer, views)
    for view in views.views:  # the gap leaves the voxel free
        middle = at(view, world_of(viewer, voxel))
        assert picture(view)[middle.y(), middle.x()].min() > 250


def _inside(shape):
    """Away from the letters at the edges."""
    found = np.zeros(shape, bool)
    found[25:-25, 25:-25] = True
    return found


# -- what is shown --------------------------------------------------------------------------------


def check_follows_layers(viewer, views, qtbot):
    view = views.views[0]
    flair = viewer.layers["FLAIR"]
    before = picture(view)
    flair.contrast_limits = (0, 100)
    qtbot.wait(60)
    darker = picture(view)
    assert darker[_inside(darker.shape[:2])].sum() < 0.6 * before[_inside(before.shape[:2])].sum()
    flair.visible = False
    qtbot.wait(60)
    assert len(view._images) < 3
    flair.visible, flair.contrast_limits = True, (0, 1.2)
    flair.name = "another name"
    flair.name = "FLAIR"
    viewer.layers.move(0, 2)
    viewer.layers.move(1, 0)
    qtbot.wait(60)


def check_painting(review, viewer, views, qtbot):
    """A brush stroke in the large view is seen in the small ones, and undone there too."""
    lesions, voxel = viewer.layers["lesions"], (12, 5, 25)
    viewer.dims.set_point((0, 1, 2), world_of(viewer, voxel))
    qtbot.wait(60)
    view = named(views, "Coronal")
    before = picture(view)
    viewer.layers.selection.active = lesions
    lesions.mode, lesions.brush_size, lesions.selected_label = "paint", 6, 9
    click_large(qtbot, viewer, world_of(viewer, voxel))
    qtbot.wait(100)
    assert lesions.data[voxel] and review.case.review.edit[voxel] == 1, "it is in the case"
    assert np.abs(picture(view) - before).sum() > 1000
    lesions.mode = "pan_zoom"
    lesions.undo()
    qtbot.wait(100)
    assert not lesions.data[voxel] and np.abs(picture(view) - before).sum() == 0


def check_odd_layers(viewer, views, qtbot):
    """Layers of a user that are no scans: shown or left out."""
    many = [
        viewer.add_image(np.zeros((4, 5))),
        viewer.add_image(np.zeros((2, 4, 5, 6), np.float32)),
        viewer.add_image(np.zeros((4, 5, 6, 3), np.uint8), rgb=True),
        viewer.add_points(np.zeros((2, 3)), size=5),
        viewer.add_surface((np.eye(3), np.array([[0, 1, 2]]))),
        viewer.add_shapes([np.array([[0, 0, 0], [0, 3, 4]])], shape_type="line"),
        viewer.add_vectors(np.zeros((1, 2, 3))),
        viewer.add_labels(np.ones((4, 5, 6), np.int32)),
    ]
    many[-1].contour = 1
    qtbot.wait(100)
    for layer in reversed(many):
        viewer.layers.remove(layer)
        qtbot.wait(20)
    assert [view.plane.name for view in views.views] == ["Coronal", "Sagittal"]


def check_in_3d(review, viewer, views, qtbot):
    """The lesions as surfaces in the large view; the small ones show slices all the same."""
    images = [len(view._images) for view in views.views]
    click(qtbot, review.lesions.buttons["in_3d"])
    qtbot.waitUntil(lambda: "lesions in 3-D" in viewer.layers, timeout=15_000)
    qtbot.wait(100)
    assert viewer.dims.ndisplay == 3 and not viewer.layers["FLAIR"].visible
    assert [len(view._images) for view in views.views] == images and views._cross.at is None
    assert [view.plane.name for view in views.views] == ["Coronal", "Sagittal"]
    click_on(qtbot, views.views[0], world_of(viewer, (12, 22, 18)))
    assert voxel_shown(viewer)[::2] == (12, 18)
    click(qtbot, review.lesions.buttons["in_3d"])
    qtbot.wait(100)
    check_cross(viewer, views)


def test_all_views_show_the_same_layers(review, kept_viewer, qtbot):
    viewer = kept_viewer
    views = three(qtbot, review)
    check_follows_layers(viewer, views, qtbot)
    check_painting(review, viewer, views, qtbot)
    check_odd_layers(viewer, views, qtbot)
    check_in_3d(review, viewer, views, qtbot)
    viewer.theme = "light"
    qtbot.wait(60)
    assert all(view._ground.lightness() == 0 for view in views.views), "black around a scan in each theme"
    viewer.theme = "dark"


def test_an_exercise_hides_the_same_in_all_views(review, kept_viewer, qtbot):
    viewer = kept_viewer
    views = three(qtbot, review)
    voxel = tuple(int(review.case.lesions.table.iloc[0][f"slice_{axis}"]) for axis in "sar")
    viewer.dims.set_point((0, 1, 2), world_of(viewer, voxel))
    qtbot.wait(60)
    shown = [len(view._images) for view in views.views]
    review.layers.blind()
    qtbot.wait(60)
    assert shown == [3, 3] and [len(view._images) for view in views.views] == [1, 1]
    assert review.case.selected is None
    click_on(qtbot, views.views[0], world_of(viewer, voxel))
    assert review.case.selected is None, "a click tells nothing of lesions that are hidden"
    review.layers.point_at(voxel)
    qtbot.wait(60)
    assert voxel_shown(viewer) == voxel and all(len(view._marks) == 1 for view in views.views)
    review.layers.unblind()
    qtbot.wait(60)
    assert [len(view._images) for view in views.views] == shown


# -- coming and going -----------------------------------------------------------------------------


def test_three_views_come_back_with_the_next_window_and_its_first_scan(make_viewer, qtbot, flair):
    PreferenceStore().save(three_views=True, crosshair=False)
    viewer = make_viewer()
    review = open_review(viewer, docks_with(make_segmenter=FakeSegmenter))
    part, area = part_of(review), viewer.window._qt_viewer
    assert part.button.isChecked() and part.views is None and area.count() == 1, "there is no scan"
    viewer.add_image(np.zeros((5, 6)))
    qtbot.wait(60)
    assert part.views is None
    viewer.layers.clear()
    data, options, _ = layer_data(flair)
    viewer.add_layer(Image(data, **options))
    qtbot.waitUntil(lambda: part.views is not None, timeout=3000)
    assert area.count() == 2 and not part.crosshair.isChecked() and part.views._cross.at is None
    viewer.layers.clear()
    qtbot.waitUntil(lambda: part.views is None, timeout=3000)
    viewer.add_layer(Image(data, **options))  # the next patient
    qtbot.waitUntil(lambda: part.views is not None, timeout=3000)
    qtbot.wait(60)
    assert len(part.views.views[0]._images) == 1
    click(qtbot, part.button)
    assert not PreferenceStore().load().three_views
    click(qtbot, part.button)
    assert PreferenceStore().load().three_views and part.views is not None
    for area_of_dock in list(areas_of(review).values()):  # the bar goes with the last dock
        viewer.window.remove_dock_widget(area_of_dock)
    qtbot.wait(60)
    assert area.count() == 1 and not review.opened.parts
    assert PreferenceStore().load().three_views


def test_another_part_that_lays_out_the_canvases_gets_them(own_review, segmented_viewer, qtbot):
    three(qtbot, own_review)
    part, area = part_of(own_review), segmented_viewer.window._qt_viewer
    assert [group.title for group in part.help()] == ["The small views"]
    left = []
    part._arrangement.claim("other", lambda: left.append("other"))
    assert part.views is None and not part.button.isChecked() and area.count() == 1 and part.help() == ()
    assert PreferenceStore().load().three_views, "wanted the next time all the same"
    three(qtbot, own_review)
    assert left == ["other"] and part._arrangement.holder == "views"
    click(qtbot, part.button)
    assert part._arrangement.holder == ""


def test_the_window_closes_in_the_middle(own_review, segmented_viewer, qtbot):
    views = three(qtbot, own_review)
    view, world = views.views[0], world_of(segmented_viewer, (12, 22, 18))
    qtbot.mousePress(view, Qt.MouseButton.LeftButton, pos=at(view, world))
    segmented_viewer.scene.camera.zoom *= 1.3
    del views, view  # what is left behind is looked for afterwards


def test_the_menu_brings_a_plane_into_the_large_view(review, kept_viewer, qtbot):
    viewer, part = kept_viewer, part_of(review)
    part.button.menu().aboutToShow.emit()
    assert not any(action.isEnabled() for action in part.planes)
    views = three(qtbot, review)
    part.button.menu().aboutToShow.emit()
    assert [action.text() for action in part.planes] == [
        f"{name} in the large view" for name in ("Axial", "Coronal", "Sagittal")
    ]
    part.planes[2].trigger()
    qtbot.wait(60)
    assert viewer.dims.order == (2, 0, 1) and [view.plane.name for view in views.views] == [
        "Axial",
        "Coronal",
    ]
    check_cross(viewer, views)
    viewer.dims.roll()
    qtbot.wait(60)
    assert viewer.dims.order == (1, 0, 2) and [view.plane.name for view in views.views] == [
        "Axial",
        "Sagittal",
    ]
    check_cross(viewer, views)
    part.same_zoom.setChecked(False)
    viewer.scene.camera.zoom *= 4
    qtbot.wait(60)
    view = views.views[0]
    assert min(view.width(), view.height()) / view.zoom > 39, "the whole plane, 40 mm"


def test_a_click_with_the_ruler_does_not_move_the_crosshair(review, kept_viewer, qtbot):
    three(qtbot, review)
    viewer = kept_viewer
    before = voxel_shown(viewer)
    focus(qtbot, review._window)
    qtbot.keyClick(review._window, Qt.Key.Key_K)
    assert review.opened.parts["measure"].tool.kind
    place = world_of(viewer, (before[0], 22, 18))
    click_large(qtbot, viewer, place)
    click_large(qtbot, viewer, world_of(viewer, (before[0], 10, 12)))
    assert voxel_shown(viewer) == before
    qtbot.keyClick(review._window, Qt.Key.Key_K)
    click_large(qtbot, viewer, place)
    assert voxel_shown(viewer) == (before[0], 22, 18)


def _heights(viewer, overlay):
    """From where to where napari draws a text, in pixels from the canvas' upper edge."""
    canvas = viewer.window._qt_viewer.canvas
    (drawn,) = canvas._viewer_overlay_to_visual[overlay]
    top = drawn.node.transform.translate[1]
    return top, top + drawn.node.get_width_height()[1]


def test_the_name_of_the_plane_lies_over_no_other_text(review, kept_viewer, qtbot):
    """It is one of napari's texts, which stand below each other."""
    overlays = kept_viewer.canvas.overlays
    views = three(qtbot, review)
    title = overlays["uncertainseg_plane"]
    assert title.visible and title.text == "Axial" and title.position == "top_left"
    flair = kept_viewer.layers["FLAIR"]
    other = Image(flair.data[::-1].copy(), name="t1", scale=flair.scale, translate=flair.translate)
    kept_viewer.add_layer(other)
    name = overlays["uncertainseg_scan"]
    for again in (False, True):
        if again:  # the name is there first
            click(qtbot, part_of(review).button)
            qtbot.wait(60)
            views = three(qtbot, review)
            title = overlays["uncertainseg_plane"]
        for seen in (True, False, True):
            other.visible = seen
            qtbot.wait(60)
            texts = [each for each in (title, name) if each.visible]
            heights = sorted(_heights(kept_viewer, each) for each in texts)
            assert len(heights) == 1 + name.visible and all(top < bottom for top, bottom in heights)
            assert all(above[1] <= below[0] for above, below in pairwise(heights)), heights
    assert name.visible
    views.show_large(1)
    qtbot.wait(60)
    assert title.text == "Coronal"
    click(qtbot, part_of(review).button)
    assert "uncertainseg_plane" not in overlays


def test_3d_ends_before_a_layer_goes_that_has_more_axes_than_all_others(review, kept_viewer, qtbot):
    viewer = kept_viewer
    flair = np.asarray(viewer.layers["FLAIR"].data)
    for name in ("two raters", "two more"):
        viewer.add_image(np.stack([flair, flair]), name=name)
    viewer.dims.ndisplay = 3
    qtbot.wait(100)
    viewer.layers.remove("two raters")
    assert viewer.dims.ndisplay == 3, "as many axes are left"
    viewer.layers.remove("entropy (nats)")
    assert viewer.dims.ndisplay == 3, "the map has fewer"
    viewer.layers.remove("two more")  # bare napari ends with a segmentation fault when it draws next
    assert viewer.dims.ndisplay == 2
    viewer.window._qt_window.grab()
    qtbot.wait(100)
    viewer.dims.ndisplay = 3
    qtbot.wait(100)
