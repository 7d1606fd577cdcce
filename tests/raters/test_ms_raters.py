"""Pairs of simulated raters differ as two real raters of MS lesions do (experiments/fit_raters_ms.py)."""

from __future__ import annotations

from dataclasses import replace

import cc3d
import nibabel
import numpy as np
import pytest

from napari_uncertainseg.raters.simulate import SPREAD, RaterStyle, simulate_raters

PATIENTS = ("patient01", "patient05", "patient09", "patient13", "patient21", "patient25")
"""Of those that the fit used; each has more than 2 ml of lesions."""
SIZES = (0, 3, 10, 30, 100, 1000, np.inf)
SEEN = (0.26, 0.42, 0.54, 0.67, 0.90, 1.0)
"""Of the lesions of such a size that one of two real raters outlined, the share that the other saw."""


@pytest.fixture(scope="module")
def pairs(shared_data):
    """Two raters of each mask, on slices of 3 mm as the real ones had, and the voxel's volume."""
    found = []
    for seed, name in enumerate(PATIENTS):
        mask = np.asarray(nibabel.load(shared_data / "3d-mr-ms" / "masks" / f"{name}.nii.gz").dataobj).T > 0
        thick = mask[:180].reshape(60, 3, *mask.shape[1:]).mean(1) >= 0.5
        for number, bias in enumerate(np.random.default_rng(seed).normal(0, SPREAD, (3, 2))):
            styles = [replace(RaterStyle(), bias=b) for b in bias]
            found.append(
                simulate_raters(thick, (3.0, 1.0, 1.0), 2, seed=10 * seed + number, styles=styles) > 0
            )
    return found


def test_masks_overlap_as_those_of_two_real_raters(pairs) -> None:
    dice = [2 * np.count_nonzero(a & b) / (a.sum() + b.sum()) for a, b in pairs]
    assert np.mean(dice) == pytest.approx(np.mean([0.76, 0.86, 0.68, 0.63, 0.58]), abs=0.06)
    ratios = [np.log(a.sum() / b.sum()) for a, b in pairs]
    assert np.sqrt(np.mean(np.square(ratios))) == pytest.approx(0.33, abs=0.15)


def test_a_lesion_is_seen_by_the_other_the_less_the_smaller_it_is(pairs) -> None:
    lesions, seen = np.zeros(len(SEEN)), np.zeros(len(SEEN))
    for pair in pairs:
        for mine, theirs in (pair, pair[::-1]):
            labels, count = cc3d.connected_components(mine, connectivity=26, return_N=True)
            volumes = 3.0 * np.bincount(labels.ravel(), minlength=count + 1)[1:]
            touched = np.bincount(labels[theirs], minlength=count + 1)[1:] > 0
            sizes = np.digitize(volumes, SIZES) - 1
            lesions += np.bincount(sizes, minlength=len(SEEN))
            seen += np.bincount(sizes, touched, minlength=len(SEEN))
    shares = seen[1:] / lesions[1:]  # voxels of 3 mm3 make no smaller lesion
    np.testing.assert_allclose(shares, SEEN[1:], atol=0.12)
    counted = seen[1:].sum() / lesions[1:].sum()
    assert counted == pytest.approx(0.68, abs=0.1)
