"""The Calibration dock: reference, region, numbers, and what follows when something changes."""

import weakref

import numpy as np
import pandas as pd
import pytest
from qtpy.QtWidgets import QFileDialog

from napari_uncertainseg.calibration.region import Region
from napari_uncertainseg.calibration.reliability import reliability
from napari_uncertainseg.case import Case
from napari_uncertainseg.widgets.calibration.dock import CalibrationDock
from napari_uncertainseg.widgets.calibration.texts import METRICS

from .actions import discard, wait_until_gone
from .fake_layers import FakeLayers


@pytest.fixture
def layers(mask):
    return FakeLayers({"expert": mask.astype(np.uint8), "other": np.roll(mask, 2, axis=1)})


@pytest.fixture
def dock(qtbot, case, layers):
    made = CalibrationDock(case, layers)
    made.resize(400, 620)
    made.show()
    yield made
    made.cleanup()
    discard(qtbot, made)


def choose(combo, value):
    combo.setCurrentIndex(combo.findData(value))


def shown_numbers(dock):
    return {key: float(label.text().split()[-1]) for key, label in dock.numbers.items()}


def assert_shows(dock, expected):
    for key, value in shown_numbers(dock).items():
        assert value == pytest.approx(getattr(expected, key), abs=5e-5)
    x, y = dock.view._points.getData()
    np.testing.assert_array_equal(x, expected.mean_probability[expected.count > 0])
    np.testing.assert_array_equal(y, expected.fraction[expected.count > 0])


def test_a_reference_of_somebody_else_is_named(dock, layers):
    layers.foreign.add("other")
    choose(dock.reference, "expert")
    assert "another patient" not in dock.warning.text()
    choose(dock.reference, "other")
    assert dock.warning.isVisible() and dock.warning.text().startswith("⚠ 'other' seems to be of another")


def test_the_numbers_are_those_of_the_room_below(dock, case, mask):
    choose(dock.reference, "expert")
    np.testing.assert_array_equal(case.comparison.reference, mask)
    expected = reliability(case.prediction.probability, mask, region=case.prediction.brain)
    assert_shows(dock, expected)
    assert f"{case.prediction.brain.sum():,} voxels" in dock.voxels.text()
    assert f"{mask.sum():,} of them" in dock.voxels.text()


def test_another_reference_gives_other_numbers(dock, case, layers):
    choose(dock.reference, "expert")
    before = shown_numbers(dock)
    choose(dock.reference, "other")
    assert shown_numbers(dock) != before
    assert_shows(dock, reliability(case.prediction.probability, layers.masks["other"]))


def test_a_slice_follows_the_viewer(qtbot, dock, case, layers, mask):
    choose(dock.reference, "expert")
    layers.shown = (0, 5)
    choose(dock.region, "slice")
    assert case.comparison.region == Region("slice", 0, 5)
    assert_shows(dock, reliability(case.prediction.probability[5], mask[5]))
    layers.shown = (2, 18)
    layers.slice_changed.emit()
    qtbot.waitUntil(lambda: case.comparison.region == Region("slice", 2, 18), timeout=2000)
    assert_shows(dock, reliability(case.prediction.probability[..., 18], mask[..., 18]))


def test_other_regions_do_not_follow_the_viewer(qtbot, dock, case, layers):
    choose(dock.reference, "expert")
    layers.shown = (0, 9)
    layers.slice_changed.emit()
    qtbot.wait(60)
    assert case.comparison.region == Region("brain")


def test_around_lesions_follows_the_threshold(dock, case):
    choose(dock.reference, "expert")
    choose(dock.region, "lesions")
    before = dock.voxels.text()
    assert case.comparison.reliability.count.sum() < case.prediction.brain.sum()
    case.threshold = 0.05
    assert dock.voxels.text() != before
    assert dock.view._threshold.value() == 0.05


def test_inside_a_mask(qtbot, dock, case, layers, mask):
    choose(dock.reference, "expert")
    assert not dock.inside.isVisible()
    choose(dock.region, "mask")
    assert dock.inside.isVisible() and case.comparison.region == Region()  # until a layer is chosen
    drawn = np.zeros(mask.shape, np.uint8)
    drawn[3:15] = 3
    layers.masks["structure"] = drawn
    layers.layers_changed.emit()
    choose(dock.inside, "structure")
    p = case.prediction.probability
    assert_shows(dock, reliability(p, mask, region=drawn > 0))
    layers.masks["structure"] = drawn * (np.arange(len(drawn)) < 9)[:, None, None]
    layers.labels_edited.emit("structure")
    expected = reliability(p, mask, region=layers.masks["structure"] > 0)
    qtbot.waitUntil(lambda: case.comparison.reliability.count.sum() == expected.count.sum(), timeout=2000)
    assert_shows(dock, expected)
    layers.masks["elsewhere"] = None
    layers.layers_changed.emit()
    choose(dock.inside, "elsewhere")
    assert "does not lie on the grid" in dock.warning.text() and dock.inside.currentData() is None
    choose(dock.inside, "structure")
    del layers.masks["structure"]
    layers.layers_changed.emit()
    assert dock.inside.currentData() is None and case.comparison.region == Region()
    choose(dock.region, "brain")
    assert not dock.inside.isVisible()


def test_each_lesion_as_a_whole(dock, case, mask):
    choose(dock.reference, "expert")
    choose(dock.region, "each")
    found = case.comparison.reliability
    lesions = case.lesions
    assert found.count.sum() == lesions.count + len(lesions.candidate_table)
    assert "lesions" in dock.voxels.text() and dock.view._unit == "lesions"
    case.threshold = 0.9
    assert case.comparison.reliability is not found
    choose(dock.region, "brain")
    assert dock.view._unit == "voxels"


def test_painting_on_the_reference_is_followed(qtbot, dock, case, layers):
    choose(dock.reference, "expert")
    layers.masks["expert"][10, 2:6, 2:6] = 1
    layers.labels_edited.emit("other")
    qtbot.wait(20)
    assert not case.comparison.reference[10, 2:6, 2:6].any()
    layers.labels_edited.emit("expert")
    qtbot.waitUntil(lambda: case.comparison.reference[10, 2:6, 2:6].all(), timeout=2000)
    assert_shows(dock, reliability(case.prediction.probability, layers.masks["expert"] > 0))


def test_layers_come_and_go(dock, case, layers, mask):
    layers.masks["third"] = mask
    layers.layers_changed.emit()
    assert dock.reference.findData("third") > 0
    choose(dock.reference, "third")
    del layers.masks["expert"]
    layers.layers_changed.emit()
    assert dock.reference.currentData() == "third"
    del layers.masks["third"]
    layers.layers_changed.emit()
    assert case.comparison.reference is None
    assert dock.empty.isVisible()
    assert "Choose a reference layer" in dock.empty.text()


def test_a_layer_on_another_grid_is_refused_in_words(dock, case, layers):
    layers.masks["far"] = None
    layers.layers_changed.emit()
    choose(dock.reference, "far")
    assert case.comparison.reference is None
    assert "does not lie on the grid" in dock.empty.text()
    choose(dock.reference, "expert")
    assert not dock.empty.isVisible()


def test_a_region_without_reference_warns(dock, layers, mask):
    choose(dock.reference, "expert")
    assert not dock.warning.isVisible()
    layers.shown = (0, int(np.flatnonzero(~mask.any((1, 2)))[0]))
    choose(dock.region, "slice")
    assert dock.warning.isVisible()
    assert "no lesion here" in dock.warning.text() or "Neither" in dock.warning.text()


def test_empty_states_say_what_to_do_next(qtbot, layers, prediction):
    case = Case()
    dock = CalibrationDock(case, layers)
    assert dock.empty.text() == "No prediction yet: press Run in Segment."
    choose(dock.reference, "expert")
    assert "No prediction yet" in dock.empty.text()
    assert not dock.table_button.isEnabled()
    case.open_prediction(prediction)  # a reference chosen before counts as soon as there is one
    assert case.comparison.reference is not None
    assert dock.table_button.isEnabled()
    dock.cleanup()
    discard(qtbot, dock)


def test_every_number_is_defined_in_its_tooltip(dock):
    for key, (_, meaning) in METRICS.items():
        assert dock.numbers[key].toolTip().startswith(meaning)
        assert "calibration error" in meaning


def test_bins_are_exported(dock, case, tmp_path, monkeypatch):
    choose(dock.reference, "expert")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "bins.tsv"), ""))
    dock.export_bins()
    written = pd.read_csv(tmp_path / "bins.tsv", sep="\t")
    found = case.comparison.reliability
    np.testing.assert_allclose(written["fraction"], found.fraction, rtol=1e-5)
    np.testing.assert_array_equal(written["count"], found.count)
    assert str(tmp_path) in dock.message.text()


def test_cleanup_leaves_nothing_connected(qtbot, case, layers):
    dock = CalibrationDock(case, layers)
    dock.cleanup()
    dock.cleanup()
    for signal in (case.prediction_changed, case.reliability_changed, case.lesions_changed):
        assert len(signal) == 0
    for signal in (layers.layers_changed, layers.labels_edited, layers.slice_changed):
        assert len(signal) == 0
    gone = weakref.ref(dock)
    dock.deleteLater()
    del dock
    wait_until_gone(qtbot, gone)
