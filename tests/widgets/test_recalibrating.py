"""Recalibration in the window: applies at once, shows before and after, and goes back."""

import numpy as np
import pytest

from napari_uncertainseg.calibration.recalibration import Temperature
from napari_uncertainseg.calibration.record import GRID, LOSSES, MEASURES, CalibrationRecord
from napari_uncertainseg.case import Case
from napari_uncertainseg.widgets.recalibrating import RecalibrationRow

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
def row(qtbot, case, mask, records):
    records.find = lambda information: record()
    case.prediction = case.prediction
    case.reference = mask
    made = RecalibrationRow(case)
    made.show()
    yield made
    made.cleanup()
    made.cleanup()
    made.close()
    made.deleteLater()
    qtbot.wait(1)


def choose(row, value):
    row.choice.setCurrentIndex(row.choice.findData(value))


def test_it_applies_at_once_and_goes_back(row, case):
    before, ace = case.prediction, case.reliability.ace
    case.judge((5, 10, 8), "accepted")
    choose(row, "beta")
    assert case.prediction is not before and case.original is before
    assert case.reliability.ace != ace and case.reliability_before().ace == ace
    assert f"ACE {ace:.3f}, <b>{case.reliability.ace:.3f}</b>" in row.result.text()
    assert "Dice at 0.50" in row.result.text()
    assert len(case.verdicts) == 1 and case.threshold == 0.5
    choose(row, None)
    assert case.prediction is before and case.reliability.ace == ace
    assert case.reliability_before() is None and not row.result.isVisible()


def test_what_was_fitted_on_calibration_cases_is_offered(row, case):
    assert "temperature, of 2 calibration cases" in [
        row.choice.itemText(i) for i in range(row.choice.count())
    ]
    choose(row, "record")
    assert case.recalibration == KEPT
    assert case.prediction.information["recalibration"]["temperature"] == 0.5


def test_without_a_reference_nothing_can_be_fitted(row, case):
    case.reference = None
    choose(row, "isotonic")
    assert "reference" in row.result.text() and case.recalibration is None
    assert row.choice.currentData() is None
    choose(row, "record")
    assert case.recalibration == KEPT


def test_a_new_prediction_begins_as_the_model_made_it(row, case):
    choose(row, "record")
    case.prediction = case.original
    assert case.recalibration is None and row.choice.currentData() is None


def test_a_dock_opened_again_shows_what_is_in_use(row, case, qtbot):
    for key in ("beta", "record"):
        choose(row, key)
        again = RecalibrationRow(case)
        assert again.choice.currentData() == key and again.choice.count() == row.choice.count()
        again.cleanup()
        again.deleteLater()
    qtbot.wait(1)


def test_what_was_fitted_on_another_reference_is_not_kept(row, case, mask):
    choose(row, "beta")
    case.reference = mask.copy()  # a layer is read anew
    assert case.recalibration is not None
    case.reference = np.roll(mask, 3, axis=1)
    assert case.recalibration is None and row.choice.currentData() is None
    assert "changed" in row.result.text()


def test_lesions_follow(row, case):
    count = case.lesions.volume_ml
    choose(row, "record")
    case.threshold = 0.8
    with_it = case.lesions.volume_ml
    choose(row, None)
    assert case.lesions.volume_ml < with_it < count * 2


def test_no_prediction(qtbot):
    row = RecalibrationRow(Case(lambda information: pytest.fail("nothing to look for")))
    assert not row.choice.isEnabled()
    row.cleanup()
    row.deleteLater()
    qtbot.wait(1)
