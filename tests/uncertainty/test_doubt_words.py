"""Doubt in words, and what is said of the selected lesion."""

import numpy as np
import pytest

from napari_uncertainseg.uncertainty.doubt_words import CUTS, doubt_word, share_real
from napari_uncertainseg.uncertainty.lesion_ranking import rank_lesions
from napari_uncertainseg.uncertainty.selected_lesion import selected_lesion

from ..widgets.fakes import fake_prediction


@pytest.mark.parametrize(
    ("doubt", "word"),
    [(0.0, "low"), (CUTS[0] - 1e-9, "low"), (CUTS[0], "some"), (CUTS[1], "high"), (1.0, "high")],
)
def test_the_cut_points_belong_to_the_word_above(doubt, word):
    assert doubt_word(doubt) == word


def test_what_a_human_drew_has_no_word():
    assert doubt_word(float("nan")) is None


def test_shares_by_a_plain_count():
    doubt, real = np.array([0.1, 0.1, 0.3, np.nan, 0.9]), np.array([1, 0, 1, 1, 0], bool)
    assert [(each.lesions, each.real) for each in share_real(doubt, real)] == [(2, 0.5), (1, 1.0), (1, 0.0)]
    assert np.isnan(share_real(doubt[:2], real[:2])[1].real)


def test_a_lesion_a_candidate_and_nothing():
    from napari_uncertainseg.images.volume import Grid

    mask = np.zeros((10, 12, 14), bool)
    mask[2:5, 3:6, 3:9] = True
    prediction = fake_prediction(mask, Grid(mask.shape, np.diag([1.0, 1.0, 1.0, 1.0])))
    grid = prediction.grid
    lesions = rank_lesions(prediction)
    voxel = tuple(np.argwhere(lesions.labels)[0])
    found, row = selected_lesion(lesions, voxel, grid), lesions.table.iloc[0]
    assert found.number == row["label"] and found.volume_mm3 == row["volume_mm3"]
    assert found.doubt == row["doubt"] and found.place == "" and found.inside.sum() == row["voxels"]
    assert selected_lesion(lesions, (0, 0, 0), grid) is None
    assert selected_lesion(lesions, None, grid) is None and selected_lesion(None, voxel, None) is None
    below = rank_lesions(prediction, 0.999)
    candidate = selected_lesion(below, tuple(np.argwhere(below.candidates)[0]), grid)
    assert candidate.number < 0 and candidate.word == doubt_word(candidate.doubt)
