"""A prediction against raters who differ in a known way."""

import math

import numpy as np
import pytest

from napari_uncertainseg._base import InputError
from napari_uncertainseg.images.volume import Grid
from napari_uncertainseg.raters.consensus import UncertaintySource
from napari_uncertainseg.uncertainty.against_raters import against_raters
from napari_uncertainseg.uncertainty.lesion_ranking import rank_lesions

from ..builders import predict_from_members

SHAPE, SPACING = (20, 30, 40), (2.0, 1.0, 1.0)


def box(z, y, x, n=5):
    mask = np.zeros(SHAPE, bool)
    mask[z : z + n, y : y + n, x : x + n] = True
    return mask


SURE, SPLIT, BLIND = box(3, 3, 5), box(3, 20, 5), box(12, 3, 28)


def predict(members):
    grid = Grid(SHAPE, np.array([[0, 0, 1, 0], [0, 1, 0, 0], [2, 0, 0, 0], [0, 0, 0, 1.0]]))
    prediction = predict_from_members(np.asarray(members), grid=grid)
    lesions = rank_lesions(prediction, 0.5)
    return prediction.probability, prediction.entropy, lesions.labels, lesions.table["lsu"].to_numpy()


@pytest.fixture
def prediction():
    """All members see the first and the third lesion; of the second two of three do."""
    always = 0.96 * (SURE | BLIND)
    return predict([(always + 0.9 * seen * SPLIT).astype(np.float32) for seen in (1, 1, 0)])


def test_each_kind_of_doubt_is_found(prediction):
    raters = [SURE | SPLIT | BLIND, SURE, SURE | SPLIT]
    found = against_raters(*prediction, raters, SPACING, threshold=0.5)
    assert found.kinds[4, 5, 7] == UncertaintySource.NEITHER
    assert found.kinds[4, 22, 7] == UncertaintySource.BOTH
    assert found.kinds[14, 5, 30] == UncertaintySource.RATERS  # the blind spot
    assert found.volumes_mm3[UncertaintySource.BOTH] == found.volumes_mm3[UncertaintySource.RATERS] == 250
    assert found.volumes_mm3[UncertaintySource.MODEL] == 0
    labels = prediction[2]
    kinds = {int(labels[c]): found.lesion_kinds[int(labels[c]) - 1] for c in ((4, 5, 7), (14, 5, 30))}
    assert sorted(kinds.values()) == [UncertaintySource.NEITHER, UncertaintySource.RATERS]
    assert found.lesion_disagreement.max() == pytest.approx(2 / 9)


def test_doubt_goes_with_disagreement_or_against_it(prediction):
    with_it = against_raters(*prediction, [SURE | BLIND, SURE | BLIND | SPLIT], SPACING, threshold=0.5)
    assert with_it.voxels.linear > 0.9 and with_it.lesions.rank > 0.8
    against_it = against_raters(*prediction, [SURE | SPLIT, SURE | SPLIT | BLIND], SPACING, threshold=0.5)
    assert against_it.voxels.linear < 0.3 and against_it.lesions.rank < 0
    assert with_it.curvas.consensus_dice == pytest.approx(1)


def test_nobody_marked_anything():
    found = against_raters(
        *predict(np.zeros((2, *SHAPE), np.float32)), np.zeros((2, *SHAPE), bool), SPACING, threshold=0.5
    )
    assert math.isnan(found.voxels.rank) and found.voxels.count == 0 and found.lesion_doubt.size == 0
    assert not found.kinds.any()


def test_raters_elsewhere_are_refused(prediction):
    with pytest.raises(InputError, match="scan's grid"):
        against_raters(*prediction, [SURE[1:], SPLIT[1:]], SPACING, threshold=0.5)
    with pytest.raises(InputError, match="At least 2"):
        against_raters(*prediction, [SURE], SPACING, threshold=0.5)
