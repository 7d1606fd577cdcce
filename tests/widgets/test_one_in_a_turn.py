"""What napari takes long for comes one by one, and nothing is done twice: counted, not timed."""

from __future__ import annotations

import gc
from types import SimpleNamespace

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image, Surface
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDockWidget, QMainWindow

from napari_uncertainseg.case import Case
from napari_uncertainseg.widgets.layers.blinding import Blinding
from napari_uncertainseg.widgets.layers.colours import ColourBars
from napari_uncertainseg.widgets.layers.surfaces import texts
from napari_uncertainseg.widgets.session.dock import SessionDock
from napari_uncertainseg.widgets.shared import napari_canvas, napari_internals
from napari_uncertainseg.widgets.shared.responsive.spared_objects import SparedObjects
from napari_uncertainseg.widgets.shared.session_file import SessionFile

from .drawn_layers import reviewed_layers
from .fake_layers import FakeLayers

pytestmark = pytest.mark.usefixtures("qapp")


def picture(name: str, **options) -> Image:
    return Image(np.ones((4, 5, 6), np.float32), name=name, **options)


def written(layer: Image) -> int:
    return int(layer.colorbar.visible) + int(layer.name_overlay.visible)


def test_colour_bar_and_name_come_each_in_a_turn_and_only_of_what_is_seen(qtbot) -> None:
    viewer, maps = ViewerModel(), [picture("a"), picture("b", visible=False), picture("gone")]
    bars = ColourBars(viewer)
    for layer in maps:
        bars.follow(layer)
        viewer.add_layer(layer)
        bars.show(layer)
    a, b, gone = maps
    viewer.layers.remove(gone)
    assert not sum(map(written, maps))
    for count in (1, 2):
        bars._soon._next()
        assert written(a) == count
    bars.now()
    assert not written(b) and not written(gone)
    b.visible = True  # by its eye
    assert not written(b)
    bars._soon._next()
    b.visible = False  # and closed again
    bars.now()
    assert written(b) == 1
    b.visible = True
    qtbot.waitUntil(lambda: written(b) == 2, timeout=60_000)
    b.visible = False
    bars.drop()
    b.colorbar.visible = False
    b.visible = True
    bars.drop()
    qtbot.wait(20)
    assert not b.colorbar.visible


def test_a_map_comes_back_from_an_exercise_before_its_colour_bar_and_its_name() -> None:
    viewer = ViewerModel()
    scan, shown = viewer.add_layer(picture("FLAIR")), viewer.add_layer(picture("map"))
    shown.colorbar.visible = shown.name_overlay.visible = True
    blinding, ended = Blinding(viewer), []
    blinding.hide([scan], lambda: None, lambda: None)
    blinding.complete()
    assert shown not in viewer.layers
    blinding.restore_soon(lambda: None, lambda: ended.append(1))
    seen = []
    while not ended:
        blinding._soon._next()
        seen.append((shown in viewer.layers, written(shown), blinding.active))
    assert seen[:3] == [(True, 0, True), (True, 1, True), (True, 2, True)]
    assert not blinding.active and viewer.layers.index(shown) == 1
    blinding.hide([scan], lambda: None, lambda: None)
    blinding.complete()
    blinding.restore_soon(lambda: None, lambda: None)
    blinding._soon._next()
    blinding.restore()  # at once, in the middle
    assert written(shown) == 2 and not blinding.active


@pytest.fixture
def layers(flair, prediction):
    made = reviewed_layers(flair, prediction)
    made.results.complete()
    yield made
    made.cleanup()


def surfaces_of(viewer) -> list[str]:
    return [x.name for x in viewer.layers if isinstance(x, Surface) or x.name == texts.SELECTED_3D]


def in_3d(layers, qtbot) -> None:
    layers.surfaces.toggle()
    qtbot.waitUntil(lambda: texts.LESIONS_3D in layers.viewer.layers, timeout=60_000)
    qtbot.waitUntil(lambda: not len(layers.surfaces._soon), timeout=60_000)


def test_surfaces_come_in_turns_and_are_drawn_once(layers, qtbot, monkeypatch) -> None:
    viewer, count = layers.viewer, []
    layers._case.select(
        tuple(int(x) for x in layers._case.lesions.table[["slice_s", "slice_a", "slice_r"]].iloc[0])
    )
    viewer.layers.events.inserted.connect(lambda event: count.append(event.value))
    turns, step = [], layers.surfaces._soon._next

    def one() -> None:
        before = len(count)
        step()
        turns.append(len(count) - before)

    layers.surfaces._soon._timer.timeout.disconnect()
    layers.surfaces._soon._timer.timeout.connect(one)
    in_3d(layers, qtbot)
    assert turns == [0, 0, 1]  # the lesions came before: the active layer, the colour bar, the ring
    layer = viewer.layers[texts.LESIONS_3D]
    assert layer.colorbar.visible and viewer.layers.selection.active is layer


def test_surfaces_are_hidden_at_once_and_go_one_by_one(layers, qtbot) -> None:
    viewer = layers.viewer
    in_3d(layers, qtbot)
    there = len(surfaces_of(viewer))
    viewer.dims.ndisplay = 2
    assert len(surfaces_of(viewer)) == there >= 1
    assert not any(x.visible for x in viewer.layers if x.name in surfaces_of(viewer))
    assert layers.surfaces.images_come_back and layers.unseen  # no verdict is given meanwhile
    assert viewer.layers["FLAIR"] in layers.surfaces.covered  # and small views show it
    layers.surfaces._back._next()
    assert viewer.layers["FLAIR"].visible and not layers.unseen and not layers.surfaces.covered
    while surfaces_of(viewer):
        layers.surfaces._going._next()
        there -= 1
        assert len(surfaces_of(viewer)) == there


@pytest.mark.parametrize("before", ["at once", "images are back"])
def test_3d_again_and_back_shows_what_was_shown_at_first(layers, qtbot, before) -> None:
    """Also where the images are still to come: they are not seen in 3-D, nor forgotten."""
    viewer = layers.viewer
    viewer.layers["FLAIR"].visible = True
    viewer.layers.selection.active = viewer.layers["FLAIR"]
    shown = {x.name for x in viewer.layers if x.visible}
    in_3d(layers, qtbot)
    viewer.dims.ndisplay = 2
    if before == "images are back":
        layers.surfaces._back._next()
    viewer.dims.ndisplay = 3
    assert not layers.surfaces.images_come_back and not viewer.layers["FLAIR"].visible
    qtbot.waitUntil(lambda: surfaces_of(viewer) == [texts.LESIONS_3D] or len(surfaces_of(viewer)) > 1)
    qtbot.waitUntil(lambda: not len(layers.surfaces._soon), timeout=60_000)
    assert surfaces_of(viewer).count(texts.LESIONS_3D) == 1
    viewer.dims.ndisplay = 2
    qtbot.waitUntil(lambda: not surfaces_of(viewer), timeout=60_000)
    assert {x.name for x in viewer.layers if x.visible} == shown
    assert viewer.layers.selection.active is viewer.layers["FLAIR"]


@pytest.mark.parametrize("act", ["an exercise", "another patient", "3-D again", "closing"])
def test_what_happens_while_surfaces_go(act, layers, qtbot, prediction) -> None:
    viewer = layers.viewer
    in_3d(layers, qtbot)
    viewer.dims.ndisplay = 2
    assert surfaces_of(viewer)
    if act == "an exercise":
        layers.blind()
        assert not surfaces_of(viewer)  # else they would come back with it
        layers._blinding.complete()
        layers.unblind()
        assert not surfaces_of(viewer)
    elif act == "another patient":
        layers._case.close_prediction()
        assert not surfaces_of(viewer)
    elif act == "3-D again":
        in_3d(layers, qtbot)
        assert surfaces_of(viewer).count(texts.LESIONS_3D) == 1
        assert texts.LESIONS_3D + " [1]" not in viewer.layers
    else:
        layers.cleanup()
        qtbot.wait(20)


def test_cells_are_looked_up_once_for_all_that_napari_asks() -> None:
    viewer, asked = ViewerModel(), []
    for name in "abcdef":
        viewer.add_layer(picture(name))
    grid = viewer.canvas.grid
    napari_internals.group_cells(viewer, lambda layer: (asked.append(layer.name), "abc".find(layer.name))[1])
    grid.shape, grid.stride, grid.enabled = (1, 4), 1, True
    before = list(grid.iter_viewboxes(viewer.layers))
    often = len(asked)
    asked.clear()
    with napari_internals.cells_held(viewer):
        with napari_internals.cells_held(viewer):
            assert list(grid.iter_viewboxes(viewer.layers)) == before
        assert list(grid.iter_viewboxes(viewer.layers)) == before
    assert len(asked) == len(viewer.layers) < often / 10
    viewer.layers["b"].visible = False
    assert list(grid.iter_viewboxes(viewer.layers)) != before  # looked up anew
    napari_internals.ungroup_cells(viewer)
    with napari_internals.cells_held(viewer):
        pass
    assert "contents_at" not in vars(grid)


class Noting(QDockWidget):
    """As napari's: it notes where it lies."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.noted = []
        self.dockLocationChanged.connect(self._update_default_dock_area)

    def _update_default_dock_area(self, area) -> None:
        self.noted.append(area)


def test_a_dock_that_becomes_a_tab_where_it_lies_is_not_noted_again(qtbot) -> None:
    window = QMainWindow()
    qtbot.addWidget(window)
    right, left = Qt.DockWidgetArea.RightDockWidgetArea, Qt.DockWidgetArea.LeftDockWidgetArea
    anchor, beside, away = Noting("anchor"), Noting("beside"), Noting("away")
    for dock, area in ((anchor, right), (beside, right), (away, left)):
        window.addDockWidget(area, dock)
        dock.noted.clear()
    napari_canvas.tabify(window, anchor, beside)
    napari_canvas.tabify(window, anchor, away)
    assert not beside.noted and away.noted == [right]
    assert set(window.tabifiedDockWidgets(anchor)) == {beside, away}
    window.addDockWidget(left, beside)
    assert left in beside.noted  # heard again


def test_sessions_are_read_after_the_dock_is_there(tmp_path, qtbot, monkeypatch) -> None:
    file, read = SessionFile(tmp_path / "sessions.db"), []
    listed = SessionFile.listed
    monkeypatch.setattr(SessionFile, "listed", lambda self: (read.append(1), listed(self))[1])
    dock = SessionDock(Case(), FakeLayers(), file)
    qtbot.addWidget(dock)
    assert not read and not dock.close_button.isEnabled()
    qtbot.waitUntil(lambda: read == [1], timeout=60_000)
    other = SessionDock(Case(), FakeLayers(), file)
    qtbot.addWidget(other)
    other.cleanup()
    qtbot.wait(20)
    assert read == [1]
    dock.cleanup()


def test_what_was_spared_of_a_run_is_looked_at_once_when_its_case_goes(monkeypatch) -> None:
    viewer, case, looked = ViewerModel(), Case(), []
    counted = SimpleNamespace(
        collect=lambda: looked.append("collect"),
        freeze=lambda: looked.append("freeze"),
        unfreeze=lambda: looked.append("unfreeze"),
        get_freeze_count=lambda: 0,
        get_threshold=gc.get_threshold,
        set_threshold=lambda *_: None,
    )
    monkeypatch.setattr("napari_uncertainseg.widgets.shared.responsive.spared_objects.gc", counted)
    spared = SparedObjects(viewer, case)
    spared._had_layers = spared._stale = spared._of_run = True  # a case with a run has gone, layers and all
    spared._tidy.start()
    looked.clear()
    spared._spare()  # due before
    assert not looked
    spared._tidy.stop()
    spared._collect()
    assert looked == ["unfreeze", "collect", "freeze"]
    spared._had_layers = False
    spared._spare()
    assert looked.count("collect") == 1
    spared.cleanup()
