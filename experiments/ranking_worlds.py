"""Do the tests and intervals of a ranking hold what they say? The simulations in docs/audit.md.

usage: python experiments/ranking_worlds.py [--worlds 500]

Equal models: in which share of worlds any difference is shown. Several visits of a patient: how often a 95 %
interval of a difference holds the true one, with patients drawn and with visits drawn as if they were that.
"""

from __future__ import annotations

import argparse

import numpy as np

from napari_uncertainseg.audit.ranking.methods import beaten, once, p_values
from napari_uncertainseg.audit.ranking.resampling import draw_cases
from napari_uncertainseg.audit.ranking.scores import Scores
from napari_uncertainseg.audit.ranking.weighted import mean
from napari_uncertainseg.explain.drivers.statistics.intervals import bounds

DRAWS = 500


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--worlds", type=int, default=500)
    worlds = parser.parse_args().worlds
    print("| models | patients | visits | Holm | not corrected | exact, Holm | visits as patients, Holm |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for models, patients, visits in ((2, 12, 1), (5, 12, 1), (2, 40, 1), (5, 40, 1), (2, 12, 3), (5, 12, 3)):
        shares = [f"{100 * share:.1f}" for share in false_alarms(models, patients, visits, worlds)]
        print(f"| {models} | {patients} | {visits} | {' | '.join(shares)} |", flush=True)
    print("\n| patients | visits | interval holds, patients drawn | visits drawn as patients |")
    print("| --- | --- | --- | --- |")
    for patients, visits in ((6, 1), (12, 1), (6, 4), (12, 4), (30, 4)):
        held = [f"{100 * share:.1f}" for share in coverage(patients, visits, worlds)]
        print(f"| {patients} | {visits} | {' | '.join(held)} |", flush=True)


def world(
    seed: int, models: int, patients: int, visits: int, gap: float = 0.0, *, apart: bool = False
) -> Scores:
    """Scores between 0 and 1: patients differ much, models differ on patients, and visits a little.

    Parameters
    ----------
    seed
        Of the world.
    models, patients, visits
        Numbers; visits of each patient.
    gap
        By how much each model is truly worse than the one before.
    apart
        Take each visit as a patient of its own.
    """
    rng = np.random.default_rng(seed)
    hard = rng.normal(0, 0.15, (1, patients, 1))
    taste = rng.normal(0, 0.04, (models, patients, 1))  # how a model gets on with a patient
    noise = rng.normal(0, 0.02, (models, patients, visits))
    shift = -gap * np.arange(models)[:, None, None]
    values = (0.6 + shift + hard + taste + noise).reshape(models, -1)
    cases = tuple(f"p{i}v{j}" for i in range(patients) for j in range(visits))
    owners = cases if apart else tuple(case.split("v")[0] for case in cases)
    return Scores("", "dice", True, tuple(f"m{i}" for i in range(models)), cases, owners, values)


def false_alarms(models: int, patients: int, visits: int, worlds: int) -> np.ndarray:
    """Share of worlds of equal models in which a difference is shown, by each way of testing."""
    found = np.zeros((worlds, 4))
    for seed in range(worlds):
        scores = world(seed, models, patients, visits)
        apart = world(seed, models, patients, visits, apart=True)
        p = p_values(scores, once(scores))
        exact = p_values(scores, once(scores), exact=True)
        visit_p = p_values(apart, once(apart))
        found[seed] = [
            beaten(p, corrected=True).any(),
            beaten(p, corrected=False).any(),
            beaten(exact, corrected=True).any(),
            beaten(visit_p, corrected=True).any(),
        ]
    return found.mean(0)


def coverage(patients: int, visits: int, worlds: int) -> np.ndarray:
    """Share of worlds in which the interval of the difference of two equal models holds 0."""
    found = np.zeros((worlds, 2))
    for seed in range(worlds):
        for k, apart in enumerate((False, True)):
            scores = world(seed, 2, patients, visits, apart=apart)
            drawn = mean(scores.values, draw_cases(scores.patient_of, DRAWS))
            low, high = bounds(drawn[0] - drawn[1], scores.visits.astype(float))
            found[seed, k] = low <= 0 <= high
    return found.mean(0)


if __name__ == "__main__":
    main()
