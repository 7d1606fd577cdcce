"""What is kept of earlier explanations, and by which hashes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from napari_uncertainseg.explain.kept import Kept, Region
from napari_uncertainseg.explain.voxels import ScanMap

SHAPE = (5, 6, 7)


@dataclass
class Sized:
    nbytes: int


def test_what_was_not_asked_for_longest_goes_first():
    kept = Kept[Sized](most=100)
    for name in "abc":
        kept.keep(name, Sized(30))
    assert kept.find("a") is not None
    kept.keep("d", Sized(30))
    assert list(kept) == ["c", "a", "d"] and kept.find("b") is None
    kept.keep("large", Sized(101))
    assert not kept


def test_a_region_is_known_by_its_voxels():
    mask = np.zeros(SHAPE, bool)
    mask[1:3, 2:5, 3] = True
    mask[1, 2, 3] = False
    region = Region.cut(mask)
    np.testing.assert_array_equal(region.whole(SHAPE), mask)
    assert region.voxels == 5 and region.inside.shape == (2, 3, 1)
    assert Region.cut(mask.copy()).sha256() == region.sha256()
    assert Region.cut(np.roll(mask, 1, 0)).sha256() != region.sha256()
    mask[1, 2, 3] = True
    assert Region.cut(mask).sha256() != region.sha256()


def test_a_map_is_cut_and_whole_again():
    array = np.zeros(SHAPE, np.float32)
    array[2, 1:4, 5] = 1, 0, -2
    kept = ScanMap.cut(array)
    assert kept.values.shape == (1, 3, 1)
    np.testing.assert_array_equal(kept.whole(SHAPE), array)
    assert not ScanMap.cut(np.zeros(SHAPE, np.float32)).whole(SHAPE).any()
