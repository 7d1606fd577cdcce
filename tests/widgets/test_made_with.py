"""The model behind the results that are shown, above every dock."""

from dataclasses import replace

import pytest

from napari_uncertainseg.widgets.made_with import model_line, model_tip, target_line
from napari_uncertainseg.widgets.window import open_review

from .actions import areas_of

ABOUT = {
    "model": "bundled",
    "model_version": "7",
    "method": "one-pass",
    "members": 5,
    "device": "CPU",
    "model_sha256": "12ab",
}


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({}, "Model: bundled 7, one-pass, 5 members"),
        ({"method": "ensemble", "members": 4}, "Model: bundled 7, ensemble, 4 networks"),
        ({"model_version": "", "members": 1}, "Model: bundled, one-pass, 1 member"),
        ({"members": True, "method": None}, "Model: bundled 7"),
        ({"model": 3}, ""),
    ],
)
def test_a_line_says_which_model_and_how_it_was_asked(changes, line):
    assert model_line(ABOUT | changes) == line


@pytest.mark.parametrize(
    ("chosen", "line"),
    [
        (["oedema", "core"], "Target: oedema + core"),
        (["core"], "Target: core"),
        ([3], ""),
        ("core", ""),
        (None, ""),
    ],
)
def test_a_line_says_which_of_several_classes_were_segmented(chosen, line):
    classes = ["background", "oedema", "core"]
    assert target_line(ABOUT | {"classes": classes, "target_classes": chosen}) == line
    assert not target_line(ABOUT | {"classes": ["lesion"], "target_classes": chosen})


def test_more_is_in_the_tooltip():
    assert model_tip(ABOUT) == "All members come from one network.\nRan on: CPU\nHash of the model: 12ab"
    assert "one network" not in model_tip(ABOUT | {"method": "ensemble"})
    assert model_tip({}) == ""


def test_every_dock_names_the_model_and_says_when_the_brain_was_changed(
    make_viewer, monkeypatch, tmp_path, flair, prediction
):
    from napari_uncertainseg.widgets import window

    monkeypatch.setattr(window, "default_file", lambda: tmp_path / "sessions.db")
    review = open_review(make_viewer())
    review.case.set_images({"flair": flair})
    mended = {"brain": "given, mended by hand", "case": {"name": "Ann"}}
    several = {"classes": ["none", "oedema", "core"], "target_classes": ["oedema", "core"]}
    review.case.open_prediction(replace(prediction, information=ABOUT | mended | several))
    lines = [
        "Case: Ann",
        "Model: bundled 7, one-pass, 5 members",
        "Target: oedema + core",
        "Brain outline: given, mended by hand",
    ]
    banners = [area.banner for area in areas_of(review).values()]
    assert [banner.text().split("\n") for banner in banners] == len(banners) * [lines]
    assert all("Hash of the model: 12ab" in banner.toolTip() for banner in banners)
    review.layers.brain.say_outdated(True)
    warned = [*lines, "⚠ Brain changed since this run: press Run again"]
    assert [banner.text().split("\n") for banner in banners] == len(banners) * [warned]
    assert all("made with the brain before the change" in banner.toolTip() for banner in banners)
    review.layers.brain.say_outdated(False)
    assert banners[0].text().split("\n") == lines
