"""What a user does between two turns, while layers come and go: nothing is mixed up, and nothing is lost."""

from __future__ import annotations

import gc
import sys
import weakref
from dataclasses import replace

import numpy as np
import pytest
from napari.layers import Labels
from qtpy.QtCore import Qt

from napari_uncertainseg.review.store.entry_details import VerdictDetails
from napari_uncertainseg.review.store.journal import details_of
from napari_uncertainseg.widgets.exercises.texts import HIDING
from napari_uncertainseg.widgets.layers import blinding
from napari_uncertainseg.widgets.layers.agreement.errors import MISSED
from napari_uncertainseg.widgets.layers.by_reader.painting import STILL_DRAWN
from napari_uncertainseg.widgets.layers.result_layers import LESIONS
from napari_uncertainseg.widgets.layers.risk_contours import CORE, ENVELOPE
from napari_uncertainseg.widgets.layers.selection.selected_outline import NAME as SELECTED
from napari_uncertainseg.widgets.layers.two_tone_outlines import AROUND, reserved
from napari_uncertainseg.widgets.lesions.texts import CHOOSE_LESION
from napari_uncertainseg.widgets.scans.volumes import is_result, layer_data
from napari_uncertainseg.widgets.shared import napari_internals
from napari_uncertainseg.widgets.shared.responsive import napari_adding
from napari_uncertainseg.widgets.shared.responsive.turns import Soon
from napari_uncertainseg.widgets.shared.responsive.units import UnitsBeforehand
from napari_uncertainseg.widgets.window import open_review

from .fakes import fake_prediction


@pytest.fixture
def fill():
    """The docks, and no scan."""
    return lambda viewer, file: open_review(viewer)


def review_with(viewer, flair):
    """The docks, and a scan."""
    review = open_review(viewer)
    review.layers.add([layer_data(flair)])
    review.case.set_images({"flair": flair})
    return review


@pytest.fixture
def segmented(flair, mask, grid, qtbot):
    """Gives a window a prediction, all of whose layers have come."""

    def shown(viewer):
        review = review_with(viewer, flair)
        review.case.open_prediction(fake_prediction(mask, grid))
        qtbot.waitUntil(lambda: not len(review.layers.results.turns), timeout=60_000)
        return viewer, weakref.proxy(review)

    return shown


@pytest.fixture
def opened(kept_viewer, segmented):
    """The window that tests of this file share, with a prediction."""
    return segmented(kept_viewer)


def names(viewer):
    return [layer.name for layer in viewer.layers]


def test_what_waits_already_is_not_waited_for_twice(qtbot) -> None:
    soon, done = Soon(), []

    def act() -> None:
        done.append(len(done))

    soon.add(act)
    soon.add(act)
    assert len(soon) == 1
    soon.now()
    soon.add(act)
    soon.now()
    assert done == [0, 1]


@pytest.mark.viewer
def test_a_threshold_on_its_way_does_not_outline_another_patient(opened, mask, grid, qtbot) -> None:
    viewer, review = opened
    review.layers.show_band(0.8, 0.2)
    assert CORE not in viewer.layers  # a turn later
    review.case.open_prediction(fake_prediction(np.roll(mask, 6, 2), grid))
    qtbot.waitUntil(lambda: not len(review.layers.results.turns), timeout=60_000)
    qtbot.wait(50)
    assert not {CORE, ENVELOPE} & set(names(viewer))


@pytest.mark.viewer
def test_a_lesion_chosen_just_before_another_patient_is_not_outlined_there(opened, mask, grid, qtbot) -> None:
    viewer, review = opened
    review.lesions.next_lesion()
    assert SELECTED not in viewer.layers
    review.case.close_prediction()
    qtbot.wait(50)
    assert not [layer for layer in viewer.layers if is_result(layer)]
    review.case.open_prediction(fake_prediction(np.roll(mask, 6, 2), grid))
    qtbot.waitUntil(lambda: not len(review.layers.results.turns), timeout=60_000)
    assert SELECTED not in viewer.layers


@pytest.mark.viewer
def test_no_verdict_is_given_while_layers_come_and_each_is_saved_afterwards(
    make_viewer, flair, mask, grid, qtbot
) -> None:
    """Keys that are pressed faster than lesions are drawn judge none; then they judge one lesion each."""
    viewer = make_viewer()
    review = review_with(viewer, flair)
    review.case.open_prediction(fake_prediction(mask, grid))
    assert LESIONS not in viewer.layers
    lesions, judged = review.lesions, []
    lesions.next_lesion()
    for act in (lesions.accept, lesions.reject, lesions.unsure, lesions.undo, lesions.redo):
        act()
        assert not review.case.review.verdicts and lesions.message.text() == STILL_DRAWN
    qtbot.waitUntil(lambda: not review.layers.settling, timeout=60_000)
    for _ in range(3):
        judged.append(review.case.selected)
        lesions.accept()
    assert len(set(judged)) == 3
    recorder = review.case.review.recorder
    entries = recorder._store.entries(recorder.session.id)
    written = [details.voxel for _, details in details_of(entries, VerdictDetails)]
    assert sorted(written) == sorted(judged)


@pytest.mark.viewer
def test_lesions_are_judged_once_they_are_drawn_while_maps_still_come(
    make_viewer, flair, mask, grid, qtbot
) -> None:
    viewer = make_viewer()
    review = review_with(viewer, flair)
    lesions, judged = review.lesions, {}

    def press(event) -> None:
        lesions.next_lesion()
        lesions.accept()
        judged.setdefault(event.value.name, len(review.case.review.verdicts))

    viewer.layers.events.inserted.connect(press)
    review.case.open_prediction(fake_prediction(mask, grid))
    qtbot.waitUntil(lambda: not review.layers.settling, timeout=60_000)
    viewer.layers.events.inserted.disconnect(press)
    came = list(judged)
    assert came[0] == LESIONS and not judged[LESIONS]  # not painted yet
    assert len(came) > 5 and judged[came[3]] > 0, judged


@pytest.mark.viewer
def test_a_candidate_is_not_judged_before_its_outline_can_be_drawn(
    make_viewer, flair, mask, grid, qtbot
) -> None:
    """Candidates come after all maps."""
    viewer = make_viewer()
    review = review_with(viewer, flair)
    review.case.open_prediction(fake_prediction(mask, grid, sigma=2.0))
    first = review.case.lesions.candidate_table.iloc[0]
    place = tuple(int(first[f"slice_{axis}"]) for axis in "sar")
    judged = []

    def press(event) -> None:
        review.case.select(place)
        review.lesions.accept()
        judged.append((event.value.name, len(review.case.review.verdicts)))

    viewer.layers.events.inserted.connect(press)
    qtbot.waitUntil(lambda: "candidates" in viewer.layers, timeout=60_000)
    viewer.layers.events.inserted.disconnect(press)
    assert len(judged) > 3 and not any(count for _, count in judged), judged
    qtbot.waitUntil(lambda: SELECTED in viewer.layers, timeout=60_000)
    review.layers.go_to(place)
    assert len(viewer.layers[SELECTED].data)
    assert review.case.selected == place and not review.layers.unseen


@pytest.mark.viewer
def test_a_review_that_goes_on_is_not_followed_by_the_offer_of_another(
    opened, mask, grid, qtbot, tmp_path
) -> None:
    """As when a case of the list is opened, with a session that was prepared for it."""
    _, review = opened
    review.sessions.choose(tmp_path / "sessions.db")
    voxel = tuple(int(i) for i in np.argwhere(mask)[0])
    for _ in range(2):
        review.case.review.judge(voxel, "accepted")
        review.case.review.set_recorder(None)
        review.case.reset_review()
    review.case.open_prediction(fake_prediction(mask, grid))
    assert "goes on: 1 of" in review.keeper.resume_prepared("")
    qtbot.wait(50)
    assert review.keeper.offer is None
    review.case.open_prediction(fake_prediction(mask, grid))
    qtbot.waitUntil(lambda: review.keeper.offer is not None, timeout=60_000)  # both, where none goes on


def choose_expert(viewer, review, mask) -> None:
    """Add a mask that lies elsewhere than the lesions, and choose it as the reference."""
    flair = viewer.layers["FLAIR"]
    layer = Labels(np.roll(mask, 12, 1).astype(np.uint8), name="expert", scale=flair.scale, units=flair.units)
    layer.translate = flair.translate
    viewer.add_layer(layer)
    review.layers.reference.choose("expert")


@pytest.mark.viewer
def test_a_reference_that_goes_in_between_leaves_no_missed_lesions(opened, mask, qtbot) -> None:
    viewer, review = opened
    choose_expert(viewer, review, mask)
    assert "missed (reference)" not in viewer.layers
    viewer.layers.remove("expert")
    qtbot.wait(50)
    assert "missed (reference)" not in viewer.layers and review.lesions.threshold.best is None
    assert not review.lesions.threshold.best_button.isEnabled()


@pytest.mark.viewer
def test_a_missed_lesion_is_outlined_also_where_the_layer_of_all_was_removed(opened, mask, qtbot) -> None:
    viewer, review = opened
    choose_expert(viewer, review, mask)
    qtbot.waitUntil(lambda: MISSED in viewer.layers, timeout=60_000)
    number = int(review.layers.errors.agreement.missed[0])
    viewer.layers.remove(MISSED)
    review.layers.go_to_missed(number)
    qtbot.waitUntil(lambda: MISSED in viewer.layers, timeout=60_000)
    qtbot.wait(20)
    assert review.layers.errors.selected == (viewer.layers[MISSED], number)


@pytest.mark.viewer
def test_missed_lesions_have_dark_lines_also_where_there_are_far_more(opened, mask, qtbot) -> None:
    viewer, review = opened
    flair, many = viewer.layers["FLAIR"], np.zeros(mask.shape, np.uint8)
    many[::2, ::2, ::2] = 1
    for name, marked in (("few", np.roll(mask, 12, 1).astype(np.uint8)), ("many", many)):
        layer = Labels(marked, name=name, scale=flair.scale, units=flair.units)
        layer.translate = flair.translate
        viewer.add_layer(layer)
        review.layers.reference.choose(name)
        qtbot.waitUntil(lambda: MISSED in viewer.layers, timeout=60_000)
        qtbot.wait(50)
        shown = viewer.layers[MISSED]
        (dark,) = shown.colormap.map(np.array([reserved(shown.data.dtype)], shown.data.dtype))
        assert dark == pytest.approx(AROUND), name
    assert shown.data.dtype == np.uint16, "too many for the smaller type"


@pytest.mark.viewer
def test_no_scan_is_seen_beside_others_without_its_name(opened, flair, qtbot) -> None:
    viewer, review = opened
    for name in ("t1", "t2"):
        scan = replace(flair, data=flair.data[..., ::-1].copy(), name=name)
        review.layers.add([layer_data(scan)])
        viewer.layers[name].visible = False
    part = review.opened.parts["compare"]
    part.toggle_side()
    cells = [scan.layer for scan in part.scans.all()]
    counted = []
    while not counted or counted[-1] < 3:
        assert not [layer.name for layer in cells if layer.visible and not layer.name_overlay.visible]
        counted.append(sum(layer.visible for layer in cells))
        qtbot.wait(1)
    assert counted[0] == 1 and len(cells) == 3
    part.toggle_side()
    assert [layer.visible for layer in cells] == [True, False, False]


# -- an exercise that is about to begin or end --------------------------------------------------------


@pytest.fixture
def trained(make_viewer, segmented, mask):
    """A window of its own, with a mask as the consensus and the dock of exercises."""
    viewer, review = segmented(make_viewer())
    flair, consensus = viewer.layers["FLAIR"], mask.astype(np.uint8)
    consensus[11:14] = 0
    viewer.add_layer(Labels(consensus, name="experts", scale=flair.scale, units=flair.units))
    viewer.layers["experts"].translate = flair.translate
    review.open_dock("exercises")
    dock = review.exercises
    dock.annotator.setText("trainee")
    dock.consensus.setCurrentIndex(dock.consensus.findData("experts"))
    return viewer, review, dock


@pytest.mark.viewer
def test_nothing_is_asked_answered_or_judged_before_all_layers_have_gone(trained, qtbot) -> None:
    viewer, review, dock = trained
    asked = []
    viewer.layers.events.inserted.connect(lambda event: asked.append(names(viewer)))
    dock.begin()
    assert dock.busy and review.layers.blinded and dock.question.text() == HIDING
    answering = (dock.yes, dock.no, dock.confidence)
    assert not any(widget.isEnabled() for widget in answering) and dock.stop_button.isEnabled()
    assert dock.why_not("accept") == dock.why_not("surer") == HIDING
    assert review.opened.get("lesions").area.cover.isVisibleTo(review.opened.get("lesions").area)
    dock.answer(True)
    assert dock._lesson.answered == 0
    qtbot.waitUntil(lambda: bool(asked), timeout=60_000)
    assert asked[0] == ["FLAIR", "here?"]  # the ring comes when nothing tells any more
    assert all(widget.isEnabled() for widget in answering) and not dock.why_not("accept")
    dock.answer(True)
    assert dock._lesson.answered == 1


@pytest.mark.viewer
def test_every_eye_is_as_it_was_once_an_exercise_has_ended(trained, qtbot) -> None:
    viewer, _, dock = trained
    for name in ("experts", LESIONS, "entropy (nats)"):
        viewer.layers[name].visible = False
    viewer.layers["candidates"].visible = True
    before = {layer.name: layer.visible for layer in viewer.layers}
    dock.begin()
    qtbot.waitUntil(lambda: "here?" in viewer.layers, timeout=60_000)
    while dock.busy:
        dock.act("reject")
    qtbot.waitUntil(lambda: dock.score.isVisibleTo(dock), timeout=60_000)
    assert {layer.name: layer.visible for layer in viewer.layers} == before
    dock.score.wrong.selectRow(0)  # who looks at a wrong answer sees the truth there
    assert viewer.layers["experts"].visible


@pytest.mark.viewer
def test_keys_pressed_on_after_an_exercise_leave_the_review_as_it_is(trained, qtbot, monkeypatch) -> None:
    viewer, review, dock = trained
    now = 0.0
    monkeypatch.setattr(blinding, "monotonic", lambda: now)
    lesions, before, keys = review.lesions, names(viewer), review._keys
    now += 10
    lesions.next_lesion()
    lesions.reject()
    (given,) = review.case.review.verdicts
    assert review.case.selected is not None
    dock.begin()
    qtbot.waitUntil(lambda: "here?" in viewer.layers, timeout=60_000)
    while dock.busy:
        dock.act("reject")
    assert review.case.selected is None and review.layers.blinded

    def press() -> None:
        for name in ("next_lesion", "accept", "undo", "reject", "redo", "unsure", "hard_size", "sureness_1"):
            keys.press(f"napari-uncertainseg:{name}")
        if LESIONS in viewer.layers:
            viewer.layers[LESIONS].undo()

    press()
    assert review.case.review.verdicts == (given,)
    qtbot.waitUntil(lambda: names(viewer) == before and not review.layers.blinded, timeout=60_000)
    qtbot.waitUntil(lambda: dock.score.isVisibleTo(dock), timeout=60_000)
    # Also what was chosen while layers came back: the view did not go there.
    assert review.case.selected is None
    press()
    assert review.case.review.verdicts == (given,)
    review.case.select(None)
    now += 10
    keys.press("napari-uncertainseg:reject")
    assert review.case.review.verdicts == (given,) and lesions.message.text() == CHOOSE_LESION
    keys.press("napari-uncertainseg:undo")
    assert not review.case.review.verdicts


@pytest.mark.viewer
@pytest.mark.parametrize("how", ["stop", "close dock", "another prediction", "begin again"])
def test_an_exercise_that_ends_while_it_begins_brings_all_back_in_order(
    trained, qtbot, how, mask, grid
) -> None:
    viewer, review, dock = trained
    before, ring = names(viewer), "here?"
    dock.begin()
    qtbot.waitUntil(lambda: len(viewer.layers) < len(before), timeout=60_000)
    assert len(viewer.layers) > 1  # it is under way
    if how == "another prediction":
        review.case.open_prediction(fake_prediction(np.roll(mask, 6, 2), grid))
    elif how == "close dock":
        viewer.window.remove_dock_widget(review.opened.get("exercises").area)
    else:
        dock.stop()
    if how == "begin again":
        dock.begin()
        qtbot.waitUntil(lambda: names(viewer) == ["FLAIR", ring], timeout=60_000)
        assert dock.busy and review.layers.blinded
        dock.stop()
    qtbot.waitUntil(lambda: not review.layers.blinded, timeout=60_000)
    qtbot.waitUntil(lambda: not len(review.layers.results.turns), timeout=60_000)
    assert names(viewer) == before and ring not in viewer.layers
    assert not review._is_exercise()


@pytest.mark.viewer
def test_a_run_that_ends_while_an_exercise_ends_shows_only_its_own(trained, qtbot, mask, grid) -> None:
    viewer, review, dock = trained
    dock.begin()
    qtbot.waitUntil(lambda: "here?" in viewer.layers, timeout=60_000)
    dock.stop()
    second = fake_prediction(np.roll(mask, 6, 2), grid)
    review.case.open_prediction(second)
    assert not review.layers.blinded  # at once: an exercise ends with its prediction
    qtbot.waitUntil(lambda: not len(review.layers.results.turns), timeout=60_000)
    results = review.layers.results
    assert np.array_equal(results.get("entropy").data, results.placing.array(second.maps["entropy"]))
    assert len(names(viewer)) == len(set(names(viewer)))


@pytest.mark.viewer
def test_an_exercise_that_begins_while_one_ends_in_3d_shows_no_surfaces(trained, qtbot) -> None:
    viewer, review, dock = trained
    dock.begin()
    qtbot.waitUntil(lambda: "here?" in viewer.layers, timeout=60_000)
    viewer.dims.ndisplay = 3
    dock.stop()
    dock.begin()
    assert review.layers.blinded and not review.layers.surfaces.shown
    qtbot.waitUntil(lambda: names(viewer) == ["FLAIR", "here?"], timeout=60_000)
    assert not viewer.canvas.overlays["lesion_surfaces"].visible
    dock.stop()
    viewer.dims.ndisplay = 2
    qtbot.waitUntil(lambda: not review.layers.blinded, timeout=60_000)


# -- napari's own work --------------------------------------------------------------------------------


@pytest.mark.viewer
@pytest.mark.skipif(sys.platform == "win32", reason="there napari's collection stays, see remove_quietly")
def test_layers_that_go_make_nobody_wait_for_the_collector(make_viewer, flair) -> None:
    viewer = make_viewer()
    layers = [viewer.add_image(flair.data, name=name) for name in ("a", "b", "c")]
    full: list[int] = []

    def count(phase: str, about: dict) -> None:
        full.append(about["generation"])

    gc.callbacks.append(count)
    thresholds = gc.get_threshold()
    gc.set_threshold(0)  # those that are asked for
    try:
        napari_adding.remove_quietly(viewer, layers[:2])
        assert not full
        viewer.layers.remove("c")
        assert full  # as napari has it
    finally:
        gc.set_threshold(*thresholds)
        gc.callbacks.remove(count)
    assert not viewer.layers


@pytest.mark.viewer
def test_controls_follow_once_when_many_layers_are_deleted(opened, monkeypatch, qtbot) -> None:
    viewer, _ = opened
    controls, followed = viewer.window._qt_viewer.controls, []
    populate = type(controls)._populate
    monkeypatch.setattr(type(controls), "_populate", lambda self: (followed.append(1), populate(self)))
    viewer.layers.selection.events.changed.disconnect(controls._populate)
    viewer.layers.selection.events.changed.connect(controls._populate)
    viewer.layers.select_all()
    followed.clear()
    viewer.layers.remove_selected()
    assert len(followed) < 6
    qtbot.waitUntil(lambda: not viewer.layers, timeout=60_000)
    viewer.add_image(np.zeros((4, 4, 4)), name="next")
    assert controls.currentWidget() is controls.widgets[viewer.layers["next"]]  # they follow again


@pytest.mark.viewer
def test_units_are_read_beforehand_and_once(make_viewer, qtbot, monkeypatch) -> None:
    import pint

    viewer = make_viewer()
    window = viewer.window._qt_window
    before = pint.application_registry.get()
    try:
        pint.application_registry.set(pint.LazyRegistry())
        ready = UnitsBeforehand(window)
        qtbot.waitUntil(lambda: type(pint.application_registry.get()) is pint.UnitRegistry, timeout=60_000)
        read = pint.application_registry.get()
        assert read.pixel and read("3 mm").to("um").magnitude == pytest.approx(3000)
        again = UnitsBeforehand(window)
        qtbot.wait(20)
        assert pint.application_registry.get() is read
        for each in (ready, again):
            each.cleanup()
            each.cleanup()
    finally:
        pint.application_registry.set(before)


@pytest.mark.parametrize("how", ["keys", "places"])
def test_after_very_fast_keys_the_small_views_show_the_last_place(opened, qtbot, how) -> None:
    """They are drawn a moment after the large view; that moment is not left out for the last key."""
    viewer, review = opened
    part = weakref.proxy(review.opened.parts["views"])
    part.act("three_views")
    views = weakref.proxy(part.views)  # what waits below would keep the window
    canvas = napari_internals.drawing_canvas(viewer).native
    qtbot.wait(50)
    before = viewer.dims.point
    if how == "keys":
        for _ in range(3):
            qtbot.keyClick(canvas, Qt.Key.Key_N)  # with no turn in between
        assert review.lesions.table.selected is not None
    else:
        for share in np.random.default_rng(3).random((20, 3)):
            viewer.dims.point = tuple(share * (23 * 3, 39, 31))
    assert viewer.dims.point != before

    qtbot.waitUntil(lambda: not views.waiting and not review.layers.selected.coming)
    shown = pictures(views)
    assert [cross for cross, _ in shown] == [views._on_plane(view.plane) for view in views.views]
    assert how != "keys" or all(len(view.selected) for view in views.views)
    views.draw()
    assert shown == pictures(views)
    part.act("three_views")
    qtbot.wait(50)


def pictures(views) -> list[tuple[object, object]]:
    """What the small views show: the crosshair, and all that is drawn."""
    return [(view.cross, view.grab().toImage()) for view in views.views]
