"""Worlds in which it is known what an attribute is written into: what `uncertainseg audit attributes` finds.

    python experiments/audit_attributes_worlds.py                  # a quarter of an hour of one core
    python experiments/audit_attributes_worlds.py --seeds 20       # fewer worlds

Heads are drawn: a brain with ventricles, grain and lesions, and a scalp around it. The attribute of half of the
people is written into the scalp alone, into the brain alone, or nowhere. All steps are those of the program, with
the network that is bundled. Prints the tables of docs/audit.md.
"""

from __future__ import annotations

import argparse

import numpy as np
from scipy import ndimage

from napari_uncertainseg.audit.attributes.common_grid import OnCommonGrid, on_common_grid
from napari_uncertainseg.audit.attributes.cross_validation import tell
from napari_uncertainseg.audit.attributes.encoder import Pooled, pooled
from napari_uncertainseg.audit.attributes.looking import Looking, look
from napari_uncertainseg.audit.attributes.telling import InputTold, tell_input
from napari_uncertainseg.explain.drivers.statistics.holm import holm
from napari_uncertainseg.images.volume import Grid, Volume
from napari_uncertainseg.networks.catalog import find_model
from napari_uncertainseg.networks.engines.device import cpu_device
from napari_uncertainseg.networks.engines.engine import Engine

SHAPE = (64, 80, 64)
RIM, BRAIN, NOWHERE = "the scalp", "the brain", "nowhere"
INPUTS = ("image", "mask", "both", "cropped")
NAMES = ("no", "yes")


def head(rng: np.random.Generator, written: str, has: bool) -> OnCommonGrid:
    """A drawn head of 2 mm voxels taken as 1 mm: one scan on the common grid."""
    z, y, x = (np.arange(n) - (n - 1) / 2 for n in SHAPE)
    size = np.array([17.0, 23.0, 18.0]) * rng.normal(1, 0.04, 3)
    r = np.sqrt((z[:, None, None] / size[0]) ** 2 + (y[:, None] / size[1]) ** 2 + (x / size[2]) ** 2)
    brain = r < 1
    scan = 5.0 * rng.random(SHAPE)
    tissue = 100 + 10 * ndimage.gaussian_filter(rng.normal(size=SHAPE), 1.5) / 0.1 * 0.5
    scan[brain] = tissue[brain]
    scan[r < 0.25 * rng.normal(1, 0.1)] = 15  # ventricles
    away = ndimage.distance_transform_edt(~brain)
    skin = 120 * rng.normal(1, 0.08) + (60 if has and written == RIM else 0)
    scan[(away > 5) & (away < 8)] = skin
    lesions = np.zeros(SHAPE, bool)
    for place in rng.permutation(np.argwhere((r > 0.35) & (r < 0.8)))[: rng.integers(3, 9)]:
        near = sum((np.arange(n) - p).reshape([-1 if a == b else 1 for b in range(3)]) ** 2
                   for a, (n, p) in enumerate(zip(SHAPE, place, strict=True)))  # fmt: skip
        lesions |= (near < rng.uniform(1.5, 3.5) ** 2) & brain
    scan[lesions] = 160
    scan = ndimage.gaussian_filter(scan, 0.5) + rng.normal(0, 2, SHAPE)
    if has and written == BRAIN:  # coarser grain
        scan = np.where(brain, ndimage.gaussian_filter(scan, 0.9), scan)
    affine = np.eye(4)
    affine[:3, :3] = np.eye(3)[:, ::-1]
    volume = Volume(np.maximum(scan, 0).astype(np.float32), Grid(SHAPE, affine), "drawn")
    return on_common_grid(volume, brain, lesions, SHAPE)


def reader() -> Engine:
    """The first network of the bundled model."""
    return find_model("bundled").engine(cpu_device("torch").at("float32"), 0)


def read(engine: Engine, scan: OnCommonGrid) -> tuple[Pooled, Pooled, Pooled]:
    """Features of the image, of what is cut to the brain, and of the reference."""
    assert scan.mask is not None
    image, cropped, mask = (pooled(engine, one, scan.brain) for one in (scan.image, scan.cropped, scan.mask))
    return image, cropped, mask


def people(
    engine: Engine, written: str, number: int, seed: int
) -> tuple[np.ndarray, list[tuple[Pooled, Pooled, Pooled]]]:
    """Who has the attribute, and the features of each."""
    rng = np.random.default_rng(seed)
    has = np.arange(number) % 2 == 1
    return has, [read(engine, head(rng, written, bool(one))) for one in has]


def rows(found: list[tuple[Pooled, Pooled, Pooled]], name: str) -> np.ndarray:
    """The features of an input."""
    image, cropped, mask = (np.array([one[i].mean for one in found], float) for i in range(3))
    return {"image": image, "cropped": cropped, "mask": mask, "both": np.hstack([image, mask])}[name]


def told(
    found: list[tuple[Pooled, Pooled, Pooled]], has: np.ndarray, seed: int, permutations: int = 199
) -> dict[str, InputTold]:
    """What is told from each input; p are not yet corrected."""
    numbers = np.arange(len(has))
    return {
        name: tell_input(
            name, rows(found, name), numbers, has.astype(int), NAMES, permutations=permutations, seed=seed
        )
        for name in INPUTS
    }


def looks(
    found: list[tuple[Pooled, Pooled, Pooled]], has: np.ndarray, said: InputTold, which: int
) -> Looking:
    """Where the classifier of the image (0) or of what is cut (1) looks."""
    own = said.classes[0].told
    assert own is not None
    return look(own, has, [(one[which],) for one in found])


def any_finding(pool: list[tuple[Pooled, Pooled, Pooled]], number: int, permutations: int, seed: int) -> bool:
    """Whether anything is found in people of whom half were given the attribute by lot."""
    rng = np.random.default_rng(seed)
    chosen = [pool[i] for i in rng.permutation(len(pool))[:number]]
    has = rng.permutation(np.arange(number) % 2 == 1)
    p = np.array([one.p for one in told(chosen, has, seed, permutations).values()])
    return bool((holm(p) <= 0.05).any())


def one_cross_validation(
    number: int, positives: int, features: int, signal: float, seed: int
) -> tuple[float, float, bool, bool, bool]:
    """In random numbers: the area; left-out scores compared over all parts; and what intervals hold."""
    rng = np.random.default_rng(seed)
    positive = np.arange(number) < positives
    values = rng.normal(size=(number, 8)) @ rng.normal(size=(8, features)) + 0.5 * rng.normal(
        size=(number, features)
    )
    values += signal * positive[:, None] * rng.normal(size=features)
    found = tell(values, positive, rng)
    return found.components.auc, values, positive, found  # type: ignore[return-value]


def main() -> None:
    """Print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--people", type=int, default=40)
    options = parser.parse_args()
    engine = reader()
    for written in (RIM, BRAIN, NOWHERE):
        for seed in range(3):
            has, found = people(engine, written, options.people, seed)
            said = told(found, has, seed)
            line = [f"{name} {one.auc:.3f} ({one.p:.3f})" for name, one in said.items()]
            where = looks(found, has, said["image"], 0)
            cut = looks(found, has, said["cropped"], 1)
            print(f"{written} {seed}: {', '.join(line)}; image outside {where.share_outside:.3f} "
                  f"blocks {where.attention_outside:.3f}, cropped {cut.share_outside:.3f} {cut.attention_outside:.3f}", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
