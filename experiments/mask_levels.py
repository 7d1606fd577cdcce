"""How far a FLAIR's levels move with the brain mask: ``python experiments/mask_levels.py [FINDER]``.

A table of docs/results.md. Each FLAIR at hand is normalised within its own mask (where that shows no brain:
within what FINDER finds, see experiments/brain.py), and within that mask made wider or tighter, without
ventricles, or without all that is fluid. Told is how far deep white matter, and what is half as bright again
as a lesion is, move: by the network's normalisation, and as a z-score. The largest over a source's scans.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator

import numpy as np
from brain import DATA, finder
from comparing import table
from scipy import ndimage

from napari_uncertainseg._boxes import bounding_box
from napari_uncertainseg.images.files import read_labels, read_volume
from napari_uncertainseg.images.preparation.normalise import FLUID_SHARE, normalise
from napari_uncertainseg.images.volume import Volume
from napari_uncertainseg.training.brain.real_heads import SOURCES, real_heads

STRIPPED = ("3d-mr-ms/patient07/FLAIR", "3d-mr-ms/patient19/FLAIR", "mslesseg/P14_visit1/flair")
MARGIN = 6  # voxels around the brain


def scans(name: str) -> Iterator[tuple[str, Volume, np.ndarray]]:
    """Source, FLAIR and brain; without a finder, scans whose mask shows no brain are left out."""
    for source in SOURCES:
        for head in real_heads(DATA, source):
            if head.modality == "flair" and (name or not head.wrong):
                yield source, head.scan, finder(name)(head.scan) if head.wrong else head.share >= 0.5
    for path in STRIPPED:
        scan = read_volume(DATA / f"{path}.nii.gz")
        yield path.split("/")[0], scan, scan.data > 0


def masks(scan: Volume, brain: np.ndarray, spacing: tuple[float, ...]) -> dict[str, np.ndarray]:
    """The brain, drawn otherwise."""
    depth = ndimage.distance_transform_edt(brain, sampling=spacing)
    away = ndimage.distance_transform_edt(~brain, sampling=spacing)
    fluid = brain & (scan.data < FLUID_SHARE * np.median(scan.data[brain]))
    path = None if scan.path is None else scan.path.parent / "ventricle.nii.gz"
    drawn = path is not None and path.exists()
    ventricle = (
        read_labels(path, scan.grid).data > 0 if drawn else ndimage.binary_opening(fluid & (depth > 15))
    )
    wider = {f"{mm:g} mm wider": away <= mm for mm in (2, 4)} if (scan.data[~brain] != 0).any() else {}
    tighter = {f"{mm:g} mm tighter": depth > mm for mm in (2, 4)}
    return {**wider, **tighter, "without ventricles": brain & ~ventricle, "without fluid": brain & ~fluid}


def moved(scan: Volume, brain: np.ndarray) -> Iterator[tuple[str, float, float, float]]:
    """By mask: how far white matter and lesions move as the network reads them, and white as a z-score."""
    box = tuple(slice(max(0, part.start - MARGIN), part.stop + MARGIN) for part in bounding_box(brain))
    variants = {name: mask[box] for name, mask in masks(scan, brain, scan.grid.spacing).items()}
    data, own = scan.data[box].copy(), brain[box]
    depth = ndimage.distance_transform_edt(own, sampling=scan.grid.spacing)
    level = normalise(data, own, "flair")
    white = (depth > 10) & (np.abs(level) < 0.8)
    probe = np.argwhere(white)[:: max(1, int(white.sum()) // 2)][:2]  # two voxels that hold the levels
    first, second = (tuple(each) for each in probe)
    tissue = float(np.median(data[white]))
    for held, value in ((first, tissue), (second, 1.5 * tissue)):
        data[held] = value
    before = [normalise(data, own, modality) for modality in ("flair", "t1")]
    for name, mask in variants.items():
        after = [normalise(data, mask, modality) for modality in ("flair", "t1")]
        change = [a - b for a, b in zip(after, before, strict=True)]
        yield name, float(change[0][first]), float(change[0][second]), float(change[1][first])


def main() -> None:
    """Print the table."""
    finder_name = sys.argv[1] if len(sys.argv) > 1 else ""
    most: dict[tuple[str, str], list[tuple[float, float, float]]] = defaultdict(list)
    for source, scan, brain in scans(finder_name):
        for name, *numbers in moved(scan, brain):
            most[source, name].append((abs(numbers[0]), abs(numbers[1]), abs(numbers[2])))
    rows = [
        [source, name, str(len(each)), *(f"{value:.2f}" for value in np.max(each, axis=0))]
        for (source, name), each in most.items()
    ]
    print(table(["source", "mask", "scans", "white matter", "lesion", "white matter as z-score"], rows))


if __name__ == "__main__":
    main()
