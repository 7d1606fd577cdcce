"""The Segment dock, by real clicks, with a segmenter that needs no network."""

import threading
from functools import partial

import numpy as np
import pytest

from napari_uncertainseg.images.volume import Volume
from napari_uncertainseg.widgets.segment import texts
from napari_uncertainseg.widgets.segment.options import Choices
from napari_uncertainseg.widgets.shared import dialogs
from napari_uncertainseg.widgets.shared.preferences import PreferenceStore

from ..fakes import FakeSegmenter
from .handling import CHOICES, add, press, role_box, run

# -- before a run ------------------------------------------------------------------------------


def test_empty_state_says_what_to_do(viewer, make_dock, flair):
    dock = make_dock()
    assert dock.empty.isVisible() and "drop a NIfTI file or a DICOM folder" in dock.empty.text()
    assert dock.sample.isVisible() and not dock.run.isEnabled()
    add(viewer, flair)
    assert not dock.empty.isVisible() and not dock.sample.isVisible() and dock.run.isEnabled()


def test_roles_are_filled_in_from_names_and_headers(viewer, make_dock, flair, grid, mask):
    dock = make_dock()
    add(viewer, Volume(flair.data, grid, "sub-01_T1w"))
    add(viewer, Volume(flair.data, grid, "series 7", "t2"))
    add(viewer, Volume(flair.data, grid, "sub-01_FLAIR"))
    add(viewer, Volume(mask.astype(np.uint8), grid, "brainmask"), kind="labels")
    chosen = {role: role_box(dock, role).currentText() for role in ("flair", "t1", "t2", "mask")}
    assert chosen == {"flair": "sub-01_FLAIR", "t1": "sub-01_T1w", "t2": "series 7", "mask": "brainmask"}


def test_an_unnamed_single_scan_is_taken_as_flair(viewer, make_dock, flair, grid):
    dock = make_dock()
    add(viewer, Volume(flair.data, grid, "scan"))
    assert role_box(dock, "flair").currentText() == "scan"


def test_roles_follow_layers_and_keep_what_the_user_chose(viewer, make_dock, flair, grid):
    dock = make_dock()
    for name in ("FLAIR", "FLAIR 2", "T1"):
        add(viewer, Volume(flair.data, grid, name))
    box = role_box(dock, "flair")
    box.setCurrentIndex(box.findText("FLAIR 2"))
    box.activated.emit(box.currentIndex())
    role_box(dock, "t1").setCurrentIndex(0)
    role_box(dock, "t1").activated.emit(0)
    viewer.layers["FLAIR 2"].name = "other"
    add(viewer, Volume(flair.data, grid, "T1 again"))
    assert (box.currentText(), role_box(dock, "t1").currentText()) == ("other", "none")
    viewer.layers.remove("other")
    assert box.currentText() == "choose a scan"  # what is left may be somebody else's
    add(viewer, Volume(flair.data, grid, "FLAIR of another"))
    assert box.currentText() == "FLAIR of another"


def test_results_are_not_offered_as_scans(viewer, layers, make_dock, prediction, flair):
    dock = make_dock()
    add(viewer, flair)
    layers._case.set_images({"flair": flair})
    layers._case.open_prediction(prediction)
    assert [role_box(dock, "flair").itemText(i) for i in range(role_box(dock, "flair").count())] == [
        "choose a scan",
        "FLAIR",
    ]
    assert role_box(dock, "mask").count() == 1


@pytest.mark.parametrize(
    ("method", "model", "members"),
    [
        ("one-pass", "small", (2, 5, 5)),
        ("mc-dropout", "small", (2, 10, 500)),
        ("ensemble", "small", (1, 1, 1)),
        ("ensemble", "large", (2, 3, 3)),
    ],
)
def test_members_are_offered_as_the_method_has_them(make_dock, method, model, members):
    dock = make_dock()
    dock.settings.model.setCurrentIndex(dock.settings.model.findData(model))
    dock.settings.method.setCurrentIndex(dock.settings.method.findData(method))
    assert (
        dock.settings.members.minimum(),
        dock.settings.members.value(),
        dock.settings.members.maximum(),
    ) == members
    assert dock.settings.members.isEnabled() is (members[0] < members[2])


def test_opening_the_dock_does_not_wait_for_the_device(make_dock, qtbot):
    go = threading.Event()
    dock = make_dock(load=lambda: go.wait(60) and CHOICES, wait=False)
    assert dock.settings.device.text() == texts.DEVICE_SEARCH
    go.set()
    qtbot.waitUntil(lambda: dock.settings.device.text() == CHOICES.device, timeout=10_000)


# -- running -------------------------------------------------------------------------------------


def test_run_fills_the_case_and_says_what_was_found(viewer, layers, make_dock, qtbot, flair):
    dock = make_dock()
    add(viewer, flair)
    run(qtbot, dock)
    case = layers._case
    assert case.images["flair"].grid is flair.grid and case.lesions.count == 3
    assert (
        dock.message.text().splitlines()[0]
        == f"3 lesions, {case.lesions.volume_ml:.1f} ml at p ≥ 0.50, in 1 s."
    )
    assert "• The scan is already stripped." in dock.message.text()
    assert "lesions" in viewer.layers
    assert dock.run.text() == "Run" and not dock.progress.isVisible()


def test_settings_reach_the_segmenter_and_it_is_kept(viewer, make_dock, qtbot, flair):
    made = []

    def make(*args, **options):
        made.append(FakeSegmenter(*args, **options))
        return made[-1]

    dock = make_dock(make_segmenter=make)
    add(viewer, flair)
    dock.settings.method.setCurrentIndex(1)
    dock.settings.members.setValue(4)
    run(qtbot, dock)
    run(qtbot, dock)
    assert len(made) == 1
    assert made[0].asked == {
        "model": "small",
        "method": "mc-dropout",
        "members": 4,
        "device": "auto",
        "seed": 0,
    }
    dock.settings.members.setValue(3)
    run(qtbot, dock)
    assert [m.asked["members"] for m in made] == [4, 3]


def test_progress_then_cancel_leaves_everything_as_it_was(viewer, layers, make_dock, qtbot, flair):
    dock = make_dock(make_segmenter=partial(FakeSegmenter, steps=1000))
    add(viewer, flair)
    press(qtbot, dock.run)
    assert dock.run.text() == "Cancel"
    qtbot.waitUntil(lambda: "member" in dock.stage.text() and dock.progress.isVisible(), timeout=2000)
    assert "left" in dock.stage.text()
    press(qtbot, dock.run)
    assert dock.run.text() == "Cancelling …" and not dock.run.isEnabled()
    qtbot.waitUntil(lambda: dock.run.text() == "Run", timeout=10_000)
    assert dock.message.text() == "Cancelled. Nothing was changed."
    assert layers._case.prediction is None and len(viewer.layers) == 1


@pytest.mark.parametrize(
    ("shape", "told"), [((20, 20), "two-dimensional"), ((2, 3, 20, 20), "4 dimensions")], ids=["2-D", "4-D"]
)
def test_a_layer_that_is_no_scan_is_one_sentence(viewer, make_dock, qtbot, shape, told):
    dock = make_dock()
    viewer.add_image(np.zeros(shape), name="FLAIR")
    press(qtbot, dock.run)
    assert "⚠" in dock.message.text() and told in dock.message.text() and "'FLAIR'" in dock.message.text()


def test_one_layer_in_two_roles_is_refused(viewer, make_dock, qtbot, flair):
    dock = make_dock()
    add(viewer, flair)
    box = role_box(dock, "t1")
    box.setCurrentIndex(1)
    box.activated.emit(1)
    press(qtbot, dock.run)
    assert "both FLAIR and T1" in dock.message.text()


def test_an_error_in_the_run_is_told(viewer, make_dock, qtbot, flair):
    def broken(*args, **options):
        raise KeyError("weights")

    dock = make_dock(make_segmenter=broken)
    add(viewer, flair)
    press(qtbot, dock.run)
    qtbot.waitUntil(lambda: bool(dock.message.text()), timeout=2000)
    assert dock.message.text() == "⚠ Internal error (KeyError); the log has the details."
    assert dock.run.text() == "Run" and dock.run.isEnabled()


@pytest.mark.parametrize(("answer", "kept"), [(None, True), (True, False)])
@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_unsaved_verdicts_are_not_dropped_unasked(
    viewer, layers, make_dock, qtbot, flair, monkeypatch, answer, kept, when
):
    """Those that are given before Run is pressed, and those that are given while it goes on."""
    asked = []

    def reply(parent, title, question, *buttons):
        asked.append(question)
        return answer

    monkeypatch.setattr(dialogs, "ask_yes_no_cancel", reply)
    dock = make_dock()
    add(viewer, flair)
    run(qtbot, dock)
    case = layers._case
    before = case.prediction
    if when == "before":
        case.review.judge((5, 10, 8), "accepted")
    press(qtbot, dock.run)
    if when == "meanwhile":
        case.review.judge((5, 10, 8), "accepted")
    qtbot.waitUntil(lambda: dock.run.text() == "Run", timeout=3000)
    assert len(asked) == 1 and "not been exported" in asked[0]
    assert (case.prediction is before) is kept
    assert bool(case.review.verdicts) is kept
    if kept and when == "meanwhile":
        assert "its result was dropped" in dock.message.text()


# -- remembering ---------------------------------------------------------------------------------


def test_last_settings_and_the_notice_are_remembered(viewer, make_dock, qtbot, flair):
    store = PreferenceStore()
    dock = make_dock(preferences=store)
    assert dock.notice.isVisible() and "not a medical device" in dock.notice.text.text()
    press(qtbot, dock.notice.understood)
    assert not dock.notice.isVisible()
    add(viewer, flair)
    dock.settings.model.setCurrentIndex(1)
    dock.settings.method.setCurrentIndex(1)
    dock.settings.members.setValue(12)
    dock.settings.bias.setCurrentIndex(dock.settings.bias.findData("on"))
    run(qtbot, dock)
    again = make_dock(preferences=store)
    assert not again.notice.isVisible()
    assert (
        again.settings.model.currentData(),
        again.settings.method.currentData(),
        again.settings.members.value(),
    ) == (
        "large",
        "mc-dropout",
        12,
    )
    assert again.settings.bias.currentData() == "on"


def test_no_model_is_told(make_dock):
    dock = make_dock(load=lambda: Choices((), CHOICES.methods, "CPU"))
    assert "There is no model" in dock.message.text() and not dock.run.isEnabled()


def test_cleanup_twice_and_then_layers_are_not_heard(viewer, make_dock, flair):
    dock = make_dock()
    dock.cleanup()
    dock.cleanup()
    add(viewer, flair)
    assert role_box(dock, "flair").count() == 1


def test_what_was_remembered_is_said(viewer, make_dock, qtbot, flair):
    add(viewer, flair)
    dock = make_dock()
    dock.settings.model.setCurrentIndex(dock.settings.model.findData("small"))
    dock.settings.method.setCurrentIndex(1)
    dock.settings.bias.setCurrentIndex(dock.settings.bias.findData("auto"))
    dock.settings.members.setValue(12)
    run(qtbot, dock)
    again = make_dock(preferences=dock._preferences)
    assert again.message.text() == "Settings of your last run: small, mc-dropout, 12 members."
    assert again.setting == "small, mc-dropout, 12 members"


def test_the_skull_is_said_of_one_scan_only(viewer, make_dock, qtbot, flair):
    first = add(viewer, flair)
    dock = make_dock()
    dock.brain.skull.setCurrentIndex(dock.brain.skull.findData("removed"))
    add(viewer, flair, name="T1")  # another layer changes nothing
    assert dock._request().skull == "removed"
    viewer.layers.remove(first)
    assert dock.brain.skull.currentData() == "auto"


def test_the_brain_can_be_outlined(viewer, layers, make_dock, qtbot, flair):
    add(viewer, flair)
    dock = make_dock()
    dock.brain.shown.setChecked(True)  # nothing to show yet
    run(qtbot, dock)
    shown = viewer.layers["brain (outline)"]
    assert np.array_equal(shown.data > 0, layers._case.prediction.brain)
    dock.brain.shown.setChecked(False)
    assert "brain (outline)" not in viewer.layers
