"""What lies around lesions, on cases that are made so that the answer is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_uncertainseg._base import InputError
from napari_uncertainseg.images.volume import Grid
from napari_uncertainseg.lesions.components import Components
from napari_uncertainseg.networks.real_probability import FEATURES, RealProbability, Weight
from napari_uncertainseg.prediction.members import Members
from napari_uncertainseg.prediction.voxel_features import VOXEL_FEATURES, VoxelFeatures
from napari_uncertainseg.uncertainty.lesion_ranking import Ranker, rank_lesions
from napari_uncertainseg.uncertainty.lesion_statistics import measure_lesions
from napari_uncertainseg.uncertainty.real_probability.fit import fit_weights
from napari_uncertainseg.uncertainty.real_probability.lesion_features import (
    FoundLesions,
    measure_lesion_features,
)
from napari_uncertainseg.uncertainty.real_probability.voxel_features import (
    FARTHEST,
    _block_mean,
    measure_voxel_features,
)

from ..builders import AFFINE, everywhere, make_prediction

SHAPE = (48, 60, 56)
DEEP, SHALLOW = (24, 30, 14), (24, 30, 5)


def head(spacing=(1.0, 1.0, 1.0)):
    """A box of tissue with a ventricle in its middle, a deep lesion and one at the edge of the brain."""
    brain = np.zeros(SHAPE, bool)
    brain[2:46, 2:58, 2:54] = True
    flair = np.where(brain, 0.0, 0.0).astype(np.float32)
    flair[16:32, 22:38, 24:32] = -3.0
    p = np.zeros(SHAPE, np.float32)
    for s, a, r in (DEEP, SHALLOW):
        p[s - 2 : s + 3, a - 2 : a + 3, r - 2 : r + 3] = 0.8
        flair[s - 2 : s + 3, a - 2 : a + 3, r - 2 : r + 3] = 1.2
    grid = Grid(SHAPE, AFFINE @ np.diag([*spacing, 1.0]))
    return {"flair": flair}, p, brain, grid


def features(channels, p, brain, grid, members=None, threshold=0.5):
    around = measure_voxel_features(channels, p, brain, grid)
    ranker = Ranker(make_prediction(p, grid=grid, brain=brain))
    box, lesions, candidates = ranker._components(threshold, 0.1, 1, None)
    maps = (p.astype(np.float32), p.astype(np.float32), p.astype(np.float32))
    found = measure_lesions(box, lesions, candidates, maps, grid)
    kept = Members(everywhere(SHAPE), np.asarray(members if members is not None else [p], np.float16))
    return measure_lesion_features(FoundLesions(found, kept, around, grid, threshold)), found


def test_a_lesion_at_the_edge_is_shallow_and_one_in_tissue_is_deep() -> None:
    values, found = features(*head())
    shallow, deep = np.argsort(found.values["x_mm"])
    assert values["depth"][shallow] == pytest.approx(6, abs=1.0)  # its voxel farthest in is the sixth
    assert values["depth"][deep] == pytest.approx(11, abs=1.5)  # from r = 13 to the edge, before r = 2
    assert values["edge"][shallow] == pytest.approx(4, abs=1.0)
    assert values["edge"][deep] == pytest.approx(13, abs=1.0)
    assert values["ventricle"][deep] == pytest.approx(10, abs=1.5)
    assert values["contrast"][deep] == pytest.approx(1.2, abs=0.05)
    assert values["brightness"] == pytest.approx([1.2, 1.2], abs=0.01)
    assert values["over_lesions"] == pytest.approx([0, 0], abs=0.01)
    assert values["over_grey"] == pytest.approx([1.2, 1.2], abs=0.01)
    assert values["volume"] == pytest.approx(np.log10([125, 125]))
    assert values["slices"] == pytest.approx(np.log2([5, 5]))
    assert values["mirrored"] == pytest.approx([0, 0], abs=0.02)
    assert (values["asymmetry"] > 0.1).all()
    assert np.isnan(values["contrast_t1"]).all() and np.isnan(values["contrast_t2"]).all()
    assert set(values) == set(FEATURES)


def test_a_lesion_with_a_twin_on_the_other_side_is_symmetric() -> None:
    channels, p, brain, grid = head()
    other = brain.shape[2] - 1  # the brain's middle is that of the grid
    for array in (p, channels["flair"]):
        array[:, :, other - 16 : other - 11] = np.where(
            p[:, :, 12:17][..., ::-1] > 0, array[:, :, 12:17][..., ::-1], array[:, :, other - 16 : other - 11]
        )
    values, found = features(channels, p, brain, grid)
    twins = np.abs(found.values["x_mm"] - 27.5) < 15
    assert twins.sum() == 2
    assert (values["mirrored"][twins] > 0.1).all()
    assert np.abs(values["asymmetry"][twins]).max() < 0.05


def test_thick_slices_and_other_scans() -> None:
    channels, p, brain, grid = head((6.0, 1.0, 1.0))
    channels["t1"] = np.where(p > 0, -1.5, 0).astype(np.float32) * brain
    values, _ = features(channels, p, brain, grid)
    assert values["thickness"] == pytest.approx(np.log10([6, 6]))
    assert values["contrast_t1"] == pytest.approx([-1.5, -1.5], abs=0.1)
    assert values["volume"] == pytest.approx(np.log10([750, 750]))
    assert values["voxels"] == pytest.approx(np.log10([125, 125]))


def test_members_that_see_it() -> None:
    channels, p, brain, grid = head()
    none, first = np.zeros_like(p), p.copy()
    first[:, :, 10:] = 0
    values, found = features(channels, p, brain, grid, members=[p, none, first, p])
    shallow, deep = np.argsort(found.values["x_mm"])
    assert values["seen"][[shallow, deep]].tolist() == [0.75, 0.5]
    one, _ = features(channels, p, brain, grid, members=[p])
    assert one["seen"].tolist() == [1, 1]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int16, bool])
def test_every_type_of_numbers(dtype) -> None:
    channels, p, brain, grid = head()
    scan = (channels["flair"] * 10).astype(dtype)
    given = (p > 0).astype(dtype) if dtype in (np.int16, bool) else p.astype(dtype)
    around = measure_voxel_features({"flair": scan}, given, brain.astype(np.uint8), grid)
    assert len(around.where) == np.count_nonzero(p) and np.isfinite(around.of("depth")).all()


def test_nothing_to_see_and_nothing_but_lesion() -> None:
    channels, p, brain, grid = head()
    nothing = measure_voxel_features(channels, np.zeros_like(p), brain, grid)
    assert nothing.values.shape == (len(VOXEL_FEATURES), 0)
    assert nothing.among(np.arange(5))[0].tolist() == [False] * 5
    values, _ = features(channels, np.zeros_like(p), brain, grid)
    assert all(len(v) == 0 for v in values.values())
    none = measure_voxel_features(channels, p, np.zeros_like(brain), grid)
    assert len(none.where) == 0
    whole = measure_voxel_features(channels, brain.astype(np.float32), brain, grid)
    known = whole.values[
        [list(VOXEL_FEATURES).index(m) for m in VOXEL_FEATURES if not m.startswith("contrast_t")]
    ]
    assert np.isfinite(known).all() and whole.of("edge").max() <= FARTHEST
    flat = measure_voxel_features({"flair": np.zeros_like(p)}, p, brain, grid)
    assert np.isfinite(flat.of("contrast")).all() and (flat.of("ventricle") == FARTHEST).all()


def test_hostile_input_is_refused() -> None:
    channels, p, brain, grid = head()
    with pytest.raises(InputError, match="FLAIR"):
        measure_voxel_features({"t1": channels["flair"]}, p, brain, grid)
    with pytest.raises(InputError):
        measure_voxel_features({"flair": channels["flair"][1:]}, p, brain, grid)
    with pytest.raises(InputError):
        measure_voxel_features({"flair": np.full(SHAPE, np.nan, np.float32)}, p, brain, grid)
    with pytest.raises(InputError):
        measure_voxel_features(channels, p * 3, brain, grid)
    good = measure_voxel_features(channels, p, brain, grid)
    for where, values in (
        (good.where[::-1], good.values),
        (good.where[:-1], good.values),
        (good.where, good.values.astype(np.float32)),
        (good.where, np.full_like(good.values, np.inf)),
        (good.where - 10**9, good.values),
    ):
        with pytest.raises(InputError, match="not what this program"):
            VoxelFeatures(where, values)


def weighing(orders: bool = True, **weights: float) -> RealProbability:
    table = {name: Weight(weight=weight, centre=0.0) for name, weight in weights.items()}
    return RealProbability(
        version=1, methods=("one-pass",), thresholds=(0.2, 0.8), candidate_threshold=0.1,
        orders=orders, constant=-1.0, weights=table, lesions=10, real=5,
        brier=0.1, brier_of_share=0.2,
    )  # fmt: skip


def weighed(orders: bool = True, **weights: float):
    channels, p, brain, grid = head()
    p[20:23, 40:43, 40:43] = 0.3  # a candidate
    around = measure_voxel_features(channels, p, brain, grid)
    made = make_prediction(p, grid=grid, brain=brain)
    return replace(
        made, voxel_features=around, real_probability=weighing(orders, **(weights or {"depth": 2.0}))
    )


def test_lists_go_by_the_probability_of_being_real_where_it_won() -> None:
    found = rank_lesions(weighed(), 0.5)
    assert found.by_p_real and found.real_by == "model"
    assert list(found.table.columns)[-1] == "p_real"
    np.testing.assert_allclose(found.table["doubt"], 1 - found.table["p_real"])
    np.testing.assert_allclose(found.candidate_table["doubt"], found.candidate_table["p_real"])
    assert found.table["doubt"].is_monotonic_decreasing
    assert found.table["x_mm"].iloc[0] < found.table["x_mm"].iloc[1]  # the shallow one is looked at first
    assert "comes with the model" in found.columns["p_real"].definition
    assert found.columns["doubt"].definition.startswith("How likely your verdict is to change the result")


@pytest.mark.parametrize(
    ("threshold", "candidates"), [(0.19, 0.1), (0.81, 0.1), (0.5, 0.12)], ids=["low", "high", "candidates"]
)
def test_beyond_the_thresholds_that_it_is_for_lists_go_by_the_largest_probability(
    threshold, candidates
) -> None:
    assert rank_lesions(weighed(), 0.2).by_p_real and rank_lesions(weighed(), 0.8).by_p_real
    found = rank_lesions(weighed(), threshold, candidate_threshold=candidates)
    assert not found.by_p_real and found.real_by == ""
    assert len(found.table) + len(found.candidate_table)
    assert "p_real" not in found.table and "p_real" not in found.candidate_table
    np.testing.assert_allclose(found.table["doubt"], 1 - found.table["max_probability"])
    assert found.columns["doubt"].definition.startswith("How far the model is from being certain")


def test_where_it_did_not_win_it_is_a_column_only() -> None:
    plain = rank_lesions(replace(weighed(), real_probability=None), 0.5)
    shown = rank_lesions(weighed(orders=False), 0.5)
    assert "p_real" not in plain.table and plain.real_by == "" and "p_real" not in plain.columns
    assert not shown.by_p_real and shown.real_by == "model"
    for name in plain.table:
        np.testing.assert_array_equal(plain.table[name], shown.table[name])


def test_ties_stay_in_the_order_of_entropy_and_volume() -> None:
    found = rank_lesions(weighed(largest_probability=1.0), 0.5)
    assert found.table["p_real"].nunique() == 1
    assert found.table["label"].tolist() == [1, 2]


def test_of_what_a_human_drew_nothing_is_said_and_partly_painted_ones_are_known() -> None:
    prediction = weighed()
    edit = np.zeros(SHAPE, np.int8)
    edit[40:43, 50:53, 40:43] = 1
    s, a, r = DEEP
    edit[s + 3, a - 2 : a + 3, r - 2 : r + 3] = 1
    found = rank_lesions(prediction, 0.5, edit=edit)
    drawn = found.table["drawn"]
    assert drawn.sum() == 1 and found.table["p_real"][drawn].isna().all()
    assert found.table["p_real"][~drawn].notna().all()
    without = rank_lesions(replace(prediction, voxel_features=None), 0.5)  # nothing known: all alike
    assert without.table["p_real"].nunique() == 1


def test_weights_are_found_again_and_never_have_the_wrong_sign() -> None:
    rng = np.random.default_rng(0)
    depth, peak = rng.normal(0.4, 0.2, 4000), rng.normal(0, 1, 4000)
    real = rng.random(4000) < 1 / (1 + np.exp(-(5 * (depth - 0.4) + peak)))
    values = {"depth": depth, "largest_probability": peak, "contrast": -real.astype(float)}
    _, found = fit_weights(values, real, np.ones(4000), ("depth", "largest_probability"))
    assert found["depth"].weight == pytest.approx(5, abs=0.6)
    assert found["largest_probability"].weight == pytest.approx(1, abs=0.15)
    _, wrong = fit_weights(values, real, np.ones(4000), ("contrast",))
    assert wrong["contrast"].weight == 0
    nothing = {"contrast_t1": np.full(4000, np.nan)}
    constant, unknown = fit_weights(nothing, real, np.ones(4000), ("contrast_t1",))
    assert unknown["contrast_t1"].weight == 0 and 1 / (1 + np.exp(-constant)) == pytest.approx(
        real.mean(), abs=0.01
    )
    with pytest.raises(InputError, match="no feature"):
        fit_weights(values, real, np.ones(4000), ("beauty",))
    with pytest.raises(InputError):
        fit_weights({"depth": depth[:0]}, real[:0], np.ones(0), ("depth",))


def test_few_lesions_make_no_certainty() -> None:
    values = {"depth": np.array([0.1, 0.9])}
    constant, found = fit_weights(values, np.array([False, True]), np.ones(2), ("depth",))
    logit = constant + found["depth"].weight * (values["depth"] - found["depth"].centre)
    assert np.abs(logit).max() < 0.5


def test_components_of_labels_are_what_the_experiment_measures() -> None:
    prediction = weighed()
    found = rank_lesions(prediction, 0.5)
    one = Components.from_mask(found.labels > 0, found.labels, found.count)
    none = Components.from_mask(found.labels < 0, found.labels, 0)
    maps = (prediction.probability, prediction.entropy, prediction.mutual_information)
    statistics = measure_lesions(everywhere(SHAPE), one, none, maps, prediction.grid)
    lesions = FoundLesions(statistics, prediction.members, prediction.voxel_features, prediction.grid, 0.5)
    said = prediction.real_probability.probability(
        measure_lesion_features(lesions, ("depth",)), lesions.count
    )
    np.testing.assert_allclose(said[found.table["label"] - 1], found.table["p_real"])


@pytest.mark.parametrize("factor", [(1, 1, 1), (2, 2, 2), (1, 2, 2), (3, 4, 4), (2, 1, 9)])
def test_blocks_have_the_mean_that_numpy_gives(factor):
    values = np.random.default_rng(0).normal(5, 2, (7, 10, 19)).astype(np.float32)
    padded = np.pad(values, [(0, -n % k) for n, k in zip(values.shape, factor, strict=True)])
    split = [part for n, k in zip(padded.shape, factor, strict=True) for part in (n // k, k)]
    found = _block_mean(values, factor)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, padded.reshape(split).mean((1, 3, 5)), rtol=1e-6)
    assert np.array_equal(_block_mean(values > 5, factor) > 0, padded.reshape(split).max((1, 3, 5)) > 5)
