"""How often intervals of `uncertainseg audit challenge` hold the truth, in made-up cohorts (docs/audit.md).

    python experiments/challenge_intervals.py [COHORTS]

The rule that fewer than five patients have no interval is set aside for it.
"""

from __future__ import annotations

import sys
from functools import partial

import numpy as np

from napari_uncertainseg.audit.challenge import intervals
from napari_uncertainseg.audit.challenge.retained import d_auc, r_auc
from napari_uncertainseg.audit.challenge.sheet import _r_gain

WORLDS = {"normal": 0.6, "skewed": 4 / 5.2, "half are 0": 1 / 7}
"""Kinds of values, and their means."""
DRAWS = 200


def values(world: str, n: int, rng: np.random.Generator) -> np.ndarray:
    """Of n patients."""
    if world == "normal":
        return rng.normal(0.6, 0.15, n)
    if world == "skewed":
        return rng.beta(4, 1.2, n)
    return rng.beta(2, 5, n) * (rng.random(n) < 0.5)


def doubted(n: int, agreement: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Doubt and Dice of n patients; their correlation is the agreement, on the scale of the logit."""
    z = rng.normal(size=n)
    return np.sqrt(1 - agreement**2) * rng.normal(size=n) - agreement * z, 1 / (1 + np.exp(-(0.9 + 0.6 * z)))


def draws(n: int, seed: int) -> intervals.PatientDraws:
    """Of n patients with one visit each."""
    return intervals.PatientDraws([str(i) for i in range(n)], DRAWS, seed)


def holds(found: intervals.Estimate, truth: float) -> bool:
    """Whether the interval holds the truth."""
    return found.low <= truth <= found.high


def means_and_gaps(cohorts: int) -> None:
    """Means of few patients, and gaps between two small domains."""
    rng = np.random.default_rng(0)
    for world, truth in WORLDS.items():
        for n in (2, 3, 4, 5, 6, 8, 12):
            held = [holds(draws(n, k).mean(values(world, n, rng)), truth) for k in range(cohorts)]
            print(f"mean, {world}, {n} patients: {100 * np.mean(held):.0f} %", flush=True)
        for one, other in ((2, 10), (3, 9), (5, 7), (6, 6)):
            inside, held = np.arange(one + other) < one, []
            for k in range(cohorts):
                x = values(world, one + other, rng)
                held.append(holds(draws(one + other, k).gap(x, inside, ~inside), 0))
            print(f"gap, {world}, {one} and {other} patients: {100 * np.mean(held):.0f} %", flush=True)


def orders(cohorts: int) -> None:
    """R-AUC, its gain over a random order, and d-AUC, by how well doubt agrees with Dice."""
    rng = np.random.default_rng(1)
    for agreement in (0.0, 0.6, 0.9, 0.95):
        for n in (6, 12, 20):
            large = [doubted(2000, agreement, rng) for _ in range(10)]
            true_r = float(np.mean([r_auc(*one) for one in large]))
            true_d = float(np.mean([d_auc(u, q < 0.7) for u, q in large]))
            r, d, better = [], [], []
            for k in range(cohorts):
                u, q = doubted(n, agreement, rng)
                drawn, every, poor = draws(n, k), np.ones(n, bool), q < 0.7
                r.append(holds(drawn.statistic(lambda c, u=u, q=q: r_auc(u[c], q[c]), every), true_r))
                better.append(drawn.statistic(partial(_r_gain, u, q, False), every).low > 0)
                if min(poor.sum(), n - poor.sum()) >= 5:
                    found = drawn.statistic(lambda c, u=u, p=poor: d_auc(u[c], p[c]), every)
                    d.append(holds(found, true_d))
            said = f"{100 * np.mean(d):.0f} % of {len(d)}" if d else "none"
            print(
                f"agreement {agreement:g}, {n} patients: R-AUC {100 * np.mean(r):.0f} %, seems better than "
                f"random {100 * np.mean(better):.1f} %, d-AUC {said}",
                flush=True,
            )


if __name__ == "__main__":
    intervals.FEWEST = 2
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 1500
    means_and_gaps(number)
    orders(max(2, number // 5))
