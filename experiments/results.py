"""The figures of docs/results.md: what a model does on each real scan at hand, as a Markdown table.

usage: python experiments/results.py [--model NAME|FOLDER] [--data FOLDER] [--method METHOD]

Against the reference where there is one (patients 07 and 19 of 3D-MR-MS, also their FLAIR alone averaged to
thick slices, which imitates such a scanner and is none); elsewhere number, volume and seconds. Intervals
(95 %, Wilson) take lesions as independent, and say nothing about other patients.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from scipy.stats import binomtest
from torch.nn import functional as F

from napari_uncertainseg import Segmenter, Volume, read_volume
from napari_uncertainseg.evaluate.agreement import reference_agreement
from napari_uncertainseg.images.files import read_labels
from napari_uncertainseg.images.volume import Grid
from napari_uncertainseg.uncertainty.lesion_ranking import rank_lesions

ROOT = Path(__file__).resolve().parents[1]
LONGITUDINAL = "3d-mr-ms-longitudinal/patient01"
TITLES = (
    "case", "inputs", "Dice", "lesion F1", "precision", "recall", "ACE", "MCE",
    "lesions", "ml", "reference ml", "s",
)  # fmt: skip


@dataclass(frozen=True)
class Scan:
    """A visit: what its files begin with, how they are called, and where its masks are."""

    name: str
    prefix: str
    files: tuple[tuple[str, str], ...]
    reference: str | None = None


MNI = (("flair", "FLAIR"), ("t1", "T1"), ("t2", "T2"))
RAW = (("flair", "FLAIR"), ("t1", "T1W"), ("t2", "T2W"))
THICK = 7.5
"""Of slices, mm, as clinical FLAIRs have them."""
SCANS = (
    Scan("3D-MR-MS patient 07", "3d-mr-ms/patient07/", MNI, "3d-mr-ms/patient07/lesions.nii.gz"),
    Scan("3D-MR-MS patient 19", "3d-mr-ms/patient19/", MNI, "3d-mr-ms/patient19/lesions.nii.gz"),
    Scan("stroke-flair", "stroke-flair/", MNI),
    Scan("raw patient 01, visit 1", f"{LONGITUDINAL}/study1_", RAW),
    Scan("raw patient 01, visit 2", f"{LONGITUDINAL}/study2_", RAW),
)


def main() -> None:
    """Print the table row by row."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--model", default="bundled")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--method", default="one-pass")
    arguments = parser.parse_args()
    segmenter = Segmenter(arguments.model, method=arguments.method)
    print(f"Model {arguments.model}, {arguments.method}, {segmenter.device_name}\n")
    print("| " + " | ".join(TITLES) + " |\n|" + " --- |" * len(TITLES))
    for scan in SCANS:
        images = {role: read_volume(find(arguments.data, scan, name)) for role, name in scan.files}
        truth = reference(scan, arguments.data, images["flair"].grid)
        for roles in (("flair",), ("flair", "t1"), ("flair", "t1", "t2")):
            cells = measure(segmenter, {r: images[r] for r in roles}, truth)
            print("| " + " | ".join([scan.name, "+".join(roles), *cells]) + " |", flush=True)
        if truth is not None:
            cells = measure(segmenter, {"flair": thick(images["flair"])}, thick(truth))
            name = f"{scan.name}, slices of {THICK} mm"
            print("| " + " | ".join([name, "flair", *cells]) + " |", flush=True)


def find(data: Path, scan: Scan, name: str) -> Path:
    """The file of one image."""
    return data / f"{scan.prefix}{name}.nii.gz"


def reference(scan: Scan, data: Path, grid: Grid) -> Volume | None:
    """The reference on the scan's grid, if there is one."""
    return None if scan.reference is None else read_labels(data / scan.reference, grid)


def thick(volume: Volume) -> Volume:
    """Average voxels of 1 mm to axial slices; of labels, what fills half of a voxel stays."""
    shape = (round(volume.grid.shape[0] * volume.grid.spacing[0] / THICK), *volume.grid.shape[1:])
    step = volume.grid.shape[0] / shape[0]
    affine = volume.grid.affine.copy()
    affine[:3, 3] += affine[:3, 0] * (step - 1) / 2
    affine[:3, 0] *= step
    data = torch.from_numpy(volume.data.astype("float32"))[None, None]
    averaged = F.interpolate(data, size=shape, mode="area")[0, 0].numpy()
    if volume.data.dtype.kind in "biu":
        averaged = (averaged >= 0.5).astype("uint8")
    return replace(volume, data=averaged, grid=Grid(shape, affine))


def measure(segmenter: Segmenter, images: dict[str, Volume], truth: Volume | None) -> Iterator[str]:
    """Segment, and say how it went."""
    start = time.perf_counter()
    prediction = segmenter.predict(images)
    seconds = time.perf_counter() - start
    lesions = rank_lesions(prediction)
    if truth is None:
        scores, volume = ["-"] * 6, "-"
    else:
        found = reference_agreement(
            prediction.probability,
            lesions.labels,
            truth.data > 0,
            brain=prediction.brain,
            grid=prediction.grid,
        )
        scores = [
            f"{found.dice:.2f}",
            f"{found.lesion_f1:.2f}",
            share(lesions.count - found.lesions_invented, lesions.count),
            share(found.lesions_found, found.lesions_found + found.lesions_missed),
            f"{found.ace:.2f}",
            f"{found.mce:.2f}",
        ]
        volume = f"{found.reference_ml:.1f}"
    yield from (*scores, str(lesions.count), f"{lesions.volume_ml:.1f}", volume, f"{seconds:.1f}")


def share(part: int, whole: int) -> str:
    """A share of lesions with its interval."""
    if not whole:
        return "-"
    low, high = binomtest(part, whole).proportion_ci(method="wilson")
    return f"{part / whole:.2f} ({low:.2f} to {high:.2f})"


if __name__ == "__main__":
    main()
