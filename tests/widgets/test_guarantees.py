"""Thresholds with a guarantee, in the window."""

from dataclasses import replace

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_uncertainseg._base import WARNING_SIGN, InputError
from napari_uncertainseg.calibration.recalibration import Temperature
from napari_uncertainseg.calibration.record import GRID, LOSSES, MEASURES, CalibrationRecord, measures_of
from napari_uncertainseg.case import Case
from napari_uncertainseg.widgets.lesions.guarantees import GuaranteeRow

from ..builders import make_prediction


def record_like(prediction, n=12):
    rising = np.tile(GRID**2, (n, 1))
    measures = measures_of(
        prediction.probability, prediction.entropy, prediction.brain, prediction.grid.voxel_volume
    )
    return CalibrationRecord(
        "bundled",
        "ab",
        "one-pass",
        (),
        3.0,
        tuple(map(str, range(n))),
        {k: rising if loss.safest == "low" else rising[:, ::-1] for k, loss in LOSSES.items()},
        {k: measures[k] * np.linspace(0.9, 1.1, n) for k in MEASURES},
    )


@pytest.fixture
def make(shown, case, records):
    def build(find):
        records.find = find
        case.open_prediction(case.prediction)
        bands = []
        row = shown(GuaranteeRow(case, lambda core, envelope: bands.append((core, envelope))))
        row.band_shown = bands
        return row

    return build


def test_a_promise_sets_the_threshold(make, case):
    record = record_like(case.prediction)
    row = make(lambda information: record)
    expected = record.guarantee("missed_volume", 0.1).threshold
    assert row.button.text() == f"Use {expected:.2f}"
    row.button.click()
    assert case.threshold == expected
    row.limit.setValue(40)
    assert row.button.text() == f"Use {record.guarantee('missed_volume', 0.4).threshold:.2f}"
    row.loss.setCurrentIndex(row.loss.findData("false_volume"))
    assert row.button.text() == f"Use {record.guarantee('false_volume', 0.4).threshold:.2f}"


def test_what_so_few_cases_cannot_promise_is_said(make, case):
    row = make(lambda information: record_like(case.prediction))
    row.kind.setCurrentIndex(1)
    assert not row.button.isEnabled() and row.button.text() == "None"
    assert row.button.toolTip() == "12 cases cannot support this guarantee: it needs at least 22."
    before = case.threshold
    row.use()
    assert case.threshold == before


def test_the_light_goes_out_for_another_kind_of_case(make, case):
    record = record_like(case.prediction)
    row = make(lambda information: record)
    assert "like the 12 calibration cases" in row.light.text()
    tip = row.light.toolTip().replace("\n", " ")
    assert "Only the very same scan is recognised" in tip and "another visit of a calibration patient" in tip
    record.measures["voxel_mm3"][:] /= 10
    case.open_prediction(case.prediction)
    assert "Guarantee not valid" in row.light.text() and "volume of a voxel" in row.light.text()
    assert "calibration cases 0." in row.light.toolTip()
    assert not row.button.isEnabled() and "differs from" in row.button.toolTip()
    row.contours.click()
    assert row.band_shown[-1] == (None, None)


def unlike(case, *parts):
    about = {"unlike_seen_scans": list(parts)}
    case.open_prediction(replace(case.prediction, information=about))


def test_the_light_says_in_what_a_scan_is_unlike_all_seen(make, case):
    row = make(lambda information: None)
    assert row.light.text() == "Not known: whether the model has seen such scans"
    unlike(case, "slices are 7.0 mm thick, the model has seen 1.0 <to> 4.0 mm")
    assert row.light.isVisibleTo(row)
    assert "Unlike all scans that the model has seen" in row.light.text()
    assert "7.0 mm thick" in row.light.text() and "&lt;to&gt;" in row.light.text()
    assert WARNING_SIGN in row.light.text() and "○" not in row.light.text()  # no verdict looks like it
    assert "can still be unlike" in row.light.toolTip()
    unlike(case)
    assert row.light.text().startswith("Looks like the scans that the model has seen")
    assert "above 0.73" in row.light.text()  # a model of ours is surer than that of what it knows
    assert "can still be unlike" in row.light.toolTip()
    case.close_prediction()
    assert not row.light.isVisibleTo(row)


@pytest.mark.parametrize("known", [False, True])
def test_a_result_that_is_odd_by_itself_is_pointed_out_for_any_model(make, case, known):
    row = make(lambda information: record_like(case.prediction) if known else None)
    assert "Unusual" not in row.light.text()
    nothing = np.full(case.prediction.grid.shape, 0.02, np.float32)
    case.open_prediction(make_prediction(nothing, nothing[None], grid=case.prediction.grid))
    assert "Unusual result" in row.light.text() and "above 0.02: either" in row.light.text()


def test_the_light_says_both_where_there_are_calibration_cases(make, case):
    record = record_like(case.prediction)
    row = make(lambda information: record)
    unlike(case, "slices are 7.0 mm thick, the model has seen 1.0 mm")
    assert "like the 12 calibration cases" in row.light.text() and "7.0 mm thick" in row.light.text()


def one_of_them(row):
    assert "one of the calibration cases" in row.light.text() and "●" not in row.light.text()
    assert row.light.textFormat() == Qt.TextFormat.RichText  # no tag is read as text
    assert not row.button.isEnabled() and "further cases" in row.button.toolTip()
    row.contours.click()
    assert row.band_shown[-1] == (None, None)


@pytest.mark.parametrize("key", ["scan_sha256", "sha256"])
def test_a_calibration_case_is_told_by_its_scans(make, case, key):
    inputs = {"flair": {"name": "FLAIR", key: "f1a1"}, "t1": {"name": "T1", key: "71"}}
    case.open_prediction(
        replace(case.prediction, information={**case.prediction.information, "inputs": inputs})
    )
    known = [("aa",)] * 11
    one_of_them(make(lambda _: replace(record_like(case.prediction), scans=(*known, ("bb", "f1a1")))))


def test_another_scan_stays_like_them(make, case):
    row = make(lambda _: replace(record_like(case.prediction), scans=(("aa",),) * 12))
    assert "like the 12 calibration cases" in row.light.text() and row.button.isEnabled()


def test_a_calibration_case_of_an_old_record_is_told_by_its_measures(make, case):
    one_of_them(make(lambda _: record_like(case.prediction, n=11)))  # the sixth has this case's numbers


def test_few_cases_do_not_light_it(make, case):
    row = make(lambda information: record_like(case.prediction, n=1))
    assert "1 calibration case: too few to compare" in row.light.text() and "●" not in row.light.text()


def test_it_holds_for_the_smallest_lesion_that_it_was_made_with(make, case):
    row = make(lambda information: record_like(case.prediction))
    case.min_volume = 10.0
    assert not row.button.isEnabled() and "at least 3 mm³" in row.button.toolTip()
    case.min_volume = 3.0
    assert row.button.isEnabled()


def test_without_a_record_it_says_how_to_get_one(make, case):
    asked = []
    row = make(asked.append)
    assert len(asked) == 1
    assert not row.button.isEnabled() and "uncertainseg calibrate" in row.button.toolTip()
    assert row.button.text() == "Use"
    assert row.light.text().startswith("Not known") and not row.loss.isEnabled()


def test_a_damaged_record_is_named(make, case):
    def find(information):
        raise InputError("x.json: This is not a calibration record.")

    row = make(find)
    assert "x.json" in row.button.toolTip() and not row.button.isEnabled()


def test_without_a_prediction_nothing_is_offered(qtbot):
    row = GuaranteeRow(Case(lambda information: pytest.fail("nothing to look for")), lambda *t: None)
    assert not row.button.isEnabled()
    row.cleanup()
    row.deleteLater()
    qtbot.wait(1)


def test_core_and_envelope_follow_the_promise(make, case):
    record = record_like(case.prediction)
    row = make(lambda information: record)
    row.contours.click()
    core, envelope = (record.guarantee(name, 0.1).threshold for name in ("false_volume", "missed_volume"))
    assert row.band_shown[-1] == (core, envelope) and core > envelope
    row.limit.setValue(80)  # now each alone would let the core reach beyond the envelope
    core, envelope = (record.guarantee(name, 0.8).threshold for name in ("false_volume", "missed_volume"))
    assert core < envelope and row.band_shown[-1] == (envelope, core)
    row.limit.setValue(30)
    assert row.band_shown[-1] != (core, envelope)
    row.kind.setCurrentIndex(1)
    row.limit.setValue(5)  # twelve cases cannot
    assert row.band_shown[-1] == (None, None)
    row.contours.click()
    assert row.band_shown[-1] == (None, None)


@pytest.mark.parametrize("calibrated", [True, False])
def test_a_recalibration_leaves_the_light_as_it_was(make, case, calibrated):
    """It is about the scan: flat probabilities of a recalibration are no sign of an unusual scan."""
    row = make(lambda information: record_like(case.original) if calibrated else None)
    before = row.light.text()
    case.recalibrate(Temperature(0.0, 0.0, 30.0))
    assert case.prediction.entropy.mean() > 3 * case.original.entropy.mean()
    assert row.light.text() == before and "Unusual" not in before and not row.button.isEnabled()
