"""All of it in one call: the numbers are those of the functions that make them."""

import numpy as np
import pytest

from napari_uncertainseg._base import Cancelled, InputError
from napari_uncertainseg.raters import agreement, consensus
from napari_uncertainseg.raters.report import PAIRWISE, report_raters


def discs(shape, radii, spacing):
    axes = np.meshgrid(
        *[(np.arange(n) - n / 2) * s for n, s in zip(shape, spacing, strict=True)], indexing="ij"
    )
    distance = np.sqrt(sum(a**2 for a in axes))
    return np.array([distance <= r for r in radii])


@pytest.mark.parametrize(("shape", "spacing"), [((40, 50), (1.0, 0.8)), ((12, 40, 44), (3.0, 1.0, 0.9))])
def test_numbers_are_those_of_the_parts(shape, spacing):
    masks = discs(shape, (6, 8, 10), spacing)
    found = report_raters(masks, ["a", "b", "c"], spacing)
    assert tuple(found.pairwise) == tuple(PAIRWISE)
    np.testing.assert_array_equal(found.pairwise["dice"], agreement.pairwise_dice(masks))
    distances = agreement.SurfaceDistances.between(masks, spacing)
    np.testing.assert_array_equal(found.pairwise["hd95"], distances.hausdorff(95))
    np.testing.assert_array_equal(found.consensus, masks[1])
    np.testing.assert_array_equal(found.disagreement, consensus.disagreement(masks).variance)
    np.testing.assert_allclose(found.volumes, masks.reshape(3, -1).sum(1) * np.prod(spacing))
    assert found.habits.volume_mm3[0] < 0 == found.habits.volume_mm3[1] < found.habits.volume_mm3[2]
    d = found.pairwise["dice"]
    assert found.mean("dice") == pytest.approx((d[0, 1] + d[0, 2] + d[1, 2]) / 3)
    assert 0 < found.fleiss < 1
    marked = masks.any(0)
    assert found.mean_disagreement == pytest.approx(masks.astype(float).var(0)[marked].mean())


def test_kappas_look_at_the_surroundings_only():
    small = discs((60, 60), (5, 7), (1.0, 1.0))
    large = np.pad(small, [(0, 0), (100, 100), (100, 100)])
    one, two = (report_raters(m, "ab", (1, 1)) for m in (small, large))
    assert one.fleiss == pytest.approx(two.fleiss)
    np.testing.assert_allclose(one.pairwise["kappa"], two.pairwise["kappa"])


def test_staple_may_be_the_consensus():
    masks = discs((40, 40), (6, 6, 6, 14), (1.0, 1.0))
    found = report_raters(masks, "abcd", (1, 1), consensus="staple")
    np.testing.assert_array_equal(found.consensus, masks[0])
    assert found.performance.specificity[3] < found.performance.specificity[0]


def test_a_row_for_each_pair():
    rows = report_raters(discs((30, 30), (5, 7, 9), (1.0, 1.0)), "abc", (1, 1)).pairs()
    assert rows[["rater", "other"]].values.tolist() == [["a", "b"], ["a", "c"], ["b", "c"]]
    assert list(rows.columns[2:]) == list(PAIRWISE) and rows["dice"].between(0, 1).all()


def test_raters_who_marked_nothing_agree():
    found = report_raters(np.zeros((3, 8, 9), bool), "abc", (1, 1))
    assert found.mean("dice") == found.fleiss == 1 and found.mean("hd95") == 0
    assert not found.consensus.any() and not found.disagreement.any()


def test_it_can_be_cancelled():
    def stop(stage, fraction):
        if fraction > 0.3:
            raise Cancelled

    with pytest.raises(Cancelled):
        report_raters(discs((30, 30), (5, 7), (1.0, 1.0)), "ab", (1, 1), progress=stop)


@pytest.mark.parametrize(
    ("masks", "names", "spacing", "wrong"),
    [
        (np.zeros((1, 4, 4)), "a", (1, 1), "At least 2"),
        (np.zeros((2, 4, 4)), "abc", (1, 1), "2 masks and 3 names"),
        (np.zeros((2, 4, 4)), "ab", (1, 1, 1), "spacing|voxel size"),
        ([np.zeros((4, 4)), np.zeros((4, 5))], "ab", (1, 1), "Rater 2"),
    ],
)
def test_what_does_not_fit_is_refused(masks, names, spacing, wrong):
    with pytest.raises(InputError, match=wrong):
        report_raters(masks, names, spacing)
