"""Doubt and disagreement: correlations against scipy, and who doubts which lesion."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from napari_uncertainseg._base import InputError
from napari_uncertainseg.raters.consensus import UncertaintySource
from napari_uncertainseg.raters.correspondence import (
    correspondence,
    lesion_uncertainty_sources,
    voxel_correspondence,
)
from napari_uncertainseg.uncertainty.lesion import lesion_mean

VALUES = hnp.arrays(float, 30, elements=st.integers(0, 9).map(lambda k: k / 9))


@settings(deadline=None, max_examples=60)
@given(a=VALUES, b=VALUES)
def test_correlations_are_those_of_scipy(a, b):
    found = correspondence(a, b)
    assert found.count == 30
    if len(set(a)) > 1 and len(set(b)) > 1:
        assert found.rank == pytest.approx(stats.spearmanr(a, b).statistic, abs=1e-9)
        assert found.linear == pytest.approx(stats.pearsonr(a, b).statistic, abs=1e-9)
    else:
        assert math.isnan(found.rank) and math.isnan(found.linear)


def test_rising_together_is_one_and_against_each_other_minus_one():
    a = np.arange(12.0).reshape(3, 4)
    assert correspondence(a, np.exp(a)).rank == pytest.approx(1)
    assert correspondence(a, 3 * a + 1).linear == pytest.approx(1)
    assert correspondence(a, -a).rank == pytest.approx(-1)


@pytest.mark.parametrize("values", [[], [0.3]])
def test_too_few_have_no_correlation(values):
    found = correspondence(np.array(values), np.array(values))
    assert math.isnan(found.rank) and math.isnan(found.linear) and found.count == len(values)


def test_only_the_region_counts():
    rng = np.random.default_rng(0)
    a, b = rng.random((2, 6, 7))
    region = np.zeros((6, 7), bool)
    region[2:5, 1:6] = True
    assert voxel_correspondence(a, b, region) == correspondence(a[2:5, 1:6], b[2:5, 1:6])
    assert voxel_correspondence(a, b) == correspondence(a, b)
    assert voxel_correspondence(a, b, np.zeros((6, 7), bool)).count == 0


LABELS = np.array([[0, 1, 1, 0], [2, 2, 0, 3], [0, 0, 4, 4]])
EXPERTS = np.array([LABELS == 1, (LABELS == 1) | (LABELS == 2), (LABELS == 1) | (LABELS == 3)])


def test_lesions_take_the_mean_of_the_map():
    found = lesion_mean(LABELS, np.arange(12.0).reshape(3, 4) / 10)
    np.testing.assert_allclose(found, [0.15, 0.45, 0.7, 1.05])
    assert len(lesion_mean(np.zeros((2, 2), int), np.zeros((2, 2)))) == 0


def test_who_doubts_which_lesion():
    # 1: all saw it; 2, 3: one did; 4: nobody did, which is agreement too
    found = lesion_uncertainty_sources(LABELS, [0.1, 0.1, 0.9, 0.9], EXPERTS, 0.5)
    assert found.tolist() == [
        UncertaintySource.NEITHER,
        UncertaintySource.RATERS,
        UncertaintySource.BOTH,
        UncertaintySource.MODEL,
    ]
    assert lesion_uncertainty_sources(np.zeros((2, 2), int), [], np.zeros((3, 2, 2)), 0.5).size == 0


def test_what_does_not_fit_is_refused():
    a = np.zeros((3, 4))
    with pytest.raises(InputError, match="shape"):
        correspondence(a, np.zeros(12))
    with pytest.raises(InputError, match="finite"):
        correspondence(a, np.full((3, 4), np.nan))
    with pytest.raises(InputError, match="region"):
        voxel_correspondence(a, a, np.ones((4, 3), bool))
    with pytest.raises(InputError, match="shape"):
        lesion_mean(LABELS, a.T)
    with pytest.raises(InputError, match="4 lesions and 2"):
        lesion_uncertainty_sources(LABELS, [0.1, 0.2], EXPERTS, 0.5)
    with pytest.raises(InputError, match="lesions' shape"):
        lesion_uncertainty_sources(LABELS, [0.1] * 4, EXPERTS[:, :2], 0.5)
