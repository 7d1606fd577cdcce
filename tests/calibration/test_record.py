"""A record keeps what cases said: promises, kinds of cases, a recalibration; anything else is refused."""

import json

import numpy as np
import pytest

from napari_uncertainseg._base import InputError
from napari_uncertainseg.calibration.conformal import control_mean, control_with_confidence
from napari_uncertainseg.calibration.real_by_cases import RealByCases
from napari_uncertainseg.calibration.recalibration import Temperature
from napari_uncertainseg.calibration.record import (
    GRID,
    LOSSES,
    MEASURES,
    CalibrationRecord,
    measures_of,
    read_record,
)
from napari_uncertainseg.calibration.risks import Losses


def case(seed, shape=(12, 14, 16)):
    rng = np.random.default_rng(seed)
    truth = np.zeros(shape, bool)
    truth[3:6, 4:8, 5:9] = truth[8:10, 9:12, 2:5] = True
    p = np.clip(0.75 * truth + 0.12 * rng.standard_normal(shape), 0, 1).astype(np.float32)
    return p, truth


@pytest.fixture(scope="module")
def record():
    losses, measures = [], []
    for seed in range(25):
        p, truth = case(seed)
        losses.append(Losses.from_case(p, truth, GRID, min_voxels=3))
        measures.append(measures_of(p, p * (1 - p), np.ones(p.shape, bool), 1.0))
    return CalibrationRecord(
        "bundled",
        "ab12",
        "one-pass",
        ("flair", "t1"),
        3.0,
        tuple(f"case{i}" for i in range(25)),
        {name: np.array([getattr(one, name) for one in losses]) for name in LOSSES},
        {name: np.array([one[name] for one in measures]) for name in MEASURES},
        Temperature(0.2, 0.1, 1.5),
        RealByCases(-0.5, 1.25, 0.5, -1.0, 30, 12, 0.12, 0.24),
        RealByCases(-0.5, 1.25, 0.0, 0.0, 11, 0, np.nan, np.nan),
    )


@pytest.mark.parametrize("loss", LOSSES)
def test_promises_are_those_of_conformal_risk_control(record, loss):
    safest = LOSSES[loss].safest
    assert record.guarantee(loss, 0.1) == control_mean(record.losses[loss], GRID, 0.1, safest=safest)
    assert record.guarantee(loss, 0.2, confidence=0.9) == control_with_confidence(
        record.losses[loss], GRID, 0.2, confidence=0.9, safest=safest
    )
    assert record.guarantee(loss, 0.1).threshold is not None


def test_what_is_missed_wants_a_low_threshold_and_what_is_false_a_high_one(record):
    envelope, core = (record.guarantee(name, 0.1).threshold for name in ("missed_volume", "false_volume"))
    found = Losses.from_case(*case(99), GRID, min_voxels=3)
    assert found.missed_volume[np.searchsorted(GRID, envelope)] < 0.2
    assert found.false_volume[np.searchsorted(GRID, core)] < 0.2


def test_a_case_like_the_others_is_like_them_and_another_kind_is_named(record):
    p, _ = case(50)
    whole = np.ones(p.shape, bool)
    assert record.unlike(measures_of(p, p * (1 - p), whole, 1.0)) == []
    rounded = {**measures_of(p, p * (1 - p), whole, 1.0), "voxel_mm3": 1.0000001}
    assert record.unlike(rounded) == []  # affines are rounded in files
    found = record.unlike(measures_of(p, p * (1 - p), whole, 8.0))
    assert {u.measure for u in found} == {"voxel_mm3", "brain_ml", "lesion_ml"}
    assert (found[0].value, found[0].low, found[0].high) == (8.0, 1.0, 1.0)


def test_an_empty_prediction_has_measures():
    nothing = np.zeros((4, 4, 4), np.float32)
    found = measures_of(nothing, nothing, np.ones((4, 4, 4), bool), 2.0)
    assert found["doubtful_share"] == found["lesion_ml"] == 0 and found["brain_ml"] == 0.128
    assert measures_of(nothing, nothing, nothing > 0, 2.0)["entropy"] == 0


def test_it_is_read_back_exactly(record):
    again = read_record(record.to_json())
    assert again.to_json() == record.to_json()
    assert again.lesions == record.lesions and np.isnan(again.candidates.brier)
    assert again.recalibration == record.recalibration and again.cases == record.cases
    without = CalibrationRecord(
        record.model,
        record.model_sha256,
        record.method,
        record.inputs,
        record.min_volume,
        record.cases,
        record.losses,
        record.measures,
    )
    assert read_record(without.to_json()).recalibration is None is read_record(without.to_json()).lesions


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        (lambda c: "nothing", "not valid JSON"),
        (lambda c: "[1]", "version 2"),
        (lambda c: {**c, "version": 1}, "version 2"),
        (lambda c: {**c, "model": 3}, "'model' should be text, not 3"),
        (lambda c: {**c, "inputs": []}, "'inputs' should be a list of one kind"),
        (lambda c: {**c, "min_volume": -1}, "'min_volume' should be a volume in mm3"),
        (lambda c: {**c, "cases": []}, "'cases' should be a list of one name"),
        (lambda c: {**c, "cases": c["cases"][1:]}, "'missed_volume' should be 24 x 99 numbers"),
        (lambda c: {**c, "losses": {}}, "'missed_volume' in 'losses' is missing"),
        (lambda c: {**c, "losses": None}, "'losses' is missing"),
        (
            lambda c: {**c, "losses": {**c["losses"], "false_volume": [[2.0] * 99] * 25}},
            "'false_volume' .* from 0 to 1",
        ),
        (lambda c: {**c, "measures": {**c["measures"], "entropy": [None] * 25}}, "'entropy' in 'measures'"),
        (lambda c: {**c, "scans": [["ab"]]}, "'scans' should have an entry for each of 25 cases"),
        (
            lambda c: {**c, "losses": {**c["losses"], "false_volume": [[0.5], []]}},
            "should be 25 x 99 numbers",
        ),
        (lambda c: {**c, "recalibration": {"kind": "magic"}}, "kind is none of"),
        (lambda c: {**c, "lesions": {"peak": 1.0}}, "'constant' in 'lesions' is missing"),
        (lambda c: {**c, "lesions": [1.0]}, "'lesions' should be a table"),
        (lambda c: {**c, "lesions": {**c["lesions"], "peak": "x"}}, "'peak' in 'lesions' should be a number"),
        (lambda c: {**c, "candidates": {**c["candidates"], "peak": -1.0}}, "cannot be right"),
        (
            lambda c: {**c, "candidates": {**c["candidates"], "peak": None}},
            "'peak' in 'candidates' is missing",
        ),
        (lambda c: {**c, "lesions": {**c["lesions"], "constant": 10**400}}, "number is too large"),
        (
            lambda c: {**c, "lesions": {**c["lesions"], "components": True}},
            "'components' in 'lesions' should be a whole number",
        ),
    ],
)
def test_what_is_no_record_is_refused(record, change, wrong):
    changed = change(json.loads(record.to_json()))
    with pytest.raises(InputError, match=wrong):
        read_record(changed if isinstance(changed, str) else json.dumps(changed))


def test_there_are_only_these_losses(record):
    with pytest.raises(InputError, match="no loss 'dice'"):
        record.guarantee("dice", 0.1)
