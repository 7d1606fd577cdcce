"""Lesions ranked by doubt, against plain loops over whole volumes."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_uncertainseg._base import InputError
from napari_uncertainseg.images.volume import Grid
from napari_uncertainseg.lesions.components import label_mask
from napari_uncertainseg.prediction.members import Members
from napari_uncertainseg.uncertainty import lesion_ranking as ranking
from napari_uncertainseg.uncertainty.lesion_columns import COLUMNS
from napari_uncertainseg.uncertainty.lesion_numbers import MOST, LesionNumbers
from napari_uncertainseg.uncertainty.lesion_ranking import Lesions, Ranker, rank_lesions

from ..builders import everywhere, make_prediction, predict_from_members

EIGHT = np.ones((3, 3, 3))
AFFINE = np.array([[0.1, 0.0, 0.8, -40.0], [0.0, 0.7, 0.0, -30.0], [1.5, 0.0, -0.05, 12.0], [0, 0, 0, 1.0]])


def fields(seed: int, n: int = 4, shape=(14, 15, 16)) -> np.ndarray:
    """Members that share some lesions, kept as half floats are."""
    rng = np.random.default_rng(seed)
    shared = ndimage.gaussian_filter(rng.standard_normal(shape), 1.2)
    own = np.stack([ndimage.gaussian_filter(x, 1.0) for x in rng.standard_normal((n, *shape))])
    logits = 3 * shared / shared.std() + 1.2 * own / own.std() - 3
    return (1 / (1 + np.exp(-logits))).astype(np.float16)


def prepared(members: np.ndarray, affine=AFFINE):
    return predict_from_members(members, grid=Grid(members.shape[1:], affine))


def rank(members: np.ndarray, threshold: float = 0.5, **options) -> Lesions:
    return rank_lesions(prepared(members), threshold=threshold, **options)


def plain_loop(lesion: np.ndarray, members: np.ndarray, threshold: float) -> float:
    overlaps = []
    for member in members:
        components, n = ndimage.label(member.astype(float) >= threshold, EIGHT)
        best = [
            (lesion & (components == i)).sum() / (lesion | (components == i)).sum() for i in range(1, n + 1)
        ]
        overlaps.append(max(best, default=0.0))
    return 1 - float(np.mean(overlaps))


@pytest.mark.parametrize(("seed", "threshold"), [(0, 0.5), (1, 0.3), (2, 0.03), (3, 0.0437)])
def test_every_column_against_plain_loops(seed, threshold) -> None:
    members = fields(seed)
    prediction = prepared(members)
    p, grid = prediction.probability, prediction.grid
    entropy, mutual = prediction.entropy, prediction.mutual_information
    found = rank_lesions(prediction, threshold=threshold, min_volume=3.0)
    components, _ = ndimage.label(p >= threshold, EIGHT)
    volumes = np.bincount(components.ravel())[1:] * grid.voxel_volume
    assert found.count == (volumes >= 3.0).sum() > 0
    assert found.volume_ml == pytest.approx(volumes[volumes >= 3].sum() / 1000)
    assert list(found.table["label"]) == list(range(1, found.count + 1))
    for row in found.table.itertuples():
        lesion = found.labels == row.label
        look = (row.slice_s, row.slice_a, row.slice_r)
        where = np.argwhere(lesion)
        assert lesion[look] and (components[lesion] == components[look]).all()
        assert row.voxels == lesion.sum() == (components == components[look]).sum()
        assert row.volume_mm3 == pytest.approx(lesion.sum() * abs(np.linalg.det(AFFINE[:3, :3])))
        assert row.mean_probability == pytest.approx(p[lesion].mean(), abs=1e-6)
        assert row.max_probability == pytest.approx(p[lesion].max(), abs=1e-6)
        assert row.mean_entropy == pytest.approx(entropy[lesion].mean(), abs=1e-6)
        assert row.mean_mutual_information == pytest.approx(mutual[lesion].mean(), abs=1e-6)
        assert [row.start_s, row.start_a, row.start_r] == where.min(0).tolist()
        assert [row.stop_s, row.stop_a, row.stop_r] == (where.max(0) + 1).tolist()
        centroid = where.mean(0)
        ras = AFFINE @ [*centroid, 1]
        assert [row.x_mm, row.y_mm, row.z_mm] == pytest.approx(ras[:3].tolist())
        assert lesion[row.slice_s].sum() == lesion.sum((1, 2)).max()
        away = ((where - centroid) * grid.spacing)[where[:, 0] == row.slice_s][:, 1:]
        here = (np.array(look[1:]) - centroid[1:]) * grid.spacing[1:]
        assert np.hypot(*here) == pytest.approx(np.hypot(*away.T).min())
        assert row.lsu == pytest.approx(plain_loop(lesion, members, threshold), abs=1e-12)


@given(st.integers(0, 9999), st.floats(0.01, 0.95), st.permutations(range(4)))
@settings(max_examples=40, deadline=None)
def test_order_bounds_and_permutation(seed, threshold, order) -> None:
    members = fields(seed)
    prediction = prepared(members)
    found = rank_lesions(prediction, threshold=threshold)
    keys = list(found.table[["doubt", "mean_entropy", "volume_mm3"]].itertuples(index=False, name=None))
    assert keys == sorted(keys, reverse=True)
    assert found.table["lsu"].between(0, 1).all()
    np.testing.assert_allclose(found.table["doubt"], 1 - found.table["max_probability"])
    np.testing.assert_allclose(found.candidate_table["doubt"], found.candidate_table["max_probability"])
    peaks = found.candidate_table["max_probability"]
    assert peaks.is_monotonic_decreasing
    assert not ((found.labels > 0) & (found.candidates > 0)).any()
    other = replace(prediction, members=Members(prediction.members.box, members[list(order)]))
    again = rank_lesions(other, threshold=threshold)
    np.testing.assert_allclose(again.table["lsu"], found.table["lsu"], atol=1e-12)


@given(st.integers(0, 9999), st.floats(0.02, 0.9), st.floats(0, 0.5))
@settings(max_examples=30, deadline=None)
def test_a_lower_threshold_never_has_fewer_lesion_voxels(seed, threshold, less) -> None:
    ranker = Ranker(prepared(fields(seed)))
    high, low = ranker.rank(threshold, 0), ranker.rank(max(0.01, threshold - less), 0)
    assert not ((high.labels > 0) & (low.labels == 0)).any()


@given(st.integers(0, 9999), st.floats(0.02, 0.9), st.booleans(), st.integers(0, 4))
@settings(max_examples=60, deadline=None)
def test_a_ranker_kept_gives_what_a_new_one_gives(seed, threshold, ready, n_members) -> None:
    whole = prepared(fields(seed, n=max(1, n_members)))
    members = Members(whole.members.box, whole.members.values[:n_members])
    ranker = Ranker(replace(whole, members=members))
    if ready:
        ranker.prepare()
    ranker.rank(0.5)
    one, two = ranker.rank(threshold), rank_lesions(replace(whole, members=members), threshold)
    pd.testing.assert_frame_equal(one.table, two.table)
    np.testing.assert_array_equal(one.labels, two.labels)
    np.testing.assert_array_equal(one.candidates, two.candidates)


@given(st.integers(0, 9999), st.floats(0.1, 0.9), st.integers(0, 4))
@settings(max_examples=40, deadline=None)
def test_what_was_measured_before_is_taken_only_for_the_same_question(seed, threshold, least) -> None:
    """Numbers of its own, painting in between, another volume, threshold or candidates."""
    prediction, kept = prepared(fields(seed)), LesionNumbers((14, 15, 16))
    edit = np.random.default_rng(seed).integers(-1, 2, prediction.grid.shape).astype(np.int8)
    ranker, volume = Ranker(prediction), least * prediction.grid.voxel_volume
    for asked in (
        (threshold, volume, {}),
        (threshold, volume, {"numbers": kept}),
        (threshold, volume, {"edit": edit}),
        (threshold, volume, {}),
        (threshold, volume + 5, {}),
        (threshold, volume, {"candidate_threshold": 0.3}),
        (threshold / 2, volume, {}),
        (threshold, volume, {}),
    ):
        *at, others = asked
        one = ranker.rank(*at, **others)
        others = {name: LesionNumbers((14, 15, 16)) if name == "numbers" else x for name, x in others.items()}
        two = Ranker(prediction).rank(*at, **others)
        pd.testing.assert_frame_equal(one.table, two.table)
        pd.testing.assert_frame_equal(one.candidate_table, two.candidate_table)
        np.testing.assert_array_equal(one.labels, two.labels)
        np.testing.assert_array_equal(one.candidates, two.candidates)


def test_lesions_that_are_only_numbered_anew_are_not_measured_again(monkeypatch) -> None:
    ranker, calls = Ranker(prepared(fields(3))), []
    measure = ranking.measure_lesions
    monkeypatch.setattr(ranking, "measure_lesions", lambda *given: calls.append(1) or measure(*given))
    ranker.rank(0.4)
    ranker.rank(0.4, numbers=LesionNumbers((14, 15, 16)))
    assert len(calls) == 1
    ranker.rank(0.5)
    assert len(calls) == 2


@given(
    st.integers(0, 9999),
    st.floats(0.05, 0.9),
    st.floats(0.05, 0.9),
    st.integers(0, 6),
    st.booleans(),
    st.booleans(),
)
@settings(max_examples=80, deadline=None)
def test_candidates_are_what_holds_no_lesion_voxel(seed, threshold, below, least, ready, painted) -> None:
    prediction = prepared(fields(seed))
    p, grid = prediction.probability, prediction.grid
    edit = np.random.default_rng(seed).integers(-1, 2, p.shape).astype(np.int8) if painted else None
    ranker = Ranker(prediction)
    if ready:
        ranker.prepare()
    found = ranker.rank(threshold, least * grid.voxel_volume, candidate_threshold=below, edit=edit)
    possible, n = label_mask(p >= below if edit is None else (p >= below) & (edit >= 0))
    lesion = found.labels > 0
    free = [
        i
        for i in range(1, n + 1)
        if (possible == i).sum() >= max(1, least) and not lesion[possible == i].any()
    ]
    np.testing.assert_array_equal(found.candidates > 0, np.isin(possible, free))
    assert len(found.candidate_table) == len(free)


def test_an_image_full_of_foreground_is_not_prepared(monkeypatch) -> None:
    ranker = Ranker(prepared(fields(0)))
    monkeypatch.setattr(ranking, "_MOST_PREPARED", 10)
    ranker.prepare()
    assert ranker._hierarchy is None
    assert ranker.rank(0.5).count


def test_persistence_tells_a_hill_from_a_bump() -> None:
    p = np.zeros((3, 3, 12), np.float32)
    p[1, 1] = [0, 0.9, 0.5, 0.3, 0.6, 0.7, 0, 0, 0.2, 0, 0.8, 0]
    grid = Grid(p.shape, np.diag([1.0, 1, 1, 1])[[2, 1, 0, 3]])
    none = Members(tuple(slice(0, n) for n in p.shape), np.zeros((0, *p.shape), np.float16))
    for ready in (False, True):
        ranker = Ranker(make_prediction(p, none, grid=grid))
        if ready:
            ranker.prepare()
        found = ranker.rank(0.4, 0)
        by_peak = dict(zip(found.table["max_probability"].round(2), found.table["persistence"], strict=True))
        assert by_peak == pytest.approx({0.9: 0.85, 0.7: 0.4, 0.8: 0.75}, abs=1e-6)
        assert found.candidate_table["persistence"].tolist() == pytest.approx([0.15])
        painted = np.zeros(p.shape, np.int8)
        painted[0, 0, 6:8] = painted[1, 1, 10] = 1
        found = ranker.rank(0.4, 0, edit=painted)
        assert 0.75 in found.table["persistence"].round(6).tolist()
        erased = np.zeros(p.shape, np.int8)
        erased[1, 1, 1] = -1  # the peak of 0.9
        found = ranker.rank(0.4, 0, edit=erased)
        assert (found.table["persistence"] <= found.table["max_probability"]).all()


def test_members_in_a_box_count_as_nothing_outside() -> None:
    members = fields(5)
    box = (slice(3, 12), slice(2, 13), slice(4, 14))
    cut = np.zeros_like(members)
    cut[(slice(None), *box)] = members[(slice(None), *box)]
    prediction = prepared(members)
    whole = Members(everywhere(cut.shape[1:]), cut)
    boxed = Members(box, members[(slice(None), *box)])
    one = rank_lesions(replace(prediction, members=whole), 0.4)
    two = rank_lesions(replace(prediction, members=boxed), 0.4)
    pd.testing.assert_frame_equal(one.table, two.table)


def test_candidates_hold_no_lesion_voxel() -> None:
    members = fields(6, shape=(30, 30, 30))
    p = prepared(members).probability
    found = rank(members, 0.8, candidate_threshold=0.5, min_volume=2.0)
    below, n = ndimage.label(p >= 0.5, EIGHT)
    voxel = abs(np.linalg.det(AFFINE[:3, :3]))
    expected = [
        i
        for i in range(1, n + 1)
        if not (found.labels[below == i] > 0).any() and (below == i).sum() * voxel >= 2.0
    ]
    assert len(found.candidate_table) == len(expected) > 0
    np.testing.assert_array_equal(found.candidates > 0, np.isin(below, expected))
    first = found.candidates == 1
    assert p[first].max() == pytest.approx(found.candidate_table["max_probability"].iloc[0])


def test_edits_add_and_remove() -> None:
    members = np.zeros((2, 12, 12, 12), np.float16)
    members[:, 2:4, 2:4, 2:4] = 0.9
    members[:, 8:10, 8:10, 8:10] = 0.8
    edit = np.zeros((12, 12, 12), np.int8)
    edit[2:4, 2:4, 2:4] = -1
    edit[11, 0:3, 11] = 1
    found = rank(members, edit=edit, min_volume=0)
    assert found.count == 2 and found.labels[8, 8, 8] == 1 and found.labels[11, 1, 11] == 2
    assert not found.labels[2:4, 2:4, 2:4].any() and not found.candidates.any()
    assert found.table["drawn"].tolist() == [False, True]  # of which the model says nothing
    assert found.table["lsu"].tolist() == pytest.approx([0.0, np.nan], nan_ok=True)
    assert found.table["mean_probability"].tolist() == pytest.approx([0.8, np.nan], abs=1e-3, nan_ok=True)
    assert rank(members, edit=np.zeros_like(edit), min_volume=0).count == 2


def test_empty_frames_have_the_columns_and_types_of_full_ones() -> None:
    empty, full = rank(np.zeros((3, 6, 7, 8), np.float16)), rank(fields(1), 0.3, min_volume=0)
    assert empty.count == 0 and empty.volume_ml == 0.0
    assert empty.labels.shape == (6, 7, 8) and empty.labels.dtype == np.uint16
    for table in (empty.table, empty.candidate_table, full.candidate_table):
        assert table.dtypes.tolist() == full.table.dtypes.tolist()
        assert table.columns.tolist() == full.table.columns.tolist() == list(COLUMNS)


def test_one_voxel_one_member_and_all_lesion() -> None:
    one = np.zeros((1, 5, 5, 5), np.float16)
    one[0, 2, 3, 4] = 1
    found = rank(one, min_volume=0)
    assert found.table[["voxels", "slice_s", "slice_a", "slice_r"]].iloc[0].tolist() == [1, 2, 3, 4]
    assert found.table["lsu"].iloc[0] == 0
    everything = rank(np.ones((2, 4, 5, 6), np.float16))
    assert everything.count == 1 and (everything.labels == 1).all()
    assert rank(np.zeros((2, 4, 5, 6), np.float16), 0.0, candidate_threshold=0.0).labels.all()


def test_no_members_is_no_doubt() -> None:
    p = np.zeros((5, 5, 5), np.float32)
    p[2, 2, 2] = 1
    none = Members((slice(0, 0),) * 3, np.zeros((0, 0, 0, 0), np.float16))
    found = rank_lesions(make_prediction(p, none), 0.5, 1)
    assert found.table["lsu"].tolist() == [0.0]
    unseen = Members((slice(0, 0),) * 3, np.zeros((3, 0, 0, 0), np.float16))
    found = rank_lesions(make_prediction(p, unseen), 0.5, 1)
    assert found.table["lsu"].tolist() == [1.0]


def test_of_too_many_components_the_largest_are_kept() -> None:
    members = np.zeros((1, 90, 90, 90), np.float16)
    members[0, ::2, ::2, ::2] = 1
    members[0, 88, 88, 85:89] = 1
    found = rank(members, min_volume=0)
    assert found.count == MOST == found.labels.max()
    assert found.table["voxels"].max() > 1


def test_slice_of_ties_is_the_one_nearest_the_centroid() -> None:
    members = np.zeros((1, 9, 9, 9), np.float16)
    members[0, 2:7, 4, 4] = 1
    assert rank(members, min_volume=0).table["slice_s"].iloc[0] == 4


@pytest.mark.parametrize("name", ["probability", "entropy", "mutual_information"])
def test_arrays_off_the_grid_are_refused(name) -> None:
    prediction = prepared(fields(0))
    maps = {**prediction.maps, name: prediction.maps[name][1:]}
    with pytest.raises(InputError, match="shape"):
        rank_lesions(replace(prediction, maps=maps), 0.5)


def test_bad_thresholds_and_edits_are_refused() -> None:
    for bad in itertools.product([np.nan, np.inf]):
        with pytest.raises(InputError, match="numbers"):
            rank(fields(0), *bad)
    with pytest.raises(InputError, match="edit"):
        rank(fields(0), edit=np.zeros((2, 2, 2), np.int8))


def test_titles_of_columns_are_words():
    """Not names of classes; those of the slice, row and column to look at are these."""
    assert [COLUMNS[f"slice_{axis}"].title for axis in "sar"] == ["Slice", "Row", "Column"]


def test_candidates_do_not_move_with_the_threshold_of_lesions():
    """Verdicts on candidates would be lost: at a lower floor candidates grow together."""
    probability = np.zeros((8, 8, 24), np.float32)
    probability[3:5, 3:5, 2:22] = 0.08
    for start in (2, 10, 18):
        probability[3:5, 3:5, start : start + 3] = 0.12
    for threshold in (0.4, 0.15, 0.13):
        found = rank_lesions(make_prediction(probability), threshold)
        assert (len(found.candidate_table), found.candidate_threshold) == (3, 0.1)
    moved = replace(make_prediction(probability), candidate_threshold=0.05)
    assert len(rank_lesions(moved, 0.4).candidate_table) == 1


def test_a_lesion_that_was_painted_on_keeps_what_the_model_said_and_its_place() -> None:
    """Real, doubt and mean probability contradict each other when some follow the brush and some do not."""
    members = np.zeros((2, 12, 12, 12), np.float16)
    members[:, 2:4, 2:4, 2:4] = 0.9
    members[:, 8:10, 8:10, 8:10] = 0.8
    members[:, 2, 9, 9] = 0.7
    before = rank(members, min_volume=0)
    edit = np.zeros((12, 12, 12), np.int8)
    edit[7:11, 7:11, 7:11] = 1  # grown: most of it is painted now
    edit[3, 2:4, 2:4] = -1
    after = rank(members, edit=edit, min_volume=0)
    spoken = ["doubt", "mean_probability", "max_probability", "lsu", "mean_entropy", "persistence"]
    pd.testing.assert_frame_equal(before.table[spoken], after.table[spoken])
    assert after.table["slice_s"].tolist()[:2] == [2, 8] and after.table["voxels"].tolist() == [1, 64, 4]
    volume = before.table["volume_mm3"]
    assert after.models_volume == pytest.approx({2: volume[1], 3: volume[2]}) and not before.models_volume
