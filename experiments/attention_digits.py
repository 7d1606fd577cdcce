"""Digits in bags: attention against the digit that makes the label, and what a second task does.

usage: python experiments/attention_digits.py [--bags 30 60] [--seeds 6]

A bag is 6 to 12 digits of scikit-learn (8 x 8 pixels); it has the label if one or two of them are a 9. Of so
many bags half have the label; 200 others, of other pictures, are told. Second tasks: which digit each is
(helps), or a number drawn at random for each digit (harms). See docs/attention.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
from comparing import table
from sklearn.datasets import load_digits

from napari_uncertainseg.training.mil.auxiliary import AuxiliaryTask
from napari_uncertainseg.training.mil.bags import Bag
from napari_uncertainseg.training.mil.fit import FitSetting, fit, read_bags
from napari_uncertainseg.training.mil.reweighting import CosineGate, FixedWeight, OnlineWeight, Reweighting
from napari_uncertainseg.uncertainty.retention import auroc

KEY, TESTED = 9, 200
DIGITS = load_digits()
LEARNED = np.arange(len(DIGITS.target)) % 2 == 0
"""Pictures that bags to learn from are made of; bags that are told are made of the others."""


def main() -> None:
    """Print a table for each number of bags."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--bags", type=int, nargs="+", default=[30, 60])
    parser.add_argument("--seeds", type=int, default=6)
    arguments = parser.parse_args()
    for count in arguments.bags:
        print(f"{count} bags, {arguments.seeds} seeds\n\n{compared(count, arguments.seeds)}\n")


def compared(count: int, seeds: int) -> str:
    """Each second task and rule: mean and range over seeds."""
    found: dict[str, list[tuple[float, float, float]]] = {}
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        train, test = draw(count, LEARNED, rng), draw(TESTED, ~LEARNED, rng)
        helps = AuxiliaryTask(tuple(inside.astype(float) for inside in train[2]), True, 10)
        harms = AuxiliaryTask(tuple(rng.normal(size=len(bag)) for bag in train[0]), True)
        for name, task, rule in tasks(helps, harms):
            fitted = fit(*train[:2], FitSetting(members=1, seed=seed, rule=rule), task)
            weight = fitted.weights.mean() if fitted.weights.size else 0.0
            found.setdefault(name, []).append((*areas(fitted.networks, test), float(weight)))
    lines = []
    for name, rows in found.items():
        label, key, weight = np.mean(rows, axis=0)
        low, high = min(row[0] for row in rows), max(row[0] for row in rows)
        lines.append([name, f"{label:.2f} ({low:.2f} to {high:.2f})", f"{key:.2f}", f"{weight:.3f}"])
    return table(["second task", "AUC of the label (seeds)", "AUC of the 9s by attention", "weight"], lines)


def tasks(
    helps: AuxiliaryTask, harms: AuxiliaryTask
) -> list[tuple[str, AuxiliaryTask | None, Callable[[], Reweighting]]]:
    """Name, task and rule."""
    rules: dict[str, Callable[[], Reweighting]] = {
        "cosine": CosineGate,
        "online": OnlineWeight,
        "weight 1": lambda: FixedWeight(1.0),
        "weight 10": lambda: FixedWeight(10.0),
    }
    both = [
        (f"{word}, {rule}", task, made)
        for word, task in (("digit", helps), ("noise", harms))
        for rule, made in rules.items()
    ]
    return [("none", None, CosineGate), *both]


def draw(
    count: int, pictures: np.ndarray, rng: np.random.Generator
) -> tuple[list[Bag], np.ndarray, list[np.ndarray]]:
    """Bags of some of the pictures, every second with the label, their labels, and the digits in them."""
    keys, others = (
        np.flatnonzero(pictures & is_key) for is_key in (DIGITS.target == KEY, DIGITS.target != KEY)
    )
    bags, inside = [], []
    for number in range(count):
        n = rng.integers(6, 13)
        at = rng.choice(others, n)
        if number % 2 == 0:
            at[rng.choice(n, rng.integers(1, 3), replace=False)] = rng.choice(keys)
        bags.append(Bag(DIGITS.data[at].astype(np.float32), np.ones(n, np.float32)))
        inside.append(DIGITS.target[at])
    return bags, np.arange(count) % 2 == 0, inside


def areas(networks, test) -> tuple[float, float]:  # type: ignore[no-untyped-def]
    """AUC of the label, and of the key digits within bags that have it, by attention."""
    bags, labels, inside = test
    said, attention = read_bags(networks, bags)
    within = [auroc(a, d == KEY) for a, d, label in zip(attention, inside, labels, strict=True) if label]
    return auroc(said.mean(axis=0), labels), float(np.mean(within))


if __name__ == "__main__":
    main()
