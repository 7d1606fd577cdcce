"""What keeps the thread of the window free: work in turns, spared garbage, layers that come quietly."""

from __future__ import annotations

import gc
import subprocess
import sys
import textwrap
import threading
import weakref

import numpy as np
import pytest
from napari.layers import Image, Labels
from qtpy.QtCore import QTimer

from napari_uncertainseg.case import Case
from napari_uncertainseg.images.volume import Volume
from napari_uncertainseg.voxel_maps import shown_maps
from napari_uncertainseg.widgets.layers.result_layers import CANDIDATES, LESIONS
from napari_uncertainseg.widgets.scans.segmented_scan import shows
from napari_uncertainseg.widgets.scans.volumes import layer_data
from napari_uncertainseg.widgets.shared.responsive import freed_memory, napari_adding
from napari_uncertainseg.widgets.shared.responsive.spared_objects import SparedObjects
from napari_uncertainseg.widgets.shared.responsive.turns import Turns
from napari_uncertainseg.widgets.window import open_review, review_of

from .fakes import fake_prediction


def test_what_waits_is_done_one_by_one_and_the_window_lives_in_between(qtbot) -> None:
    turns, done = Turns(), []
    turns.add(lambda: done.append(1), lambda: done.append(2))
    turns.add(lambda: done.append(3))
    assert len(turns) == 3 and not done
    lived: list[int] = []
    QTimer.singleShot(0, lambda: lived.append(len(done)))
    qtbot.waitUntil(lambda: len(done) == 3, timeout=60_000)
    assert done == [1, 2, 3] and len(turns) == 0
    assert lived[0] < 3  # others had their turn before all was done


def test_what_waits_can_be_done_at_once_or_dropped(qtbot) -> None:
    turns, done = Turns(), []
    turns.add(lambda: done.append(1), lambda: done.append(2))
    turns.now()
    assert done == [1, 2] and not len(turns)
    turns.add(lambda: done.append(3))
    turns.drop()
    qtbot.wait(20)
    assert done == [1, 2]
    turns.drop()


@pytest.fixture
def looked_at():
    """The collector looks at everything, as in the program; the tests spare it what all of them share."""
    before = gc.get_freeze_count()
    gc.unfreeze()
    yield
    if before:
        gc.collect()
        gc.freeze()


class Made:
    """Only the collector can free it."""

    def __init__(self) -> None:
        self.own = self


def freed(made: weakref.ref) -> bool:
    gc.collect()
    return made() is None


@pytest.mark.viewer
def test_what_is_there_before_the_first_scan_is_spared_until_the_window_closes(
    make_viewer, looked_at
) -> None:
    viewer = make_viewer()
    kept = Made()
    early = weakref.ref(kept)
    spared, other = SparedObjects(viewer, Case()), SparedObjects(viewer, Case())
    del kept
    assert gc.get_freeze_count() > 10_000
    assert not freed(early)
    later = weakref.ref(Made())
    assert freed(later)  # what comes later is collected as ever
    assert not freed(early)
    spared.cleanup()
    spared.cleanup()
    assert not gc.get_freeze_count() and freed(early)
    other.cleanup()


@pytest.mark.viewer
def test_memory_is_given_back_once_after_the_last_layer_went(make_viewer, flair, qtbot, monkeypatch) -> None:
    monkeypatch.setattr(freed_memory, "_AFTER_MS", 30)
    viewer, threads = make_viewer(), []
    freed = freed_memory.FreedMemory(viewer, lambda: threads.append(threading.current_thread()))
    one, two = viewer.add_layer(Image(flair.data)), viewer.add_layer(Image(flair.data))
    viewer.layers.remove(one)
    qtbot.wait(100)
    assert not threads  # one is still open
    viewer.layers.remove(two)
    viewer.add_layer(Image(flair.data))
    qtbot.wait(100)
    assert not threads  # the next case is there, and wants the memory
    viewer.layers.clear()
    qtbot.waitUntil(lambda: bool(threads))
    qtbot.wait(100)
    assert len(threads) == 1 and threads[0] is not threading.main_thread()
    viewer.add_layer(Image(flair.data))
    freed.cleanup()
    viewer.layers.clear()
    qtbot.wait(100)
    assert len(threads) == 1


@pytest.mark.skipif(freed_memory._malloc_trim() is None, reason="this system's library is not glibc")
def test_glibc_gives_back_what_was_freed_between_what_is_kept() -> None:
    """In a process of its own, where nothing else is allocated meanwhile."""
    code = """
        import numpy as np
        from napari_uncertainseg.widgets.shared.responsive.freed_memory import _give_back

        def resident() -> int:  # bytes
            return int(open("/proc/self/statm").read().split()[1]) * 4096

        large, small = [], []
        for _ in range(3000):  # too small to be mapped alone
            large.append(np.ones(12_000))
            small.append(np.ones(100))
        most = resident()
        del large
        kept = resident()
        _give_back()
        given = resident()
        assert kept > most - 50e6, (most, kept)  # else there is nothing to give back
        assert given < most - 200e6, (most, given)
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True)


@pytest.mark.viewer
@pytest.mark.parametrize("by", ["a layer that goes", "its closing"])
def test_what_a_second_window_had_open_is_not_kept_for_the_first(by, make_viewer, flair, looked_at) -> None:
    first, second = make_viewer(), make_viewer()
    spared, other = SparedObjects(first, Case()), SparedObjects(second, Case())
    second.add_layer(Image(flair.data))  # before what is kept: napari keeps what its caller has
    kept = Made()
    opened = weakref.ref(kept)
    spared._spare()  # as a moment after the first window has closed a case
    del kept
    assert not freed(opened)
    if by == "its closing":
        other.cleanup()
    else:
        second.layers.clear()
    assert freed(opened)
    other.cleanup()
    spared.cleanup()
    assert not gc.get_freeze_count()


@pytest.mark.viewer
def test_a_window_that_spares_nothing_leaves_alone_what_others_froze(make_viewer, looked_at) -> None:
    gc.freeze()
    only = SparedObjects(make_viewer(), Case())
    only.cleanup()
    assert gc.get_freeze_count()
    gc.unfreeze()


@pytest.mark.viewer
def test_nothing_is_spared_where_scans_are_open_but_once_after_the_first_run(
    make_viewer, flair, prediction, looked_at
) -> None:
    viewer, case = make_viewer(), Case()
    viewer.add_layer(Image(flair.data))
    spared = SparedObjects(viewer, case)
    assert not gc.get_freeze_count()
    kept = Made()
    early = weakref.ref(kept)
    case.open_prediction(prediction)
    assert not gc.get_freeze_count() and spared._tidy.isActive()  # the reader is not kept waiting
    spared._collect()
    del kept
    assert gc.get_freeze_count() and not freed(early)
    case.close_prediction()
    assert spared._tidy.isActive()
    spared._collect()
    assert not gc.get_freeze_count() and freed(early)  # of the case nothing stays
    case.open_prediction(prediction)
    assert not gc.get_freeze_count()  # the second run loads nothing
    spared.cleanup()


@pytest.mark.viewer
def test_layers_that_were_closed_are_not_spared_before_they_have_gone(
    make_viewer, flair, looked_at, qtbot
) -> None:
    viewer = make_viewer()
    spared = SparedObjects(viewer, Case())
    before = gc.get_freeze_count()
    layer = viewer.add_layer(Image(flair.data))
    viewer.layers.clear()
    spared._spare()  # as a second later
    assert gc.get_freeze_count() <= before  # somebody holds on to it still
    there = weakref.ref(layer)
    del layer
    qtbot.waitUntil(lambda: freed(there))
    spared._spare()
    assert gc.get_freeze_count() > before
    spared.cleanup()


@pytest.mark.viewer
def test_a_layer_comes_quietly(make_viewer, flair) -> None:
    viewer = make_viewer()
    first, second, third = (Image(flair.data, name=name) for name in ("first", "second", "third"))
    napari_adding.add_quietly(viewer, first)
    assert viewer.layers.selection.active is None
    viewer.layers.selection.active = first
    napari_adding.add_quietly(viewer, second)
    napari_adding.add_quietly(viewer, third, 1)
    assert [x.name for x in viewer.layers] == ["first", "third", "second"]
    assert viewer.layers.selection.active is first
    viewer.add_layer(Image(flair.data, name="fourth"))
    assert viewer.layers.selection.active.name == "fourth"  # napari's own way is as before


@pytest.mark.viewer
def test_what_shows_a_stroke_is_made_once_the_layer_is_drawn_on(make_viewer, mask) -> None:
    viewer = make_viewer()
    layer, other = Labels(mask.astype(np.uint8)), Labels(mask.astype(np.uint8))
    made = viewer.window._qt_viewer.canvas._layer_overlay_to_visual
    napari_adding.add_quietly(viewer, layer)
    viewer.add_layer(other)
    aids = [layer._overlays[name] for name in ("polygon", "brush_stroke")]
    assert not any(aid in made[layer] for aid in aids)
    assert other._overlays["polygon"] in made[other]  # as napari has it
    layer.mode = "paint"
    assert all(aid in made[layer] for aid in aids) and aids[1].enabled


@pytest.mark.viewer
def test_the_canvas_follows_many_changes_once(make_viewer, flair, monkeypatch) -> None:
    viewer = make_viewer()
    layers = [viewer.add_layer(Image(flair.data, name=name)) for name in ("a", "b", "c")]
    canvas = viewer.window._qt_viewer.canvas
    counted: list[int] = []
    original = canvas._reorder_layers

    def count() -> None:
        counted.append(1)
        original()

    monkeypatch.setattr(canvas, "_reorder_layers", count)
    with napari_adding.one_scene_update(viewer):
        for layer in layers:
            layer.visible = False
        with napari_adding.one_scene_update(viewer):  # within another it is part of that
            layers[0].visible = True
    assert len(counted) == 1
    layers[1].visible = True
    assert len(counted) == 2


@pytest.mark.viewer
def test_hidden_layers_come_one_by_one_in_their_places(make_viewer, qtbot, flair, mask, grid) -> None:
    viewer = make_viewer()
    review = open_review(viewer)
    review.layers.add([layer_data(flair)])
    review.case.set_images({"flair": flair})
    review.case.open_prediction(fake_prediction(mask, grid))
    results = review.layers.results
    own = [*reversed(shown_maps()), CANDIDATES, LESIONS]
    assert not [name for name in own if results.get(name) is not None]  # the handler of Run has ended
    came: list[str] = []
    viewer.layers.events.inserted.connect(lambda event: came.append(event.value.name))
    qtbot.waitUntil(lambda: all(results.get(name) is not None for name in own), timeout=60_000)
    assert came[0] == LESIONS  # what is judged
    active = viewer.layers.selection.active
    assert active is results.get(LESIONS)
    places = [viewer.layers.index(results.get(name)) for name in own]
    assert places == sorted(places) and viewer.layers.selection.active is active
    assert [name for name in own if results.get(name).visible] == ["entropy", LESIONS]
    qtbot.waitUntil(lambda: not results.turns, timeout=60_000)
    review.case.open_prediction(fake_prediction(mask, grid))  # as after a run on the same scan: they stay
    assert [viewer.layers.index(results.get(name)) for name in own] == places


@pytest.mark.viewer
def test_a_prediction_that_goes_at_once_leaves_none_of_its_layers(
    make_viewer, qtbot, flair, mask, grid
) -> None:
    viewer = make_viewer()
    review = open_review(viewer)
    review.layers.add([layer_data(flair)])
    review.case.set_images({"flair": flair})
    review.case.open_prediction(fake_prediction(mask, grid))
    review.case.close_prediction()
    qtbot.wait(100)
    assert [x.name for x in viewer.layers] == ["FLAIR"]


@pytest.mark.viewer
def test_all_layers_can_be_deleted_with_what_goes_along_with_them(segmented_viewer, qtbot, mask) -> None:
    """Our own layers go with the scan or the reference while napari removes what is selected."""
    viewer, review = segmented_viewer, review_of(segmented_viewer)
    viewer.add_labels(np.roll(mask, 12, 1).astype(np.uint8), name="expert", scale=viewer.layers[0].scale)
    viewer.layers["expert"].translate = viewer.layers[0].translate
    review.layers.reference.choose("expert")
    part = review.opened.parts["measure"]
    part.drawing.ensure(part._base)
    qtbot.waitUntil(lambda: {"missed (reference)", "measurements"} <= {x.name for x in viewer.layers})
    viewer.layers.select_all()
    viewer.layers.remove_selected()
    qtbot.waitUntil(lambda: not viewer.layers, timeout=60_000)


def test_a_scan_is_known_by_all_its_voxels(flair, grid) -> None:
    data, options, _ = layer_data(flair)
    assert shows(Image(data.copy(), **options), flair)
    other = data.copy()
    other[-1, -1, -1] += 1
    assert not shows(Image(other, **options), flair)
    assert not shows(Image(data, **options), Volume(data + 1, grid, "T1", "t1"))
    gaps = data.copy()
    gaps[len(gaps) // 2, 0, 0] = np.nan
    assert shows(Image(gaps.copy(), **options), Volume(gaps, grid, "FLAIR", "flair"))
