"""Worlds in which it is known where an attribute is written: what `uncertainseg audit attributes` finds.

usage: python experiments/audit_attributes_worlds.py [--people 24] [--seeds 3] [--chance 100] [--worlds 400]

Heads are drawn: a brain with ventricles, grain and lesions, and a scalp around it. The attribute of half the
people is written into the scalp alone, into the brain alone, or nowhere. All steps are those of the program,
with the network that is bundled. Prints the tables of docs/audit.md.
"""

from __future__ import annotations

import argparse

import numpy as np
from scipy import ndimage

from napari_uncertainseg.audit.attributes.common_grid import OnCommonGrid, on_common_grid
from napari_uncertainseg.audit.attributes.encoder import Pooled, pooled
from napari_uncertainseg.audit.attributes.looking import Looking, look
from napari_uncertainseg.audit.attributes.statistics.cross_validation import Told, tell
from napari_uncertainseg.audit.attributes.statistics.delong import (
    components,
    delong_interval,
    score_interval,
)
from napari_uncertainseg.audit.attributes.statistics.logistic import fit_many
from napari_uncertainseg.audit.attributes.statistics.reduction import reductions
from napari_uncertainseg.audit.attributes.telling import InputTold, tell_input
from napari_uncertainseg.explain.drivers.statistics.holm import holm
from napari_uncertainseg.images.volume import Grid, Volume
from napari_uncertainseg.networks.catalog import find_model
from napari_uncertainseg.networks.engines.device import cpu_device
from napari_uncertainseg.networks.engines.engine import Engine

SHAPE = (48, 64, 48)
RIM, BRAIN, NOWHERE = "the scalp", "the brain", "nowhere"
INPUTS = ("image", "mask", "both", "cropped")
NAMES = ("no", "yes")
Features = tuple[Pooled, Pooled, Pooled]
"""Of the image, of what is cut to the brain, and of the reference."""


def head(rng: np.random.Generator, written: str, has: bool) -> OnCommonGrid:
    """One drawn head, small, on the common grid."""
    z, y, x = (np.arange(n) - (n - 1) / 2 for n in SHAPE)
    size = np.array([12.0, 17.0, 12.5]) * rng.normal(1, 0.04, 3)
    r = np.sqrt((z[:, None, None] / size[0]) ** 2 + (y[:, None] / size[1]) ** 2 + (x / size[2]) ** 2)
    brain = r < 1
    scan = 5.0 * rng.random(SHAPE)
    grain = ndimage.gaussian_filter(rng.normal(size=SHAPE), 1.0)
    strong = 24 if has and written == BRAIN else 8
    scan[brain] = (100 + strong * grain / grain.std())[brain]
    scan[r < 0.25 * rng.normal(1, 0.1)] = 15  # ventricles
    away = ndimage.distance_transform_edt(~brain)
    scan[(away > 5) & (away < 8)] = 120 * rng.normal(1, 0.08) + (60 if has and written == RIM else 0)
    lesions = np.zeros(SHAPE, bool)
    for place in rng.permutation(np.argwhere((r > 0.35) & (r < 0.8)))[: rng.integers(3, 9)]:
        near = (
            (z - z[place[0]])[:, None, None] ** 2 + (y - y[place[1]])[:, None] ** 2 + (x - x[place[2]]) ** 2
        )
        lesions |= (near < rng.uniform(1.5, 3.0) ** 2) & brain
    scan[lesions] = 160
    scan = ndimage.gaussian_filter(scan, 0.5) + rng.normal(0, 2, SHAPE)
    affine = np.eye(4)
    affine[:3, :3] = np.eye(3)[:, ::-1]
    volume = Volume(np.maximum(scan, 0).astype(np.float32), Grid(SHAPE, affine), "drawn")
    return on_common_grid(volume, brain, lesions, SHAPE)


def reader() -> Engine:
    """The first network of the bundled model."""
    return find_model("bundled").engine(cpu_device("torch").at("float32"), 0)


def people(engine: Engine, written: str, number: int, seed: int) -> tuple[np.ndarray, list[Features]]:
    """Who has the attribute, and the features of each."""
    rng = np.random.default_rng(seed)
    has = np.arange(number) % 2 == 1
    return has, [_read(engine, head(rng, written, bool(one))) for one in has]


def _read(engine: Engine, scan: OnCommonGrid) -> Features:
    assert scan.mask is not None
    image, cropped, mask = (pooled(engine, one, scan.brain) for one in (scan.image, scan.cropped, scan.mask))
    return image, cropped, mask


def told(found: list[Features], has: np.ndarray, seed: int, permutations: int = 99) -> dict[str, InputTold]:
    """What is told from each input; p are not yet corrected."""
    image, cropped, mask = (np.array([one[i].mean for one in found], float) for i in range(3))
    rows = {"image": image, "mask": mask, "both": np.hstack([image, mask]), "cropped": cropped}
    numbers, labels = np.arange(len(has)), has.astype(int)
    return {
        name: tell_input(name, rows[name], numbers, labels, NAMES, permutations=permutations, seed=seed)
        for name in INPUTS
    }


def looks(found: list[Features], has: np.ndarray, said: InputTold, which: int) -> Looking:
    """Where the classifier of the image (0) or of what is cut (1) looks."""
    own = said.classes[0].told
    assert own is not None
    return look(own, has, [(one[which],) for one in found])


def any_finding(pool: list[Features], number: int, permutations: int, seed: int) -> bool:
    """Whether anything is found in people half of whom were given the attribute by lot."""
    rng = np.random.default_rng(seed)
    chosen = [pool[i] for i in rng.permutation(len(pool))[:number]]
    has = rng.permutation(np.arange(number) % 2 == 1)
    p = np.array([one.p for one in told(chosen, has, seed, permutations).values()])
    return bool((holm(p) <= 0.05).any())


def left_out(number: int, positives: int, signal: float, seed: int) -> tuple[np.ndarray, np.ndarray, Told]:
    """Random features with or without a signal, who is positive, and what is told of them."""
    rng, same = np.random.default_rng(seed), np.random.default_rng(0)  # one truth for all worlds
    positive = np.arange(number) < positives
    values = rng.normal(size=(number, 8)) @ same.normal(size=(8, 96))
    values += 0.5 * rng.normal(size=values.shape) + signal * positive[:, None] * same.normal(size=96)
    return values, positive, tell(values, positive, rng)


def one_by_one(values: np.ndarray, positive: np.ndarray) -> float:
    """The area of the usual way: leave out one patient after the other, and compare all scores."""
    used = ~np.eye(len(values), dtype=bool)
    rows = reductions(values, used).rows
    fitted = fit_many(rows, positive, used, np.full(len(values), 1.0))
    scores = (rows @ fitted[:, :-1, None])[:, :, 0] + fitted[:, -1:]
    return components(np.diag(scores), positive).auc


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--people", type=int, default=24)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--chance", type=int, default=100)
    parser.add_argument("--worlds", type=int, default=400)
    options = parser.parse_args()
    _areas(options.worlds)
    engine = reader()
    _planted(engine, options.people, options.seeds)
    _, pool = people(engine, NOWHERE, 2 * options.people, 1000)
    found = 0
    for seed in range(100, 100 + options.chance):
        found += any_finding(pool, options.people, 199, seed)
        if (seed + 1) % 10 == 0:
            print(f"no attribute: a finding in {found} of {seed - 99} seeds", flush=True)


def _planted(engine: Engine, number: int, seeds: int) -> None:
    print("\n| written into | seed | image | mask | both | cropped | p of them | outside, image | cropped |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for written in (RIM, BRAIN, NOWHERE):
        for seed in range(seeds):
            has, found = people(engine, written, number, seed)
            said = told(found, has, seed)
            areas = " | ".join(f"{one.auc:.2f}" for one in said.values())
            p = ", ".join(f"{one:.2f}" for one in holm(np.array([one.p for one in said.values()])))
            shares = [
                looks(found, has, said[name], i).share_outside for i, name in enumerate(("image", "cropped"))
            ]
            outside = " | ".join(f"{100 * one:.0f} %" for one in shares)
            print(f"| {written} | {seed} | {areas} | {p} | {outside} |", flush=True)


def _seeds(number: int, worlds: int) -> range:
    """Other ones for each number of patients."""
    return range(number * 10_000, number * 10_000 + worlds)


def _areas(worlds: int) -> None:
    print("| patients | of the class | signal | area | one left out | DeLong holds | ours holds |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for number, positives in ((12, 6), (16, 5), (40, 20)):
        chance = 0.0
        for signal in (0.0, 1.0):
            made = [left_out(number, positives, signal, seed) for seed in _seeds(number, worlds)]
            areas = np.array([one.components.auc for _, _, one in made])
            usual = np.mean([one_by_one(values, positive) for values, positive, _ in made])
            chance = chance or float(
                areas.var()
            )  # of the worlds without a signal, as permutations would show
            sizes = [(positives, number - positives)]
            ends = [
                (delong_interval(one.components), score_interval(one.components.auc, sizes, chance))
                for _, _, one in made
            ]
            truth = areas.mean()
            held = [
                100 * np.mean([low <= truth <= high for low, high in own]) for own in zip(*ends, strict=True)
            ]
            print(
                f"| {number} | {positives} | {signal:g} | {truth:.3f} | {usual:.3f} | {held[0]:.0f} % | "
                f"{held[1]:.0f} % |",
                flush=True,
            )


if __name__ == "__main__":
    main()
