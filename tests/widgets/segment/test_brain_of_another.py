"""An outline that was mended is used for its very scan only."""

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_uncertainseg.images.preparation import brain_search

from .handling import add, find, masks, pick, press, run


def test_an_outline_is_never_offered_for_another_scan(viewer, mending, qtbot, flair, asked):
    dock, layer = mending
    scan = viewer.layers["FLAIR"]
    twin = replace(flair, data=flair.data + np.float32(0.01))  # the same name, grid and folder
    viewer.layers.remove(scan)
    other = add(viewer, twin)
    dock.roles.pick_flair(other)
    assert masks(dock) == (["automatic"], "automatic")
    layer.name = "brainmask"
    assert masks(dock) == (["automatic"], "automatic")
    dock.roles.pick_flair(add(viewer, flair))  # the very scan, opened again
    assert "brainmask" in masks(dock)[0]


def test_an_outline_is_not_used_when_its_layer_holds_another_scan_now(viewer, mending, qtbot, asked):
    dock, _ = mending
    scan = viewer.layers["FLAIR"]
    scan.data = scan.data[::-1].copy()
    before = len(asked)
    press(qtbot, dock.run)
    assert "was mended on another scan" in dock.message.text() and len(asked) == before


def test_a_brain_of_another_patient_is_hidden_when_the_scan_changes(viewer, layers, mending, qtbot, flair):
    dock, painted = mending
    other = add(viewer, replace(flair, data=flair.data + np.float32(0.01), name="second FLAIR"))
    painted.visible = True
    dock.roles.pick_flair(other)
    assert not painted.visible
    painted.visible = True
    run(qtbot, dock)
    assert not painted.visible and painted in viewer.layers
    painted.visible = True
    assert painted.name in layers.also_shown()  # the banner names it


@pytest.mark.parametrize(("spoil", "told"), [("moved", "was moved"), ("empty", "is empty")])
def test_an_outline_that_cannot_be_used_is_one_sentence(mending, qtbot, asked, spoil, told):
    dock, layer = mending
    if spoil == "moved":
        layer.translate = np.array(layer.translate) + 5
    else:
        layer.data = np.zeros_like(layer.data)
    press(qtbot, dock.run)
    assert told in dock.message.text() and len(asked) == 1


@pytest.fixture
def two_patients(viewer, make_looking_dock, flair):
    """A dock, and the FLAIRs of two patients: that of the second lies over the first, which is chosen."""
    dock = make_looking_dock()
    first, second = (
        add(viewer, replace(flair, data=flair.data + np.float32(more), path=Path(f"/{name}/FLAIR.nii.gz")))
        for name, more in (("ann", 0), ("bob", 0.01))
    )
    assert dock.roles.layer("flair") is first and second.visible
    return dock, first, second


def test_a_scan_of_another_that_is_shown_is_named_before_any_run(two_patients):
    dock, _, second = two_patients
    warned = f"To be segmented: ann/FLAIR\n⚠ Also shown, but not of this case: {second.name}"
    assert dock.subject == warned
    second.visible = False
    assert dock.subject == "To be segmented: ann/FLAIR"


def test_the_flair_that_is_chosen_is_the_one_that_is_seen(two_patients):
    dock, first, second = two_patients
    pick(dock, second.name, "flair")
    assert second.visible and not first.visible
    pick(dock, first.name, "flair")
    assert first.visible and not second.visible


def test_a_brain_is_found_and_mended_on_its_own_scan(viewer, two_patients, qtbot, brain, monkeypatch):
    dock, first, second = two_patients
    find(qtbot, viewer, dock, monkeypatch, brain)
    assert first.visible and not second.visible
    second.visible, first.visible = True, False
    press(qtbot, dock.brain.mend)
    assert first.visible and not second.visible


def test_a_t1_that_the_user_has_chosen_stays_as_it_is(viewer, two_patients, flair):
    dock, first, second = two_patients
    other = add(viewer, replace(flair, path=Path("/elsewhere/t1.nii.gz"), name="t1", modality="t1"))
    pick(dock, other.name, "t1")
    pick(dock, first.name, "flair")
    pick(dock, other.name, "t1")
    other.visible = True
    dock._uncover_flair()
    assert other.visible and not second.visible


def test_how_to_mend_is_not_said_of_another_scan(two_patients, viewer, qtbot, brain, monkeypatch):
    dock, _, second = two_patients
    find(qtbot, viewer, dock, monkeypatch, brain)
    press(qtbot, dock.brain.mend)
    assert "key 2 paints" in dock.message.text()
    pick(dock, second.name, "flair")
    assert not dock.message.text()


def test_a_case_that_was_closed_while_a_brain_was_found_is_said(two_patients, layers, qtbot, monkeypatch):
    dock, _, second = two_patients
    run(qtbot, dock)
    go_on = threading.Event()
    monkeypatch.setattr(brain_search, "find_brain", lambda scan, progress: go_on.wait(10) and scan.data > 0.5)
    press(qtbot, dock.brain.search)
    pick(dock, second.name, "flair")
    assert layers._case.prediction is None
    go_on.set()
    qtbot.waitUntil(lambda: dock.run.text() == "Run" and "Cancelled" in dock.message.text(), timeout=5000)
    assert "Closed " in dock.message.text() and "Nothing was changed" not in dock.message.text()
