"""The state that the docks share: what emits, what is kept, what is dropped."""

import numpy as np
import pytest

from napari_uncertainseg.calibration.region import Region
from napari_uncertainseg.case import Case
from napari_uncertainseg.images.volume import Grid

from .widgets.fakes import fake_prediction


@pytest.fixture
def grid():
    return Grid((12, 20, 20), np.diag([1.0, 1.0, 1.0, 1.0])[[2, 1, 0, 3]])


@pytest.fixture
def blobs(grid):
    mask = np.zeros(grid.shape, bool)
    mask[3:7, 3:8, 3:8] = True
    mask[3:7, 3:8, 11:16] = True  # three voxels apart: they meet at a low threshold
    mask[8:11, 14:19, 3:8] = True
    return mask


@pytest.fixture
def case(blobs, grid):
    made = Case()
    made.open_prediction(fake_prediction(blobs, grid, sigma=1.2))
    return made


class Counter:
    def __init__(self, *signals):
        self.counts = {}
        for signal in signals:
            signal.connect(
                lambda name=signal.name: self.counts.__setitem__(name, self.counts.get(name, 0) + 1)
            )


def _centre(case, label=1):
    row = case.lesions.table.set_index("label").loc[label]
    return tuple(int(row[f"slice_{a}"]) for a in "sar")


def test_setting_the_same_value_emits_nothing(case):
    heard = Counter(case.lesions_changed, case.reliability_changed, case.selection_changed)
    case.threshold, case.min_volume, case.comparison.region = 0.5, 3.0, Region()
    case.select(None)
    assert heard.counts == {}
    case.threshold = 0.4
    assert heard.counts == {"lesions_changed": 1}


def test_lesions_are_ranked_once_per_change(case):
    assert case.lesions is case.lesions
    before = case.lesions
    case.threshold = 0.3
    assert case.lesions is not before
    assert case.lesions.threshold == 0.3


def test_a_verdict_follows_its_lesion_through_renumbering(case):
    voxel = _centre(case)
    case.review.judge(voxel, "accepted")
    for threshold in (0.3, 0.6, 0.45):
        case.threshold = threshold
        number = int(case.lesions.labels[voxel]) or -int(case.lesions.candidates[voxel])
        assert case.review.decisions() == {number: "accepted"}


def test_lesions_with_different_verdicts_that_grow_together_are_unsure(case, blobs):
    assert case.lesions.count == 3
    left, right = (5, 5, 5), (5, 5, 13)
    case.review.judge(left, "accepted")
    case.review.judge(right, "rejected")
    bridge = np.zeros(blobs.shape, np.int8)
    bridge[5, 5, 7:12] = 1
    case.review.set_edit(bridge)
    assert case.lesions.count == 2
    assert case.review.decisions() == {int(case.lesions.labels[left]): "unsure"}
    case.review.set_edit(None)
    assert sorted(case.review.decisions().values()) == ["accepted", "rejected"]


def test_one_verdict_per_lesion_and_none_takes_it_back(case):
    case.review.judge((5, 5, 5), "accepted")
    case.review.judge((4, 4, 4), "rejected")  # another voxel of the same lesion
    assert [v.decision for v in case.review.verdicts] == ["rejected"]
    case.review.judge((5, 5, 5), None)
    assert case.review.verdicts == ()


def test_undo_and_redo_of_verdicts(case):
    assert not case.review.undo()
    case.review.judge((5, 5, 5), "accepted")
    case.review.judge((5, 5, 13), "unsure")
    assert case.review.undo() and case.review.undo() and not case.review.undo()
    assert case.review.verdicts == ()
    assert case.review.redo() and case.review.redo() and not case.review.redo()
    assert [v.decision for v in case.review.verdicts] == ["accepted", "unsure"]
    case.review.undo()
    case.review.judge((9, 16, 5), "rejected")
    assert not case.review.redo()


def test_candidates_are_negative(case):
    case.threshold = 0.99
    voxel = _voxel_of_candidate(case)
    case.review.judge(voxel, "accepted")
    assert list(case.review.decisions()) == [-int(case.lesions.candidates[voxel])]


def _voxel_of_candidate(case):
    found = np.argwhere(case.lesions.candidates > 0)
    return tuple(int(x) for x in found[len(found) // 2])


def test_a_new_prediction_drops_verdicts_edit_and_selection(case, blobs, grid):
    case.review.judge((5, 5, 5), "accepted")
    case.review.set_edit(np.ones(grid.shape, np.int8))
    case.select((5, 5, 5))
    assert case.review.unsaved
    case.open_prediction(fake_prediction(blobs, grid))
    assert (case.review.verdicts, case.review.edit, case.selected) == ((), None, None)
    assert not case.review.unsaved
    assert not case.review.undo()


def test_unsaved_until_marked(case, grid):
    assert not case.review.unsaved
    case.review.judge((5, 5, 5), "accepted")
    assert case.review.unsaved
    case.review.mark_saved()
    assert not case.review.unsaved
    case.review.set_edit(np.ones(grid.shape, np.int8))
    assert case.review.unsaved
    case.review.mark_saved()
    case.review.undo()
    assert case.review.unsaved


def test_reference_of_another_shape_is_dropped_with_the_prediction(case, blobs):
    case.comparison.reference = blobs
    other = Grid((6, 20, 20), case.grid.affine)
    case.open_prediction(fake_prediction(blobs[:6], other))
    assert case.comparison.reference is None and case.comparison.reliability is None


def test_reliability_of_a_slice_counts_the_slice(case, blobs):
    case.comparison.reference = blobs
    case.comparison.region = Region("slice", 0, 5)
    assert int(case.comparison.reliability.count.sum()) == 20 * 20
    case.comparison.region = Region("brain")
    assert int(case.comparison.reliability.count.sum()) == blobs.size


def test_region_around_lesions_follows_the_threshold(case, blobs):
    case.comparison.reference = blobs
    heard = Counter(case.reliability_changed)
    case.threshold = 0.4
    assert heard.counts == {}
    case.comparison.region = Region("lesions")
    wide = int(case.comparison.reliability.count.sum())
    case.threshold = 0.9
    assert heard.counts == {"reliability_changed": 2}
    assert int(case.comparison.reliability.count.sum()) <= wide
