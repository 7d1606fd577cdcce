"""Rulers and regions, drawn with the mouse on the canvas of a real window."""

import weakref

import numpy as np
import pytest
from napari.layers import Image
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QApplication

from napari_uncertainseg.images.volume import Grid, Volume
from napari_uncertainseg.review.session.opening import open_reading
from napari_uncertainseg.review.session.recorder import Recorder
from napari_uncertainseg.review.session.rereading import open_next_reading
from napari_uncertainseg.widgets.reading_bar.measure import files as measure_files
from napari_uncertainseg.widgets.reading_bar.measure import texts
from napari_uncertainseg.widgets.scans.volumes import layer_data
from napari_uncertainseg.widgets.shared.kept_review import resume
from napari_uncertainseg.widgets.window import review_of

from .actions import focus

pytestmark = pytest.mark.viewer
K, SHIFT = Qt.Key.Key_K, Qt.KeyboardModifier.ShiftModifier
LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def opened(kept_viewer, qtbot):
    made = review_of(kept_viewer)
    kept_viewer.dims.set_point(0, -10 * 3.0 + 36)
    focus(qtbot, made._window)
    QApplication.processEvents()
    return weakref.proxy(made)


@pytest.fixture
def part(opened):
    return weakref.proxy(opened.opened.parts["measure"])


def press(qtbot, review, key, modifier=Qt.KeyboardModifier.NoModifier):
    qtbot.keyClick(review._window, key, modifier)


def canvas(review):
    return review._viewer.window._qt_viewer.canvas.native


def pixel(review, world):
    """Where on the canvas a place in the plane of the slice is: the camera's centre lies in the middle."""
    viewer = review._viewer
    height, width = viewer.canvas.size
    centre, zoom = np.array(viewer.scene.camera.center)[-2:], viewer.scene.camera.zoom
    down, right = (np.array(world) - centre) * zoom
    return QPoint(round(width / 2 + right), round(height / 2 + down))


def place(review, part, voxel):
    """The pixel of a canonical voxel."""
    shown = list(review._viewer.dims.displayed)
    return pixel(review, part._base.place(voxel)[shown])


def drag(qtbot, review, start, end):
    native = canvas(review)
    qtbot.mousePress(native, LEFT, pos=start)
    for share in (0.3, 0.6, 1.0):
        qtbot.mouseMove(native, start + (end - start) * share)
        QApplication.processEvents()
    qtbot.mouseRelease(native, LEFT, pos=end)
    QApplication.processEvents()


def click_at(qtbot, review, where):
    qtbot.mouseMove(canvas(review), where)
    qtbot.mousePress(canvas(review), LEFT, pos=where)
    qtbot.mouseRelease(canvas(review), LEFT, pos=where)
    QApplication.processEvents()


def test_two_clicks_or_a_drag_are_a_ruler_in_millimetres(opened, part, qtbot):
    viewer, camera = opened._viewer, opened._viewer.scene.camera
    before = camera.center, camera.zoom, opened.case.selected, viewer.layers.selection.active
    press(qtbot, opened, K)
    assert part.tool.kind == "ruler" and part.button.isChecked()
    pixel_mm = 1 / camera.zoom
    click_at(qtbot, opened, place(opened, part, (10, 5, 8)))
    assert not part.measured.items
    click_at(qtbot, opened, place(opened, part, (10, 5, 20)))
    drag(qtbot, opened, place(opened, part, (10, 10, 4)), place(opened, part, (10, 13, 8)))
    first, second = part.measured.items
    assert first.length_mm == pytest.approx(12, abs=2 * pixel_mm) and first.where.name == "axial 10"
    assert second.length_mm == pytest.approx(5, abs=2 * pixel_mm)
    assert (camera.center, camera.zoom, opened.case.selected) == before[:3]  # neither panned nor picked
    layer = part.drawing.layer
    said = [f"{first.length_mm:.1f} mm", f"{second.length_mm:.1f} mm"]
    assert [text for text in layer.features["label"] if text] == [said[0]] * 5 + [said[1]] * 5
    assert f"{second.length_mm:.1f} mm" in part.button.text()
    press(qtbot, opened, K)
    assert not part.tool.kind and viewer.layers.selection.active is before[3]


def test_a_ruler_is_seen_in_its_own_slice_only_in_each_plane(opened, part, qtbot):
    viewer = opened._viewer
    for order in ((0, 1, 2), (1, 0, 2), (2, 0, 1)):
        viewer.dims.order = order
        QApplication.processEvents()
        base, across = part._base, order[0]
        viewer.dims.set_point(across, float(base.place((10, 12, 14))[across]))
        press(qtbot, opened, K)
        one, other = np.array([10, 12, 14]), np.array([10, 12, 14])
        one[order[2]] -= 4
        other[order[2]] += 4
        drag(qtbot, opened, place(opened, part, one), place(opened, part, other))
        press(qtbot, opened, K)
        made = part.measured.items[-1]
        side = base.grid.spacing[order[2]]
        assert made.where.axis == across
        assert made.length_mm == pytest.approx(8 * side, abs=3 / viewer.scene.camera.zoom)
        step = base.grid.spacing[across]
        here = viewer.dims.point[across]
        for by, seen in ((0, True), (step, False), (-step, False)):
            viewer.dims.set_point(across, here + by)
            displayed = part.drawing.layer._data_view.displayed_index
            assert bool(len(displayed)) == seen
    assert len(part.measured.items) == 3


def test_a_ruler_is_seen_while_overlays_are_hidden(opened, part, qtbot):
    """To measure without outlines is what they are hidden for."""
    for shown in (True, False):
        press(qtbot, opened, K)
        assert part.drawing.layer.visible
        drag(qtbot, opened, place(opened, part, (10, 10, 4)), place(opened, part, (10, 13, 8)))
        press(qtbot, opened, K)
        if shown:
            opened.opened.parts["overlays"].toggle()
            assert not part.drawing.layer.visible
    assert len(part.measured.items) == 2 and not opened._viewer.layers["lesions"].visible


def test_rulers_lie_over_all_else_as_thin_at_any_zoom_and_their_labels_on_dark(opened, part, qtbot):
    viewer = opened._viewer
    viewer.layers.selection.active = None
    press(qtbot, opened, K)
    drag(qtbot, opened, place(opened, part, (10, 5, 8)), place(opened, part, (10, 5, 20)))
    layer = part.drawing.layer
    qtbot.keyClick(canvas(opened), Qt.Key.Key_E)  # napari's ellipse
    assert not part.tool.kind and layer.mode == "pan_zoom"
    assert viewer.layers.selection.active is viewer.layers["FLAIR"]
    viewer.add_image(np.zeros((4, 4, 4)), name="T1")
    qtbot.waitUntil(lambda: viewer.layers[-1] is layer)
    viewer.layers.move(viewer.layers.index(layer), 0)
    qtbot.waitUntil(lambda: viewer.layers[-1] is layer)
    assert viewer.layers.selection.active is not layer
    spacing = min(part._base.grid.spacing)
    for zoom in (4.0, 20.0):
        viewer.scene.camera.zoom = zoom
        qtbot.waitUntil(
            lambda zoom=zoom: layer.edge_width[-1] * spacing * zoom == pytest.approx(2.0, rel=0.01)
        )
    label = texts.beside(1, part.measured.items[0])
    assert list(layer.features["label"]) == [label] * 5 + ["", ""]  # dark ones around the bright one
    colours = layer.text.color._values
    assert np.allclose(colours[:4, :3], 0) and np.allclose(colours[4, :3], 1)
    right = [[layer.data_to_world(point)[2] for point in shape] for shape in layer.data]
    begins = [min(shape, key=lambda point: tuple(point)) for shape in layer.data[:5]]
    assert all(layer.data_to_world(at)[2] > max(right[-1]) for at in begins)  # beside it, not over it
    edges = np.asarray(layer.edge_color)[-2:, :3]
    assert np.allclose(edges, [[0, 0, 0], [1, 1, 1]])  # as the selected outline: seen on any heat map


def test_list_and_file_have_the_number_of_the_slider_in_each_plane(opened, part, qtbot, tmp_path):
    viewer = opened._viewer
    scan = viewer.layers["FLAIR"]
    viewer.add_image(np.zeros((30, 4, 4)), scale=(1, 1, 1), translate=scan.translate - 7)  # it begins before
    expected = []
    for order in ((0, 1, 2), (1, 0, 2), (2, 0, 1)):
        viewer.dims.order = order
        base, across = part._base, order[0]
        viewer.dims.set_point(across, float(base.place((10, 12, 14))[across]))
        ends = np.array([[10.0, 12, 14], [10.0, 12, 14]])
        ends[0, order[2]] -= 2
        part._on_made("ruler", base.shown(viewer), ends)
        expected.append(str(viewer.dims.current_step[across]))
    listed = [part.panel.list.item(row, 1).text().split()[-1] for row in range(3)]
    part.copy()
    header, *rows = (line.split("\t") for line in QApplication.clipboard().text().splitlines())
    assert part.panel.list.item(0, 1).text() == f"axial {expected[0]}"
    assert listed == expected == [row[header.index("slice")] for row in rows]
    (path,) = (tmp_path / "measurements").iterdir()
    assert [line.split("\t")[header.index("slice")] for line in path.read_text().splitlines()[1:]] == expected
    viewer.layers.remove(viewer.layers[-2])
    QApplication.processEvents()
    assert part.panel.list.item(0, 1).text() != f"axial {expected[0]}"
    viewer.dims.order = (0, 1, 2)
    part._go_to(0)
    assert part.panel.list.item(0, 1).text() == f"axial {viewer.dims.current_step[0]}"


def test_a_case_with_measurements_closes(opened, part, qtbot):
    """The scan takes its measurements with it, while the case goes through its layers."""
    press(qtbot, opened, K)
    drag(qtbot, opened, place(opened, part, (10, 10, 4)), place(opened, part, (10, 13, 8)))
    press(qtbot, opened, K)
    assert part.drawing.layer in opened._viewer.layers
    opened.cases.close()
    assert not opened._viewer.layers and opened.case.prediction is None


def test_rulers_are_deleted_and_brought_back(opened, part, qtbot):
    press(qtbot, opened, K)
    for a in (5, 15):
        drag(qtbot, opened, place(opened, part, (10, a, 8)), place(opened, part, (10, a, 20)))
    first, second = part.measured.items
    keymap = part.drawing.layer
    part.delete()
    assert part.measured.items == (first,) and len(keymap.data) == 7
    part.measured.undo()
    assert part.measured.items == (first, second) and len(keymap.data) == 14
    part.show_list()
    part.panel.list.selectRow(0)
    part.panel.delete.click()
    assert part.measured.items == (second,)
    part.panel.undo.click()
    assert part.measured.items == (first, second)


def test_a_drag_is_an_ellipse_with_brightness_of_scan_and_maps(opened, part, qtbot):
    press(qtbot, opened, K, SHIFT)
    drag(qtbot, opened, place(opened, part, (10, 10, 10)), place(opened, part, (10, 20, 22)))
    (made,) = part.measured.items
    assert made.kind == "ellipse" and made.area_mm2 == pytest.approx(np.pi * 5 * 6, rel=0.12)
    assert made.volume_ml == pytest.approx(made.voxels * 3 / 1000)
    flair = made.values[0]
    low, high = np.min(made.points, axis=0), np.max(made.points, axis=0)
    a, r = np.meshgrid(np.arange(40), np.arange(32), indexing="ij")
    middle, radius = (low + high) / 2, (high - low) / 2
    inside = ((a - middle[1]) / radius[1]) ** 2 + ((r - middle[2]) / radius[2]) ** 2 <= 1
    expected = opened.case.scan.data[10][inside]
    assert flair.image == "FLAIR" and flair.voxels == inside.sum() == made.voxels
    assert flair.mean == pytest.approx(expected.mean()) and flair.sd == pytest.approx(
        expected.std(ddof=1), rel=1e-5
    )
    assert "probability" in [v.image.casefold() for v in made.values]
    assert part.panel.isVisible() and part.panel.values.rowCount() == len(made.values)


def test_clicks_are_a_polygon_closed_on_its_first_corner(opened, part, qtbot):
    press(qtbot, opened, K, SHIFT)
    for corner in ((10, 8, 8), (10, 8, 18), (10, 16, 18), (10, 8, 8)):
        click_at(qtbot, opened, place(opened, part, corner))
    (made,) = part.measured.items
    assert made.kind == "polygon" and len(made.points) == 3
    assert made.area_mm2 == pytest.approx(40, rel=0.2)


def test_the_selected_lesion_is_a_region(opened, part):
    voxel = tuple(int(index) for index in np.argwhere(opened.case.lesions.labels)[0])
    opened.case.select(voxel)
    part.measure_lesion()
    (made,) = part.measured.items
    number = int(opened.case.lesions.labels[voxel])
    own = opened.case.lesions.labels == number
    assert made.name == f"lesion {number}" and made.voxels == own.sum()
    assert made.values[0].mean == pytest.approx(opened.case.scan.data[own].mean())
    opened.case.threshold = 0.9
    assert part.measured.items == (made,)  # as it was measured


def test_another_grid_is_sampled_at_the_same_place(opened, part, qtbot):
    viewer = opened._viewer
    affine = opened.case.scan.grid.affine.copy()
    affine[:3, :3] *= 0.5
    grid = Grid((48, 80, 64), affine)
    data = np.arange(48, dtype=np.float32)[:, None, None] * np.ones((1, 80, 64), np.float32)
    data, options, _ = layer_data(Volume(data, grid, "t1", "t1"))
    viewer.layers.insert(0, Image(data, **options))
    press(qtbot, opened, K, SHIFT)
    drag(qtbot, opened, place(opened, part, (10, 10, 10)), place(opened, part, (10, 20, 22)))
    t1 = next(v for v in part.measured.items[0].values if v.image == "T1")
    assert t1.interpolated and t1.mean == pytest.approx(20)  # voxel 10 of the FLAIR is voxel 20 there


def test_copied_text_has_the_case_and_comes_back_from_a_file(opened, part, qtbot, tmp_path):
    press(qtbot, opened, K)
    drag(qtbot, opened, place(opened, part, (10, 5, 8)), place(opened, part, (10, 5, 20)))
    part.copy()
    text = QApplication.clipboard().text()
    cells = text.splitlines()[1].split("\t")
    assert cells[0] == "FLAIR" and "ruler" in cells and f"{part.measured.items[0].length_mm:.6g}" in cells
    path = tmp_path / "measurements.tsv"
    path.write_text(text)
    made = part.measured.items[0]
    part.delete()
    part.files.open(path)
    (back,) = part.measured.items
    assert back.where == made.where
    np.testing.assert_allclose(back.points, made.points, atol=0.002)


def test_a_table_is_saved_under_the_name_of_its_case(opened, part, qtbot, tmp_path, monkeypatch):
    offered = []

    def ask(parent, title, name, kinds):
        offered.append(name)
        return tmp_path / name

    monkeypatch.setattr(measure_files, "ask_file", ask)
    press(qtbot, opened, K)
    drag(qtbot, opened, place(opened, part, (10, 5, 8)), place(opened, part, (10, 5, 20)))
    part.files.ask_save()
    assert offered == ["FLAIR-measurements.tsv"] and "ruler" in (tmp_path / offered[0]).read_text()


def test_measurements_come_back_with_their_scan(opened, part, qtbot, tmp_path):
    press(qtbot, opened, K)
    drag(qtbot, opened, place(opened, part, (10, 5, 8)), place(opened, part, (10, 5, 20)))
    length = part.measured.items[0].length_mm
    assert len(list((tmp_path / "measurements").iterdir())) == 1
    viewer, layer = opened._viewer, opened._viewer.layers["FLAIR"]
    viewer.layers.remove(layer)
    QApplication.processEvents()
    assert not part.measured.items and "measurements" not in [x.name for x in viewer.layers]
    viewer.add_layer(layer)
    assert part.measured.items[0].length_mm == pytest.approx(length, rel=1e-4)
    part.delete()
    assert not list((tmp_path / "measurements").iterdir())


def test_nothing_is_measured_in_an_exercise_and_all_is_put_back(opened, part, qtbot):
    viewer = opened._viewer
    doubles = list(viewer.mouse_double_click_callbacks)
    drags = list(viewer.mouse_drag_callbacks)
    press(qtbot, opened, K)
    drag(qtbot, opened, place(opened, part, (10, 5, 8)), place(opened, part, (10, 5, 20)))
    opened.layers.blind()
    assert not part.tool.kind and "measurements" not in [x.name for x in viewer.layers]
    part.act("measure_length")
    assert not part.tool.kind
    opened.layers.unblind()
    assert len(part.measured.items) == 1 and "measurements" in [x.name for x in viewer.layers]
    part.cleanup()
    part.cleanup()
    qtbot.waitUntil(
        lambda: "measurements" not in [x.name for x in viewer.layers]
    )  # selected: in the next turn
    assert viewer.mouse_double_click_callbacks == doubles and viewer.mouse_drag_callbacks == drags


def test_the_menu_says_the_keys_and_offers_nothing_in_an_exercise(opened, part, qtbot):
    press(qtbot, opened, K)
    drag(qtbot, opened, place(opened, part, (10, 5, 8)), place(opened, part, (10, 5, 20)))
    part.fill_menu()
    assert [a.text() for a in part.menu.actions()][:2] == [
        f"{texts.RULER_ITEM}\tK",
        f"{texts.REGION_ITEM}\tShift+K",
    ]
    part.menu.actions()[0].trigger()
    assert not part.tool.kind  # it was on
    opened.layers.blind()
    part.fill_menu()
    assert not any(action.isEnabled() for action in part.menu.actions() if action.text())
    layers = list(opened._viewer.layers)
    for action in ("undo", "redo", "list", "copy", "delete"):
        part.act(action)
    assert list(opened._viewer.layers) == layers and not part.panel.isVisible()
    assert "mm" not in part.button.text()
    opened.layers.unblind()
    assert len(part.measured.items) == 1 and "mm" in part.button.text()


def test_a_second_reader_does_not_see_where_the_first_has_measured(opened, part, qtbot):
    press(qtbot, opened, K)
    drag(qtbot, opened, place(opened, part, (10, 5, 8)), place(opened, part, (10, 5, 20)))
    press(qtbot, opened, K)
    first = part.measured.items
    store, case = opened.sessions.store(), opened.case
    ann = open_reading(store, case.original, case.lesions, "Ann", "doubt")
    Recorder(store, ann).close()
    second = open_next_reading(store, ann, "Cem", seed=1)
    resume(case, Recorder(store, second))
    assert not part.measured.items and "mm" not in part.button.text()
    press(qtbot, opened, K)
    drag(qtbot, opened, place(opened, part, (10, 8, 8)), place(opened, part, (10, 8, 14)))
    own = part.measured.items
    assert len(own) == 1
    case.review.set_recorder(None)
    (back,) = part.measured.items
    assert back.length_mm == pytest.approx(first[0].length_mm, rel=1e-4)
    resume(case, Recorder(store, second))
    assert part.measured.items[0].length_mm == pytest.approx(own[0].length_mm, rel=1e-4)


def test_a_table_that_cannot_be_read_is_not_written_over(opened, part, qtbot, tmp_path):
    press(qtbot, opened, K)
    drag(qtbot, opened, place(opened, part, (10, 5, 8)), place(opened, part, (10, 5, 20)))
    (path,) = (tmp_path / "measurements").iterdir()
    viewer, layer = opened._viewer, opened._viewer.layers["FLAIR"]
    viewer.layers.remove(layer)
    broken = path.read_bytes() + b"2\tof a later version\n"
    path.write_bytes(broken)
    viewer.add_layer(layer)
    QApplication.processEvents()
    assert not part.measured.items
    press(qtbot, opened, K)
    drag(qtbot, opened, place(opened, part, (10, 8, 8)), place(opened, part, (10, 8, 14)))
    assert len(part.measured.items) == 1 and path.is_file()
    (aside,) = (tmp_path / "measurements").glob("*.unread")
    assert aside.read_bytes() == broken


def test_measurements_of_another_case_are_asked_about(opened, part, qtbot, tmp_path, answer_questions):
    answer = answer_questions(measure_files)
    press(qtbot, opened, K)
    drag(qtbot, opened, place(opened, part, (10, 5, 8)), place(opened, part, (10, 5, 20)))
    part.copy()
    path = tmp_path / "measurements.tsv"
    path.write_text(QApplication.clipboard().text().replace("\nFLAIR\t", "\nBob\t"))
    answer.says = None
    part.files.open(path)
    assert len(part.measured.items) == 1 and "Bob" in answer.questions[0]
    answer.says = True
    part.files.open(path)
    assert len(part.measured.items) == 2


def test_the_menu_of_compare_does_not_hold_the_window(opened):
    """The viewer of each test has to go; it did not, once the menu had been shown."""
    menu = opened.opened.parts["compare"].menu
    menu.aboutToShow.emit()
    assert menu.actions()
