"""Groups in worlds where the truth is known: no gap, one through age alone, and a true one."""

from __future__ import annotations

import importlib.util
import os
import sys

import numpy as np
import pytest

SOAK = bool(os.environ.get("UNCERTAINSEG_SOAK"))
WORLDS = 400 if SOAK else 25


@pytest.fixture(scope="module")
def worlds(checkout):
    """`experiments/audit_groups_worlds.py`, which prints the tables of docs/audit.md."""
    path = checkout / "experiments" / "audit_groups_worlds.py"
    spec = importlib.util.spec_from_file_location("audit_groups_worlds", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["audit_groups_worlds"] = module
    spec.loader.exec_module(module)
    return module


def most(worlds: int) -> float:
    """5 in 100 at most in the long run; three standard errors for the worlds at hand."""
    return 0.05 + 3 * np.sqrt(0.05 * 0.95 / worlds)


HARD = ("20 and 5, b differs 3 times as much", "12 and 12, ties", "5 and 20, like Dice")


def test_no_gap_is_found_where_there_is_none(worlds):
    """Also where groups differ in size and spread, values tie, and patients have several visits."""
    for name in worlds.HARMLESS if SOAK else HARD:
        assert worlds.share_with_findings(worlds.HARMLESS[name], WORLDS) <= most(WORLDS), name


def test_a_plain_permutation_test_would_find_gaps_where_spreads_differ(worlds):
    number = 1000 if SOAK else 200
    plain, _, ours = worlds.one_test(worlds.HARMLESS["20 and 5, b differs 3 times as much"], number)
    assert plain > 0.15 and ours <= most(number)


def test_visits_taken_as_patients_would_find_gaps(worlds, monkeypatch):
    """The patients are the unit: as if each visit were one, gaps of nothing are found."""
    world = worlds.World((6, 6), visits=4)
    assert worlds.share_with_findings(world, WORLDS) <= most(WORLDS)
    once = worlds.cohort

    def apart(world, seed):
        cohort, measured = once(world, seed)
        cases = tuple(worlds.AuditCase(c.name, c.folder, c.name, None, c.attributes) for c in cohort.cases)
        values = measured.copy()
        for name in worlds.MEASURES:  # visits of a patient are all alike
            values[name] = measured[name].groupby([c.patient for c in cohort.cases]).transform("mean")
        return worlds.AuditCohort(cases, (), cohort.source), values

    monkeypatch.setattr(worlds, "cohort", apart)
    assert worlds.share_with_findings(world, WORLDS) > 0.1


def test_a_gap_through_age_alone_goes_when_age_is_taken_into_account(worlds):
    number = 100 if SOAK else 8
    found = worlds.through_confounder(worlds.World((40, 40), confounder=1.5), number)
    assert found["raw"][0] >= 0.95 and found["raw"][1] > 1.5
    for kind in ("adjusted", "matched"):
        assert found[kind][0] <= most(number) and abs(found[kind][1]) < 0.25


def test_a_true_gap_stays_beside_a_confounder(worlds):
    found = worlds.through_confounder(worlds.World((40, 40), gap=1.0, confounder=1.0), 60 if SOAK else 6)
    assert all(shown >= 0.8 for shown, _ in found.values())
    assert found["adjusted"][1] == pytest.approx(1.0, abs=0.25)


def test_a_gap_is_found_with_the_power_that_is_stated(worlds):
    assert worlds.power(worlds.World((12, 12), gap=2.0), WORLDS) >= 0.9
    assert worlds.power(worlds.World((30, 30), gap=1.0), WORLDS) >= 0.8
    assert worlds.power(worlds.World((5, 5), gap=1.0), WORLDS) <= 0.15  # nothing can be said with so few


def test_intervals_hold_the_gap(worlds):
    number = 300 if SOAK else 60
    for world in (worlds.World((5, 20), spread=3), worlds.World((12, 12)), worlds.World((12, 12), gap=1.0)):
        assert worlds.coverage(world, number) >= 0.95 - 3 * np.sqrt(0.05 * 0.95 / number)
