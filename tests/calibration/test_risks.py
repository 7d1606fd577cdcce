"""Losses at every threshold at once, against the masks that would be outlined."""

import cc3d
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from napari_uncertainseg._base import InputError
from napari_uncertainseg.calibration.risks import Losses

GRID = np.arange(1, 20) / 20
MAPS = hnp.arrays(np.float32, (5, 6, 7), elements=st.floats(0, 1, width=32))
MASKS = hnp.arrays(bool, (5, 6, 7), elements=st.sampled_from([True, False, False, False, False]))
NAMES = ("missed_volume", "missed_lesions", "false_volume", "false_lesions")


def components(mask, least):
    labels = cc3d.connected_components(mask, connectivity=26)
    return [m for i in range(1, labels.max() + 1) if (m := labels == i).sum() >= least]


@settings(deadline=None, max_examples=50)
@given(p=MAPS, y=MASKS, least=st.integers(1, 3))
def test_losses_are_those_of_what_is_outlined(p, y, least):
    found = Losses.from_case(p, y, GRID, min_voxels=least)
    truth = components(y, least)
    for i, t in enumerate(GRID.tolist()):
        outlined = components(p >= t, least)
        mask = np.any(outlined, axis=0) if outlined else np.zeros_like(y)
        by_hand = [
            (y & ~mask).sum() / y.sum() if y.any() else 0,
            sum(not (m & mask).any() for m in truth) / len(truth) if truth else 0,
            (mask & ~y).sum() / mask.sum() if mask.any() else 0,
            sum(not (m & y).any() for m in outlined) / len(outlined) if outlined else 0,
        ]
        np.testing.assert_allclose([getattr(found, name)[i] for name in NAMES], by_hand, atol=1e-12)
    for missed in (found.missed_volume, found.missed_lesions):
        assert (np.diff(missed) >= 0).all()


def test_a_speck_that_is_not_outlined_finds_nothing():
    y = np.zeros((3, 6, 6), bool)
    y[:, 2:5, 2:5] = True
    p = np.where(y, 0.2, 0).astype(np.float32)
    p[1, 3, 3] = 0.6  # one voxel, too small to be outlined by itself
    found = Losses.from_case(p, y, np.array([0.1, 0.5]), min_voxels=3)
    assert found.missed_lesions.tolist() == [0, 1] and found.missed_volume.tolist() == [0, 1]


def test_nothing_to_miss_is_no_loss():
    p = np.full((4, 4, 4), 0.5, np.float32)
    nothing = np.zeros((4, 4, 4), bool)
    found = Losses.from_case(p, nothing, GRID)
    assert not found.missed_volume.any() and not found.missed_lesions.any()
    assert (found.false_volume[GRID <= 0.5] == 1).all() and not found.false_lesions[GRID > 0.5].any()
    assert not Losses.from_case(np.zeros_like(p), ~nothing, GRID).false_volume.any()


def test_other_shapes_are_refused():
    with pytest.raises(InputError, match="same grid"):
        Losses.from_case(np.zeros((4, 4, 4), np.float32), np.zeros((4, 4, 5), bool))
