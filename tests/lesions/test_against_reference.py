"""Lesions against a reference, live: the numbers are those of `matching` and of `evaluate`."""

import numpy as np
import pytest

from napari_uncertainseg._base import InputError
from napari_uncertainseg.evaluate.agreement import reference_agreement
from napari_uncertainseg.images.volume import Grid
from napari_uncertainseg.lesions.against_reference import MIN_VOLUME, ReferenceLesions
from napari_uncertainseg.lesions.components import label_mask, voxels_of
from napari_uncertainseg.lesions.matching import detections, dice


def _compare(reference, labels):
    numbers = np.unique(labels[labels > 0])
    return reference.compare(labels, numbers, int(np.count_nonzero(labels)))


def _scene(seed, shape=(14, 20, 18), share=0.02):
    rng = np.random.default_rng(seed)
    mask = rng.random(shape) < share
    labels, _ = label_mask(np.roll(mask, 1, 2) & (rng.random(shape) < 0.8))
    return mask, labels


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("least", [1, 2, 3])
def test_the_numbers_are_those_of_matching(seed, least):
    mask, labels = _scene(seed)
    found = _compare(ReferenceLesions(mask, least), labels)
    assert found.dice == pytest.approx(dice(labels, mask))
    assert found.detection == detections(labels, mask, min_voxels=least)


@pytest.mark.parametrize("seed", range(3))
def test_false_and_missed_by_a_plain_loop(seed):
    mask, labels = _scene(seed)
    reference = ReferenceLesions(mask, 2)
    found = _compare(reference, labels)
    numbers = np.unique(labels[labels > 0])
    assert found.false.tolist() == [n for n in numbers if not mask[labels == n].any()]
    own, n = label_mask(mask)
    missed = [own == k for k in range(1, n + 1) if (own == k).sum() >= 2 and not labels[own == k].any()]
    assert len(missed) == len(found.missed) > 0
    for number in found.missed:
        assert any(np.array_equal(reference.labels == number, each) for each in missed)


def test_the_numbers_are_those_that_evaluate_prints():
    mask, labels = _scene(7)
    grid = Grid(mask.shape, np.diag([1.0, 1.0, 2.0, 1.0]))
    said = reference_agreement(
        mask.astype(np.float32), labels, mask, brain=np.ones(mask.shape, bool), grid=grid
    )
    found = _compare(ReferenceLesions(mask, voxels_of(MIN_VOLUME, grid.voxel_volume)), labels)
    assert found.dice == said.dice and found.detection.f1 == said.lesion_f1
    assert found.detection.fn == said.lesions_missed and found.detection.fp == said.lesions_invented


def test_several_labels_are_one_reference_and_touching_ones_one_lesion():
    mask = np.zeros((4, 6, 6), np.uint8)
    mask[1, 1, 1:3], mask[1, 1, 3], mask[3, 5, 5] = 1, 7, 2
    reference = ReferenceLesions(mask)
    assert reference.voxels.n == 2 and reference.voxels.sizes.tolist()[1:] in ([3, 1], [1, 3])


def test_an_empty_reference_and_no_lesions():
    nothing = np.zeros((4, 5, 6), bool)
    empty = ReferenceLesions(nothing)
    assert empty.empty
    none = _compare(empty, nothing.astype(np.uint16))
    assert none.dice == 1.0 and np.isnan(none.detection.f1)
    labels, _ = label_mask(np.pad(np.ones((1, 1, 2), bool), ((1, 2), (2, 2), (2, 2))))
    found = _compare(empty, labels)
    assert found.dice == 0.0 and found.detection.fp == 1 and found.false.tolist() == [1]


def test_another_grid_is_refused():
    with pytest.raises(InputError):
        _compare(ReferenceLesions(np.ones((3, 3, 3), bool)), np.zeros((3, 3, 4), np.uint16))


def test_what_is_said_of_missed_lesions():
    mask, labels = _scene(3)
    reference = ReferenceLesions(mask)
    missed = _compare(reference, labels).missed
    probability = np.random.default_rng(0).random(mask.shape).astype(np.float32)
    table = reference.describe(missed, probability, 2.0)
    assert sorted(table.index) == missed.tolist() and table["volume_mm3"].is_monotonic_decreasing
    for number, row in table.iterrows():
        own = reference.labels == number
        assert row["volume_mm3"] == 2.0 * own.sum()
        assert row["max_probability"] == pytest.approx(probability[own].max())
        assert own[tuple(int(row[f"slice_{axis}"]) for axis in "sar")]
    assert not len(reference.describe(missed[:0], probability, 2.0))
