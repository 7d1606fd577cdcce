"""Fit the simulated raters to real readers, and show how well they match: docs/raters.md.

usage: python experiments/fit_raters.py [--data FOLDER] [--designs N] [--figure FILE]

Each of 12 lung nodules was outlined by 4 radiologists (LIDC-IDRI). Raters are simulated from what at least
half of them outlined, for many settings; a quadratic surface per nodule and measure says what a setting
gives, and the setting that comes closest over all nodules is taken. Intervals are from drawing nodules anew.
"""

from __future__ import annotations

import argparse
from itertools import combinations
from pathlib import Path

import numpy as np
from scipy.ndimage import binary_erosion, distance_transform_edt
from scipy.optimize import minimize
from scipy.stats import ks_2samp, qmc

from napari_uncertainseg.raters.simulate import RaterStyle, simulate_raters

ROOT = Path(__file__).resolve().parents[1]
NAMES = ("spread, mm", "jitter, mm", "correlation, mm", "growth")
LOW = np.array([0.05, 0.2, 1.0, 0.0])
HIGH = np.array([1.2, 1.2, 8.0, 1.4])
MEASURES = ("pairwise Dice", "std of log volume", "mean surface distance, mm", "HD95, mm")
PAIR_MARGIN = 12
BOOTSTRAPS = 300


def main() -> None:
    """Fit, print the tables and draw the figure."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--designs", type=int, default=128, help="settings simulated")
    parser.add_argument("--repeats", type=int, default=10, help="sets of raters for the final match")
    parser.add_argument("--figure", type=Path, default=ROOT / "docs" / "images" / "raters-match.png")
    arguments = parser.parse_args()
    nodules = [_load(path) for path in sorted((arguments.data / "lidc-readers").glob("*.npz"))]
    real = [measure(masks, spacing) for masks, spacing in nodules]
    designs = qmc.scale(qmc.Sobol(4, seed=0).random(arguments.designs), LOW, HIGH)
    simulated = np.array([_simulate_all(nodules, design, seed) for seed, design in enumerate(designs)])
    surfaces = np.linalg.lstsq(_terms(designs), simulated.reshape(len(designs), -1), rcond=None)[0]
    wanted = np.array([summary(r) for r in real])
    best = _closest(surfaces, wanted, np.ones(len(nodules)))
    print(f"{len(nodules)} nodules, {len(designs)} settings, seed 0\n")
    _print_fit(best, *_intervals(surfaces, wanted))
    matched = [
        [measure(_simulate(masks, spacing, best, 1000 + i), spacing) for masks, spacing in nodules]
        for i in range(arguments.repeats)
    ]
    _print_match(real, matched)
    _draw(real, matched, arguments.figure)


def _load(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Masks of the readers (4, z, y, x), with room around for raters who go further, and the spacing, mm."""
    with np.load(path) as file:
        masks, spacing = file["masks"] > 0, file["spacing_zyx"]
    margin = [(0, 0), *((int(np.ceil(PAIR_MARGIN / s / 4)),) * 2 for s in spacing)]
    return np.pad(masks, margin), spacing


def measure(masks: np.ndarray, spacing: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """How readers of one lesion differ: one value per `MEASURES`, per pair of readers where there are pairs.

    Distances are symmetric, between the voxels at the two surfaces, mm.
    """
    masks = [mask for mask in masks > 0 if mask.any()]
    surfaces = [mask & ~binary_erosion(mask) for mask in masks]
    away = [distance_transform_edt(~surface, sampling=spacing) for surface in surfaces]
    dice, mean, hd95 = [], [], []
    for i, j in combinations(range(len(masks)), 2):
        there, back = away[j][surfaces[i]], away[i][surfaces[j]]
        dice.append(2 * np.count_nonzero(masks[i] & masks[j]) / (masks[i].sum() + masks[j].sum()))
        mean.append((there.mean() + back.mean()) / 2)
        hd95.append(max(np.percentile(there, 95), np.percentile(back, 95)))
    spread = np.std(np.log([mask.sum() for mask in masks]), ddof=1)
    return np.array(dice), np.array([spread]), np.array(mean), np.array(hd95)


def summary(measured: tuple[np.ndarray, ...]) -> np.ndarray:
    """Logarithms of a lesion's mean disagreement, one per measure: 1 - Dice for Dice."""
    dice, *others = (np.mean(m) for m in measured)
    return np.log(np.maximum([1 - dice, *others], 1e-3))


def _simulate(masks: np.ndarray, spacing: np.ndarray, setting: np.ndarray, seed: int) -> np.ndarray:
    """As many raters as readers, from what at least half of the readers outlined."""
    spread, jitter, correlation, growth = setting.tolist()
    biases = np.random.default_rng([seed, 1]).normal(0, spread, len(masks)).tolist()
    styles = [
        RaterStyle(bias=b, jitter=jitter, correlation=correlation, growth=growth, miss=0) for b in biases
    ]
    return simulate_raters(masks.mean(0) >= 0.5, spacing, len(masks), seed=seed, styles=styles)


def _simulate_all(nodules: list[tuple[np.ndarray, np.ndarray]], setting: np.ndarray, seed: int) -> np.ndarray:
    """Mean summary of two sets of raters for every nodule, shape (nodules, measures)."""
    return np.array(
        [
            np.mean([summary(measure(_simulate(m, s, setting, 2 * seed + i), s)) for i in (0, 1)], axis=0)
            for m, s in nodules
        ]
    )


def _terms(settings: np.ndarray) -> np.ndarray:
    """Terms of a quadratic surface, shape (settings, 15)."""
    scaled = 2 * (np.atleast_2d(settings) - LOW) / (HIGH - LOW) - 1
    pairs = [scaled[:, i] * scaled[:, j] for i in range(4) for j in range(i, 4)]
    return np.column_stack([np.ones(len(scaled)), scaled, *pairs])


def _closest(surfaces: np.ndarray, wanted: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The setting whose summaries come closest to the readers', each measure in its own deviations."""
    scale = wanted.std(0, ddof=1)

    def distance(setting: np.ndarray) -> float:
        given = (_terms(setting) @ surfaces).reshape(wanted.shape)
        return float(weights @ (((given - wanted) / scale) ** 2).sum(1))

    starts = qmc.scale(qmc.Sobol(4, seed=1).random(4), LOW, HIGH)
    bounds = list(zip(LOW, HIGH, strict=True))
    found = [minimize(distance, start, bounds=bounds) for start in starts]
    return np.asarray(min(found, key=lambda f: f.fun).x)


def _intervals(surfaces: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """95 % bootstrap interval over nodules and the range with one nodule left out, each (2, 4)."""
    generator, n = np.random.default_rng(0), len(wanted)
    drawn = [generator.multinomial(n, np.full(n, 1 / n)) for _ in range(BOOTSTRAPS)]
    bootstrap = np.array([_closest(surfaces, wanted, weights) for weights in drawn])
    left_out = np.array([_closest(surfaces, wanted, weights) for weights in 1.0 - np.eye(n)])
    return np.percentile(bootstrap, [2.5, 97.5], axis=0), np.array([left_out.min(0), left_out.max(0)])


def _print_fit(best: np.ndarray, bootstrap: np.ndarray, left_out: np.ndarray) -> None:
    print("| parameter | fitted | 95 % bootstrap over nodules | one nodule left out |\n|" + " --- |" * 4)
    for name, value, (low, high), (least, most) in zip(NAMES, best, bootstrap.T, left_out.T, strict=True):
        print(f"| {name} | {value:.2f} | {low:.2f} to {high:.2f} | {least:.2f} to {most:.2f} |")


def _print_match(real: list, matched: list[list]) -> None:
    print("\n| measure | readers: median (quartiles) | simulated | KS distance |\n|" + " --- |" * 4)
    for k, name in enumerate(MEASURES):
        ours, theirs = _pooled(real, k), _pooled([m for repeat in matched for m in repeat], k)
        print(
            f"| {name} | {_quartiles(ours)} | {_quartiles(theirs)} | {ks_2samp(ours, theirs).statistic:.2f} |"
        )


def _pooled(measured: list, k: int) -> np.ndarray:
    return np.concatenate([m[k] for m in measured])


def _quartiles(values: np.ndarray) -> str:
    low, middle, high = np.percentile(values, [25, 50, 75])
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"


def _draw(real: list, matched: list[list], path: Path) -> None:
    """Cumulative distributions of readers and simulated raters, one plot per measure."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, plots = pyplot.subplots(1, len(MEASURES), figsize=(12, 3), sharey=True, layout="constrained")
    for k, (name, plot) in enumerate(zip(MEASURES, plots, strict=True)):
        plot.ecdf(_pooled(real, k), label="4 readers")
        plot.ecdf(_pooled([m for repeat in matched for m in repeat], k), label="simulated", linestyle="--")
        plot.set_xlabel(name)
    plots[0].set_ylabel("share of pairs or nodules")
    plots[0].legend()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100)


if __name__ == "__main__":
    main()
