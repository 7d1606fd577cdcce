"""An outline against a consensus: numbers of plain loops, and what is kept."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.metrics import compute_hausdorff_distance

from napari_uncertainseg._base import InputError
from napari_uncertainseg.images.volume import Grid
from napari_uncertainseg.review.lessons.lesson import earlier_scores
from napari_uncertainseg.review.lessons.outlining import (
    Side,
    compare_outline,
    earlier_outline_scores,
    label_sides,
    save_outline,
)

SHAPE = (8, 20, 20)
GRID = Grid(SHAPE, np.diag([1.0, 1.0, 2.0, 1.0])[[2, 1, 0, 3]])


@pytest.fixture
def consensus():
    mask = np.zeros(SHAPE, bool)
    mask[2:5, 3:7, 3:7] = mask[3, 12:15, 12:15] = mask[6, 2:5, 2:5] = True
    return mask


@pytest.mark.filterwarnings("ignore:.*always_return_as_numpy:FutureWarning")
def test_what_was_found_missed_and_invented(consensus):
    outline = np.zeros(SHAPE, np.uint8)
    outline[2:5, 3:7, 4:7] = 1
    outline[2:5, 3:7, 7:9] = 2  # may be
    outline[3, 17:19, 2:4] = 1
    found = compare_outline(outline, consensus, GRID)
    assert found.slices == 3
    own, truth = outline[2:5] > 0, consensus[2:5]
    assert found.dice == pytest.approx(2 * (own & truth).sum() / (own.sum() + truth.sum()))
    assert found.inner_right == pytest.approx(36 / 40) and found.outer_covers == pytest.approx(36 / 57)
    assert [(p.voxel, p.volume_mm3) for p in found.missed] == [((3, 13, 13), 18.0)]
    assert [p.volume_mm3 for p in found.invented] == [8.0] and outline[found.invented[0].voxel] == 1
    assert found.lesion_f1 == 0.5 and found.volume_mm3 == 2 * own.sum()
    whole = compare_outline(outline, consensus, GRID, whole=True)
    assert whole.slices == 8 and len(whole.missed) == 2 and whole.dice < found.dice
    theirs = compute_hausdorff_distance(
        (outline > 0)[None, None].astype(np.float32),
        (consensus & (outline > 0).any((1, 2))[:, None, None])[None, None].astype(np.float32),
        include_background=True,
        percentile=95,
        spacing=GRID.spacing,
    )
    assert found.hd95_mm == pytest.approx(float(theirs))
    seen = label_sides(outline, consensus)
    assert ((seen == Side.BOTH) == (consensus & (outline > 0))).all()
    assert ((seen == Side.OUTLINE) == (~consensus & (outline > 0))).all()
    assert (seen == Side.CONSENSUS).sum() == (truth & ~own).sum() and not seen[6].any()
    assert (label_sides(outline, consensus, whole=True)[6] == Side.CONSENSUS).sum() == 9


@given(st.integers(0, 9999))
@settings(max_examples=25, deadline=None)
def test_the_consensus_itself_is_perfect(seed):
    truth = np.random.default_rng(seed).random(SHAPE) < 0.02
    truth[1, 1, 1] = True
    found = compare_outline(truth.astype(np.uint8), truth, GRID)
    assert (found.dice, found.hd95_mm, found.lesion_f1) == (1, 0, 1)
    assert (found.missed, found.invented) == ((), ()) and found.inner_right == found.outer_covers == 1


def test_nothing_outlined_and_other_grids_are_said(consensus):
    with pytest.raises(InputError, match="Nothing is outlined"):
        compare_outline(np.zeros(SHAPE, int), consensus, GRID)
    with pytest.raises(InputError, match="same grid"):
        compare_outline(np.ones(SHAPE, int)[1:], consensus, GRID)


def test_without_a_consensus_in_the_slices_all_is_invented(consensus):
    outline = np.zeros(SHAPE, int)
    outline[0, 1:3, 1:3] = 2
    found = compare_outline(outline, consensus, GRID)
    assert found.dice == 0 and np.isinf(found.hd95_mm) and found.lesion_f1 == 0
    assert np.isnan(found.inner_right) and np.isnan(found.outer_covers)


def test_it_is_kept_with_its_mask(store, consensus):
    outline = consensus.astype(np.uint8) * 2
    found = compare_outline(outline, consensus, GRID)
    case = store.case(store.project("x"), "c", "c")
    first = save_outline(store, " trainee  1", case, None, outline, 0.8, found)
    assert store.session(first).closed and store.verify() == {first: ""}
    (verdict,) = store.verdicts(first).values()
    assert (verdict.decision, verdict.confidence) == ("outlined", 0.8)
    np.testing.assert_array_equal(store.masks.read(verdict.mask), outline)
    assert (
        earlier_outline_scores(store, "trainee 1") == [1.0]
        and earlier_outline_scores(store, "trainee 1", without=first) == []
    )
    assert earlier_scores(store, "trainee 1") == []  # no questions were asked
    empty = np.zeros(SHAPE, int)
    empty[0, 1, 1] = 1
    save_outline(
        store, "trainee 1", case, None, empty, 0.5, compare_outline(empty, consensus, GRID)
    )  # infinite distance
    assert earlier_outline_scores(store, "trainee 1") == [1.0, 0.0]
    with pytest.raises(InputError, match=r"0.5 to 1"):
        save_outline(store, "trainee 1", case, None, outline, 0.2, found)
