"""Losses at every threshold at once, against the masks themselves."""

import cc3d
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from napari_uncertainseg._base import InputError
from napari_uncertainseg.calibration.risks import false_lesions, false_volume, missed_lesions, missed_volume

GRID = np.arange(1, 20) / 20
MAPS = hnp.arrays(np.float32, (5, 6, 7), elements=st.floats(0, 1, width=32))
MASKS = hnp.arrays(bool, (5, 6, 7), elements=st.sampled_from([True, False, False, False, False]))


def label(mask, least):
    labels = cc3d.connected_components(mask, connectivity=26)
    return [m for i in range(1, labels.max() + 1) if (m := labels == i).sum() >= least]


@settings(deadline=None, max_examples=40)
@given(p=MAPS, y=MASKS, least=st.integers(1, 3))
def test_losses_are_those_of_the_masks(p, y, least):
    curves = [
        missed_volume(p, y, GRID),
        false_volume(p, y, GRID),
        missed_lesions(p, y, GRID, min_voxels=least),
        false_lesions(p, y, GRID, min_voxels=least),
    ]
    for i, t in enumerate(GRID.astype(np.float32)):
        mask = p >= t
        truth, found = label(y, least), label(mask, least)
        by_hand = [
            (y & ~mask).sum() / y.sum() if y.any() else 0,
            (mask & ~y).sum() / mask.sum() if mask.any() else 0,
            sum(not (m & mask).any() for m in truth) / len(truth) if truth else 0,
            sum(not (m & y).any() for m in found) / len(found) if found else 0,
        ]
        np.testing.assert_allclose([c[i] for c in curves], by_hand, atol=1e-12)
    for missed in (curves[0], curves[2]):
        assert (np.diff(missed) >= 0).all()


def test_nothing_to_miss_is_no_loss():
    p = np.full((4, 4, 4), 0.5, np.float32)
    nothing = np.zeros((4, 4, 4), bool)
    assert not missed_volume(p, nothing, GRID).any() and not missed_lesions(p, nothing, GRID).any()
    assert (false_volume(p, nothing, GRID)[GRID <= 0.5] == 1).all()
    assert not false_lesions(p, nothing, GRID)[GRID > 0.5].any()
    assert not false_volume(np.zeros_like(p), ~nothing, GRID).any()


@pytest.mark.parametrize("loss", [missed_volume, missed_lesions, false_volume, false_lesions])
def test_other_shapes_are_refused(loss):
    with pytest.raises(InputError, match="own grid"):
        loss(np.zeros((4, 4, 4), np.float32), np.zeros((4, 4, 5), bool))
