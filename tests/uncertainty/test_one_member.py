"""One member, or members all alike, doubt nothing: at every threshold, whatever they are kept in."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from napari_uncertainseg.calibration.recalibration import Platt, Temperature
from napari_uncertainseg.images.volume import Grid
from napari_uncertainseg.inference.recalibrated import recalibrated
from napari_uncertainseg.lesions.components import label_components
from napari_uncertainseg.prediction.members import SEEN, Members
from napari_uncertainseg.uncertainty.lesion import lesion_structural_uncertainty
from napari_uncertainseg.uncertainty.lesion_details import lesion_details
from napari_uncertainseg.uncertainty.lesion_ranking import Ranker, rank_lesions
from napari_uncertainseg.uncertainty.patient import patient_uncertainty

from ..builders import make_prediction

SHAPE = (3, 4, 5)
TIES = [0.05, 0.1, 0.3, 0.35, 0.45, 0.5, 0.65, 0.7, 0.9, 0.95, 1.0]
NEAR = [0.49999, 0.50001, 0.0499999, *TIES, *(float(np.float32(t)) for t in TIES)]
VALUES = st.one_of(st.sampled_from([0.0, *NEAR]), st.floats(0, 1, width=32))
THRESHOLDS = st.one_of(
    st.sampled_from(TIES + [np.float32(t) for t in TIES]),
    st.floats(0.01, 1),
    st.floats(0.015625, 1, width=32),
)
KINDS = st.sampled_from([np.float16, np.float32, np.float64])


def cropped(values):
    """Members as a prediction keeps them: in the box of what some of them sees."""
    index = np.argwhere((values > SEEN).any(axis=0))
    if not len(index):
        return Members((slice(0, 0),) * 3, np.zeros((len(values), 0, 0, 0), values.dtype))
    box = tuple(slice(int(a), int(b) + 1) for a, b in zip(index.min(0), index.max(0), strict=True))
    return Members(box, values[(slice(None), *box)])


def doubts(p, members, threshold, prepare=False):
    ranker = Ranker(make_prediction(p, members, grid=Grid(p.shape, np.eye(4)), mutual_information=p))
    if prepare:
        ranker.prepare()
    found = ranker.rank(threshold, 0.0)
    return found.table["lsu"].to_numpy(), patient_uncertainty(p, members, threshold)


@settings(deadline=None, max_examples=300)
@given(
    p=hnp.arrays(np.float32, SHAPE, elements=VALUES),
    threshold=THRESHOLDS,
    mean=st.sampled_from([np.float32, np.float64]),
    kept=KINDS,
    count=st.integers(1, 3),
    prepare=st.booleans(),
    crop=st.booleans(),
)
def test_nothing_is_in_doubt(p, threshold, mean, kept, count, prepare, crop):
    threshold = max(threshold, SEEN) if count > 1 and crop else threshold
    stack = np.stack([p.astype(kept)] * count)
    members = cropped(stack) if crop else Members(tuple(map(slice, SHAPE)), stack)
    lesions, patient = doubts(p.astype(mean), members, threshold, prepare)
    assert (lesions == 0).all() and patient == 0


@settings(deadline=None, max_examples=100)
@given(p=hnp.arrays(np.float32, SHAPE, elements=VALUES), threshold=THRESHOLDS, kind=KINDS)
def test_a_map_as_its_own_member(p, threshold, kind):
    labels, _ = label_components(p.astype(kind), threshold)
    assert (lesion_structural_uncertainty(labels, [p.astype(kind)], threshold) == 0).all()
    if kind is not np.float16:
        assert (lesion_structural_uncertainty(labels, [p.astype(np.float64)], threshold) == 0).all()


def test_a_neighbour_just_below_the_threshold():
    p = np.zeros((6, 6, 6), np.float32)
    p[2:4, 2:4, 2:4], p[4, 2, 2] = 0.8, 0.49999
    for kind in (np.float16, np.float32):
        lesions, patient = doubts(p, cropped(p[None].astype(kind)), 0.5)
        assert lesions.tolist() == [0] and patient == 0


@pytest.mark.parametrize("threshold", [0.7, 0.35, 0.45, 0.65, 0.9, 0.95])
def test_a_member_equal_to_the_threshold(threshold):
    p = np.zeros((4, 4, 4), np.float32)
    p[1:3, 1:3, 1:3] = threshold
    lesions, patient = doubts(p, cropped(p[None]), threshold)
    assert lesions.tolist() == [0] and patient == 0
    assert lesion_structural_uncertainty((p > 0).astype(int), [p], threshold).tolist() == [0]


def test_members_that_do_differ_stay_themselves():
    p = np.zeros((4, 4, 4), np.float32)
    p[1:3, 1:3, 1:3] = 0.6
    less = np.where(np.arange(4)[:, None, None] < 2, p, 0)
    lesions, _ = doubts((p + less) / 2, Members(tuple(map(slice, p.shape)), np.stack([p, less])), 0.3)
    assert lesions.tolist() == [0.25]  # one sees all of it, the other half
    other = Members(tuple(map(slice, p.shape)), less[None])  # no mean of its own: taken as it is given
    assert doubts(p, other, 0.5)[0].tolist() == [0.5]


@pytest.mark.parametrize("by", [Temperature(0, 0, 2.7), Platt(0, 0, 0.6, 1.3)])
@pytest.mark.parametrize("count", [1, 3])
def test_nor_after_a_recalibration(by, count):
    p = np.random.default_rng(4).random((5, 6, 7)).astype(np.float32)
    members = cropped(np.stack([p.astype(np.float16)] * count))
    before = make_prediction(p, members, grid=Grid(p.shape, np.eye(4)))
    after = recalibrated(before, by)
    for threshold in (0.3, 0.5, 0.501, 0.7):
        assert (rank_lesions(after, threshold, 0).table["lsu"] == 0).all()
        assert patient_uncertainty(after.probability, after.members, threshold) == 0
        found = rank_lesions(after, threshold, 0)
        details = lesion_details(after, found.labels, threshold)
        assert np.allclose(details["lsu_adjusted"], 0) and np.allclose(details["shared"], 1)
    assert rank_lesions(replace(before, members=members), 0.5, 0).table["lsu"].eq(0).all()
