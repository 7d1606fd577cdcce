"""How long 93 features of 100 lesions take: the figures of docs/radiomics.md.

usage: python experiments/radiomics_speed.py
"""

from __future__ import annotations

import time

import numpy as np
from scipy import ndimage

from napari_uncertainseg.explain.radiomics.features import lesion_radiomics
from napari_uncertainseg.explain.radiomics.grey_levels import GreyLevels

SHAPE, LESIONS, REACH = (182, 218, 182), 100, 12


def main() -> None:
    """Balls of random size in smoothed noise, as a scan of 1 mm has them."""
    rng = np.random.default_rng(0)
    image = ndimage.gaussian_filter(rng.normal(size=SHAPE), 1).astype(np.float32)
    image *= 100 / image.std()
    labels, around = np.zeros(SHAPE, np.int32), ((np.indices((2 * REACH + 1,) * 3) - REACH) ** 2).sum(0)
    while (number := int(labels.max())) < LESIONS:
        centre = rng.integers(15, 160, 3)
        box = tuple(slice(c - REACH, c + REACH + 1) for c in centre)
        if not labels[box].any():
            labels[box][around <= rng.lognormal(1.0, 0.5) ** 2] = number + 1
    sizes = np.bincount(labels.ravel())[1:]
    print(f"{LESIONS} lesions of {sizes.min()} to {sizes.max()} voxels, median {np.median(sizes):g}")
    for levels in (GreyLevels(25), GreyLevels(5), GreyLevels(bin_count=32)):
        begin = time.perf_counter()
        table = lesion_radiomics(image, labels, levels=levels)
        print(f"{levels}: {len(table)} rows in {time.perf_counter() - begin:.1f} s")


if __name__ == "__main__":
    main()
