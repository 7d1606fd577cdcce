"""What noise and smoothing of the FLAIR change on a patient that a network has not seen.

usage: python experiments/sensitivity.py [--runs FOLDER] [--data FOLDER]

Networks of experiments/holdout07.toml and holdout19.toml, FLAIR alone and with T1 and T2, at the threshold
that a training writes. Noise is a share of the median of the brain; smoothing is Gaussian, sigma in voxels of
1 mm.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from results import SCANS, TITLES, find, measure, reference
from scipy import ndimage

from napari_uncertainseg import Segmenter, read_volume

ROOT = Path(__file__).resolve().parents[1]


def noisy(share: float) -> Callable[[np.ndarray], np.ndarray]:
    """Add noise to what is not background."""

    def change(data: np.ndarray) -> np.ndarray:
        brain = data != 0
        noise = np.random.default_rng(0).normal(0, share * np.median(data[brain]), data.shape)
        return (data + noise * brain).astype(np.float32)

    return change


def smooth(sigma: float) -> Callable[[np.ndarray], np.ndarray]:
    """Blur what is not background."""
    return lambda data: (ndimage.gaussian_filter(data, sigma) * (data != 0)).astype(np.float32)


CHANGES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "as scanned": lambda data: data,
    "noise 0.05": noisy(0.05),
    "noise 0.1": noisy(0.1),
    "smoothed 0.35": smooth(0.35),
    "smoothed 0.5": smooth(0.5),
    "smoothed 0.7": smooth(0.7),
}


def main() -> None:
    """Print the table row by row."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--runs", type=Path, default=ROOT / "runs")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    arguments = parser.parse_args()
    print("| FLAIR " + "".join(f"| {title} " for title in TITLES) + "|\n|" + " --- |" * (len(TITLES) + 1))
    for scan, number in zip(SCANS, ("07", "19"), strict=False):
        segmenter = Segmenter(arguments.runs / f"holdout{number}" / "model")
        images = {role: read_volume(find(arguments.data, scan, name)) for role, name in scan.files}
        truth = reference(scan, arguments.data)
        for name, change in CHANGES.items():
            flair = replace(images["flair"], data=change(images["flair"].data))
            for chosen in ({"flair": flair}, images | {"flair": flair}):
                row = [name, scan.name, "+".join(chosen), *measure(segmenter, chosen, truth)]
                print("| " + " | ".join(row) + " |", flush=True)


if __name__ == "__main__":
    main()
