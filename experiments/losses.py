"""Do maximum-entropy terms and mL1-ACE do what they are for? The tables and figure of docs/experiments.md.

usage: python experiments/losses.py [planted|left-out] [--base dice_ce] [--seeds 3] [--steps 400]
           [--data FOLDER] [--tsv FILE] [--figure FILE]

Small networks of one head learn with a base loss alone, with each maximum-entropy term (weight 0.3), and with
hard- and soft-binned mL1-ACE (weight 1, as Dice and cross-entropy). All see the same patches. `planted`:
planted lesions (planted.py); cases that share a brain are not independent, so intervals are somewhat too
narrow. `left-out`: real scans, FLAIR alone, each hospital left out in turn (real_cases.py); a case is a
patient. Per case: figures are averaged over seeds (and visits), then compared with the base loss's by
Wilcoxon's signed-rank test, Holm-corrected over the five variants and all domains. Intervals: from
drawing cases anew. A run that was stopped goes on where its `--tsv` ends.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import cc3d
import numpy as np
import pandas as pd
import torch
from comparing import fit, interval, paired_p, statistic_interval, table, with_interval
from planted import Case, Cases, batches, plant
from real_cases import folds
from torch import Tensor, nn

from napari_uncertainseg.calibration.reliability import reliability
from napari_uncertainseg.explain.drivers.statistics.holm import holm
from napari_uncertainseg.lesions.matching import dice
from napari_uncertainseg.networks.engines.precision import Precision
from napari_uncertainseg.networks.multihead import MultiHeadUNet
from napari_uncertainseg.training.average_calibration import AverageCalibrationLoss
from napari_uncertainseg.training.maximum_entropy import MaximumEntropyLoss, base_loss
from napari_uncertainseg.uncertainty.voxel import binary_entropy

ROOT = Path(__file__).resolve().parents[1]
FEATURES = (8, 16, 32, 64)
PATCH, BATCH, BINS = 48, 2, 20
NAMES = {
    "base": "base",
    "meep": "+ MEEP",
    "meall": "+ MEALL",
    "kl": "+ KL",
    "hard": "+ mL1-ACE, hard",
    "soft": "+ mL1-ACE, soft",
}
SIZES = ((0, 15), (15, 50), (50, 200), (200, np.inf))
FIGURES = ("Dice", "ECE", "ACE", "MCE")
FEWEST = 6
"""Cases of which a signed-rank test can find anything."""
PRECISION = Precision.fastest(torch.device("cpu"))
Loss = Callable[[nn.Module, Tensor, Tensor, Tensor], Tensor]


def main() -> None:
    """Train all variants, print the tables, draw the reliability histograms."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("cases", nargs="?", default="planted", choices=("planted", "left-out"))
    parser.add_argument("--base", default="dice_ce", choices=("ce", "dice", "dice_ce", "focal"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--tsv", type=Path, help="write what was measured per case here")
    parser.add_argument("--figure", type=Path, help="draw dataset reliability histograms here")
    arguments = parser.parse_args()
    started = time.perf_counter()
    every = [plant(arguments.data)] if arguments.cases == "planted" else list(folds())
    rows, histograms = [], {name: np.zeros((BINS, BINS)) for name in NAMES}
    if arguments.tsv and arguments.tsv.exists():
        rows = pd.read_csv(arguments.tsv, sep="\t").to_dict("records")
    done = {(row["fold"], row["seed"], row["variant"]) for row in rows}
    for seed in range(arguments.seeds):
        for number, cases in enumerate(every):
            for name in NAMES:
                if (number, seed, name) in done:
                    continue
                network = train(name, arguments.base, cases, seed=seed, steps=arguments.steps)
                for case in cases.testing:
                    row, histogram = measure(predict(network, case), case)
                    known = {"fold": number, "variant": name, "seed": seed}
                    rows.append({**known, "case": case.name, "domain": case.domain, **row})
                    if case.domain != "shifted":
                        histograms[name] += histogram
                if arguments.tsv:
                    pd.DataFrame(rows).to_csv(arguments.tsv, sep="\t", index=False, float_format="%.5g")
    found = pd.DataFrame(rows)
    report(found)
    if arguments.figure:
        draw(histograms, arguments.figure)
    print(
        f"\n{arguments.seeds} seeds, {arguments.steps} steps, {(time.perf_counter() - started) / 60:.0f} min"
    )


def loss_of(name: str, base: str) -> Loss:
    """A variant's loss of a network and a batch; only the brain counts."""
    if name in ("meep", "meall", "kl"):
        kind = MaximumEntropyLoss(base, name, 0.3)  # type: ignore[arg-type]
        return lambda network, x, y, counted: kind(*_inside(network, x, y, counted), counted)
    plain = base_loss(base, 1)  # type: ignore[arg-type]
    if name == "base":
        return lambda network, x, y, counted: plain(*_inside(network, x, y, counted))
    calibration = AverageCalibrationLoss(BINS, name, ignore_empty_classes=False)  # type: ignore[arg-type]

    def both(network: nn.Module, x: Tensor, y: Tensor, counted: Tensor) -> Tensor:
        logits, target = _inside(network, x, y, counted)
        return plain(logits, target) + calibration(logits, target, counted)

    return both


def _inside(network: nn.Module, x: Tensor, target: Tensor, counted: Tensor) -> tuple[Tensor, Tensor]:
    """Logits and target; where nothing counts, the network is right whatever it says."""
    with PRECISION.autocast():
        logits = network(x.to(memory_format=torch.channels_last_3d))
    return torch.where(counted > 0, logits.float(), -20.0), target * counted


def train(name: str, base: str, cases: Cases, *, seed: int, steps: int) -> nn.Module:
    """Train a small network; all variants of a seed begin alike and see the same patches."""
    torch.manual_seed(seed)
    network = MultiHeadUNet(3, FEATURES, heads=1).to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    drawn = batches(cases.training, steps=steps, batch=BATCH, edge=PATCH, seed=seed)
    fit(network, drawn, loss_of(name, base), steps=steps)
    return network


@torch.inference_mode()
def predict(network: nn.Module, case: Case) -> np.ndarray:
    """Probability (z, y, x)."""
    with PRECISION.autocast():
        logits = network(case.image[None].to(memory_format=torch.channels_last_3d))
    return torch.sigmoid(logits.float())[0, 0].numpy()


def measure(p: np.ndarray, case: Case) -> tuple[dict[str, float], np.ndarray]:
    """Figures of a case, and where its bins fall in the dataset reliability histogram."""
    inside = case.counted.numpy()
    p, y = p * inside, case.lesions.numpy() & inside
    predicted = p >= 0.5
    entropy = binary_entropy(p)
    found = reliability(p, y, region=inside, bins=BINS)
    row = {"Dice": dice(predicted, y), "ECE": found.ece, "ACE": found.ace, "MCE": found.mce}
    row["entropy"] = _mean(entropy, predicted)
    kinds = {"TP": predicted & y, "FP": predicted & ~y, "FN": ~predicted & y, "TN": ~predicted & ~y & inside}
    row |= {f"entropy {kind}": _mean(entropy, where) for kind, where in kinds.items()}
    row |= by_size(entropy, predicted)
    histogram = np.zeros((BINS, BINS))
    filled = found.count >= 5
    column = np.flatnonzero(filled)
    line = np.minimum((found.fraction[filled] * BINS).astype(int), BINS - 1)
    histogram[line, column] = 1
    return row, histogram


def by_size(entropy: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """Mean entropy of the lesions found, by their volume in mm3."""
    labels, n = cc3d.connected_components(predicted, connectivity=26, return_N=True)
    volumes = np.bincount(labels.ravel(), minlength=n + 1)[1:]
    means = np.bincount(labels.ravel(), entropy.ravel(), minlength=n + 1)[1:] / np.maximum(volumes, 1)
    return {
        f"entropy {low} to {high} mm3": _mean(means, (volumes > low) & (volumes <= high))
        for low, high in SIZES
    }


def _mean(values: np.ndarray, where: np.ndarray) -> float:
    return float(values[where].mean()) if where.any() else float("nan")


def report(found: pd.DataFrame) -> None:
    """Print calibration against the base, what doubt says of Dice, and where entropy is."""
    per_case = found.drop(columns=["seed", "fold"]).groupby(["domain", "variant", "case"]).mean()
    domains = list(dict.fromkeys(found["domain"]))
    if len(domains) > 2:  # few patients each
        pooled = found.assign(domain="all left-out sources").drop(columns=["seed", "fold"])
        per_case = pd.concat([per_case, pooled.groupby(["domain", "variant", "case"]).mean()])
        domains.append("all left-out sources")
    tests = [(d, v, f) for f in FIGURES for d in domains for v in NAMES if v != "base"]
    p = {}
    for figure in FIGURES:
        group = [t for t in tests if t[2] == figure and len(per_case.loc[t[:2]]) >= FEWEST]
        raw = [paired_p(per_case.loc[(d, v), f], per_case.loc[(d, "base"), f]) for d, v, f in group]
        p |= dict(zip(group, holm(np.array(raw, float)), strict=True))
    for domain in domains:
        print(f"**{domain}** (* differs from the base, p < 0.05 after Holm)\n")
        rows = []
        for variant, title in NAMES.items():
            values = per_case.loc[(domain, variant)]
            cells = [
                with_interval(interval(values[f])) + ("*" if p.get((domain, variant, f), 1) < 0.05 else "")
                for f in FIGURES
            ]
            entropy, quality = values["entropy"].to_numpy(), values["Dice"].to_numpy()
            kept = np.isfinite(entropy)
            rows.append([title, *cells, with_interval(_correlation(entropy[kept], quality[kept]), 2)])
        print(table(["loss", *FIGURES, "r(entropy, Dice)"], rows), end="\n\n")
    kinds = [c for c in found.columns if c.startswith("entropy ")]
    for domain in domains:
        print(f"Mean entropy (nats), {domain}\n")
        rows = [
            [title, *(f"{per_case.loc[(domain, v)][k].mean():.3f}" for k in kinds)]
            for v, title in NAMES.items()
        ]
        print(table(["loss", *(k.removeprefix("entropy ") for k in kinds)], rows), end="\n\n")


def _correlation(a: np.ndarray, b: np.ndarray) -> tuple[float, float, float]:
    """Pearson's r with its interval."""

    def r(chosen: np.ndarray) -> float:
        x, y = a[chosen], b[chosen]
        return float(np.corrcoef(x, y)[0, 1]) if x.std() > 0 and y.std() > 0 else float("nan")

    return statistic_interval(r, len(a))


def draw(histograms: dict[str, np.ndarray], path: Path) -> None:
    """Dataset reliability histograms: per confidence bin, how many images have which observed frequency."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, len(histograms), figsize=(3 * len(histograms), 3.2), sharey=True)
    for axis, (name, histogram) in zip(axes, histograms.items(), strict=True):
        axis.imshow(histogram, origin="lower", extent=(0, 1, 0, 1), cmap="Blues")
        axis.plot([0, 1], [0, 1], "k--", linewidth=0.8)
        axis.set_title(NAMES[name])
        axis.set_xlabel("predicted probability")
    axes[0].set_ylabel("observed frequency of one image")
    figure.tight_layout()
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
