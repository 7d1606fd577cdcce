"""Fit the simulated raters to what two real raters of MS lesions do: docs/raters.md.

usage: python experiments/fit_raters_ms.py [--data FOLDER] [--designs N] [--repeats N] [--check]

What the two raters did on five patients is known as numbers (`TARGETS`), not as masks. Pairs of raters are
simulated from real masks of MS lesions, at the voxel sizes of `read_cases`. Correlation and growth stay as
`fit_raters.py` found them; spread, jitter and the chance of a miss are fitted. `--check` only measures the
raters as they are, and fits nothing.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cc3d
import nibabel
import numpy as np
from comparing import table
from scipy import ndimage
from scipy.optimize import minimize
from scipy.spatial import cKDTree
from scipy.stats import qmc

from napari_uncertainseg._boxes import bounding_box
from napari_uncertainseg.images.files import read_labels, read_volume
from napari_uncertainseg.raters.simulate import SPREAD, RaterStyle, simulate_raters
from napari_uncertainseg.training.subjects import find_image

ROOT = Path(__file__).resolve().parents[1]
SIZES = (0.0, 3.0, 10.0, 30.0, 100.0, 1000.0, np.inf)
"""Edges of the sizes of lesions, mm3."""
SEEN = (0.26, 0.42, 0.54, 0.67, 0.90, 1.0)
"""Of the lesions of such a size that one real rater outlined, the share that the other saw."""
DICE = (0.76, 0.86, 0.68, 0.63, 0.58)
LOG_RATIO = (0.24, 0.11, 0.56, 0.41, -0.09)
DISTANCE = (0.34, 1.28)
"""The least and the greatest of the five patients, mm."""
LESION_F1 = 0.68
LEAST = 3.0
"""Lesions count for F1 from this volume on, mm3."""
NAMES = ("spread, mm", "jitter, mm", "log of miss volume, mm3", "miss power")
LOW, HIGH = np.array([0.1, 0.3]), np.array([1.0, 1.6])
"""Of spread and jitter."""
LEAST_ML = 2.0
"""Masks of less are left out: there Dice is chance."""
MARGIN = 6.0
THICK = 3
"""Slices of 1 mm that make one of the thick ones."""


@dataclass(frozen=True, eq=False)
class Case:
    """A mask, cut out with room around, bool (z, y, x); its voxel size, mm; and what it is one of."""

    group: str
    mask: np.ndarray
    spacing: tuple[float, ...]

    @property
    def millilitres(self) -> float:
        """Volume of the mask."""
        return float(np.count_nonzero(self.mask) * np.prod(self.spacing) / 1000)


@dataclass(frozen=True, eq=False)
class Pair:
    """How two raters of a case differ; lesions of both raters by `SIZES`: how many, and how many both saw."""

    dice: float
    log_ratio: float
    distance: float
    lesions: np.ndarray
    seen: np.ndarray
    f1: float


def main() -> None:
    """Fit, or check only, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--designs", type=int, default=16, help="settings of the boundary")
    parser.add_argument("--repeats", type=int, default=5, help="pairs per case for the final match")
    parser.add_argument("--check", action="store_true", help="measure the raters as they are")
    arguments = parser.parse_args()
    cases = read_cases(arguments.data)
    best = as_they_are() if arguments.check else fit(cases, arguments.designs)
    print(table(NAMES, [[f"{value:.2f}" for value in best]]) + "\n")
    pairs = [
        (case.group, simulated_pair(case, best, 1000 * (1 + i) + k))
        for i in range(arguments.repeats)
        for k, case in enumerate(cases)
    ]
    print(match([(group, pair) for group, pair in pairs if pair is not None]))


def as_they_are() -> np.ndarray:
    """The setting that raters have by default."""
    style = RaterStyle()
    return np.array([SPREAD, style.jitter, np.log(style.miss_volume), style.miss_power])


def read_cases(data: Path) -> list[Case]:
    """Every fourth mask of 3D-MR-MS at 1 mm and at slices of 3 mm, and those of the three other sources."""
    found = []
    for path in sorted((data / "3d-mr-ms" / "masks").glob("*.nii.gz"))[::4]:
        mask = np.asarray(nibabel.load(path).dataobj).T > 0
        found.append(_case("3D-MR-MS, 1 mm", mask, (1.0, 1.0, 1.0)))
        found.append(_case(f"3D-MR-MS, slices of {THICK} mm", thicker(mask), (float(THICK), 1.0, 1.0)))
    for name, folder in (("MSLesSeg, 1 mm", "mslesseg"), ("MS3SEG", "ms3seg"), ("Sim-Vent", "sim-vent")):
        for home in sorted((data / folder).iterdir()):
            prefix = f"{folder}/{home.name}/"
            grid = read_volume(find_image(data, prefix, "flair")).grid
            mask = read_labels(find_image(data, prefix, "lesion"), grid).data > 0
            thick = "" if max(grid.spacing) < 2 else ", slices of 6.4 to 8.1 mm"
            found.append(_case(name + thick, mask, grid.spacing))
    return [case for case in found if case.millilitres >= LEAST_ML]


def thicker(mask: np.ndarray) -> np.ndarray:
    """A mask on thick slices: lesion where at least half of a voxel is."""
    whole = mask[: len(mask) // THICK * THICK]
    return whole.reshape(-1, THICK, *mask.shape[1:]).mean(1) >= 0.5


def _case(group: str, mask: np.ndarray, spacing: Sequence[float]) -> Case:
    cut = mask[bounding_box(mask)]
    return Case(group, np.pad(cut, [(int(MARGIN / s) + 1,) * 2 for s in spacing]), tuple(spacing))


def simulated_pair(case: Case, setting: np.ndarray, seed: int) -> Pair | None:
    """Two raters of a case, each with a bias of their own."""
    spread, jitter, log_volume, power = setting.tolist()
    usual = RaterStyle(jitter=jitter, miss_volume=float(np.exp(log_volume)), miss_power=power)
    biases = np.random.default_rng([seed, 1]).normal(0, spread, 2).tolist()
    styles = [replace(usual, bias=b) for b in biases]
    one, other = simulate_raters(case.mask, case.spacing, 2, seed=seed, styles=styles) > 0
    return compare(one, other, case.spacing) if one.any() and other.any() else None


def compare(one: np.ndarray, other: np.ndarray, spacing: Sequence[float]) -> Pair:
    """How two masks differ."""
    lesions, seen = np.zeros(len(SEEN)), np.zeros(len(SEEN))
    counted = found = 0
    for mine, theirs in ((one, other), (other, one)):
        volumes, touched = _lesions(mine, theirs, spacing)
        sizes = np.digitize(volumes, SIZES) - 1
        lesions += np.bincount(sizes, minlength=len(SEEN))
        seen += np.bincount(sizes, touched, minlength=len(SEEN))
        counted += np.count_nonzero(volumes >= LEAST)
        found += np.count_nonzero(touched[volumes >= LEAST])
    sums = one.sum(), other.sum()
    return Pair(
        dice=2 * np.count_nonzero(one & other) / sum(sums),
        log_ratio=float(np.log(sums[0] / sums[1])),
        distance=_distance(one, other, spacing),
        lesions=lesions,
        seen=seen,
        f1=found / counted if counted else np.nan,
    )


def _lesions(mine: np.ndarray, theirs: np.ndarray, spacing: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    """Volume of each lesion, mm3, and whether the other rater has a voxel in it."""
    labels, count = cc3d.connected_components(np.pad(mine, (0, 1)), connectivity=26, return_N=True)
    labels = labels[tuple(slice(0, n) for n in mine.shape)]
    volumes = np.bincount(labels.ravel(), minlength=count + 1)[1:] * float(np.prod(spacing))
    return volumes, np.bincount(labels[theirs], minlength=count + 1)[1:] > 0


def _distance(one: np.ndarray, other: np.ndarray, spacing: Sequence[float]) -> float:
    """Mean distance of the two surfaces, mm, over the lesions that both saw."""
    labels = cc3d.connected_components(np.pad(one | other, (0, 1)), connectivity=26)
    labels = labels[tuple(slice(0, n) for n in one.shape)]
    both = np.isin(labels, np.intersect1d(labels[one], labels[other])) & (labels > 0)
    points = [np.argwhere(m & both & ~ndimage.binary_erosion(m)) * spacing for m in (one, other)]
    if not all(len(p) for p in points):
        return float("nan")
    away = [cKDTree(points[1 - i]).query(points[i])[0].mean() for i in (0, 1)]
    return float(np.mean(away))


def summary(pairs: Sequence[Pair]) -> np.ndarray:
    """Mean Dice, root mean square log ratio, mean log distance, and the shares seen by size."""
    lesions, seen = (np.sum([getattr(p, name) for p in pairs], axis=0) for name in ("lesions", "seen"))
    shares = np.divide(seen, lesions, out=np.full(len(SEEN), np.nan), where=lesions > 20)
    dice = np.mean([p.dice for p in pairs])
    ratio = np.sqrt(np.mean([p.log_ratio**2 for p in pairs]))
    return np.array([dice, ratio, np.nanmean(np.log([p.distance for p in pairs])), *shares])


TARGETS = np.array([
    np.mean(DICE), np.sqrt(np.mean(np.square(LOG_RATIO))), np.log(np.prod(DISTANCE)) / 2
])  # fmt: skip
ERRORS = np.array([np.std(DICE, ddof=1) / np.sqrt(5), 0.1, 0.25])
"""How well five patients tell them."""


def fit(cases: Sequence[Case], designs: int) -> np.ndarray:
    """The setting that comes closest in the mean over the groups of cases.

    The chance of a miss hardly depends on the boundary, and is fitted to the shares seen; spread and jitter
    are then fitted by a quadratic surface. Boundaries that wander lose small lesions too: so the shares that
    came out correct the chance of a miss, once before the surface and once after it.
    """
    wanted = np.array(SEEN)
    best = np.array([0.4, 0.7, *_misses(wanted)])
    for _ in range(2):
        # Not below 3 mm3: there are mostly splinters of larger lesions, which the other saw.
        wanted[1:] += np.nan_to_num(SEEN - _simulated(cases, best, 0)[3:])[1:]
        best[2:] = _misses(wanted)
        if designs:
            best[:2] = _boundary(cases, best, designs)
            designs = 0
        print("now", np.round(best, 2), flush=True)
    return best


def _misses(wanted: np.ndarray) -> np.ndarray:
    """Logarithm of the volume and power of the misses that come closest to such shares seen."""
    volumes = np.sqrt(np.maximum(SIZES[:-1], 1.0) * np.minimum(SIZES[1:], 10 * SIZES[-2]))

    def misfit(about: np.ndarray) -> float:
        missed = [
            RaterStyle(miss_volume=np.exp(about[0]), miss_power=about[1]).miss_probability(v) for v in volumes
        ]
        return float(np.sum((1 - np.array(missed) - wanted) ** 2))

    return np.asarray(minimize(misfit, [3.7, 0.4], bounds=[(0, 8), (0.1, 2)]).x)


def _boundary(cases: Sequence[Case], best: np.ndarray, designs: int) -> np.ndarray:
    """Spread and jitter whose Dice, log ratio and distance come closest."""
    settings = qmc.scale(qmc.Sobol(2, seed=0).random(designs), LOW, HIGH)
    given = []
    for i, boundary in enumerate(settings):
        given.append(_simulated(cases, np.array([*boundary, *best[2:]]), 1 + i)[:3])
        print(f"setting {i + 1} of {designs}", np.round(boundary, 2), np.round(given[-1], 2), flush=True)
    surfaces = np.linalg.lstsq(_terms(settings), np.array(given), rcond=None)[0]

    def misfit(boundary: np.ndarray) -> float:
        return float(np.sum(((_terms(boundary)[0] @ surfaces - TARGETS) / ERRORS) ** 2))

    starts = qmc.scale(qmc.Sobol(2, seed=1).random(8), LOW, HIGH)
    found = [minimize(misfit, s, bounds=list(zip(LOW, HIGH, strict=True))) for s in starts]
    return np.asarray(min(found, key=lambda f: f.fun).x)


def _simulated(cases: Sequence[Case], setting: np.ndarray, seed: int) -> np.ndarray:
    """The summary, a mean over the groups of cases."""
    groups: dict[str, list[Pair]] = {}
    for k, case in enumerate(cases):
        pair = simulated_pair(case, setting, 100 * seed + k)
        groups.setdefault(case.group, []).extend([pair] if pair is not None else [])
    return np.asarray(np.nanmean([summary(pairs) for pairs in groups.values()], axis=0))


def _terms(settings: np.ndarray) -> np.ndarray:
    """Terms of a quadratic surface, shape (settings, 6)."""
    x, y = (2 * (np.atleast_2d(settings) - LOW) / (HIGH - LOW) - 1).T
    return np.column_stack([np.ones_like(x), x, y, x * x, x * y, y * y])


def match(pairs: Sequence[tuple[str, Pair]]) -> str:
    """The table of what was wanted, and what each group of cases and all of them give."""
    groups = {"all": [p for _, p in pairs]}
    for name, pair in pairs:
        groups.setdefault(name, []).append(pair)
    rows = [
        ["Dice", _spread(DICE), *(_spread([p.dice for p in g]) for g in groups.values())],
        ["log volume ratio, unsigned", _spread(np.abs(LOG_RATIO)),
         *(_spread([abs(p.log_ratio) for p in g]) for g in groups.values())],
        ["distance, mm", f"{DISTANCE[0]} to {DISTANCE[1]}",
         *(_spread([p.distance for p in g]) for g in groups.values())],
        [f"lesion F1 from {LEAST:g} mm3", f"{LESION_F1}",
         *(_spread([p.f1 for p in g]) for g in groups.values())],
    ]  # fmt: skip
    for k, wanted in enumerate(SEEN):
        title = f"seen by the other, {SIZES[k]:g} to {SIZES[k + 1]:g} mm3"
        rows.append([title, f"{wanted:.2f}", *(_share(g, k) for g in groups.values())])
    return table(["measure", "two real raters", *groups], rows)


def _spread(values: Sequence[float] | np.ndarray) -> str:
    """Mean, and all of five patients or the middle 80 % of many pairs."""
    outer = 0 if len(values) <= len(DICE) else 10
    low, high = np.nanpercentile(values, [outer, 100 - outer])
    return f"{np.nanmean(values):.2f} ({low:.2f} to {high:.2f})"


def _share(pairs: Sequence[Pair], k: int) -> str:
    lesions, seen = sum(p.lesions[k] for p in pairs), sum(p.seen[k] for p in pairs)
    return f"{seen / lesions:.2f}" if lesions > 20 else "-"


if __name__ == "__main__":
    main()
