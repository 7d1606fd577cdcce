"""Do the maps find where experts of another style would differ? The table of docs/experiments.md.

usage: python experiments/styles.py [--model NAME|FOLDER] [--cache FOLDER] [--data FOLDER]

The experts of MS3SEG and Sim-Vent leave caps and rims at the ventricles out, which others outline. Such
voxels are *contested*:

- Sim-Vent: its own mask of them, `normal_wmh`, without what the lesion mask holds.
- MS3SEG: brain within 5 mm in the slice of the ventricles, no lesion and no neighbour of one, and at least as
  bright on the FLAIR as the darkest quarter of the scan's own lesion voxels. On Sim-Vent the same rule is
  held against `normal_wmh`, and what it finds of it is printed.

*Sure lesion* is the inside of the lesion mask: voxels whose neighbours in the slice are lesion too. *Sure
background* is brain within 10 mm in the slice of a lesion or contested voxel, not next to one, and darker.

A map's AUROC is how often a contested voxel has more of it than a sure one. What counts is the mean of the
two AUROCs, against sure lesion and against sure background: a map that is merely high in all lesions, or low
in them, gains nothing by it. Intervals are from drawing patients anew.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from cached import Cache, network_heads, prepared_scan
from comparing import interval, paired_p, table, with_interval
from scipy import ndimage
from sources import Scan, scans_at_hand

from napari_uncertainseg.images.files import read_labels, read_volume
from napari_uncertainseg.images.preparation.prepare import Prepared
from napari_uncertainseg.networks.catalog import find_model
from napari_uncertainseg.networks.engines.device import choose_device
from napari_uncertainseg.networks.engines.engine import Engine
from napari_uncertainseg.networks.model import Model
from napari_uncertainseg.training.subjects import find_image
from napari_uncertainseg.uncertainty.retention import auroc
from napari_uncertainseg.uncertainty.voxel import MapAccumulator

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ("MS3SEG", "Sim-Vent")
CAPS, AROUND = 5.0, 10.0
"""How far caps and rims reach from the ventricles, and how far around them and lesions is looked, mm."""
DARKEST = 25
"""Percentile of the lesions' brightness from which on a voxel is bright."""
NEIGHBOURS = np.ones((1, 3, 3), bool)
"""Those in the slice."""


@dataclass(frozen=True, eq=False)
class Places:
    """Where experts differ and where they do not, bool (z, y, x)."""

    contested: np.ndarray
    lesion: np.ndarray
    background: np.ndarray


def main() -> None:
    """Measure every map on every scan of the two sources, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--model", default="bundled")
    parser.add_argument("--cache", type=Path, help="keep prepared scans and what the heads say here")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    arguments = parser.parse_args()
    model = find_model(arguments.model)
    engine, cache = model.engine(choose_device("cpu")), Cache(arguments.cache)
    styles = model.capabilities.styles
    print(f"Model {arguments.model}: {styles} styles of {model.capabilities.heads} heads\n")
    rows, means = [], []
    for scan in scans_at_hand(arguments.data):
        if scan.source not in SOURCES:
            continue
        prepared, _ = prepared_scan(arguments.data, scan, cache)
        kind = f"heads-{model.name}-{model.sha256[:8]}"
        heads = cache.get_one(kind, scan, lambda p=prepared: heads_of(p, model, engine)).astype(np.float32)
        found = places_of(scan, prepared.brain, arguments.data)
        means.append(mean_by_style(heads, styles, found))
        row = {name: told_apart(values, found) for name, values in maps_of(heads, styles).items()}
        rows += [{"source": scan.source, "patient": scan.patient, "map": n, **v} for n, v in row.items()]
        counts = {name: int(mask.sum()) for name, mask in vars(found).items()}
        print(scan.prefix, counts, {name: round(v["both"], 2) for name, v in row.items()}, flush=True)
    names = model.styles or ("all heads",)
    print("\n" + table(["mean probability", *vars(found)], [
        [name, *(f"{value:.2f}" for value in row)] for name, row in zip(names, np.mean(means, 0), strict=True)
    ]))  # fmt: skip
    print("\n" + report(pd.DataFrame(rows)))


def heads_of(prepared: Prepared, model: Model, engine: Engine) -> np.ndarray:
    """Probabilities of all heads on the scan's own grid, float16 (heads, z, y, x)."""
    preprocessing = model.preprocessing
    source = prepared.network_input(preprocessing.spacing, preprocessing.smoothing)
    return np.stack([source.back(head).astype(np.float16) for head in network_heads(source, model, engine)])


def places_of(scan: Scan, brain: np.ndarray, data: Path) -> Places:
    """Where experts differ about a scan, and where they do not."""
    flair = read_volume(find_image(data, scan.prefix, "flair"))

    def mask(name: str) -> np.ndarray:
        return read_labels(find_image(data, scan.prefix, name), flair.grid).data > 0

    lesion, ventricle = mask("lesion"), mask("ventricle")
    spacing = flair.grid.spacing
    bright = flair.data >= np.percentile(flair.data[lesion & brain], DARKEST)
    ruled = brain & bright & within(ventricle, CAPS, spacing) & ~ventricle & ~next_to(lesion)
    contested = ruled
    if scan.source == "Sim-Vent":
        contested = mask("normal_wmh") & ~lesion & brain
        share, right = (np.count_nonzero(ruled & contested) / max(1, m.sum()) for m in (contested, ruled))
        print(
            f"{scan.prefix}: the rule finds {share:.0%} of normal_wmh; {right:.0%} of what it finds is that"
        )
    marked = lesion | contested
    background = brain & ~bright & ~ventricle & within(marked, AROUND, spacing) & ~next_to(marked)
    return Places(contested, ndimage.binary_erosion(lesion, NEIGHBOURS) & brain, background)


def within(mask: np.ndarray, far: float, spacing: tuple[float, ...]) -> np.ndarray:
    """Whether a voxel of the mask is so near in the same slice, mm."""
    return np.array([
        ndimage.distance_transform_edt(~plane, spacing[1:]) <= far if plane.any() else np.zeros_like(plane)
        for plane in mask
    ])  # fmt: skip


def next_to(mask: np.ndarray) -> np.ndarray:
    """The mask and its neighbours in the slice."""
    return ndimage.binary_dilation(mask, NEIGHBOURS)


def maps_of(heads: np.ndarray, styles: int) -> Mapping[str, np.ndarray]:
    """Maps to be compared, each (z, y, x)."""
    members = MapAccumulator()
    for head in heads:
        members.add(head)
    found = members.result()
    maps = {
        "entropy": found.entropy,
        "mutual information": found.mutual_information,
        "variance of all heads": found.variance,
    }
    if styles > 1:
        maps |= {
            name: compute(heads.reshape(styles, -1, *heads.shape[1:])) for name, compute in OF_STYLES.items()
        }
    return maps


def _different_styles(heads: np.ndarray) -> np.ndarray:
    """Chance that two experts of different styles disagree: the mean of a (1 - b) + b (1 - a) over styles."""
    means = heads.mean(1)
    n = len(means)
    mean = means.mean(0)
    product = ((n * mean) ** 2 - (means**2).sum(0)) / (n * (n - 1))
    return np.asarray(2 * (mean - product))


def _share(heads: np.ndarray) -> np.ndarray:
    """Of the variance of the heads, the part that is between styles."""
    return np.asarray(heads.mean(1).var(0) / np.maximum(heads.var((0, 1)), 1e-3))


OF_STYLES: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "variance between styles": lambda heads: heads.mean(1).var(0),
    "variance within styles": lambda heads: heads.var(1).mean(0),
    "chance to disagree, different styles": _different_styles,
    "share between styles": _share,
}
"""By name, of heads (styles, heads, z, y, x)."""


def mean_by_style(heads: np.ndarray, styles: int, places: Places) -> np.ndarray:
    """Mean probability that each style gives each of the places, (styles, 3)."""
    means = heads.reshape(styles, -1, *heads.shape[1:]).mean(1)
    return np.array([[style[mask].mean() for mask in vars(places).values()] for style in means])


def told_apart(values: np.ndarray, places: Places) -> dict[str, float]:
    """AUROC of contested against sure voxels."""

    def against(sure: np.ndarray) -> float:
        both = np.concatenate([values[places.contested], values[sure]])
        return float(auroc(both, np.arange(len(both)) < np.count_nonzero(places.contested)))

    lesion, background = against(places.lesion), against(places.background)
    return {"lesion": lesion, "background": background, "both": (lesion + background) / 2}


def report(rows: pd.DataFrame) -> str:
    """A table of patients, and one of sources with intervals."""
    names = list(dict.fromkeys(rows["map"]))
    wide = rows.pivot_table(index=["source", "patient"], columns="map", values="both")[names]
    patients = [
        [*map(str, key), *(f"{v:.2f}" for v in row)]
        for key, row in zip(wide.index, wide.to_numpy(), strict=True)
    ]
    lines = []
    for name in names:
        own = rows[rows["map"] == name]
        cells = [
            with_interval(interval(part[column].tolist()), 2)
            for column in ("both", "lesion", "background")
            for part in (own, *(own[own["source"] == s] for s in SOURCES))
            if column == "both" or part is own
        ]
        better = paired_p(wide[name].tolist(), wide["entropy"].tolist())
        lines.append([name, *cells, "" if name == "entropy" else f"{better:.3f}"])
    titles = ["map", "all", *SOURCES, "against sure lesion", "against sure background", "p against entropy"]
    return table(["source", "patient", *names], patients) + "\n\n" + table(titles, lines)


if __name__ == "__main__":
    main()
