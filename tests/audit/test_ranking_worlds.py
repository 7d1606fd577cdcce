"""Tests and intervals of rankings hold what they say in worlds where the truth is known."""

from __future__ import annotations

import importlib.util
import os
import sys

import numpy as np
import pytest

WORLDS = 400 if os.environ.get("UNCERTAINSEG_SOAK") else 60


@pytest.fixture(scope="module")
def worlds(checkout):
    """`experiments/ranking_worlds.py`, which prints the table of docs/audit.md."""
    spec = importlib.util.spec_from_file_location(
        "ranking_worlds", checkout / "experiments" / "ranking_worlds.py"
    )
    module = importlib.util.module_from_spec(spec)
    sys.modules["ranking_worlds"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("models", [2, 5])
def test_equal_models_are_rarely_told_apart(worlds, models):
    corrected, plain, exact, _ = worlds.false_alarms(models, 12, 1, WORLDS)
    # 5 in 100 at most in the long run; three standard errors for the worlds at hand.
    most = 0.05 + 3 * np.sqrt(0.05 * 0.95 / WORLDS)
    assert corrected <= most and exact <= most and plain >= corrected


def test_visits_are_no_patients(worlds):
    corrected, _, _, as_patients = worlds.false_alarms(2, 12, 3, WORLDS)
    assert corrected <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / WORLDS) and as_patients > 0.1


def test_intervals_hold_where_patients_are_drawn_and_not_where_visits_are(worlds):
    by_patient, by_visit = worlds.coverage(12, 4, WORLDS)
    assert by_patient > 0.95 - 3 * np.sqrt(0.05 * 0.95 / WORLDS) and by_visit < 0.8
