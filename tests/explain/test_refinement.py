"""A refinement: its arithmetic, its fit, that it is checked on what it has not seen, and its file."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_uncertainseg._base import InputError
from napari_uncertainseg.explain.refinement.counts import LesionCounts, count_lesions, intervals
from napari_uncertainseg.explain.refinement.fit import fit_refinement, left_out_probabilities
from napari_uncertainseg.explain.refinement.model import (
    FARTHEST,
    Measuring,
    Refinement,
    load_refinement,
    save_refinement,
)
from napari_uncertainseg.explain.refinement.sparse_logistic import sparse_logistic

# -- counts ----------------------------------------------------------------------------------------


def test_published_counts_give_the_published_ratios():
    """Spagnolo et al., arXiv 2409.03772: before the refinement."""
    counts = LesionCounts(true=3050, false=1818, missed=789)
    assert counts.f1 == pytest.approx(0.7006, abs=5e-5)
    assert counts.precision == pytest.approx(0.6265, abs=5e-5)
    assert counts.recall == pytest.approx(0.7945, abs=5e-5)


def test_a_real_lesion_that_is_taken_away_is_missed():
    rows = lesions([("a", True), ("a", False), ("b", True)])
    missed = pd.Series({"a": 1, "b": 0, "c": 2})
    assert count_lesions(rows, missed) == LesionCounts(2, 1, 3)
    assert count_lesions(rows, missed, np.array([False, False, True])) == LesionCounts(1, 0, 4)


def test_ratios_of_nothing_are_not_known():
    nothing = LesionCounts(0, 0, 0)
    assert all(np.isnan([nothing.precision, nothing.recall, nothing.f1]))
    assert np.isnan(LesionCounts(0, 0, 3).precision) and LesionCounts(0, 0, 3).f1 == 0


def test_intervals_are_those_of_patients_drawn_anew(monkeypatch):
    monkeypatch.setattr("napari_uncertainseg.explain.refinement.counts.DRAWN", 50)
    rng = np.random.default_rng(0)
    rows = lesions(
        [(f"p{k}", bool(rng.random() < 0.6)) for k in range(12) for _ in range(rng.integers(1, 9))]
    )
    missed = pd.Series({f"p{k}": int(rng.integers(4)) for k in range(12)})
    kept = rng.random(len(rows)) < 0.7
    before, after, difference = intervals(rows, missed, kept, lambda c: c.f1)
    # The plain way: rows of the patients drawn, one after the other.
    names, drawn = list(missed.index), np.random.default_rng(0).integers(12, size=(50, 12))
    values = []
    for own in drawn:
        places = np.concatenate([np.flatnonzero(rows["patient"] == names[k]) for k in own])
        values.append(count_lesions(rows.iloc[places], missed.iloc[own], kept[places]).f1)
    assert after == pytest.approx(
        (count_lesions(rows, missed, kept).f1, *np.quantile(values, [0.025, 0.975]))
    )
    assert difference[0] == pytest.approx(after[0] - before[0])
    assert difference[1] <= difference[0] <= difference[2]
    again = intervals(rows, missed, kept, lambda c: c.f1, kept_before=kept)
    assert again == (after, after, (0, 0, 0))


def test_a_patient_whose_missed_lesions_are_not_known_is_said():
    with pytest.raises(InputError, match="missed"):
        intervals(lesions([("a", True)]), pd.Series({"b": 0}), np.array([True]), lambda c: c.f1)


def lesions(content: list[tuple[str, bool]]) -> pd.DataFrame:
    return pd.DataFrame(content, columns=["patient", "true"])


# -- fit -------------------------------------------------------------------------------------------


def cohort(patients: int = 8, each: int = 25, seed: int = 0) -> pd.DataFrame:
    """Lesions: `bright` tells, `noise` does not, `flat` is constant, `rare` is mostly not known."""
    rng = np.random.default_rng(seed)
    n = patients * each
    true = rng.random(n) < 0.6
    return pd.DataFrame({
        "patient": np.repeat([f"p{k}" for k in range(patients)], each),
        "source": np.repeat([f"s{k % 3}" for k in range(patients)], each),
        "true": true,
        "bright": 500 + 40 * (true + 0.6 * rng.normal(size=n)),
        "noise": rng.normal(size=n),
        "flat": 0.1,
        "rare": np.where(rng.random(n) < 0.1, rng.normal(size=n), np.nan),
    })  # fmt: skip


FEATURES = ["bright", "noise", "flat", "rare"]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([0.3, 1.0, 10.0]))
def test_sparse_weights_are_the_best(seed, strength):
    """By the conditions for a least sum: no weight can be moved to any good."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(80, 5))
    real = rng.random(80) < 1 / (1 + np.exp(-x[:, 0] + 0.5))
    counts = np.where(real, 0.71, 0.29)
    constant, weights = sparse_logistic(x, real, counts, strength=strength)
    slope = counts * (1 / (1 + np.exp(-constant - x @ weights)) - real)
    assert slope.sum() == pytest.approx(0, abs=1e-4)
    pull = slope @ x
    used = weights != 0
    assert pull[used] == pytest.approx(-strength * np.sign(weights[used]), abs=1e-3)
    assert (np.abs(pull[~used]) <= strength + 1e-3).all()


def test_a_fit_finds_what_tells_and_leaves_out_what_does_not():
    found = fit_refinement(cohort(), FEATURES)
    assert found.weights["bright"].weight > 0.5 and "flat" not in found.weights
    assert abs(found.weights["noise"].weight if "noise" in found.weights else 0) < 0.3


def test_the_scale_is_that_of_the_lesions_it_was_fitted_on():
    """The published code scales test lesions by themselves: then this would change nothing."""
    rows = cohort()
    found = fit_refinement(rows, FEATURES)
    assert found.weights["bright"].centre == pytest.approx(rows["bright"].mean())
    assert found.weights["bright"].unit == pytest.approx(rows["bright"].std(ddof=0))
    alone = rows.iloc[[0]]
    assert found.probability(alone)[0] == pytest.approx(found.probability(rows)[0])
    assert found.probability(rows.assign(bright=rows["bright"] + 40)).mean() > found.probability(rows).mean()


@pytest.mark.parametrize("group", ["patient", "source"])
def test_what_is_said_of_a_group_does_not_depend_on_its_own_verdicts(group):
    rows = cohort()
    before = left_out_probabilities(rows, FEATURES, group)
    own = (rows[group] == rows[group].iloc[0]).to_numpy()
    other = rows.assign(true=np.where(own, ~rows["true"], rows["true"]))
    assert np.array_equal(left_out_probabilities(other, FEATURES, group)[own], before[own])
    expected = fit_refinement(rows[~own], FEATURES).probability(rows[own])
    assert np.array_equal(before[own], expected)


def test_verdicts_by_chance_are_not_foretold():
    rows = cohort(patients=10)
    drawn = np.random.default_rng(5).permutation(rows["true"].to_numpy())
    said = left_out_probabilities(rows.assign(true=drawn), FEATURES, "patient")
    assert abs(said[drawn].mean() - said[~drawn].mean()) < 0.05


def test_what_is_not_known_counts_as_the_mean():
    found = fit_refinement(cohort(), FEATURES)
    rows = cohort().head(2)
    mean = rows.assign(bright=found.weights["bright"].centre)
    for value in (np.nan, np.inf, -np.inf):
        assert np.array_equal(found.probability(rows.assign(bright=value)), found.probability(mean))


def test_a_value_far_beyond_all_seen_counts_as_one_at_the_edge():
    found = fit_refinement(cohort(), FEATURES)
    one, rows = found.weights["bright"], cohort().head(1)
    edge = rows.assign(bright=one.centre + FARTHEST * one.unit)
    assert found.probability(rows.assign(bright=1e12)) == pytest.approx(found.probability(edge))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda rows: rows.assign(true=True), "all 200 here are real"),
        (lambda rows: rows.assign(true=False), "all 200 here are false"),
        (lambda rows: rows.drop(columns="noise"), "noise"),
        (lambda rows: rows.head(0), "learned"),
    ],
)
def test_what_cannot_be_learned_from_is_said(change, says):
    with pytest.raises(InputError, match=says):
        fit_refinement(change(cohort()), FEATURES)


def test_one_patient_cannot_be_left_out():
    with pytest.raises(InputError, match="2 are needed"):
        left_out_probabilities(cohort(patients=1), FEATURES, "patient")


# -- file ------------------------------------------------------------------------------------------


def test_a_file_gives_the_same_refinement(tmp_path):
    found = fit_refinement(cohort(), FEATURES).model_copy(update={"measuring": Measuring(images=("flair",))})
    save_refinement(found, tmp_path / "refinement.json")
    again = load_refinement(tmp_path / "refinement.json")
    assert again == found
    assert np.array_equal(again.probability(cohort()), found.probability(cohort()))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("version", 2),
        ("constant", "0"),
        ("weights", {"a": {"weight": 1, "centre": 0, "unit": 0}}),
        ("weights", {"a": {"weight": 1e9, "centre": 0, "unit": 1}}),
        ("code", "print()"),
        ("measuring", {"images": []}),
    ],
)
def test_a_file_that_holds_something_else_is_refused(key, value, tmp_path):
    content = json.loads(fit_refinement(cohort(), FEATURES).model_dump_json()) | {key: value}
    path = tmp_path / "refinement.json"
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"refinement\.json"):
        load_refinement(path)


def test_lesions_without_a_feature_are_refused():
    found = Refinement(
        version=1, constant=0.0, weights={"a": {"weight": 1.0, "centre": 0.0, "unit": 1.0}}, lesions=2, real=1
    )
    with pytest.raises(InputError, match="'a'"):
        found.probability(pd.DataFrame({"b": [1.0]}))
