"""What `experiments/real_lesions.py` ships: fitted on all folds, and the order of lists only where it won."""

from __future__ import annotations

import importlib

import numpy as np
import pandas as pd
import pytest

from napari_uncertainseg.networks.real_probability import FEATURES, parse_real_probability

KEPT = ("largest_probability", "depth")


@pytest.fixture
def experiment(checkout, monkeypatch):
    monkeypatch.syspath_prepend(str(checkout / "experiments"))
    return importlib.import_module("real_lesions")


def rows(tells: str, seed: int = 0) -> pd.DataFrame:
    """Lesions of three sources in two folds, of which one feature tells what is real."""
    rng, parts = np.random.default_rng(seed), []
    for source, fold in (("A", 0), ("B", 0), ("C", 1)):
        for patient in range(3):
            n = 60
            values = {feature: rng.uniform(0, 1, n) for feature in FEATURES}
            real = rng.random(n) < 1 / (1 + np.exp(-12 * (values[tells] - 0.5)))
            about = {
                "source": source,
                "patient": f"{source}{patient}",
                "scan": f"{source}{patient}/",
                "fold": fold,
            }
            candidate = np.arange(n) >= 40
            parts.append(
                pd.DataFrame({**values, "true": real, "candidate": candidate}).assign(
                    **about, inputs="all", model="m", method="one-pass", model_sha256="0"
                )
            )
    return pd.concat(parts).reset_index(drop=True)


@pytest.mark.parametrize(("tells", "orders"), [("depth", True), ("volume", False)])
def test_it_becomes_the_order_only_where_it_beats_the_simple_ones(experiment, tells, orders) -> None:
    made = rows(tells)
    said = experiment.left_out(made, KEPT)
    found = experiment.fitted_on_all(made, said, KEPT, "one-pass")
    assert found.orders is orders
    assert (found.brier < 0.75 * found.brier_of_share) is orders
    assert (found.lesions, found.real) == (len(made), made["true"].sum())
    assert [(source.name, source.patients) for source in found.sources] == [("A", 3), ("B", 3), ("C", 3)]
    assert parse_real_probability(found.as_json(), "what was written") == found
    assert "A | all | 120" in experiment.areas(made[~made["candidate"]], said[~made["candidate"]])
    assert experiment.calibration(made, said).count("\n") == 4


def test_one_fold_cannot_be_measured(experiment) -> None:
    with pytest.raises(SystemExit, match="Two folds"):
        experiment.left_out(rows("depth").assign(fold=0), KEPT)


def test_a_hospital_is_left_out_whole(experiment) -> None:
    assert experiment.models_and_sources(["m:MS3SEG,Sim-Vent", "n:MSLesSeg"])[0] == (
        "m",
        ["MS3SEG", "Sim-Vent"],
    )
    with pytest.raises(SystemExit, match="one hospital"):
        experiment.models_and_sources(["m:MS3SEG", "m:Sim-Vent", "n:MSLesSeg"])


def test_each_source_counts_alike(experiment) -> None:
    made = rows("depth")
    fewer = made.drop(made.index[made["source"].eq("C") & (made.index % 2 == 0)])
    per_source = pd.Series(experiment.counts_of(fewer), fewer.index).groupby(fewer["source"]).sum()
    assert per_source.nunique() == 1 or np.ptp(per_source) < 1e-9
    twice = pd.concat([made, made.assign(inputs="flair")])
    assert experiment.counts_of(twice).sum() == pytest.approx(len(made))


def test_what_tells_within_scans_is_not_turned_round_by_what_differs_between_them(experiment) -> None:
    """Deeper is likelier real in every scan, but the deepest scan has the fewest real ones."""
    rng, parts = np.random.default_rng(0), []
    for number, fold in enumerate((0, 0, 0, 1, 1, 1)):
        away = rng.normal(size=200)
        real = rng.random(200) < 1 / (1 + np.exp(-(1.5 * away - 2 * (number % 3 - 1))))
        values = {feature: rng.uniform(0, 1, 200) for feature in FEATURES}
        about = {
            "source": f"S{fold}",
            "patient": f"p{number}",
            "scan": f"{number}/",
            "fold": fold,
            "inputs": "all",
        }
        frame = pd.DataFrame({**values, "depth": 4 + 0.3 * away + 1.2 * (number % 3 - 1), "true": real})
        parts.append(frame.assign(candidate=False, **about))
    made = pd.concat(parts).reset_index(drop=True)
    by = {
        "pooled": experiment.left_out(made, ("depth",)),
        "within": experiment.order_within_scans(made, ("depth",), experiment.counts_of(made)),
    }
    areas = experiment.patients(made, by).groupby("measure")["auroc"].mean()
    assert areas["within"] > 0.8
    assert areas["pooled"] == pytest.approx(0.5)  # the sign that depth must have is all that holds it
    assert "depth, no fit" in experiment.within(made)
