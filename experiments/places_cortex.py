"""How often a lesion is rightly juxtacortical: ``python experiments/places_cortex.py LABEL_MAPS``.

No scan at hand has an outlined cortex. So a FLAIR is drawn from whole-head label maps (those of SynthSeg; the
atlas is a mean of them, so that each is 1 of 20 in it) with slices of `SLICE_MM`, small lesions are put into
white matter at random, and the cortex of the labels says which of them abut it. See docs/places.md.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy import ndimage

from napari_uncertainseg.explain.place.lesions import INFRATENTORIAL, NEAR_MM, place_lesions
from napari_uncertainseg.explain.place.zones import find_zones, gap_to
from napari_uncertainseg.images.files import read_image
from napari_uncertainseg.images.volume import Grid, Volume

SLICE_MM = 3
LESIONS = 80
RADIUS_MM = 1.5
DEEP_MM = 6.0
LEVELS = {2: 100, 41: 100, 3: 118, 42: 118, 4: 20, 43: 20, 5: 20, 44: 20, 14: 20, 15: 20, 24: 20, 85: 100}
DEEP = 112  # grey nuclei, cerebellum and brainstem


def main() -> None:
    """Print a line for each map, and the sum."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("label_maps", type=Path)
    parser.add_argument("--every", type=int, default=5, help="so many maps are skipped between two")
    options = parser.parse_args()
    paths = sorted(options.label_maps.glob("training_seg_*.nii.gz"))[:: options.every]
    total = np.sum([check(path) for path in paths], axis=0)
    print(f"all: {_words(total)}")


def check(path: Path) -> np.ndarray:
    """Counts of one map: lesions, right, called so falsely, missed, truly so."""
    rng = np.random.default_rng(0)
    volume = read_image(path)
    head = volume.data.astype(int)
    brain = ndimage.binary_closing((head > 0) & (head < 100) & (head != 24), iterations=4)
    looks = np.full(head.shape, DEEP, np.float32)
    for number, level in LEVELS.items():
        looks[head == number] = level
    scan = Volume(looks, volume.grid, path.name, "flair")
    scan, inside, cortex, white = _thick(scan, brain, np.isin(head, (3, 42)), np.isin(head, (2, 41)))
    scan = replace(scan, data=scan.data + rng.normal(0, 4, scan.data.shape).astype(np.float32))
    labels = _lesions(white, cortex, scan.grid.spacing, rng)
    scan = replace(scan, data=np.where(labels > 0, 150, scan.data).astype(np.float32))
    zones = find_zones(scan, inside)
    own = place_lesions(zones, labels)
    true_gap = gap_to(zones.working.means(cortex) >= 0.5, zones.working)
    true = place_lesions(replace(zones, to_cortex=true_gap), labels)
    counted = (own["place"] != INFRATENTORIAL).to_numpy()
    ours = (own["to_cortex_mm"] <= NEAR_MM).to_numpy()[counted]
    theirs = (true["to_cortex_mm"] <= NEAR_MM).to_numpy()[counted]
    row = np.array(
        [len(ours), (ours == theirs).sum(), (ours & ~theirs).sum(), (theirs & ~ours).sum(), theirs.sum()]
    )
    off = (own["to_cortex_mm"] - true["to_cortex_mm"]).to_numpy()[counted]
    low, middle, high = np.percentile(off, (10, 50, 90))
    print(f"  {path.name}: {_words(row)}; off by {middle:.1f} mm ({low:.1f} to {high:.1f}) {zones.problem}")
    return row


def _lesions(
    white: np.ndarray, cortex: np.ndarray, spacing: tuple[float, float, float], rng: np.random.Generator
) -> np.ndarray:
    """Small balls in white matter, half of them at least `DEEP_MM` away from cortex."""
    labels = np.zeros(white.shape, int)
    depth = ndimage.distance_transform_edt(~cortex, sampling=spacing)
    sides = [int(np.ceil(RADIUS_MM / step)) for step in spacing]
    ball = np.linalg.norm(np.mgrid[[slice(-n, n + 1) for n in sides]].T * spacing, axis=-1).T <= RADIUS_MM
    for number in range(1, LESIONS + 1):
        places = np.argwhere(white & ((depth > DEEP_MM) if number % 2 else (depth <= DEEP_MM)))
        low = places[rng.integers(len(places))] - sides
        box = tuple(slice(a, a + 2 * n + 1) for a, n in zip(low, sides, strict=True))
        part = labels[box]
        part[ball & white[box]] = number
    return labels


def _thick(scan: Volume, *masks: np.ndarray) -> tuple[Volume, np.ndarray, np.ndarray, np.ndarray]:
    """A scan and masks with slices put together."""
    n = scan.grid.shape[0] // SLICE_MM

    def means(array: np.ndarray) -> np.ndarray:
        kept = array[: n * SLICE_MM].astype(np.float32)
        return np.asarray(kept.reshape(n, SLICE_MM, *array.shape[1:]).mean(axis=1))

    affine = scan.grid.affine.copy()
    affine[:3, 3] += affine[:3, 0] * (SLICE_MM - 1) / 2
    affine[:3, 0] *= SLICE_MM
    brain, cortex, white = (means(mask) >= 0.5 for mask in masks)
    grid = Grid((n, *scan.grid.shape[1:]), affine)  # type: ignore[arg-type]
    return Volume(means(scan.data), grid, scan.name, "flair"), brain, cortex, white


def _words(row: np.ndarray) -> str:
    n, right, false, missed, true = row.tolist()
    share = f"{right} of {n} right ({right / n:.1%})"
    return f"{share}, {false} falsely juxtacortical, {missed} of {true} missed"


if __name__ == "__main__":
    main()
