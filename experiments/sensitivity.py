"""What noise and smoothing of the FLAIR change on a patient that a network has not seen.

usage: python experiments/sensitivity.py [--runs FOLDER] [--data FOLDER]

Networks of experiments/holdout07.toml and holdout19.toml, FLAIR alone and with T1 and T2, at the threshold
that a training writes. Noise is a share of the median of the brain; smoothing is Gaussian, sigma in voxels of
1 mm.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from results import SCANS, TITLES, find, measure, reference

from napari_uncertainseg import Segmenter, Volume, read_volume
from napari_uncertainseg.networks.catalog import find_model

ROOT = Path(__file__).resolve().parents[1]


CHANGES = {
    "as scanned": (0.0, 0.0),
    "noise 0.05": (0.05, 0.0),
    "noise 0.1": (0.1, 0.0),
    "smoothed 0.35": (0.0, 0.35),
    "smoothed 0.5": (0.0, 0.5),
    "smoothed 0.7": (0.0, 0.7),
}
"""Noise that is added, and the model's own `smoothing`."""


def noisy(scan: Volume, share: float) -> Volume:
    """Add noise to what is not background."""
    brain = scan.data != 0
    noise = np.random.default_rng(0).normal(0, share * np.median(scan.data[brain]), scan.data.shape)
    return replace(scan, data=(scan.data + noise * brain).astype(np.float32))


def main() -> None:
    """Print the table row by row."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--runs", type=Path, default=ROOT / "runs")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    arguments = parser.parse_args()
    print("| FLAIR " + "".join(f"| {title} " for title in TITLES) + "|\n|" + " --- |" * (len(TITLES) + 1))
    for scan, number in zip(SCANS, ("07", "19"), strict=False):
        model = find_model(arguments.runs / f"holdout{number}" / "model")
        images = {role: read_volume(find(arguments.data, scan, name)) for role, name in scan.files}
        truth = reference(scan, arguments.data, images["flair"].grid)
        for name, (share, smoothing) in CHANGES.items():
            segmenter = Segmenter(
                replace(model, preprocessing=replace(model.preprocessing, smoothing=smoothing))
            )
            flair = noisy(images["flair"], share)
            for chosen in ({"flair": flair}, images | {"flair": flair}):
                row = [name, scan.name, "+".join(chosen), *measure(segmenter, chosen, truth)]
                print("| " + " | ".join(row) + " |", flush=True)


if __name__ == "__main__":
    main()
