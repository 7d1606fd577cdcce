"""The form asks for what the chosen model reads; a model made elsewhere is given the whole scan."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest
from qtpy.QtWidgets import QFileDialog

from napari_uncertainseg.widgets.segment import model_menu, texts
from napari_uncertainseg.widgets.segment.roles import ScansOfModel
from napari_uncertainseg.widgets.shared.preferences import Preferences, PreferenceStore

from ..fakes import FakeSegmenter, fake_prediction
from .handling import CHOICES, add, run

ELSEWHERE = ScansOfModel(("mp2rage", "t1ce"), needs=("t1ce",), brain=False)
CHOICES_OF_BOTH = replace(CHOICES, scans={"large": ELSEWHERE})


class ForgetfulPreferences(PreferenceStore):
    """Begins with the first model, and keeps nothing for the next test."""

    def load(self):
        return Preferences()

    def save(self, **changes):
        pass


class Remembering(FakeSegmenter):
    """Remembers what it is given, and segments the first scan."""

    given: ClassVar[list] = []

    def predict(self, images, *, mask=None, brain=None, look, progress, **options):
        self.given.append((list(images), mask, brain))
        scan = next(iter(images.values()))
        return fake_prediction(scan.data > 0.9, scan.grid, members=self._members)


@pytest.fixture
def dock(make_dock):
    Remembering.given.clear()
    return make_dock(
        load=lambda: CHOICES_OF_BOTH, make_segmenter=Remembering, preferences=ForgetfulPreferences()
    )


def titles(dock):
    form = dock._form
    labels = [form.labelForField(dock.roles._boxes[key]) for key in dock.roles._boxes]
    return [label.text() for label in labels if label.isVisible()]


def named(volume, name):
    return replace(volume, name=name, modality=None)


def test_the_boxes_follow_the_model(dock, qtbot):
    own = ["FLAIR", "T1", "T2", "Brain mask"]
    assert titles(dock) == own
    brain = (dock.brain, dock.brain.skull, dock.settings.bias)
    for _ in range(2):
        dock.settings.model.setCurrentIndex(1)
        qtbot.waitUntil(lambda: titles(dock) == ["MP2RAGE", "T1 with contrast"], timeout=5000)
        assert not any(widget.isVisible() for widget in brain)
        dock.settings.model.setCurrentIndex(0)
        qtbot.waitUntil(lambda: titles(dock) == own, timeout=5000)
        assert all(widget.isVisible() for widget in brain)


def test_a_model_without_a_flair_segments_what_it_reads(viewer, dock, qtbot, flair):
    other = named(replace(flair, data=flair.data.copy()), "post_contrast_t1ce")
    first = add(viewer, named(flair, "uni_mp2rage"), name="uni_mp2rage")
    second = add(viewer, other, name="post_contrast_t1ce")
    mask = np.ones(flair.data.shape, np.uint8)
    add(viewer, replace(named(flair, "brain"), data=mask), "labels", name="brain")
    dock.settings.model.setCurrentIndex(1)
    assert dock.roles.layer("flair") is first and dock.roles.layer("t1ce") is second
    assert dock.roles.layer("mask") is None
    run(qtbot, dock)
    assert Remembering.given == [(["mp2rage", "t1ce"], None, None)]
    assert dock._case.scan is dock._case.images["mp2rage"]
    assert dock._layers.scan.layer() is first
    assert dock._case.lesions.count


def test_a_scan_of_another_kind_is_not_taken_for_what_a_model_reads(viewer, dock, flair):
    layer = add(viewer, flair)
    assert dock.roles.layer("flair") is layer
    dock.settings.model.setCurrentIndex(1)
    assert dock.roles.layer("flair") is None
    dock.run.click()
    assert "Choose the layer that is the MP2RAGE" in dock.message.text()
    dock.settings.model.setCurrentIndex(0)
    assert dock.roles.layer("flair") is layer
    assert not dock.message.text()  # the other model's scan is asked for no more


def test_a_scan_that_its_reader_calls_a_t1_is_taken_by_its_name(viewer, dock, flair):
    """MP2RAGE is read as a T1 by our own networks."""
    layer = add(viewer, replace(flair, name="uni_mp2rage", modality="t1"), name="uni_mp2rage")
    assert dock.roles.layer("flair") is None
    dock.settings.model.setCurrentIndex(1)
    assert dock.roles.layer("flair") is layer


def test_a_single_scan_that_nothing_is_known_of_stays_chosen(viewer, dock, flair):
    layer = add(viewer, named(flair, "scan"), name="scan")
    for index in (1, 0, 1):
        dock.settings.model.setCurrentIndex(index)
        assert dock.roles.layer("flair") is layer


def test_that_a_model_was_added_is_said_where_it_reads_no_scan_of_these(
    viewer, dock, qtbot, flair, monkeypatch, tmp_path
):
    add(viewer, flair)
    monkeypatch.setattr(model_menu, "add_to_models", lambda path: "large")
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *args: str(tmp_path))
    dock.settings.menu.folder.trigger()
    qtbot.waitUntil(lambda: dock.settings.model.currentData() == "large", timeout=5000)
    qtbot.waitUntil(lambda: dock.message.text() == texts.ADDED.format("large"), timeout=2000)
