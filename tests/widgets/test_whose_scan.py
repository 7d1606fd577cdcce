"""Two patients in one window: what was found of one is never seen on the other. By real clicks."""

from __future__ import annotations

import weakref
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from napari.layers import Image, Labels
from qtpy.QtCore import Qt

from napari_uncertainseg.images.volume import Grid, Volume
from napari_uncertainseg.voxel_maps import shown_maps
from napari_uncertainseg.widgets import window as module
from napari_uncertainseg.widgets.dock_list import DOCKS
from napari_uncertainseg.widgets.scans.volumes import is_result, layer_data
from napari_uncertainseg.widgets.segment import leaving_case as leaving
from napari_uncertainseg.widgets.window import open_review, review_of

from .actions import areas_of
from .fake_window import docks_with
from .fakes import FakeSegmenter

LEFT = Qt.MouseButton.LeftButton


class NamedSegmenter(FakeSegmenter):
    """Says whose case it is, as the real one does."""

    def predict(self, images, **options):
        made = super().predict(images, **options)
        about = {"case": {"sha256": "0", "name": images["flair"].path.parent.name}}
        return replace(made, information={**made.information, **about})


@pytest.fixture
def patients(flair, grid):
    """Scans of Ann and Bob: both FLAIRs have one name, shape and grid, but not one voxel in common."""

    def scans(name, shift):
        data = np.roll(flair.data, shift, 2) + np.float32(0.001 * shift)
        folder = Path("/data") / name
        return {
            kind: Volume(data * factor, grid, kind.upper(), kind, folder / f"{kind}.nii.gz")
            for kind, factor in (("flair", np.float32(1)), ("t1", np.float32(0.5)))
        }

    return {"Ann": scans("Ann", 0), "Bob": scans("Bob", 5)}


@pytest.fixture
def fill(patients):
    """All docks, and no scan: those that were there have gone."""

    def filled(viewer, file):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "default_file", lambda: file)
            review = open_review(viewer, docks_with(make_segmenter=NamedSegmenter))
        for dock in DOCKS:
            review.open_dock(dock.key)
        drop(review, patients["Ann"])
        viewer.layers.clear()

    return filled


@pytest.fixture
def opened(kept_viewer):
    return weakref.proxy(review_of(kept_viewer))  # a fixture's value outlives the window


@pytest.fixture
def make(make_viewer, monkeypatch, tmp_path):
    def made(**options):
        monkeypatch.setattr(module, "default_file", lambda: tmp_path / "sessions.db")
        docks = docks_with(make_segmenter=partial(NamedSegmenter, **options))
        return weakref.proxy(open_review(make_viewer(), docks))

    return made


@pytest.fixture
def review(opened, qtbot, patients):
    """The window after Ann's run, with all docks."""
    drop(opened, patients["Ann"])
    run(opened, qtbot)
    return opened


def drop(review, scans):
    for volume in scans.values():
        data, options, _ = layer_data(volume)
        review.layers.viewer.add_layer(Image(data, **options))


def run(review, qtbot):
    qtbot.waitUntil(review.segment.run.isEnabled, timeout=3000)
    with qtbot.waitSignal(review.segment.done, timeout=5000):
        qtbot.mouseClick(review.segment.run, LEFT)


def box_of(review, role):
    return review.segment.findChild(object, f"role-{role}")


def choose(review, role, index):
    box = box_of(review, role)
    box.setCurrentIndex(index)
    box.activated.emit(index)


def chosen(review):
    layer = review.segment.roles.layer("flair")
    return None if layer is None else whose(layer)


def whose(layer):
    return layer.metadata["uncertainseg"]["path"].parent.name


def results(review):
    return [layer for layer in review.layers.viewer.layers if is_result(layer)]


def banners(review):
    return {kind: area.banner.text() for kind, area in areas_of(review).items()}


def is_closed(review):
    case = review.case
    words = {text for kind, text in banners(review).items() if kind != "segment"}
    assert words == {"No case: nothing is segmented"}
    assert not results(review) and "Ann" not in review.layers.viewer.title
    assert review.lesions.empty.isVisibleTo(review.lesions) and not review.lesions.progress.isVisibleTo(
        review.lesions
    )
    assert not any(view.model().rowCount() for view in review.lesions.tables)
    assert "ml at p" not in review.segment.message.text()
    assert (
        case.prediction is None
        and case.comparison.reference is None
        and not case.review.verdicts
        and not case.images
    )
    return True


def test_the_name_stands_on_all_docks_and_in_the_title(opened, qtbot, patients):
    review = opened
    assert set(banners(review).values()) == {"No case: nothing is segmented"} and banners(review).keys() == {
        dock.key for dock in DOCKS
    }
    title = review.layers.viewer.window._qt_window.windowTitle()
    drop(review, patients["Ann"])
    assert banners(review)["segment"] == "To be segmented: Ann/flair"
    run(review, qtbot)
    assert set(banners(review).values()) == {"Case: Ann"}
    assert review.layers.viewer.window._qt_window.windowTitle() == f"Ann - {title}"
    for area in areas_of(review).values():
        assert area.banner.isVisibleTo(area) and area.banner.height() >= area.banner.fontMetrics().height()
        assert area.banner.geometry().bottom() < area.viewport().geometry().top()


def test_a_name_from_a_file_is_plain_text_and_makes_no_dock_wider(review):
    named = {"case": {"name": "<img src=x> " + 60 * "long "}}
    review.case.open_prediction(replace(review.case.prediction, information=named))
    area = areas_of(review)["lesions"]
    assert area.banner.textFormat() == Qt.TextFormat.PlainText and "…" in area.banner.text()
    assert area.minimumSizeHint().width() < 450 and "&lt;img" in area.banner.toolTip()


@pytest.mark.parametrize("order", ["all at once", "first", "last"])
def test_findings_go_with_their_scan(review, qtbot, patients, order):
    layers = review.layers.viewer.layers
    drop(review, patients["Bob"])
    anns = [x for x in layers if is_result(x) or whose(x) == "Ann"]
    if order == "all at once":
        layers.selection = set(anns)
        layers.remove_selected()
    for layer in anns if order == "first" else reversed(anns):
        if layer in layers:
            layers.remove(layer)
    qtbot.wait(20)
    assert is_closed(review)
    assert {whose(x) for x in layers} == {"Bob"} and chosen(review) is None  # Bob was not chosen
    assert not review.segment.roles.mismatches()


def test_a_patient_dropped_after_the_other_was_deleted(review, qtbot, patients):
    review.layers.viewer.layers.clear()
    qtbot.wait(20)
    assert is_closed(review)
    drop(review, patients["Bob"])
    assert chosen(review) == "Bob" and is_closed(review)
    run(review, qtbot)
    assert set(banners(review).values()) == {"Case: Bob"}
    np.testing.assert_array_equal(review.case.images["flair"].data, patients["Bob"]["flair"].data)


def test_other_voxels_in_the_layer_are_another_scan(review, qtbot, patients):
    flair = review.layers.scan.layer()
    flair.data = patients["Bob"]["flair"].data
    qtbot.wait(20)
    assert is_closed(review)


def test_the_same_scan_in_another_layer_keeps_its_findings(review, qtbot, patients):
    viewer, prediction = review.layers.viewer, review.case.prediction
    flair = review.layers.scan.layer()
    flair.name = "renamed"
    flair.data = flair.data.copy()
    data, options, _ = layer_data(patients["Ann"]["flair"])
    viewer.add_layer(Image(data.copy(), **{**options, "name": "copy"}))
    viewer.layers.remove(flair)
    qtbot.wait(20)
    assert review.case.prediction is prediction and review.layers.scan.layer().name == "copy"
    viewer.layers.remove("copy")
    qtbot.wait(20)
    assert is_closed(review)


def test_lesser_layers_go_without_the_case_and_come_back_with_a_second_run(review, qtbot):
    for name in (*(each.title_with_unit for each in shown_maps().values()), "candidates", "lesions", "T1"):
        review.layers.viewer.layers.remove(name)
    qtbot.wait(20)
    assert review.case.prediction is not None and review.case.lesions.count == 3
    for _ in range(2):  # where they have gone, and where they are there
        run(review, qtbot)
        assert (
            set(banners(review).values()) == {"Case: Ann"} and len(results(review)) == len(shown_maps()) + 2
        )


def test_unsaved_work_is_asked_about(review, qtbot, monkeypatch):
    asked, answers = [], [True, True, True, None, None, None, False]
    monkeypatch.setattr(
        leaving, "ask_yes_no_cancel", lambda *words: asked.append(words[1:]) or answers.pop(0)
    )
    case, flair = review.case, review.layers.scan.layer()
    case.review.keep_with(None)  # as where no session can be written
    case.review.judge((5, 10, 8), "accepted")
    order = [layer.name for layer in review.layers.viewer.layers]
    for _ in range(2):  # it comes back, and may go again
        asked.clear()
        review.layers.viewer.layers.remove(flair)
        qtbot.wait(20)
        assert len(asked) == 1 and "Ann" in asked[0][1]
        assert [layer.name for layer in review.layers.viewer.layers] == order
        assert case.review.verdicts and set(banners(review).values()) == {"Case: Ann"}
        flair.data = np.zeros_like(flair.data)
        qtbot.wait(20)
        assert len(asked) == 2 and flair.data.any() and review.layers.scan.layer() is flair
        review.layers.viewer.layers.remove(flair)
        qtbot.wait(20)
        assert len(asked) == 3 and flair in review.layers.viewer.layers
    asked.clear()
    review.layers.viewer.layers.remove(flair)
    qtbot.wait(20)
    assert len(asked) == 1 and "Ann" in asked[0][1] and not answers and is_closed(review)


def test_another_flair_closes_the_case(review, qtbot, patients, monkeypatch):
    drop(review, patients["Bob"])
    assert chosen(review) == "Ann"
    review.case.review.keep_with(None)
    review.case.review.judge((5, 10, 8), "accepted")
    answers = [None, True]
    monkeypatch.setattr(leaving, "ask_yes_no_cancel", lambda *words: answers.pop(0))
    choose(review, "flair", 3)
    assert chosen(review) == "Ann" and review.case.review.verdicts
    choose(review, "flair", 3)
    assert chosen(review) == "Bob" and is_closed(review) and not answers
    assert "Closed Ann" in review.segment.message.text()
    run(review, qtbot)
    assert set(banners(review).values()) == {"Case: Bob"}  # the run has hidden Ann's scans
    assert whose(review.layers.scan.layer()) == "Bob"  # its name is that of Ann's, but for a number


def test_choices_for_one_case_are_not_for_the_next(review, qtbot, mask, grid):
    viewer = review.layers.viewer
    data, options, _ = layer_data(Volume(mask.astype(np.uint8), grid, "Ann's expert"), "labels")
    viewer.add_layer(Labels(data, **options))
    for box in (review.calibration.reference, review.calibration.inside, review.exercises.consensus):
        box.setCurrentIndex(1)
    review.calibration.region.setCurrentIndex(review.calibration.region.findData("mask"))
    assert review.case.comparison.reliability is not None and review.case.comparison.region.kind == "mask"
    viewer.layers.remove(review.layers.scan.layer())
    qtbot.wait(20)
    assert is_closed(review)
    for box in (review.calibration.reference, review.calibration.inside, review.exercises.consensus):
        assert box.currentData() is None
    assert review.case.comparison.region.kind == review.calibration.region.currentData() != "mask"


# -- roles ----------------------------------------------------------------------------------------


def test_roles_follow_the_flair(opened, patients):
    review = opened
    roles = review.segment.roles
    drop(review, patients["Ann"])
    drop(review, patients["Bob"])
    assert whose(roles.layer("flair")) == whose(roles.layer("t1")) == "Ann"
    choose(review, "flair", 3)
    assert whose(roles.layer("flair")) == whose(roles.layer("t1")) == "Bob"
    choose(review, "t1", 2)  # Ann's, by hand
    assert whose(roles.layer("t1")) == "Ann" and "another folder" in roles.mismatches()["t1"]
    choose(review, "flair", 1)
    choose(review, "flair", 3)
    assert whose(roles.layer("t1")) == "Bob"  # what was chosen for another FLAIR is forgotten
    review.layers.viewer.layers.clear()
    drop(review, {"flair": patients["Ann"]["flair"], "t1": patients["Bob"]["t1"]})
    assert whose(roles.layer("flair")) == "Ann" and roles.layer("t1") is None  # not Bob's by itself


def test_a_mismatch_is_asked_about_before_the_run(opened, qtbot, patients, monkeypatch):
    review, asked = opened, []
    monkeypatch.setattr(leaving, "ask_yes_no_cancel", lambda *words: asked.append(words[1:]) or answer)
    drop(review, {"flair": patients["Ann"]["flair"], "t1": patients["Bob"]["t1"]})
    for answer, used in ((None, set()), (False, {"flair"}), (True, {"flair", "t1"})):
        asked.clear()
        choose(review, "t1", 2)
        qtbot.waitUntil(review.segment.run.isEnabled, timeout=3000)
        qtbot.mouseClick(review.segment.run, LEFT)
        assert len(asked) == 1 and "T1 'T1': it lies in another folder" in asked[0][1]
        assert (review.segment.run.text() == "Run") is (answer is None)
        qtbot.waitUntil(lambda: review.segment.run.text() == "Run", timeout=5000)
        assert set(review.case.images) == used


# -- while a run goes on ----------------------------------------------------------------------------


def test_a_run_keeps_its_own_scan(make, qtbot, patients):
    review = make(steps=30, pause=0.02)
    drop(review, patients["Ann"])
    drop(review, patients["Bob"])
    flair = review.segment.roles.layer("flair")
    for change, now in (
        (lambda: choose(review, "flair", 3), "Bob"),
        (lambda: setattr(flair, "data", patients["Bob"]["flair"].data), "Ann"),
        (lambda: review.layers.viewer.layers.remove(flair), None),
    ):
        choose(review, "flair", 1)
        assert chosen(review) == "Ann"
        qtbot.waitUntil(review.segment.run.isEnabled, timeout=3000)
        qtbot.mouseClick(review.segment.run, LEFT)
        qtbot.waitUntil(lambda: "member" in review.segment.stage.text(), timeout=2000)
        assert not review.segment.message.text().startswith("⚠")
        change()
        qtbot.waitUntil(lambda: review.segment.run.text() == "Run", timeout=5000)
        assert review.case.prediction is None and not results(review)
        assert chosen(review) == now
        assert review.segment.message.text().startswith("⚠") and "FLAIR" in review.segment.message.text()


def test_a_run_goes_on_without_what_is_not_its_flair(make, qtbot, patients):
    review = make(steps=20, pause=0.02)
    drop(review, patients["Ann"])
    qtbot.waitUntil(review.segment.run.isEnabled, timeout=3000)
    with qtbot.waitSignal(review.segment.done, timeout=5000):
        qtbot.mouseClick(review.segment.run, LEFT)
        drop(review, patients["Bob"])
        review.layers.viewer.layers.remove("T1")
        review.layers.viewer.layers["FLAIR"].name = "Ann's"
    assert review.layers.scan.layer().name == "Ann's"
    assert set(banners(review).values()) == {"Case: Ann"}  # Bob's scans are hidden


def test_what_is_of_somebody_else_is_named_while_it_is_shown(review, patients):
    layers = review.layers.viewer.layers
    drop(review, {"flair": patients["Bob"]["flair"]})
    assert set(banners(review).values()) == {"Case: Ann\n⚠ Also shown, but not of this case: FLAIR [1]"}
    layers["FLAIR [1]"].visible = False
    assert set(banners(review).values()) == {"Case: Ann"}
    layers["FLAIR [1]"].visible = True
    layers.remove("FLAIR [1]")
    assert set(banners(review).values()) == {"Case: Ann"}
    for path, moved, named in (
        ("/data/Bob/lesions.nii.gz", True, True),  # of another folder, and on another grid
        ("/data/Ann/lesions.nii.gz", True, False),
        ("/data/patient 2/lesions.nii.gz", False, False),  # Ann's folder has no number
        ("/masks/lesions.nii.gz", False, False),  # masks lie in a folder of their own often
        (None, False, False),  # drawn in the window
    ):
        data, options, _ = layer_data(expert_of(patients["Ann"]["flair"], path, moved), "labels")
        layer = review.layers.viewer.add_layer(Labels(data, **options))
        words = "Case: Ann\n⚠ Also shown, but not of this case: expert" if named else "Case: Ann"
        assert set(banners(review).values()) == {words}, path
        layer.visible = False
        assert set(banners(review).values()) == {"Case: Ann"}
        assert review.layers.user_labels.is_foreign("expert") == named, (
            path
        )  # Calibration asks, where it is the reference
        layers.remove(layer)


def expert_of(scan, path, moved):
    """An expert's mask from some place, perhaps 2 mm off the scan."""
    affine = scan.grid.affine.copy()
    affine[:3, 3] += 2 * moved
    return Volume(
        scan.data > 100, Grid(scan.grid.shape, affine), "expert", None, None if path is None else Path(path)
    )


def test_outlines_that_were_removed_come_back_before_a_lesion_is_judged(review, qtbot):
    layers = review.layers.viewer.layers
    layers.remove("lesions")
    qtbot.mouseClick(review.lesions.buttons["next_lesion"], LEFT)
    label = int(review.lesions.table.selected)
    assert layers["lesions"].selected_label == label and layers["lesions"].visible
    layer, shown = layers["lesions"], review.case.lesions
    np.testing.assert_array_equal(layer.data, shown.labels)
    review.case.threshold = 0.7
    np.testing.assert_array_equal(layer.data, review.case.lesions.labels)


def test_findings_are_not_drawn_over_a_scan_that_was_dropped_during_the_run(opened, qtbot, patients):
    review = opened
    drop(review, patients["Ann"])
    drop(review, patients["Bob"])
    run(review, qtbot)
    layers = [layer for layer in review.layers.viewer.layers if isinstance(layer, Image)]
    assert {whose(x) for x in layers if not is_result(x) and x.visible} == {"Ann"}
    assert set(banners(review).values()) == {"Case: Ann"}
    mine = next(x for x in layers if not is_result(x) and whose(x) == "Bob")
    mine.visible = True  # who wants to see it may, and is told
    assert set(banners(review).values()) == {f"Case: Ann\n⚠ Also shown, but not of this case: {mine.name}"}
