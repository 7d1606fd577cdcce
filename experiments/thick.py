"""Ways to read thick slices, without any training: the table of docs/experiments.md.

usage: python experiments/thick.py [--model NAME|FOLDER] [--cache FOLDER] [--data FOLDER] [--reading NAME ...]

Networks read cubic voxels of 1 mm. Scans of MS3SEG and Sim-Vent have slices of 6.4 to 8.1 mm and 0.9 mm in
the slice. `READINGS` says how they are brought there and back. The first is what the program does.
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

from napari_uncertainseg._boxes import bounding_box
from napari_uncertainseg.calibration.thresholds import best_dice
from napari_uncertainseg.evaluate.agreement import reference_agreement
from napari_uncertainseg.images.preparation.prepare import NetworkInput, Prepared, smoothed
from napari_uncertainseg.images.resample import resampled_shape, zoom
from napari_uncertainseg.lesions.components import label_components, voxels_of
from napari_uncertainseg.networks.catalog import find_model
from napari_uncertainseg.networks.engines.device import choose_device
from napari_uncertainseg.networks.engines.engine import Engine
from napari_uncertainseg.networks.model import Model

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ("MS3SEG", "Sim-Vent")
SMALL = 30.0
"""Lesions up to here are small, mm3."""
Along = Callable[[np.ndarray, int], np.ndarray]
"""An array (z, y, x) and a number of slices, to an array of so many slices over the same extent."""


def linear(data: np.ndarray, slices: int) -> np.ndarray:
    """Between the middles of the slices; where they become thicker, smoothed first."""
    return zoom(data, (slices, *data.shape[1:]))


def nearest(data: np.ndarray, slices: int) -> np.ndarray:
    """Each slice as often as it is thick."""
    return data[((np.arange(slices) + 0.5) * len(data) / slices).astype(int)]


def at_middles(data: np.ndarray, slices: int, *, order: int) -> np.ndarray:
    """In the middle of each slice, by splines of an order."""
    ratio = len(data) / slices
    where = (ratio, 1, 1), ((ratio - 1) / 2, 0, 0)
    return ndimage.affine_transform(
        data, *where, (slices, *data.shape[1:]), order=order, output=np.float32, mode="nearest"
    )


def cubic(data: np.ndarray, slices: int) -> np.ndarray:
    """Cubic splines between the middles."""
    return at_middles(data, slices, order=3)


def average(data: np.ndarray, slices: int) -> np.ndarray:
    """Over the thickness of each slice."""
    edges = np.arange(slices + 1) * len(data) / slices
    voxels = np.arange(len(data))
    shares = np.clip(np.minimum(voxels + 1, edges[1:, None]) - np.maximum(voxels, edges[:-1, None]), 0, 1)
    weights = (shares / shares.sum(1, keepdims=True)).astype(np.float32)
    return np.tensordot(weights, np.asarray(data, np.float32), 1)


def middle(data: np.ndarray, slices: int) -> np.ndarray:
    """In the middle of each slice, without smoothing."""
    return at_middles(data, slices, order=1)


def profile(data: np.ndarray, slices: int) -> np.ndarray:
    """What gives the slices again when it is averaged over their thickness: five steps of back projection."""
    found = linear(data, slices)
    for _ in range(5):
        found = found + linear(data - average(found, len(data)), slices)
    return found


@dataclass(frozen=True)
class Reading:
    """How a scan is brought to the network, and what it says back.

    Attributes
    ----------
    there, back
        Along the slices.
    in_plane, through
        Voxel size of what the network reads, mm: in the slices and across them.
    """

    there: Along = linear
    back: Along = linear
    in_plane: float = 1.0
    through: float = 1.0


READINGS: Mapping[str, Reading] = {
    "linear there and back": Reading(),
    "back: average over the slice": Reading(back=average),
    "back: middle of the slice": Reading(back=middle),
    "there: nearest slice": Reading(there=nearest),
    "there: nearest slice; back: average": Reading(there=nearest, back=average),
    "0.75 mm in the slice": Reading(in_plane=0.75),
    "there: slice profile": Reading(there=profile),
    "2 mm across": Reading(through=2.0),
    "there: cubic": Reading(there=cubic),
}


def main() -> None:
    """Segment every thick scan in every way, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--model", default="bundled")
    parser.add_argument("--cache", type=Path, help="keep prepared scans and probabilities here")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--reading", action="append", default=[], choices=tuple(READINGS))
    arguments = parser.parse_args()
    model = find_model(arguments.model)
    engine, cache = model.engine(choose_device("cpu")), Cache(arguments.cache)
    scans = [scan for scan in scans_at_hand(arguments.data) if scan.source in SOURCES]
    rows = []
    for name in arguments.reading or READINGS:
        for scan in scans:
            prepared, mask = prepared_scan(arguments.data, scan, cache)
            probability = read(scan, prepared, READINGS[name], model, engine, cache)
            row = measure(probability, mask, prepared, model.threshold)
            rows.append({"reading": name, "source": scan.source, "patient": scan.patient, **row})
        print(name, flush=True)
    print("\n" + report(pd.DataFrame(rows)))


def read(
    scan: Scan, prepared: Prepared, how: Reading, model: Model, engine: Engine, cache: Cache
) -> np.ndarray:
    """Mean probability of the heads, on the scan's own grid."""

    def make() -> np.ndarray:
        return network_heads(network_input(prepared, model, how), model, engine).mean(0)

    kind = f"{how.there.__name__}-{how.in_plane}-{how.through}-{model.name}-{model.sha256[:8]}"
    return on_scan(cache.get_one(kind, scan, make), prepared, how.back)


def network_input(prepared: Prepared, model: Model, reading: Reading) -> NetworkInput:
    """What the network reads."""
    box = bounding_box(prepared.brain)
    inside = prepared.brain[box]
    wanted = (reading.through, reading.in_plane, reading.in_plane)
    z, y, x = resampled_shape(inside.shape, prepared.grid.spacing, wanted)

    def there(data: np.ndarray) -> np.ndarray:
        return reading.there(zoom(data, (len(data), y, x)), z)

    brain = there(inside) >= 0.5
    channels = {m: (there(c[box]) * brain).astype(np.float32) for m, c in prepared.channels.items()}
    channels["flair"] = smoothed(channels["flair"], brain, model.preprocessing.smoothing)
    return NetworkInput(channels, brain, box, inside, prepared.brain.shape)


def on_scan(probability: np.ndarray, prepared: Prepared, back: Along) -> np.ndarray:
    """A map of the network's voxels on the scan's own grid, float32."""
    box = bounding_box(prepared.brain)
    inside = prepared.brain[box]
    out = np.zeros(prepared.brain.shape, np.float32)
    out[box] = zoom(back(probability, len(inside)), inside.shape) * inside
    return out


def measure(
    probability: np.ndarray, mask: np.ndarray, prepared: Prepared, threshold: float
) -> dict[str, float]:
    """Scores of a scan."""
    grid = prepared.grid
    voxel = float(np.prod(grid.spacing))
    labels, _ = label_components(probability, threshold, min_voxels=voxels_of(3.0, voxel))
    found = reference_agreement(probability, labels, mask, brain=prepared.brain, grid=grid)
    true, count = ndimage.label(mask, np.ones((3, 3, 3)))
    volumes = np.bincount(true.ravel(), minlength=count + 1)[1:] * voxel
    seen = np.bincount(true[labels > 0], minlength=count + 1)[1:] > 0
    small = (volumes >= 3) & (volumes <= SMALL)
    return {
        "Dice": found.dice,
        "best Dice": float(best_dice(probability, mask).dice),
        "lesion F1": found.lesion_f1,
        "recall": found.lesion_recall,
        f"recall up to {SMALL:g} mm3": float(seen[small].mean()) if small.any() else np.nan,
        "ACE": found.ace,
    }


def report(rows: pd.DataFrame) -> str:
    """A row per reading: means with intervals over patients, and differences from the first that hold."""
    names = list(dict.fromkeys(rows["reading"]))
    base = rows[rows["reading"] == names[0]].set_index("patient")
    scores = [c for c in base.columns if c not in ("reading", "source")]
    lines = []
    for name in names:
        own = rows[rows["reading"] == name].set_index("patient").loc[base.index]
        cells = []
        for score in scores:
            change = (own[score] - base[score]).tolist()
            if name == names[0]:
                cells.append(with_interval(interval(own[score].tolist()), 2))
            else:
                star = "*" if paired_p(own[score].tolist(), base[score].tolist()) < 0.05 else ""
                mean, low, high = interval(change)
                cells.append(f"{mean:+.3f} ({low:+.3f} to {high:+.3f}){star}")
        lines.append([name, *cells])
    return table(["reading", *scores], lines)


if __name__ == "__main__":
    main()
