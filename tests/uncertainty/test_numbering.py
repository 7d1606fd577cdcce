"""Numbers that stay with lesions, against a plain loop over components."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_uncertainseg.uncertainty.lesion_numbers import MOST, ComponentNumbers, LesionNumbers
from napari_uncertainseg.uncertainty.lesion_ranking import Ranker

from .test_ranking import fields, prepared

EIGHT = np.ones((3, 3, 3))


def kept(ranker: Ranker, shape, thresholds, edits=None):
    """Lesions of one review at one threshold after the other."""
    numbers = LesionNumbers(shape)
    edits = edits or [None] * len(thresholds)
    return [ranker.rank(t, 0, edit=e, numbers=numbers) for t, e in zip(thresholds, edits, strict=True)]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 99), st.lists(st.floats(0.06, 0.94), min_size=1, max_size=6))
def test_numbers_stay_unique_and_come_back(seed, thresholds):
    members = fields(seed)
    ranker = Ranker(prepared(members))
    shape = members.shape[1:]
    found = kept(ranker, shape, [0.5, *thresholds, 0.5])
    for lesions in found:
        labels = lesions.table["label"].to_numpy()
        assert len(set(labels)) == len(labels)
        assert set(np.unique(lesions.labels)) - {0} == set(labels)
        for row in lesions.table.to_dict("records"):
            assert lesions.labels[row["slice_s"], row["slice_a"], row["slice_r"]] == row["label"]
    np.testing.assert_array_equal(found[0].labels, found[-1].labels)
    np.testing.assert_array_equal(found[0].candidates, found[-1].candidates)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 99))
def test_the_largest_overlap_keeps_the_number(seed):
    rng = np.random.default_rng(seed)
    masks = [rng.random((6, 7, 8)) < share for share in (0.1, 0.15, 0.08)]
    numbering, before = ComponentNumbers(masks[0].shape), set()
    owner = np.zeros(masks[0].shape, int)
    for mask in masks:
        components, n = ndimage.label(mask, EIGHT)
        where = np.flatnonzero(mask)
        label = components.ravel()[where].astype(np.int64)
        order = np.argsort(label, kind="stable")
        found = numbering.number(where[order], label[order], np.arange(n))
        claims = sorted(
            (-int(((components == i) & (owner == k)).sum()), k, i)
            for i in range(1, n + 1)
            for k in set(owner[components == i].tolist()) - {0}
        )
        has: dict[int, int] = {}
        for _, k, i in claims:
            if i not in has and k not in has.values():
                has[i] = k
        for i in range(1, n + 1):
            assert found[i - 1] == has[i] if i in has else found[i - 1] not in before
            owner[(components == i) & (owner == 0)] = found[i - 1]
        before |= set(found.tolist())


def test_numbers_that_were_known_before_are_taken_over():
    numbering = ComponentNumbers((2, 3, 4))
    numbering.know(np.array([[0, 0, 1], [1, 2, 3]]), np.array([9, 0]))
    found = numbering.number(np.array([1, 2, 20]), np.array([1, 1, 2]), np.array([1, 0]))
    assert found.tolist() == [9, 10]


def test_when_sixteen_bits_are_used_up_numbers_that_nobody_has_are_given_again():
    numbering = ComponentNumbers((1, 1, 4))
    numbering.know(np.array([0]), np.array([MOST]))
    found = numbering.number(np.array([0, 2, 3]), np.array([1, 2, 3]), np.arange(3))
    assert found[0] == MOST and len(set(found.tolist())) == 3 and found.min() >= 1


def test_what_a_human_drew_is_marked_without_a_word_of_the_model_and_comes_last():
    members = fields(3)
    ranker = Ranker(prepared(members))
    plain_table = ranker.rank(0.5, 0).table
    edit = np.zeros(members.shape[1:], np.int8)
    free = ndimage.binary_erosion(ranker._maps[0] < 0.5, EIGHT, iterations=1)
    voxel = tuple(np.argwhere(free)[0])
    edit[voxel] = 1
    found = ranker.rank(0.5, 0, edit=edit)
    last = found.table.iloc[-1]
    assert found.drawn == 1 and bool(last["drawn"]) and last["label"] == found.labels[voxel]
    silent = ["lsu", "mean_probability", "max_probability", "mean_entropy", "persistence"]
    assert found.table[silent].iloc[-1].isna().all() and not found.table[silent].iloc[:-1].isna().any().any()
    assert last["voxels"] == 1 and len(found.table) == len(plain_table) + 1


def test_a_lesion_of_the_model_that_was_trimmed_or_grown_a_little_is_not_drawn():
    members = fields(3)
    ranker = Ranker(prepared(members))
    largest = ranker.rank(0.5, 0)
    label = int(largest.table.sort_values("voxels")["label"].iloc[-1])
    where = np.argwhere(largest.labels == label)
    edit = np.zeros(members.shape[1:], np.int8)
    edit[tuple(where[0])] = -1
    s, a, r = where[-1]
    edit[min(s + 1, edit.shape[0] - 1), a, r] = 1
    assert ranker.rank(0.5, 0, edit=edit).drawn == 0
