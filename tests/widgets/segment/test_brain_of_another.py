"""An outline that was mended is used for its very scan only."""

from dataclasses import replace

import numpy as np
import pytest

from .handling import add, masks, press, run


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
