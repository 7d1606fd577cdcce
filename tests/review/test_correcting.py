"""Tools on a case: what they make of its lesions, how that is undone, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest

from napari_uncertainseg._base import InputError
from napari_uncertainseg.case import Case
from napari_uncertainseg.images.volume import Grid
from napari_uncertainseg.review.correcting.apply import apply, outlines_of, place_at, voxel_within
from napari_uncertainseg.review.correction import Correction
from napari_uncertainseg.review.open_case.changed_lesion import lesion_of_change

from ..widgets.fakes import fake_prediction

SHAPE = (14, 40, 44)
FIRST, SECOND, LONG, EDGE = (6, 10, 10), (6, 10, 20), (6, 28, 14), (6, 0, 40)
N = 5
"""Lesions: these four, and what the members that are moved see of the last one at the other edge."""


@pytest.fixture
def case() -> Case:
    """Two balls near each other, a dumbbell, and one at the edge of an image of 1 mm voxels."""
    index = np.indices(SHAPE)
    ball = lambda at, r: sum((i - c) ** 2 for i, c in zip(index, at, strict=True)) <= r**2  # noqa: E731
    mask = ball(FIRST, 4) | ball(SECOND, 3.3) | ball(LONG, 5) | ball((6, 28, 28), 5) | ball(EDGE, 3)
    mask[5:8, 27:30, 14:28] = True
    made = Case()
    affine = np.eye(4)[[2, 1, 0, 3]]
    made.open_prediction(fake_prediction(mask, Grid(SHAPE, affine), sigma=0.6))
    return made


def use(case, corrected):
    """Apply it; the number of lesions before and after."""
    before = case.lesions.count
    apply(case.review, outlines_of(case), corrected)
    return before, case.lesions.count


def volume_at(case, voxel):
    table = case.lesions.table.set_index("label")
    return float(table["volume_mm3"].get(int(case.lesions.labels[voxel]), 0.0))


@pytest.mark.parametrize("at", [FIRST, EDGE])
def test_grow_and_shrink_change_one_lesion_and_are_taken_back(case, at):
    others = {voxel: volume_at(case, voxel) for voxel in (FIRST, SECOND, LONG, EDGE) if voxel != at}
    before, labels = volume_at(case, at), case.lesions.labels
    outlines = outlines_of(case)
    found = outlines.grow(outlines.number_at(at), 1.0)
    assert use(case, found) == (N, N)
    grown = volume_at(case, at)
    assert grown > 1.2 * before and grown - before == found.after_mm3 - found.before_mm3
    assert f"Lesion {labels[at]}: grow by 1 mm." in found.in_words() and "more" in found.in_words()
    outlines = outlines_of(case)
    assert use(case, outlines.shrink(outlines.number_at(at), 1.0)) == (N, N)
    assert volume_at(case, at) < grown
    assert others == {voxel: volume_at(case, voxel) for voxel in others}
    case.review.undo()
    assert volume_at(case, at) == grown
    case.review.undo()
    np.testing.assert_array_equal(case.lesions.labels, labels)


def test_a_lesion_that_would_go_is_not_shrunk(case):
    outlines = outlines_of(case)
    with pytest.raises(InputError, match="nothing would be left"):
        outlines.shrink(outlines.number_at(SECOND), 6.0)
    assert case.review.edit is None


def test_growing_stops_before_a_neighbour(case):
    outlines = outlines_of(case)
    assert use(case, outlines.grow(outlines.number_at(FIRST), 6.0)) == (N, N)
    assert case.lesions.labels[FIRST] != case.lesions.labels[SECOND]


def test_holes_in_a_slice_and_in_space(case):
    edit = np.zeros(SHAPE, np.int8)
    edit[4:9, 28, 14] = -1  # a tunnel through five slices: none in space, as it is open above
    edit[LONG] = -1
    case.review.set_edit(edit)
    outlines = outlines_of(case)
    number = int(case.lesions.labels[6, 28, 28])
    with_holes = int((case.lesions.labels == number).sum())
    use(case, outlines.fill(number, 0))
    assert int((case.lesions.labels == number).sum()) == with_holes + 5
    with pytest.raises(InputError, match=r"no hole in these slices"):
        outlines_of(case).fill(number, 0)
    with pytest.raises(InputError, match=r"no hole in 3-D"):
        outlines_of(case).fill(number, None)


def test_split_between_two_places_and_verdicts_stay_with_theirs(case):
    case.review.judge(LONG, "accepted")
    case.review.judge((6, 28, 28), "accepted")
    outlines = outlines_of(case)
    assert use(case, outlines.split_between(LONG, (6, 28, 28))) == (N, N + 1)
    labels = case.lesions.labels
    assert labels[LONG] and labels[6, 28, 28] and labels[LONG] != labels[6, 28, 28]
    assert case.review.decisions() == {int(labels[6, 28, 28]): "accepted"}
    numbers = labels[LONG], labels[6, 28, 28]
    case.threshold += 0.01
    assert (case.lesions.labels[LONG], case.lesions.labels[6, 28, 28]) == numbers
    case.review.undo()
    assert case.lesions.labels[LONG] == case.lesions.labels[6, 28, 28]


def test_split_along_a_line_that_is_drawn_over_several(case):
    outlines = outlines_of(case)
    assert use(case, outlines.split_along((6, 20, 21), (6, 36, 21), 0)) == (N, N + 1)
    case.review.undo()
    for start, stop, sentence in [
        ((6, 20, 33), (6, 20, 40), "meets no lesion"),
        ((6, 28, 12), (6, 28, 14), "does not cut"),
        ((-5, -9, 0), (-5, -2, 0), "meets no lesion"),
    ]:
        with pytest.raises(InputError, match=sentence):
            outlines_of(case).split_along(start, stop, 0)
    case.min_volume = 150.0
    with pytest.raises(InputError, match="would be smaller than what the list shows"):
        outlines_of(case).split_along((6, 0, 9), (6, 20, 9), 0)
    assert case.review.edit is None or not case.review.edit.any()


def test_merge_joins_within_its_distance_and_different_verdicts_make_it_unsure(case):
    case.review.judge(FIRST, "accepted")
    case.review.judge(SECOND, "rejected")
    outlines = outlines_of(case)
    one, other = outlines.number_at(FIRST), outlines.number_at(SECOND)
    with pytest.raises(InputError, match="mm apart, which is more than the 1 mm"):
        outlines.merge(one, other, 1.0)
    assert use(case, outlines.merge(one, other, 6.0)) == (N, N - 1)
    assert set(case.review.decisions().values()) == {"unsure"}
    case.review.undo()
    assert sorted(case.review.decisions().values()) == ["accepted", "rejected"]
    for pair in [(one, one), (0, one), (one, 0)]:
        with pytest.raises(InputError, match="two different lesions"):
            outlines.merge(*pair, 6.0)


def test_interpolate_fills_the_slices_between_two_painted_ones(case):
    edit = np.zeros(SHAPE, np.int8)
    edit[1, 20:26, 32:38], edit[5, 18:24, 34:40] = 1, 1
    case.review.set_edit(edit)
    outlines = outlines_of(case)
    pair = outlines.number_at((1, 22, 34)), outlines.number_at((5, 20, 36))
    assert use(case, outlines.interpolate(*pair, 0)) == (N + 2, N + 1)
    assert [int((case.lesions.labels[s] == case.lesions.labels[1, 22, 34]).sum()) for s in range(1, 6)] == [
        36
    ] * 5
    with pytest.raises(InputError, match="two different"):
        outlines_of(case).interpolate(pair[0], pair[0], 0)
    with pytest.raises(InputError, match="nothing to interpolate"):
        outlines_of(case).interpolate(
            outlines_of(case).number_at(FIRST), outlines_of(case).number_at(SECOND), 0
        )


def test_the_models_outline_at_any_threshold_replaces_that_of_its_lesion(case):
    place = place_at(case, FIRST)
    for threshold in (0.3, 0.8):
        outlines = outlines_of(case)
        found = outlines.take(place, threshold, FIRST)
        use(case, found)
        number = case.lesions.labels[FIRST]
        own = case.lesions.labels == number
        component = np.zeros(SHAPE, bool)
        change = place.component(threshold)
        component[change.box] = change.wanted
        np.testing.assert_array_equal(own, component)
        assert case.lesions.count == N
    with pytest.raises(InputError, match="change nothing"):
        outlines_of(case).take(place, 0.8, FIRST)
    with pytest.raises(InputError, match="sees nothing"):
        place_at(case, (13, 39, 0))


def test_a_lesion_that_was_erased_comes_back_by_the_model(case):
    case.review.set_edit(np.where(case.lesions.labels == case.lesions.labels[FIRST], -1, 0).astype(np.int8))
    assert case.lesions.labels[FIRST] == 0
    use(case, outlines_of(case).take(place_at(case, FIRST), 0.5, FIRST))
    assert case.lesions.labels[FIRST] > 0


def test_a_brush_paints_and_erases(case):
    box = (slice(1, 4), slice(15, 20), slice(30, 36))
    stroke = np.ones((3, 5, 6), bool)
    correction = Correction("brush", {"diameter_mm": 5.0})
    use(case, outlines_of(case).painted(box, stroke, erase=False, correction=correction))
    assert case.lesions.labels[box].all() and case.lesions.count == N + 1
    use(case, outlines_of(case).painted(box, stroke, erase=True, correction=correction))
    assert not case.lesions.labels[box].any() and case.lesions.count == N
    with pytest.raises(InputError, match="change nothing"):
        outlines_of(case).painted(box, stroke, erase=True, correction=correction)


def test_what_is_not_there(case):
    outlines = outlines_of(case)
    for tool in (
        lambda: outlines.grow(0, 1.0),
        lambda: outlines.fill(99, None),
        lambda: outlines.shrink(99, 1),
    ):
        with pytest.raises(InputError, match="no lesion here"):
            tool()
    with pytest.raises(InputError, match="two different places"):
        outlines.split_between(FIRST, SECOND)
    empty = Case()
    with pytest.raises(InputError, match="press Run in Segment"):
        outlines_of(empty)
    with pytest.raises(InputError, match="press Run in Segment"):
        place_at(empty, (0, 0, 0))
    found = outlines.grow(outlines.number_at(FIRST), 1.0)
    assert voxel_within(found, FIRST) == FIRST
    far = voxel_within(found, (0, 39, 43))
    assert far is not None and far != FIRST


@pytest.mark.parametrize("at", [FIRST, SECOND, EDGE])
def test_a_stroke_that_is_taken_back_leads_to_the_lesion_that_it_names(case, at):
    """The middle of what a growth added is in no lesion any more; the nearest of the lesion is beside it."""
    number, outlines = int(case.lesions.labels[at]), outlines_of(case)
    apply(case.review, outlines, outlines.grow(outlines.number_at(at), 1.0))
    for step in (case.review.undo, case.review.redo):
        change = step()
        assert change.what.endswith(f"on lesion {number}")
        found = lesion_of_change(case.lesions, change)
        assert case.lesions.component_at(found) == number
        assert max(abs(a - b) for a, b in zip(found, change.voxel, strict=True)) <= 1
    case.review.undo()
    assert case.lesions.component_at(change.voxel) == 0  # as said above


def test_of_a_lesion_that_is_gone_nothing_is_chosen(case):
    edit = np.zeros(SHAPE, np.int8)
    edit[1, 1:4, 1:4] = 1
    case.review.set_edit(edit)
    case.review.judge((1, 2, 2), "accepted")
    judged = case.review.undo()
    assert lesion_of_change(case.lesions, judged) == (1, 2, 2)
    stroke = case.review.undo()
    assert lesion_of_change(case.lesions, stroke) is None is lesion_of_change(case.lesions, judged)
    stroke = case.review.redo()
    assert lesion_of_change(case.lesions, stroke) == stroke.voxel
