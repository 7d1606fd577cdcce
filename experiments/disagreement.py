"""Which model's doubt is where experts disagree? The tables of docs/experiments.md.

usage: python experiments/disagreement.py cells|planted|left-out [--seeds 1] [--methods EDUE "deep ensemble"]
           [--data FOLDER] [--tsv FILE]

`cells`: 12 microscope images, each with 10 masks by real annotators (BU-BIL), leave-three-images-out.
`planted`: real lesion masks planted into real brains (planted.py), outlined by five simulated raters.
`left-out`: real lesions in real scans, FLAIR alone, each hospital left out in turn (real_cases.py), outlined
by five simulated raters; without the methods that need many passes. An image is a patient there: figures are
averaged over visits, and always over seeds. A run that was stopped goes on where its `--tsv` ends.

Methods: EDUE (one network, a head at each depth, each learns a rater drawn at random, guided by the raters'
variance; a reconstruction, its code is not public), five heads at full resolution with raters at random or
in order of volume (the latter is what the bundled model does), a layer ensemble, a deep ensemble of five,
the same with raters drawn at random, and dropout and flips of its first member. Where nothing else is said,
the target is the raters' majority.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from comparing import fit, interval, paired_p, statistic_interval, table, with_interval
from opinions import build, depths
from planted import Case, plant
from real_cases import folds as hospitals
from scipy.stats import spearmanr
from torch import Tensor, nn
from torch.nn import functional as F

from napari_uncertainseg.lesions.matching import dice
from napari_uncertainseg.networks.engines.precision import Precision
from napari_uncertainseg.raters.simulate import simulate_raters
from napari_uncertainseg.training.losses import (
    by_volume,
    dice_cross_entropy,
    disagreement_guidance,
    raters_of_heads,
)
from napari_uncertainseg.uncertainty.referral import discarded_area
from napari_uncertainseg.uncertainty.retention import auroc

ROOT = Path(__file__).resolve().parents[1]
HEADS, MEMBERS, PASSES, DROPOUT, GUIDANCE = 5, 5, 10, 0.2, 4.0
STEPS = {2: 300, 3: 250}
NAMES = (
    "EDUE",
    "heads, raters at random",
    "heads, raters in order",
    "layer ensemble",
    "deep ensemble",
    "deep ensemble, raters at random",
)
"""Of the methods that are trained; dropout and flips come with the deep ensemble."""
PRECISION = Precision.fastest(torch.device("cpu"))
Loss = Callable[[nn.Module, Tensor, Tensor, Tensor], Tensor]
Predictor = Callable[[Tensor], Tensor]
"""Image (C, ...) to members' probabilities (m, ...)."""


@dataclass(frozen=True, eq=False)
class Example:
    """An image (C, ...), what its raters outlined (r, ...) and the voxels that count (...)."""

    name: str
    image: Tensor
    raters: Tensor
    counted: Tensor


@dataclass(frozen=True, eq=False)
class Fold:
    """What is learnt from, what is tested on, and the edge of a patch.

    `many_passes`: whether images are small enough for methods of many passes.
    """

    training: list[Example]
    testing: list[Example]
    edge: int
    many_passes: bool = True


def main() -> None:
    """Train every method on every fold, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("task", choices=tuple(TASKS))
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--methods", nargs="+", help="train only these of those that are missing")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--tsv", type=Path, help="write what was measured per image here")
    arguments = parser.parse_args()
    started = time.perf_counter()
    folds = TASKS[arguments.task](arguments.data)
    rows: list[dict[str, Any]] = []
    if arguments.tsv and arguments.tsv.exists():
        rows = pd.read_csv(arguments.tsv, sep="\t").to_dict("records")
    for seed, (number, fold) in product(range(arguments.seeds), enumerate(folds)):
        done = {row["method"] for row in rows if (row["seed"], row["fold"]) == (seed, number)}
        wanted = set(arguments.methods or NAMES) - done
        for name, (predict, parameters) in methods(fold, seed, wanted):
            known = {"seed": seed, "fold": number, "method": name, "parameters": parameters}
            rows += [{**known, **measure(predict, case)} for case in fold.testing]
            minutes = (time.perf_counter() - started) / 60
            print(f"{minutes:.0f} min: seed {seed}, fold {number}, {name}", file=sys.stderr, flush=True)
            if arguments.tsv:
                pd.DataFrame(rows).to_csv(arguments.tsv, sep="\t", index=False, float_format="%.5g")
    found = pd.DataFrame(rows)
    report(found)
    images = found["image"].nunique()
    print(f"\n{images} images, {arguments.seeds} seeds, {(time.perf_counter() - started) / 60:.0f} min")


def cells(data: Path) -> list[Fold]:
    """Four folds of the BU-BIL images, at a quarter of their resolution."""
    found = []
    for path in sorted((data / "bu-bil-phase-contrast").glob("*.npz")):
        with np.load(path) as file:
            image, masks = torch.from_numpy(file["image"]).float(), torch.from_numpy(file["masks"]).float()
        image = F.avg_pool2d(image[None, None], 4)[0]
        raters = (F.avg_pool2d(masks[None], 4)[0] >= 0.5).float()
        image = (image - image.mean()) / image.std()
        # sizes that three halvings divide
        image, raters = (x[:, : x.shape[1] // 8 * 8, : x.shape[2] // 8 * 8] for x in (image, raters))
        found.append(Example(path.stem, image, raters, torch.ones_like(raters[0])))
    return [
        Fold(
            [e for i, e in enumerate(found) if i % 4 != k],
            [e for i, e in enumerate(found) if i % 4 == k],
            128,
        )
        for k in range(4)
    ]


def planted(data: Path) -> list[Fold]:
    """One fold: planted lesions in the brains learnt from, with other masks, and in two others."""
    cases = plant(data)
    training = [_outlined(case, i) for i, case in enumerate(cases.training)]
    return [Fold(training, [_outlined(case, 900 + i) for i, case in enumerate(cases.testing)], 48)]


def left_out(data: Path) -> list[Fold]:
    """A fold for each hospital: the real scans of all others to learn from, its own to test on.

    A scan's raters are the same in all folds. Methods that need many passes are left out: each whole scan
    would take minutes.
    """
    folds = list(hospitals())
    scans = [case for cases in folds for case in cases.testing]
    known = {case: _outlined(case, seed) for seed, case in enumerate(scans)}
    return [
        Fold([known[c] for c in cases.training], [known[c] for c in cases.testing], 48, many_passes=False)
        for cases in folds
    ]


def _outlined(case: Case, seed: int) -> Example:
    """A case whose lesions simulated raters outline."""
    raters = simulate_raters(case.lesions.numpy(), (1.0, 1.0, 1.0), HEADS, seed=seed)
    return Example(case.name, case.image, torch.from_numpy(raters).float(), case.counted.float())


TASKS: dict[str, Callable[[Path], list[Fold]]] = {"cells": cells, "planted": planted, "left-out": left_out}


def drawn(fold: Fold, seed: int, steps: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Patches, half of them at a voxel that a rater outlined, mirrored at random."""
    g = torch.Generator().manual_seed(seed)
    pick = lambda n: int(torch.randint(n, (1,), generator=g))  # noqa: E731
    places = [(e.raters.amax(0).nonzero(), e.counted.nonzero()) for e in fold.training]
    for _ in range(steps):
        parts = []
        for _ in range(2):
            i = pick(len(places))
            where = places[i][pick(2)]
            centre = (where if len(where) else places[i][1])[pick(len(where) or len(places[i][1]))]
            e = fold.training[i]
            window = [
                slice(s := max(0, min(int(c) - fold.edge // 2, n - fold.edge)), s + fold.edge)
                for c, n in zip(centre, e.counted.shape, strict=True)
            ]
            patch = torch.cat([e.image, e.raters, e.counted[None]])[(slice(None), *window)]
            parts.append(patch.flip(patch.ndim - 1) if pick(2) else patch)
        both = torch.stack(parts)
        c = e.image.shape[0]
        yield both[:, :c], both[:, c:-1], both[:, -1:]


def methods(fold: Fold, seed: int, wanted: set[str]) -> Iterator[tuple[str, tuple[Predictor, int]]]:
    """Train what is wanted of all that a fold compares; each as name, predictor and number of parameters."""
    one = {
        "EDUE": (1, _edue, depths),
        "heads, raters at random": (HEADS, _heads(ordered=False), lambda heads, layers: heads),
        "heads, raters in order": (HEADS, _heads(ordered=True), lambda heads, layers: heads),
        "layer ensemble": (1, _layers, depths),
    }
    for name, (heads, loss, members) in one.items():
        if name in wanted:
            network = _train(fold, heads, loss, seed)
            yield name, (_predictor([network], members), _parameters(network))
    ensembles = {"deep ensemble": _majority, "deep ensemble, raters at random": _random_rater}
    for name, loss in ensembles.items():
        if name not in wanted or not (fold.many_passes or loss is _majority):
            continue
        ensemble = [_train(fold, 1, loss, MEMBERS * seed + k) for k in range(MEMBERS)]
        if loss is _majority and fold.many_passes:
            yield "dropout", (_dropout(ensemble[0]), _parameters(ensemble[0]))
            yield "flips", (_flips(ensemble[0]), _parameters(ensemble[0]))
        size = sum(_parameters(n) for n in ensemble)
        yield name, (_predictor(ensemble, lambda heads, layers: heads), size)


def _train(fold: Fold, heads: int, loss: Loss, seed: int) -> nn.Module:
    torch.manual_seed(seed)
    dimensions = fold.training[0].counted.ndim
    network = build(dimensions, heads)
    fit(network, drawn(fold, seed, STEPS[dimensions]), loss, steps=STEPS[dimensions])
    return network


def _parameters(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def _forward(network: nn.Module, x: Tensor, dropout: float = 0.0) -> tuple[Tensor, list[Tensor]]:
    """Logits in float32; 3-D networks run in bfloat16 where the processor has it."""
    with PRECISION.autocast() if x.ndim == 5 else nullcontext():
        heads, layers = network(x, dropout)
    return heads.float(), [layer.float() for layer in layers]


def _edue(network: nn.Module, x: Tensor, raters: Tensor, counted: Tensor) -> Tensor:
    logits = depths(*_forward(network, x, 0.05))
    choice = torch.randint(raters.shape[1], (logits.shape[1],))
    guidance = disagreement_guidance(torch.sigmoid(logits), raters, counted)
    return dice_cross_entropy(logits, raters[:, choice], counted) + GUIDANCE * guidance


def _heads(*, ordered: bool) -> Loss:
    def loss(network: nn.Module, x: Tensor, raters: Tensor, counted: Tensor) -> Tensor:
        logits, _ = _forward(network, x, 0.05)
        random = None if ordered else torch.default_generator
        choice = raters_of_heads(raters.shape[1], logits.shape[1], random)
        raters = by_volume(raters)
        guidance = disagreement_guidance(torch.sigmoid(logits), raters, counted)
        return dice_cross_entropy(logits, raters[:, choice], counted) + GUIDANCE * guidance

    return loss


def _layers(network: nn.Module, x: Tensor, raters: Tensor, counted: Tensor) -> Tensor:
    logits = depths(*_forward(network, x, 0.05))
    return dice_cross_entropy(logits, _consensus(raters).expand_as(logits), counted)


def _majority(network: nn.Module, x: Tensor, raters: Tensor, counted: Tensor) -> Tensor:
    return dice_cross_entropy(_forward(network, x, DROPOUT)[0], _consensus(raters), counted)


def _random_rater(network: nn.Module, x: Tensor, raters: Tensor, counted: Tensor) -> Tensor:
    choice = torch.randint(raters.shape[1], (1,))
    return dice_cross_entropy(_forward(network, x, DROPOUT)[0], raters[:, choice], counted)


def _consensus(raters: Tensor) -> Tensor:
    return (raters.mean(1, keepdim=True) > 0.5).float()


def _predictor(networks: list[nn.Module], members: Callable[[Tensor, list[Tensor]], Tensor]) -> Predictor:
    def predict(image: Tensor) -> Tensor:
        return torch.cat([torch.sigmoid(members(*_forward(n, image[None])))[0] for n in networks])

    return predict


def _dropout(network: nn.Module) -> Predictor:
    def predict(image: Tensor) -> Tensor:
        torch.manual_seed(0)
        return torch.cat(
            [torch.sigmoid(_forward(network, image[None], DROPOUT)[0])[0] for _ in range(PASSES)]
        )

    return predict


def _flips(network: nn.Module) -> Predictor:
    def predict(image: Tensor) -> Tensor:
        axes = list(range(1, image.ndim))
        subsets = [[a for k, a in enumerate(axes) if i >> k & 1] for i in range(2 ** len(axes))]
        return torch.cat(
            [torch.sigmoid(_forward(network, image.flip(s)[None])[0])[0].flip(s) for s in subsets]
        )

    return predict


@torch.inference_mode()
def measure(predict: Predictor, case: Example) -> dict[str, float | str]:
    """Figures of an image; `doubt` is the mean variance where the mean probability is above 0.05."""
    started = time.perf_counter()
    members = predict(case.image)
    seconds = time.perf_counter() - started
    inside = case.counted > 0
    mean = members.mean(0)
    variance, observed = members.var(0, correction=0) * inside, case.raters.var(0, correction=0) * inside
    p = mean.clamp(1e-5, 1 - 1e-5)[inside]
    soft = case.raters.mean(0)[inside]
    likelihood = -(soft * p.log() + (1 - soft) * (1 - p).log()).mean()
    noise = torch.randn(case.image.shape, generator=torch.Generator().manual_seed(1))
    distorted = predict(case.image + noise * inside)
    return {
        "image": case.name,
        "Dice": dice((mean >= 0.5)[inside].numpy(), (soft > 0.5).numpy()),
        "NLL": float(likelihood),
        "NCC": float(torch.corrcoef(torch.stack([variance[inside], observed[inside]]))[0, 1].nan_to_num()),
        "sum": float(variance.sum()),
        "observed sum": float(observed.sum()),
        "doubt": _doubt(members, inside),
        "doubt distorted": _doubt(distorted, inside),
        "seconds": seconds,
    }


def _doubt(members: Tensor, inside: Tensor) -> float:
    where = inside & (members.mean(0) > 0.05)
    return float(members.var(0, correction=0)[where].mean()) if where.any() else 0.0


def report(found: pd.DataFrame) -> None:
    """Print a row for each method; an asterisk where voxels correlate otherwise than with a deep ensemble."""
    found = found.groupby(["method", "image"], sort=False).mean().reset_index()
    base = found[found["method"] == "deep ensemble"].set_index("image")
    limit = float(base["Dice"].median())
    rows = []
    for name, group in found.groupby("method", sort=False):
        group = group.set_index("image").loc[base.index]
        sums, observed = group["sum"].to_numpy(), group["observed sum"].to_numpy()

        def rank(i: np.ndarray, a: np.ndarray = sums, b: np.ndarray = observed) -> float:
            return float(spearmanr(a[i], b[i]).statistic) if len(set(i.tolist())) > 2 else float("nan")

        p = paired_p(group["NCC"], base["NCC"])
        doubts = np.concatenate([group["doubt"], group["doubt distorted"]])
        rows.append([
            str(name),
            with_interval(statistic_interval(rank, len(sums)), 2),
            with_interval(interval(group["NCC"]), 2) + ("*" if p < 0.05 else ""),
            with_interval(interval(group["NLL"]), 4),
            with_interval(interval(group["Dice"]), 3),
            f"{discarded_area(group['doubt'].to_numpy(), (group['Dice'] < limit).to_numpy()):.2f}",
            f"{auroc(doubts, np.arange(len(doubts)) >= len(group)):.2f}",
            f"{group['seconds'].median() * 1000:.0f}",
            f"{group['parameters'].iloc[0] / 1000:.0f}",
        ])  # fmt: skip
    titles = ["method", "rank correlation over images", "voxel correlation", "NLL", "Dice"]
    print(table([*titles, "d-AUC", "OOD AUROC", "ms", "thousand parameters"], rows))
    print(f"\nPoor images (d-AUC): Dice below {limit:.3f}, the deep ensemble's median.", end=" ")
    print("* differs from the deep ensemble, p < 0.05 (Wilcoxon, not corrected).")


if __name__ == "__main__":
    main()
