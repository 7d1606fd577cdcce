"""What happens while the layers of a run, or the scans of a case, are still coming one by one."""

from __future__ import annotations

import gc
import weakref
from dataclasses import replace

import numpy as np
import pytest
from napari.layers import Image, Labels

from napari_uncertainseg.case import Case
from napari_uncertainseg.evaluate.saved_results import read_saved_results
from napari_uncertainseg.export import write_results
from napari_uncertainseg.images.files import write_volume
from napari_uncertainseg.voxel_maps import shown_maps
from napari_uncertainseg.widgets import case_desk
from napari_uncertainseg.widgets.layers.result_layers import CANDIDATES, LESIONS
from napari_uncertainseg.widgets.scans.layer_reader import read_layers
from napari_uncertainseg.widgets.scans.volumes import KEY, is_result, layer_data
from napari_uncertainseg.widgets.segment.texts import SHOWING
from napari_uncertainseg.widgets.shared.responsive.spared_objects import SparedObjects
from napari_uncertainseg.widgets.window import open_review

from .fakes import fake_prediction

pytestmark = pytest.mark.viewer

OWN = [*reversed(shown_maps()), CANDIDATES, LESIONS]


@pytest.fixture
def fill():
    """The docks, and no scan."""
    return lambda viewer, file: open_review(viewer)


@pytest.fixture
def opened(kept_viewer, flair):
    """The window that tests of this file share, with a scan, whose run is about to end."""
    review = open_review(kept_viewer)
    review.layers.add([layer_data(flair)])
    review.case.set_images({"flair": flair})
    return kept_viewer, weakref.proxy(review)


def all_there(review):
    return all(review.layers.results.get(name) is not None for name in OWN)


def test_segment_says_that_results_are_shown_until_the_last_map_is_there(opened, qtbot, mask, grid) -> None:
    _, review = opened
    dock, came = review.segment, []
    assert not dock.stage.isVisibleTo(dock)
    review.case.open_prediction(fake_prediction(mask, grid))
    review.layers.results.came.connect(lambda: came.append(dock.stage.text()))
    qtbot.waitUntil(lambda: bool(came), timeout=60_000)
    assert came == [SHOWING] and dock.stage.isVisibleTo(dock) and dock.progress.isVisibleTo(dock)
    qtbot.waitUntil(lambda: not dock.stage.isVisibleTo(dock), timeout=60_000)
    assert all_there(review) and not dock.stage.text() and not dock.progress.isVisibleTo(dock)
    review.case.open_prediction(fake_prediction(np.roll(mask, 6, 2), grid))  # into the layers that are there
    assert not dock.stage.isVisibleTo(dock)
    review.case.close_prediction()
    review.case.open_prediction(fake_prediction(mask, grid))
    assert dock.stage.text() == SHOWING
    review.case.close_prediction()  # before all are there
    assert not dock.stage.isVisibleTo(dock)


def test_maps_that_come_in_3d_do_not_cover_the_surfaces(opened, qtbot, mask, grid) -> None:
    """Also under a mouse that rests on the canvas: napari asks layers that become active for its value."""
    viewer, review = opened
    viewer.mouse_over_canvas = True
    viewer.dims.ndisplay = 3
    review.case.open_prediction(fake_prediction(mask, grid))
    qtbot.waitUntil(lambda: all_there(review))
    assert review.layers.surfaces.shown
    assert not [x.name for x in viewer.layers if isinstance(x, Image | Labels) and x.visible]
    viewer.dims.ndisplay = 2
    qtbot.waitUntil(lambda: review.layers.results.get("entropy").visible)  # a turn after the surfaces went


def test_turning_to_3d_in_between_hides_the_maps_that_come(opened, qtbot, mask, grid) -> None:
    viewer, review = opened
    review.case.open_prediction(fake_prediction(mask, grid))
    review.layers.surfaces.toggle()
    qtbot.waitUntil(lambda: all_there(review))
    assert not [x.name for x in viewer.layers if isinstance(x, Image | Labels) and x.visible]


def test_an_exercise_that_begins_in_between_shows_none_of_them(opened, qtbot, mask, grid) -> None:
    viewer, review = opened
    review.case.open_prediction(fake_prediction(mask, grid))
    review.layers.blind()
    qtbot.waitUntil(lambda: [x.name for x in viewer.layers] == ["FLAIR"])
    qtbot.wait(100)
    assert [x.name for x in viewer.layers] == ["FLAIR"]
    review.layers.unblind()
    assert all(review.layers.results.get(name) in viewer.layers for name in OWN)


def test_lesions_deleted_in_between(opened, qtbot, mask, grid) -> None:
    viewer, review = opened
    review.case.open_prediction(fake_prediction(mask, grid))
    qtbot.waitUntil(lambda: review.layers.results.get(LESIONS) is not None)
    viewer.layers.remove(review.layers.results.get(LESIONS))
    qtbot.waitUntil(lambda: all(review.layers.results.get(name) is not None for name in OWN[:-1]))
    viewer.layers.remove("FLAIR")
    qtbot.wait(100)
    assert not [x for x in viewer.layers if is_result(x)]
    assert not viewer.canvas.overlays["window_and_level"].visible  # an empty text ends the process


def test_another_prediction_in_between_is_the_only_one_shown(opened, qtbot, mask, grid) -> None:
    viewer, review = opened
    review.case.open_prediction(fake_prediction(np.roll(mask, 5, 1), grid))
    second = fake_prediction(mask, grid)
    review.case.open_prediction(second)
    qtbot.waitUntil(lambda: all_there(review))
    results = [x for x in viewer.layers if is_result(x)]
    assert len({x.name for x in results}) == len(results)
    for name in shown_maps():
        shown = review.layers.results.placing.array(second.maps[name])
        assert np.array_equal(review.layers.results.get(name).data, shown)


def test_lesions_found_side_by_side_are_outlined_in_the_other_cells(opened, qtbot, mask, grid) -> None:
    viewer, review = opened
    own = viewer.layers["FLAIR"]
    viewer.add_image(own.data.copy(), name="T1", scale=own.scale, translate=own.translate, units=own.units)
    side = review.opened.parts["compare"].side
    review.opened.parts["compare"].act("side_by_side")
    assert side.active
    review.case.open_prediction(fake_prediction(mask, grid))
    qtbot.waitUntil(lambda: all_there(review) and "lesions (T1)" in viewer.layers)
    qtbot.waitUntil(lambda: len(viewer.layers["lesions (T1)"].data) > 0)
    (cell,) = (x for x in viewer.layers if x.name == "lesions (T1)")
    assert len(cell.data)
    candidates = review.layers.results.get(CANDIDATES)
    assert candidates.events.visible.callbacks  # they are followed, too
    before = len(cell.data)
    review.case.threshold = 0.9
    qtbot.waitUntil(lambda: len(cell.data) < before)
    smaller = np.zeros_like(mask)
    smaller[4:7, 8:14, 6:12] = True
    review.case.open_prediction(fake_prediction(smaller, grid))
    review.opened.parts["compare"].act("side_by_side")
    assert not side.active
    qtbot.waitUntil(lambda: "lesions (T1)" not in viewer.layers)


def test_an_exercise_side_by_side_shows_no_outlines_and_they_come_back(opened, qtbot, mask, grid) -> None:
    """Masks of the user go while the lesions are there still: nothing is laid out anew meanwhile."""
    viewer, review = opened
    own = viewer.layers["FLAIR"]
    place = {"scale": own.scale, "translate": own.translate, "units": own.units}
    viewer.add_image(own.data.copy(), name="T1", **place)
    viewer.add_labels(mask.astype(np.uint8), name="mine", **place)
    review.case.open_prediction(fake_prediction(mask, grid))
    review.opened.parts["compare"].act("side_by_side")
    qtbot.waitUntil(lambda: "lesions (T1)" in viewer.layers)
    gone: list[str] = []
    review.layers.blind(lambda: gone.extend(x.name for x in viewer.layers))
    qtbot.waitUntil(lambda: bool(gone))
    assert set(gone) <= {"FLAIR", "T1"}
    qtbot.wait(50)
    assert [x.name for x in viewer.layers] == gone
    review.layers.unblind()
    qtbot.wait(50)
    cells = review.opened.parts["compare"].side._outlines.cells
    assert [x for x in viewer.layers if x.name.startswith("lesions (T1)")] == list(cells)


def test_who_draws_on_when_an_exercise_ends_sees_what_is_drawn(opened, mask, grid) -> None:
    """napari shows the corners of a polygon only with its overlay, which waits for the first stroke."""
    _, review = opened
    review.case.open_prediction(fake_prediction(mask, grid))
    layer = review.layers.results.get(LESIONS, soon=False)
    aids = [layer._overlays[name] for name in ("polygon", "brush_stroke")]
    assert not any(aid.visible for aid in aids)
    layer.mode = "polygon"
    review.layers.blind()
    review.layers.unblind()
    assert layer.mode == "polygon" and all(aid.visible for aid in aids)


# -- scans of a case that come one by one -----------------------------------------------------------


@pytest.fixture
def patients(flair, grid, tmp_path):
    """FLAIR and T1 of two patients, as the reader hands them over."""
    read = {}
    for name, shift in (("Ann", 0), ("Bob", 3)):
        (tmp_path / name).mkdir()
        for kind in ("FLAIR", "T1"):
            data = np.roll(flair.data, shift, 2) * (1.0 if kind == "FLAIR" else 0.5)
            write_volume(tmp_path / name / f"{kind}.nii.gz", data.astype(np.float32), grid)
        paths = [tmp_path / name / f"{kind}.nii.gz" for kind in ("FLAIR", "T1")]
        read[name] = [layer for path in paths for layer in read_layers(str(path))]
    return read


@pytest.fixture
def empty(kept_viewer, quiet):
    return kept_viewer, weakref.proxy(open_review(kept_viewer))


def test_a_case_that_is_closed_in_between_leaves_no_scan(empty, patients, qtbot) -> None:
    viewer, review = empty
    review.cases.begin(patients["Ann"])
    while not viewer.layers:
        review.cases._turns._next()
    assert review.cases.arriving and len(viewer.layers) == 1
    review.cases.close()
    qtbot.wait(50)
    assert not viewer.layers


def test_the_sliders_come_a_turn_before_the_first_scan(empty, patients) -> None:
    viewer, review = empty
    desk, seen = review.cases, []

    def note(event) -> None:
        seen.append((event.value, len(viewer.layers)))

    viewer.dims.events.ndim.connect(note)
    desk.begin(patients["Ann"])
    desk._turns._next()
    assert seen == [(3, 0)] and desk.arriving
    desk.complete()
    assert seen == [(3, 0)] and len(viewer.layers) == 2  # the scans change nothing of it
    viewer.dims.events.ndim.disconnect(note)
    desk.close()
    assert viewer.dims.ndim == 2
    viewer.add_image(np.zeros((4, 5)), name="of the user")
    desk._make_room()
    assert viewer.dims.ndim == 2  # what is there says how many there are


def test_a_second_patient_in_between_is_asked_about(empty, patients, answer_questions) -> None:
    viewer, review = empty
    asked = answer_questions(case_desk)
    asked.says = None
    review.cases.begin(patients["Ann"])
    assert not review.cases.admit(patients["Bob"])
    assert len(asked.questions) == 1 and "Bob" in asked.questions[0] and "Ann" in asked.questions[0]
    assert len(viewer.layers) == 2


def test_results_that_open_in_between_take_the_place_of_the_scans(
    empty, patients, case, flair, tmp_path, qtbot
) -> None:
    viewer, review = empty
    folder = tmp_path / "results"
    write_results(folder, case.prediction, case.lesions)
    restored = replace(read_saved_results(folder), scans={"flair": flair})
    review.cases.begin(patients["Bob"])
    assert review.cases.show_results(restored, folder)
    qtbot.wait(50)
    paths = [str(x.metadata[KEY].get("path")) for x in viewer.layers if not is_result(x)]
    assert paths and not [path for path in paths if "Bob" in path]


def test_a_mask_made_while_scans_are_read_is_asked_about(
    empty, patients, prediction, answer_questions
) -> None:
    _, review = empty
    loader, asked = review.opened.parts["case"]._loader, answer_questions(case_desk)
    asked.says = None
    review.case.open_prediction(prediction)
    assert loader._may_close() and not asked.questions
    review.case.unsaved_mask = True
    loader.show_new(patients["Ann"])
    assert len(asked.questions) == 1 and "mask of several readers" in asked.questions[0]
    assert review.case.prediction is prediction


# -- what is spared the collector -------------------------------------------------------------------


class Cycle:
    """Only the collector can free it."""

    def __init__(self) -> None:
        self.own = self


def test_what_cases_leave_behind_is_freed_before_the_rest_is_spared(make_viewer, flair, qtbot) -> None:
    frozen = gc.get_freeze_count()
    gc.unfreeze()
    viewer = make_viewer()
    spared = SparedObjects(viewer, Case())
    try:
        left = []
        for _ in range(3):
            viewer.add_layer(Image(flair.data))
            viewer.layers.clear()
            qtbot.waitUntil(lambda: gc.collect() >= 0 and not spared._layers)
            cycle = Cycle()  # such as a prediction that its cached numbers lead back to
            left.append(weakref.ref(cycle))
            del cycle
            assert not spared._layers  # all is spared now, as each second
            spared._spare()
        gc.collect()
        assert [x() for x in left] == [None, None, None]
    finally:
        spared.cleanup()
        if frozen:
            gc.collect()
            gc.freeze()
