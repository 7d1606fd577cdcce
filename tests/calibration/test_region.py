"""Where calibration is judged: regions of voxels, and whole lesions."""

import numpy as np
import pytest

from napari_uncertainseg.calibration.region import Region, lesion_reliability
from napari_uncertainseg.lesions.components import neighbourhood

BRAIN = np.ones((6, 20, 22), bool)
BRAIN[:, :2] = False
LESION = np.zeros_like(BRAIN)
LESION[2:4, 6:9, 6:9] = True


def test_regions_of_voxels():
    assert Region().mask(BRAIN, LESION, (3, 1, 1)) is BRAIN
    one = Region("slice", 1, 7).mask(BRAIN, LESION, (3, 1, 1))
    assert one[:, 7].all() and one.sum() == one[:, 7].size
    around = Region("lesions").mask(BRAIN, LESION, (3, 1, 1))
    np.testing.assert_array_equal(around, BRAIN & neighbourhood(LESION, (3, 1, 1), distance=5.0))
    assert Region("each").mask(BRAIN, LESION, (3, 1, 1)) is BRAIN
    inside = Region("mask", inside=LESION, version=1)
    np.testing.assert_array_equal(inside.mask(BRAIN, LESION, (3, 1, 1)), BRAIN & LESION)
    assert inside == Region("mask", inside=BRAIN, version=1) != Region("mask", inside=LESION, version=2)
    assert [k for k in ("brain", "lesions", "slice", "each") if Region(k).follows_lesions] == [
        "lesions",
        "each",
    ]


def test_lesions_exist_as_often_as_their_probability_says():
    labels, candidates = np.zeros((2, 1, 4, 40), int)
    labels[0, 0, ::4] = np.arange(1, 11)
    candidates[0, 2, ::4] = np.arange(1, 11)
    reference = np.zeros((1, 4, 40), bool)
    reference[0, 0, :28] = True  # seven of ten
    reference[0, 2, :8] = True  # two of ten
    found = lesion_reliability([(labels, np.full(10, 0.7)), (candidates, np.full(10, 0.2))], reference)
    some = found.count > 0
    assert found.count[some].tolist() == [10, 10]
    np.testing.assert_allclose(found.fraction[some], [0.2, 0.7])
    assert found.ace == pytest.approx(0)


def test_no_lesion_at_all():
    nothing = np.zeros((1, 2, 3), int)
    assert lesion_reliability([(nothing, np.empty(0))], nothing > 0).count.sum() == 0
    assert lesion_reliability([], nothing > 0).count.sum() == 0
