"""How often the stop rule and the bars of the live diagram hold in hard worlds, and how soon they tell.

usage: python experiments/stopping.py [--sessions N]

Each session is looked at after every verdict, and counts as wrong if the bound is too low at any time. As a
number that is refuted stays refuted, it is enough to ask whether the true one is ever (tests/review/
test_stopping.py shows this, and looks after every verdict itself). Verdicts that are given out of order or
left out can only make the bound larger.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np
from scipy.special import expit, logit
from scipy.stats import beta, hypergeom

from napari_uncertainseg.review.session.live_calibration import lesion_calibration
from napari_uncertainseg.review.session.queue import CHECKS, EVERY
from napari_uncertainseg.review.session.stopping import bound_remaining_errors, draw_checks, draws_of, mixed
from napari_uncertainseg.review.store.current_verdicts import CurrentVerdict
from napari_uncertainseg.review.store.records import Task

World = Callable[[int, np.random.Generator], np.ndarray]

WORLDS: Mapping[str, World] = {
    "all wrong": lambda n, rng: np.ones(n, bool),
    "none wrong": lambda n, rng: np.zeros(n, bool),
    "second half wrong": lambda n, rng: np.arange(n) >= n // 2,
    "first 70 % wrong": lambda n, rng: np.arange(n) < 0.7 * n,
    "the last four wrong": lambda n, rng: np.arange(n) >= n - 4,
    "four anywhere": lambda n, rng: np.isin(np.arange(n), rng.choice(n, 4, replace=False)),
    "one in ten": lambda n, rng: rng.random(n) < 0.1,
    "more with rank, 0 to 60 %": lambda n, rng: rng.random(n) < 0.6 * np.arange(n) / n,
    "fewer with rank, 90 to 0 %": lambda n, rng: rng.random(n) < 0.9 * (1 - np.arange(n) / n) ** 2,
}
SIZES = (8, 40, 150, 1000)
SHARES = (0.1, 0.25, CHECKS, 1.0)

FORMS: Mapping[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "as the model says": lambda p, doubt: p,
    "sharper": lambda p, doubt: expit(2 * logit(p)),
    "step at 0.7": lambda p, doubt: np.where(p > 0.7, 0.95, 0.05),
    "U": lambda p, doubt: np.clip(4 * (p - 0.5) ** 2, 0.02, 0.98),
    "constant 0.2": lambda p, doubt: np.full(len(p), 0.2),
    "the doubtful are none": lambda p, doubt: np.where(doubt > 0.5, 0.05, 0.9),
}


def too_low(world: World, n: int, share: float, seed: int) -> bool:
    """Whether the bound is too low at any time in one session."""
    rng = np.random.default_rng([n, seed])
    drawn = draw_checks(n, share, seed)
    truth = world(n, rng)
    shown = mixed(n, drawn, EVERY)
    everything = dict(enumerate(truth.tolist()))
    return draws_of(shown, drawn.tolist(), everything, range(n)).refute(int(truth.sum()), 0.95)


def in_0_1_0(n: int, checks: Sequence[int], every: int) -> list[int]:
    """The order of version 0.1.0: a drawn task waits for its draw when its rank is reached."""
    drawn, rest, shown = list(checks), [i for i in range(n) if i not in set(checks)], list[int]()
    while drawn or rest:
        take = drawn if drawn and (not rest or (len(shown) + 1) % every == 0) else rest
        shown.append(take.pop(0))
    return shown


def bound_of_0_1_0(shown: Sequence[int], drawn: Collection[int], truth: np.ndarray) -> list[int]:
    """Its bound after each verdict: at four looks, with all unseen checks above the depth counted in."""
    n, bounds, total = len(shown), [len(shown)], len(shown)
    looks = {round(share * n) for share in (0.25, 0.5, 0.7, 0.85)}
    for k in range(1, n + 1):
        seen = set(shown[:k])
        found = int(truth[list(seen)].sum())
        if k in looks:
            depth = next((r for r in range(n) if r not in seen and r not in drawn), n)
            beyond = [r for r in seen if r >= depth]
            checks = [r for r in beyond if r in drawn]
            bad = int(truth[checks].sum())
            possible = np.arange(bad, n - depth - len(checks) + bad + 1)
            refuted = hypergeom.cdf(bad, n - depth, possible, len(checks)) <= 0.0125
            most = int(possible[~refuted].max(initial=bad)) - int(truth[beyond].sum())
            passed = sum(r in drawn and r not in seen for r in range(depth))
            total = min(total, most + passed + found)
        bounds.append(min(max(total - found, 0), n - k))
    return bounds


def first_at_most(bounds: Sequence[int], target: int) -> int:
    """After how many verdicts the bound is at most a target."""
    return next(k for k, bound in enumerate(bounds) if bound <= target)


def lateness(world: World, n: int, target: int, seed: int) -> tuple[int, int, int]:
    """Verdicts until at most so many: now, in 0.1.0 with its fault mended, and in random order."""
    rng = np.random.default_rng([n, seed])
    drawn = draw_checks(n, CHECKS, seed)
    truth = world(n, rng)
    old = draw_checks(n, 0.25, seed).tolist()
    before = bound_of_0_1_0(in_0_1_0(n, old, EVERY), set(old), truth)
    now = _bounds(mixed(n, drawn, EVERY), drawn.tolist(), truth)
    chance = _bounds(range(n), range(n), truth[rng.permutation(n)])
    return first_at_most(now, target), first_at_most(before, target), first_at_most(chance, target)


def _bounds(shown: Sequence[int], drawn: Collection[int], truth: np.ndarray) -> list[int]:
    wrong = {rank: bool(truth[rank]) for rank in shown}
    seen = [dict(list(wrong.items())[:k]) for k in range(len(shown) + 1)]
    return [bound_remaining_errors(shown, drawn, some).most for some in seen]


def outside(form: str, n: int, seed: int) -> tuple[float, float]:
    """Share of bins whose bar misses the truth at any of ten looks, and its mean length half way."""
    rng = np.random.default_rng([n, seed])
    peak, doubt = rng.uniform(0.1, 0.99, n), rng.random(n)
    exists = rng.random(n) < FORMS[form](peak, doubt)
    drawn = draw_checks(n, CHECKS, seed)
    ranks = mixed(n, drawn, EVERY)
    order = np.argsort(-doubt)[ranks]
    tasks = [
        Task(1, 1, "lesion" if peak[i] >= 0.4 else "candidate", k, (k, 0, 0), doubt[i], peak[i], 10.0, k, k)
        for k, i in enumerate(order)
    ]
    said = {k: CurrentVerdict(k + 1, "accepted" if exists[i] else "rejected") for k, i in enumerate(order)}
    truth = lesion_calibration(tasks, said).fraction
    missed, length = np.zeros(5, bool), 0.0
    for share in np.arange(10) / 10:
        some = dict(list(said.items())[: round(share * n)])
        found = lesion_calibration(tasks, some, ranks, drawn.tolist())
        missed |= (truth < found.low - 1e-9) | (truth > found.high + 1e-9)
        length = float(np.nanmean(found.high - found.low)) if share == 0.5 else length
    return float(missed.mean()), length


def held(errors: int, of: int) -> str:
    """Share without an error, and its exact one-sided 95 % limit (Clopper and Pearson)."""
    low = beta.ppf(0.05, of - errors, errors + 1)
    return f"{1 - errors / of:.3f} (above {low:.3f})"


def main() -> None:
    """Print the three tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--sessions", type=int, default=2000, help="of each world and size (%(default)s)")
    sessions = parser.parse_args().sessions
    print(f"Share of {sessions} sessions in which the bound holds at every look; shares drawn: {SHARES}")
    print("| world " + "".join(f"| {n} tasks " for n in SIZES) + "|\n|" + " --- |" * (len(SIZES) + 1))
    each = max(sessions // len(SHARES), 1)
    for name, world in WORLDS.items():
        errors = [
            sum(too_low(world, n, s, each * i + k) for i, s in enumerate(SHARES) for k in range(each))
            for n in SIZES
        ]
        print(f"| {name} | " + " | ".join(held(e, each * len(SHARES)) for e in errors) + " |", flush=True)
    print("\nVerdicts until the bound is so low (median of 15 sessions): now, 0.1.0 mended, random order")
    print("| world | tasks | at most | now | 0.1.0 | random |\n| --- | --- | --- | --- | --- | --- |")
    for name in ("none wrong", "four anywhere", "one in ten", "fewer with rank, 90 to 0 %"):
        for n, target in ((40, 4), (150, 5), (150, 15)):
            found = np.median([lateness(WORLDS[name], n, target, seed) for seed in range(15)], axis=0)
            print(
                f"| {name} | {n} | {target} | " + " | ".join(f"{value:.0f}" for value in found) + " |",
                flush=True,
            )
    print("\nBars of the live diagram: bins that hold at all of ten looks, and their mean length half way")
    print("| lesions are | 40 | 150 |\n| --- | --- | --- |")
    for form in FORMS:
        cells = []
        for n in (40, 150):
            misses, lengths = zip(*[outside(form, n, seed) for seed in range(60)], strict=True)
            cells.append(f"{1 - np.mean(misses):.3f}, {np.mean(lengths):.2f} long")
        print(f"| {form} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
