"""How often the place of a lesion is right: ``python experiments/places.py DATA``, docs/places.md.

`DATA` holds `ms3seg` and `sim-vent`, whose ventricles experts outlined. A lesion is periventricular where at
most `NEAR_MM` lies between it and them. Their masks also hold the third and fourth ventricle: lesions of
brainstem and cerebellum, as the program sees them, are counted apart, because there the place is
*infratentorial* either way. The brain is the one that the program finds in the FLAIR.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from napari_uncertainseg.explain.place.lesions import INFRATENTORIAL, NEAR_MM, place_lesions
from napari_uncertainseg.explain.place.zones import BrainZones, find_zones, gap_to
from napari_uncertainseg.images.files import read_image
from napari_uncertainseg.images.preparation.brain import find_brain
from napari_uncertainseg.lesions.components import label_mask

SOURCES = ("ms3seg", "sim-vent")


def main() -> None:
    """Print a line for each patient, and a sum for each source."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    options = parser.parse_args()
    for source in SOURCES:
        rows = [check(folder) for folder in sorted((options.data / source).iterdir())]
        total = np.sum(rows, axis=0)
        print(f"{source}: {_words(total)}", flush=True)


def check(folder: Path) -> np.ndarray:
    """Counts of one patient: lesions, right, called so falsely, missed, infratentorial."""
    flair = read_image(folder / "flair.nii.gz")
    brain = find_brain(flair)
    began = time.perf_counter()
    zones = find_zones(flair, brain)
    took = time.perf_counter() - began
    labels = label_mask(read_image(folder / "lesion.nii.gz").data > 0)[0]
    own = place_lesions(zones, labels)
    true = place_lesions(by_ventricles(zones, read_image(folder / "ventricle.nii.gz").data > 0), labels)
    counted = (own["place"] != INFRATENTORIAL).to_numpy()
    ours = (own["to_ventricle_mm"] <= NEAR_MM).to_numpy()[counted]
    theirs = (true["to_ventricle_mm"] <= NEAR_MM).to_numpy()[counted]
    masks = (counted, ours == theirs, ours & ~theirs, theirs & ~ours, ~counted)
    row = np.array([np.count_nonzero(mask) for mask in masks])
    print(f"  {folder.name}: {_words(row)}; {took:.1f} s. {zones.problem}", flush=True)
    return row


def by_ventricles(zones: BrainZones, ventricles: np.ndarray) -> BrainZones:
    """The same zones by other ventricles, given on the scan's grid."""
    true = zones.working.means(ventricles) >= 0.5
    return replace(zones, to_ventricle=gap_to(true, zones.working), ventricles=true)


def _words(row: np.ndarray) -> str:
    n, right, false, missed, below = row.tolist()
    share = f"{right / n:.1%}" if n else "-"
    return (
        f"{right} of {n} right ({share}), {false} falsely periventricular, {missed} missed; "
        f"{below} infratentorial"
    )


if __name__ == "__main__":
    main()
