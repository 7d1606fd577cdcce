"""Recalibration in the window: applies at once, shows before and after, and goes back."""

import dataclasses

import numpy as np
import pytest

from napari_uncertainseg.calibration.recalibration import Temperature
from napari_uncertainseg.calibration.record import GRID, LOSSES, MEASURES, CalibrationRecord
from napari_uncertainseg.case import Case
from napari_uncertainseg.widgets.calibration.recalibration import RecalibrationRow

KEPT = Temperature(0.2, 0.1, 0.5)


def record():
    return CalibrationRecord(
        "bundled",
        "ab",
        "one-pass",
        (),
        3.0,
        ("a", "b"),
        {k: np.zeros((2, len(GRID))) for k in LOSSES},
        {k: np.ones(2) for k in MEASURES},
        KEPT,
    )


@pytest.fixture
def row(shown, case, mask, records):
    records.find = lambda information: record()
    case.open_prediction(case.prediction)
    case.comparison.reference = mask
    return shown(RecalibrationRow(case))


@pytest.fixture
def choose(qtbot, row):
    def now(value):
        row.choice.setCurrentIndex(row.choice.findData(value))
        qtbot.waitUntil(row.choice.isEnabled, timeout=5000)

    return now


def test_it_applies_at_once_and_goes_back(row, choose, case):
    before, ace = case.prediction, case.comparison.reliability.ace
    case.review.judge((5, 10, 8), "accepted")
    choose("beta")
    assert case.prediction is not before and case.original is before
    assert case.comparison.reliability.ace != ace and case.comparison.reliability_before().ace == ace
    result = row.result.text().replace("&nbsp;", " ")
    assert (
        f"ACE {ace:.3f} → <b>{case.comparison.reliability.ace:.3f}</b>" in result and "Dice at 0.50" in result
    )
    assert len(case.review.verdicts) == 1 and case.threshold == 0.5
    choose(None)
    assert case.prediction is before and case.comparison.reliability.ace == ace
    assert case.comparison.reliability_before() is None and not row.result.isVisible()


def test_what_was_fitted_on_calibration_cases_is_offered(row, choose, case):
    assert "temperature, from 2 calibration cases" in [
        row.choice.itemText(i) for i in range(row.choice.count())
    ]
    choose("record")
    assert case.recalibration == KEPT
    assert case.prediction.information["recalibration"]["temperature"] == 0.5


def test_without_a_reference_nothing_can_be_fitted(row, choose, case):
    case.comparison.reference = None
    choose("isotonic")
    assert "reference" in row.result.text() and case.recalibration is None
    assert row.choice.currentData() is None
    choose("record")
    assert case.recalibration == KEPT


def test_a_new_prediction_begins_as_the_model_made_it(row, choose, case):
    choose("record")
    case.open_prediction(case.original)
    assert case.recalibration is None and row.choice.currentData() is None


def test_a_dock_opened_again_shows_what_is_in_use(row, choose, case, qtbot):
    for key in ("beta", "record"):
        choose(key)
        again = RecalibrationRow(case)
        assert again.choice.currentData() == key and again.choice.count() == row.choice.count()
        again.cleanup()
        again.deleteLater()
    qtbot.wait(1)


def test_what_was_fitted_on_another_reference_is_not_kept(row, choose, case, mask):
    choose("beta")
    case.comparison.reference = mask.copy()  # a layer is read anew
    assert case.recalibration is not None
    case.comparison.reference = np.roll(mask, 3, axis=1)
    assert case.recalibration is None and row.choice.currentData() is None
    assert "changed" in row.result.text()


def test_lesions_follow(row, choose, case):
    count = case.lesions.volume_ml
    choose("record")
    case.threshold = 0.8
    with_it = case.lesions.volume_ml
    choose(None)
    assert case.lesions.volume_ml < with_it < count * 2


def test_a_prediction_that_came_meanwhile_stays_as_it_is(qtbot, row, case):
    row.choice.setCurrentIndex(row.choice.findData("isotonic"))
    assert not row.choice.isEnabled() and "Recalibrating" in row.result.text()
    other = dataclasses.replace(case.original)
    case.open_prediction(other)
    qtbot.waitUntil(row.choice.isEnabled, timeout=5000)
    assert case.prediction is other and case.recalibration is None and row.choice.currentData() is None


def test_a_fit_that_was_overtaken_by_another_reference_is_dropped(qtbot, row, choose, case, mask):
    choose("beta")
    row.choice.setCurrentIndex(row.choice.findData("platt"))
    case.comparison.reference = np.roll(mask, 3, axis=1)  # while the second fit runs
    qtbot.waitUntil(row.choice.isEnabled, timeout=5000)
    assert case.recalibration is None and row.choice.currentData() is None
    assert "changed" in row.result.text() and row.result.isVisible()
    choose("platt")
    assert case.recalibration is not None  # on what is there now


def test_a_dock_that_closes_meanwhile_leaves_nothing_behind(qtbot, row, case):
    before = case.prediction
    row.choice.setCurrentIndex(row.choice.findData("temperature"))
    row.cleanup()
    qtbot.wait(50)
    assert case.prediction is before


def test_no_prediction(qtbot):
    row = RecalibrationRow(Case(lambda information: pytest.fail("nothing to look for")))
    assert not row.choice.isEnabled()
    row.cleanup()
    row.deleteLater()
    qtbot.wait(1)


def test_a_temperature_by_hand_is_seen_while_it_moves_and_applied_when_it_rests(qtbot, row, choose, case):
    ace = case.comparison.reliability.ace
    choose("by hand")
    assert row.temperature.isVisible() and case.recalibration.temperature == 1.0
    seen = []
    row.previewed.connect(seen.append)
    row.temperature.slider.setValue(50)
    assert row.temperature.value == pytest.approx(2.0) and row.temperature.label.text() == "2.00"
    assert len(seen) == 1 and case.recalibration.temperature == 1.0  # not yet
    row.temperature.slider.setValue(-50)
    qtbot.waitUntil(lambda: case.recalibration.temperature == pytest.approx(0.5), timeout=5000)
    assert seen[-1].ace == pytest.approx(case.comparison.reliability.ace, abs=2e-3)
    assert case.comparison.reliability_before().ace == ace
    assert row.choice.currentData() == "by hand" and row.temperature.value == pytest.approx(0.5)
    choose(None)
    assert not row.temperature.isVisible() and case.recalibration is None


def test_what_moves_while_it_is_applied_is_not_lost(qtbot, row, choose, case):
    choose("by hand")
    row._apply_temperature(0.7)  # a job is running now
    row.temperature.slider.setValue(100)
    qtbot.waitUntil(lambda: case.recalibration.temperature == pytest.approx(4.0), timeout=5000)


def test_it_begins_where_the_fit_was(row, choose, case):
    choose("temperature")
    fitted = case.recalibration.temperature
    choose("by hand")
    assert case.recalibration.temperature == pytest.approx(min(max(fitted, 0.25), 4), rel=0.02)


def test_without_a_reference_no_temperature_is_tried(row, choose, case):
    case.comparison.reference = None
    choose("by hand")
    assert case.recalibration is None and "reference" in row.result.text()
    assert case.comparison.evidence is None
