"""Intervals for a reader's volume and number: whom they promise what, and when they promise nothing."""

import itertools
import json
import math

import numpy as np
import pytest

from napari_uncertainseg._base import InputError
from napari_uncertainseg.calibration.patients.intervals import (
    LEVEL,
    QUANTITIES,
    PatientLoads,
    SaidAndTrue,
    hierarchical_quantile,
    parse_loads,
    patients_needed,
    spread_of,
)


def loads(said, true, spread=None, patients=None):
    said, true = np.array(said, float), np.array(true, float)
    spread = np.zeros(len(said)) if spread is None else np.array(spread, float)
    whose = np.arange(len(said)) if patients is None else np.array(patients)
    return PatientLoads(whose, {name: SaidAndTrue(said, spread, true) for name in QUANTITIES})


@pytest.mark.parametrize(("n", "level"), itertools.product((1, 5, 8, 9, 12, 30, 199), (0.5, 0.8, 0.9)))
def test_with_one_scan_each_it_is_the_usual_rank(n, level):
    scores = np.random.default_rng(n).exponential(size=n)
    rank = math.ceil(round((n + 1) * level, 9))
    expected = np.sort(scores)[rank - 1] if rank <= n else np.inf
    assert hierarchical_quantile(scores, np.arange(n), level) == expected
    assert (rank <= n) == (n >= patients_needed(level))


def test_with_several_scans_it_is_the_definition():
    """The least score that patients, each drawn as likely as the further one, stay below often enough."""
    rng = np.random.default_rng(0)
    for _ in range(50):
        visits = rng.integers(1, 5, 12)
        whose = rng.permutation(np.repeat(np.arange(12), visits))
        scores = rng.integers(0, 8, len(whose)).astype(float)  # with ties
        shares = {s: sum(np.mean(scores[whose == k] <= s) for k in range(12)) / 13 for s in np.unique(scores)}
        expected = min(s for s, share in shares.items() if share >= 0.8 - 1e-12)
        assert hierarchical_quantile(scores, whose, 0.8) == expected


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize(("patients", "most"), [(9, 1), (12, 1), (30, 1), (9, 4), (12, 6)])
def test_a_further_patients_scan_stays_below_as_often_as_promised(patients, most, ties):
    rng = np.random.default_rng([patients, most, ties])
    held = []
    for _ in range(2000):
        visits = rng.integers(1, most + 1, patients + 1)
        own = np.repeat(rng.exponential(size=patients + 1), visits)  # a patient's visits go together
        scores = own * rng.lognormal(0, 0.3, len(own))
        scores = np.round(scores) if ties else scores
        whose = np.repeat(np.arange(patients + 1), visits)
        new = whose == patients
        held.append(np.mean(scores[new] <= hierarchical_quantile(scores[~new], whose[~new], LEVEL)))
    assert np.mean(held) > LEVEL - 3 * np.sqrt(LEVEL * (1 - LEVEL) / 2000)


def test_visits_taken_as_patients_promise_what_does_not_hold():
    rng = np.random.default_rng(1)
    held = []
    for _ in range(1000):
        own = np.repeat(rng.exponential(size=4), 4)
        scores = own * rng.lognormal(0, 0.05, 16)
        assert hierarchical_quantile(scores[:12], np.repeat(np.arange(3), 4), LEVEL) == np.inf
        held.append(scores[12] <= hierarchical_quantile(scores[:12], np.arange(12), LEVEL))
    assert np.mean(held) < 0.85


def test_too_few_patients_give_a_sentence_and_no_number():
    found = loads(range(8), range(8)).interval("volume_ml", 3.0, 0.1)
    assert (found.low, found.high, found.needed) == (None, None, 9) and not found.holds(3.0)
    assert found.reason == "8 patients with a reference cannot support an interval: it needs at least 9."
    assert loads(range(9), range(9)).interval("volume_ml", 3.0, 0.1).low is not None
    visits = loads(range(12), range(12), patients=np.repeat(np.arange(4), 3))
    assert visits.count == 4 and visits.interval("lesions", 3.0, 0.1).low is None
    assert loads([], []).interval("lesions", 3.0, 0.1).reason.startswith("0 patients")


def test_the_interval_is_as_wide_as_the_worst_of_nine():
    """By hand: said 10 ml, once true 21.8: the logarithms of both and 0.1 ml differ by 0.774."""
    found = loads([10.0] * 9, [10.0] * 8 + [21.8]).interval("volume_ml", 10.0, 0.0)
    assert found.high == pytest.approx(21.8, abs=1e-6)
    assert found.low == pytest.approx(10.1**2 / 21.9 - 0.1, abs=1e-6)
    wide = loads([10.0] * 9, [10.0] * 8 + [21.8]).interval("volume_ml", 10.0, 0.2)
    assert np.log(wide.high + 0.1) - np.log(10.1) == pytest.approx(2 * np.log(21.9 / 10.1))


def test_counts_are_whole_and_nothing_is_below_zero():
    known = loads([0, 4, 9, 16, 3, 5, 30, 2, 1, 0], [0, 6, 5, 20, 0, 5, 19, 4, 1, 0])
    for said in (0, 1, 7, 60):
        found = known.interval("lesions", said, 0.3)
        assert found.low == int(found.low) >= 0 and found.high == int(found.high) >= said
        assert known.interval("volume_ml", said, 5.0).low >= 0
    empty = loads([0] * 12, [0] * 12)
    assert (empty.interval("lesions", 0, 0.0).low, empty.interval("lesions", 0, 0.0).high) == (0, 0)
    assert empty.interval("volume_ml", 0, 0.0).holds(0.0)


@pytest.mark.parametrize("name", QUANTITIES)
def test_a_value_as_far_away_as_the_farthest_is_inside(name):
    """Rounding on the way to the scale and back must not leave a tie outside."""
    for said, true in itertools.product((0, 5, 15, 30), (0, 5, 10, 40)):
        known = loads([said] * 12, [true] * 12)
        assert known.interval(name, said, 0.0).holds(true), (said, true)


def test_spread_is_on_the_scale_of_the_quantity():
    assert spread_of([1.0, np.e * 1.1 - 0.1], "volume_ml") == pytest.approx(0.5)
    assert spread_of([0, 0, 0], "lesions") == 0 == spread_of([], "lesions")


def test_it_is_read_back_exactly_and_one_patient_can_be_left_out():
    known = loads([1.5, 2, 3], [1, 2.25, 4], [0.1, 0.2, 0.3], [0, 0, 1])
    again = parse_loads(json.loads(json.dumps(known.as_json())), 3, "It")
    assert again.as_json() == known.as_json() and again.count == 2
    assert known.without(0).quantities["lesions"].true.tolist() == [4]


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        (lambda c: [], "should be a table"),
        (lambda c: c.pop("lesions"), "'lesions'"),
        (lambda c: c["patients"].append(1), "each of 3 cases"),
        (lambda c: c["lesions"]["said"].pop(), "each of 3 cases"),
        (lambda c: c["volume_ml"]["true"].__setitem__(0, -1.0), "0 or more"),
        (lambda c: c["volume_ml"]["spread"].__setitem__(0, float("inf")), "0 or more"),
        (lambda c: c["volume_ml"]["said"].__setitem__(0, "1"), "0 or more"),
        (lambda c: c["patients"].__setitem__(0, True), "whole numbers"),
    ],
)
def test_anything_else_is_refused(change, wrong):
    content = loads([1, 2, 3], [1, 2, 4]).as_json()
    made = change(content)
    with pytest.raises(InputError, match=wrong):
        parse_loads(made if made == [] else content, 3, "It")


def test_unusable_numbers_are_refused():
    known = loads(range(12), range(12))
    for said, spread in ((-1.0, 0.1), (math.nan, 0.1), (1.0, -0.1), (1.0, math.inf)):
        with pytest.raises(InputError, match="0 or more"):
            known.interval("lesions", said, spread)
    with pytest.raises(InputError, match="no quantity"):
        known.interval("mass", 1.0, 0.0)
    with pytest.raises(InputError, match="between 0 and 1"):
        patients_needed(1.0)
