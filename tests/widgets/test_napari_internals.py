"""Napari's private parts are as this plugin needs them; and only three modules touch them."""

import re

import numpy as np
from napari.layers import Labels
from napari.utils.colormaps import DirectLabelColormap
from qtpy.QtWidgets import QDockWidget, QLabel, QSplitter, QWidget

from napari_uncertainseg.widgets.layers.two_tone_outlines import TwoToneOutline
from napari_uncertainseg.widgets.shared import napari_canvas as canvas
from napari_uncertainseg.widgets.shared import napari_internals as internals

PRIVATE = re.compile(
    r"\._(qt_window|qt_viewer|reset_history|calculate_contour|slice_input|history_limit|map_precast|shortcuts\.get)"
    r"|__wrapped__|titleBarWidget|def _map_precast|def _calculate_contour|\.close = |\.undo, .*\.redo = "
)


def labels():
    layer = Labels(np.zeros((4, 6, 8), np.uint16), scale=(3, 2, 1))
    layer.data[1:3, 1:4, 1:4] = 1
    return layer


def test_only_two_modules_touch_them(checkout):
    for path in (checkout / "src" / "napari_uncertainseg").rglob("*.py"):
        if path.name not in ("napari_internals.py", "napari_canvas.py", "napari_adding.py"):
            assert not PRIVATE.findall(path.read_text()), path


def test_a_proxy_is_unwrapped():
    viewer = object()
    proxy = type("Proxy", (), {"__wrapped__": viewer})()
    assert internals.unwrapped(proxy) is viewer and internals.unwrapped(viewer) is viewer


def test_undo_is_replaced_and_restored():
    layer, done = labels(), []
    internals.replace_undo(layer, lambda: done.append("undo"), lambda: done.append("redo"))
    layer.undo(), layer.redo()
    assert done == ["undo", "redo"]
    for _ in range(2):
        internals.restore_undo(layer)
    layer.undo()
    assert done == ["undo", "redo"]


def test_forgotten_strokes_cannot_be_undone():
    layer = labels()
    layer.paint((0, 0, 0), 5)
    painted = layer.data.copy()
    internals.forget_strokes(layer)
    layer.undo()
    np.testing.assert_array_equal(layer.data, painted)


def test_who_draws_the_contour_is_known():
    layer = labels()
    assert canvas.contour_drawer(layer) is layer
    outline = TwoToneOutline(layer)
    assert canvas.contour_drawer(layer) is outline


def test_the_canvas_lies_in_a_splitter_that_holds_more(make_viewer):
    viewer = make_viewer()
    area, native = canvas.view_area(viewer), canvas.canvas_widget(viewer)
    assert isinstance(area, QSplitter) and area.count() == 1 and area.isAncestorOf(native)
    assert (native.height(), native.width()) == tuple(viewer.canvas.size)


def test_the_contour_is_drawn_by_the_function_handed_over():
    layer, seen = labels(), []

    def draw(slice_, part):
        seen.append(slice_.shape)
        return np.full_like(slice_[part], 3)

    original = internals.replace_contour(layer, draw)
    layer.contour = 1
    layer.refresh()
    assert seen and seen[-1] == (6, 8)
    outlined = original(layer.data[1], (slice(0, 6), slice(0, 8)))
    assert outlined is not None and outlined.shape == (6, 8)


def test_sides_are_those_of_the_axes_shown():
    assert internals.displayed_sides(labels()) == (2, 1)


def test_the_table_maps_as_napari_does():
    colours = {None: (0.2, 0.3, 0.4, 1.0), 0: (0, 0, 0, 0), 1: (1, 0, 0, 1), 7: (0, 1, 0, 1)}
    values = np.array([[0, 1, 7, 3]], np.uint16)
    own, theirs = (kind(color_dict=colours) for kind in (internals.TableLabelColormap, DirectLabelColormap))
    np.testing.assert_allclose(own.map(values), theirs.map(values), atol=1e-6)
    assert "_map_precast" in vars(DirectLabelColormap), "napari has renamed it: ours is not used"


def test_a_title_is_set_in_napari_s_bar_and_in_qt_s(qtbot):
    dock = QDockWidget()
    bar = QWidget()
    bar.title = QLabel(bar)
    dock.setTitleBarWidget(bar)
    internals.set_dock_title(dock, "Lesions")
    assert dock.windowTitle() == bar.title.text() == "Lesions"
    dock.setTitleBarWidget(None)
    internals.set_dock_title(dock, "Cohort")
    assert dock.windowTitle() == "Cohort"
    dock.deleteLater()
    qtbot.wait(1)


def test_parts_of_the_window(make_viewer):
    viewer = make_viewer()
    window = internals.main_window(viewer)
    assert internals.drawing_canvas(viewer).events.draw is not None
    asked = []
    close = internals.replace_close(window, lambda *args, **options: asked.append(options))
    window.close(confirm_need=True)
    assert asked == [{"confirm_need": True}]
    for _ in range(2):
        internals.restore_close(window)
    assert window.close == close
    dock = viewer.window.add_dock_widget(QLabel("x"), name="x")
    internals.set_dock_title(dock, "y")
    assert dock.titleBarWidget().title.text() == "y"
