"""The 93 features against published values and plain loops."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_uncertainseg._base import InputError
from napari_uncertainseg.explain.radiomics import pairs, sizes
from napari_uncertainseg.explain.radiomics.features import (
    CLASSES,
    FEATURE_NAMES,
    LABEL,
    lesion_radiomics,
)
from napari_uncertainseg.explain.radiomics.grey_levels import GreyLevels
from napari_uncertainseg.explain.radiomics.neighbourhood import DIRECTIONS, Voxels
from napari_uncertainseg.explain.radiomics.tone_differences import tone_differences

# -- published values ------------------------------------------------------------------------------

# Zwanenburg et al., The image biomarker standardisation initiative, arXiv 1612.07003, chapter 5: the digital
# phantom. Rows of 5, four slices of 4 rows; 0 lies outside of the region.
PHANTOM = np.array(
    [
        [[1, 4, 4, 1, 1], [1, 4, 6, 1, 1], [4, 1, 6, 4, 1], [4, 4, 6, 4, 1]],
        [[1, 4, 4, 1, 1], [1, 1, 6, 1, 1], [0, 1, 3, 1, 1], [4, 4, 6, 1, 1]],
        [[1, 4, 4, 0, 0], [1, 1, 1, 1, 1], [1, 1, 0, 1, 1], [1, 1, 6, 1, 1]],
        [[1, 4, 4, 0, 0], [1, 1, 1, 1, 1], [1, 1, 1, 1, 1], [1, 1, 6, 1, 1]],
    ]
)
# Chapter 3 of the same, "dig. phantom", for pairs and runs those of "3D, averaged"; as printed there.
IBSI = {
    "firstorder_Mean": "2.15", "firstorder_Variance": "3.05", "firstorder_Skewness": "1.08",
    "firstorder_Median": "1", "firstorder_Minimum": "1", "firstorder_10Percentile": "1",
    "firstorder_Maximum": "6", "firstorder_InterquartileRange": "3", "firstorder_Range": "5",
    "firstorder_MeanAbsoluteDeviation": "1.55", "firstorder_RobustMeanAbsoluteDeviation": "1.11",
    "firstorder_Energy": "567", "firstorder_RootMeanSquared": "2.77", "firstorder_Entropy": "1.27",
    "firstorder_Uniformity": "0.512",
    "glcm_SumAverage": "4.29", "glcm_ClusterTendency": "7.07", "glcm_SumEntropy": "1.92",
    "glcm_JointEnergy": "0.303", "glcm_Contrast": "5.32", "glcm_DifferenceAverage": "1.43",
    "glcm_Id": "0.677",
    "glrlm_LongRunEmphasis": "3.06", "glrlm_LowGrayLevelRunEmphasis": "0.603",
    "glrlm_HighGrayLevelRunEmphasis": "9.7", "glrlm_ShortRunLowGrayLevelEmphasis": "0.352",
    "glrlm_ShortRunHighGrayLevelEmphasis": "8.54", "glrlm_LongRunLowGrayLevelEmphasis": "2.39",
    "glrlm_LongRunHighGrayLevelEmphasis": "17.6",
    "glszm_SmallAreaEmphasis": "0.255", "glszm_LargeAreaEmphasis": "550",
    "glszm_LowGrayLevelZoneEmphasis": "0.253", "glszm_HighGrayLevelZoneEmphasis": "15.6",
    "glszm_SmallAreaLowGrayLevelEmphasis": "0.0256", "glszm_SmallAreaHighGrayLevelEmphasis": "2.76",
    "glszm_LargeAreaLowGrayLevelEmphasis": "503", "glszm_LargeAreaHighGrayLevelEmphasis": "1490",
    "glszm_GrayLevelNonUniformity": "1.4", "glszm_GrayLevelNonUniformityNormalized": "0.28",
    "glszm_SizeZoneNonUniformity": "1", "glszm_SizeZoneNonUniformityNormalized": "0.2",
    "glszm_ZonePercentage": "0.0676", "glszm_GrayLevelVariance": "2.64", "glszm_ZoneVariance": "331",
    "glszm_ZoneEntropy": "2.32",
    "ngtdm_Coarseness": "0.0296", "ngtdm_Contrast": "0.584", "ngtdm_Busyness": "6.54",
    "ngtdm_Complexity": "13.5", "ngtdm_Strength": "0.763",
    "gldm_SmallDependenceEmphasis": "0.045", "gldm_LargeDependenceEmphasis": "109",
    "gldm_LowGrayLevelEmphasis": "0.693", "gldm_HighGrayLevelEmphasis": "7.66",
    "gldm_SmallDependenceLowGrayLevelEmphasis": "0.00963",
    "gldm_SmallDependenceHighGrayLevelEmphasis": "0.736",
    "gldm_LargeDependenceLowGrayLevelEmphasis": "102", "gldm_LargeDependenceHighGrayLevelEmphasis": "235",
    "gldm_GrayLevelNonUniformity": "37.9",
}  # fmt: skip


def test_digital_phantom_has_the_values_of_ibsi():
    row = lesion_radiomics(PHANTOM, PHANTOM > 0, levels=GreyLevels(bin_width=1)).iloc[0]
    wrong = {name: (row[name], said) for name, said in IBSI.items() if not as_printed(row[name], said)}
    assert not wrong
    # IBSI takes 3 from the kurtosis.
    assert row["firstorder_Kurtosis"] - 3 == pytest.approx(-0.355, abs=5e-4)


def as_printed(value: float, said: str) -> bool:
    """Whether a value has the three digits that were printed, give or take one in the last."""
    digits = 10.0 ** (np.floor(np.log10(abs(float(said)))) - 2)
    return abs(value - float(said)) <= digits


CASES = json.loads((Path(__file__).parent / "pyradiomics_baselines.json").read_text())["cases"]


@pytest.mark.parametrize("name", CASES)
def test_features_are_those_of_pyradiomics_baselines(name):
    case = CASES[name]
    image, mask = (np.array(case[key]).reshape(case["shape"]) for key in ("image", "mask"))
    row = lesion_radiomics(image, mask, spacing=case["spacing"]).iloc[0]
    shifted = lesion_radiomics(image + 2000, mask, spacing=case["spacing"]).iloc[0]
    energies = {"firstorder_Energy", "firstorder_TotalEnergy", "firstorder_RootMeanSquared"}
    for feature in FEATURE_NAMES:
        found = shifted[feature] if feature in energies else row[feature]
        assert found == pytest.approx(case["baseline"][feature], rel=1e-7), feature


def test_there_are_93_in_the_order_of_the_classes():
    assert {name: len(names) for name, names in CLASSES.items()} == {
        "firstorder": 18, "glcm": 24, "glrlm": 16, "glszm": 16, "gldm": 14, "ngtdm": 5,
    }  # fmt: skip
    assert len(set(FEATURE_NAMES)) == 93
    # pyradiomics finds its methods in this order.
    for names in CLASSES.values():
        assert list(names) == sorted(names, key=lambda name: f"get{name}FeatureValue")


# -- plain loops -----------------------------------------------------------------------------------


@st.composite
def few_voxels(draw) -> np.ndarray:
    """Grey levels of a small box, 0 outside of the lesion; one voxel at least."""
    shape = draw(st.tuples(*[st.integers(1, 4)] * 3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    grey = rng.integers(0, draw(st.integers(2, 6)), shape)
    grey.flat[rng.integers(grey.size)] = 2
    return grey


def voxels_of(grey: np.ndarray) -> Voxels:
    where = np.argwhere(grey)
    return Voxels(where, grey[tuple(where.T)])


def level_at(grey: np.ndarray, place: np.ndarray) -> int:
    inside = all(0 <= p < n for p, n in zip(place, grey.shape, strict=True))
    return int(grey[tuple(place)]) if inside else 0


@settings(max_examples=15, deadline=None)
@given(few_voxels())
def test_pairs_are_those_of_a_plain_loop(grey):
    levels = np.unique(grey[grey > 0]).tolist()
    expected = []
    for direction in DIRECTIONS:
        counts = np.zeros((len(levels), len(levels)))
        for place in np.argwhere(grey):
            for way in (1, -1):
                if other := level_at(grey, place + way * direction):
                    counts[levels.index(grey[tuple(place)]), levels.index(other)] += 1
        if counts.any():
            expected.append(counts)
    found = pairs.pair_matrices(voxels_of(grey))
    assert np.array_equal(found, np.array(expected).reshape(found.shape))


@settings(max_examples=15, deadline=None)
@given(few_voxels())
def test_runs_are_those_of_a_plain_loop(grey):
    levels = np.unique(grey[grey > 0]).tolist()
    expected = []
    for direction in DIRECTIONS:
        runs, several = [], False
        for start in np.ndindex(grey.shape):
            here = np.array(start)
            if all(0 <= p < n for p, n in zip(here - direction, grey.shape, strict=True)):
                continue  # not where a line enters the box
            line = []
            while all(0 <= p < n for p, n in zip(here, grey.shape, strict=True)):
                line.append(level_at(grey, here))
                here = here + direction
            several |= sum(level > 0 for level in line) > 1
            previous, length = 0, 0
            for level in [*line, 0]:
                if level != previous:
                    if previous:
                        runs.append((previous, length))
                    previous, length = level, 0
                length += 1
        if several:
            expected.append(sorted(runs))
    found = [
        sorted((levels[i], j + 1) for i, j in np.argwhere(counts) for _ in range(int(counts[i, j])))
        for counts in sizes.run_matrices(voxels_of(grey))
    ]
    assert found == expected


@settings(max_examples=15, deadline=None)
@given(few_voxels())
def test_zones_are_those_of_a_plain_search(grey):
    left, expected = {tuple(p) for p in np.argwhere(grey).tolist()}, []
    while left:
        zone, level = [left.pop()], 0
        level = grey[zone[0]]
        for place in zone:
            for way in (*DIRECTIONS, *-DIRECTIONS):
                beside = tuple((np.array(place) + way).tolist())
                if beside in left and grey[beside] == level:
                    left.remove(beside)
                    zone.append(beside)
        expected.append((int(level), len(zone)))
    voxels = voxels_of(grey)
    counts = sizes.zone_matrix(voxels)[0]
    found = [(int(voxels.levels[i]), j + 1) for i, j in np.argwhere(counts) for _ in range(int(counts[i, j]))]
    assert found == sorted(expected)


@settings(max_examples=15, deadline=None)
@given(few_voxels())
def test_dependences_and_tone_differences_are_those_of_a_plain_loop(grey):
    levels = np.unique(grey[grey > 0]).tolist()
    dependences = np.zeros((len(levels), 27))
    count, apart = np.zeros(len(levels)), np.zeros(len(levels))
    for place in np.argwhere(grey):
        level = int(grey[tuple(place)])
        around = [level_at(grey, place + way) for way in (*DIRECTIONS, *-DIRECTIONS)]
        around = [other for other in around if other]
        row = levels.index(level)
        dependences[row, sum(other == level for other in around)] += 1
        count[row] += 1
        apart[row] += abs(level - np.mean(around)) if around else 0
    voxels = voxels_of(grey)
    assert np.array_equal(sizes.dependence_matrix(voxels)[0], dependences)
    found = tone_differences(voxels)
    assert np.array_equal(found[0], count)
    assert found[1] == pytest.approx(apart)


def test_maximal_correlation_is_the_root_of_the_second_eigenvalue():
    """As Haralick (1973) defines it, and pyradiomics computes it."""
    voxels = voxels_of(np.random.default_rng(1).integers(1, 5, (4, 4, 3)))
    roots = []
    for counts in pairs.pair_matrices(voxels):
        p = counts / counts.sum()
        row = p.sum(1)
        q = np.einsum("ik,jk,i,k->ij", p, p, 1 / row, 1 / row)
        roots.append(np.sqrt(np.sort(np.linalg.eigvals(q).real)[-2]))
    assert pairs.pair_features(voxels)["MCC"] == pytest.approx(np.mean(roots))


# -- what else must hold ---------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int64", "float16", "float32", "float64", ">f4"])
def test_every_type_of_number_gives_the_same(dtype):
    image = (PHANTOM * 20).astype(dtype)
    found = lesion_radiomics(image, (PHANTOM > 0).astype(np.int32))
    expected = lesion_radiomics(PHANTOM * 20.0, PHANTOM > 0)
    assert np.allclose(found[list(FEATURE_NAMES)], expected[list(FEATURE_NAMES)])


def test_several_lesions_are_measured_as_each_alone():
    rng = np.random.default_rng(0)
    image, labels = rng.normal(0, 40, (9, 9, 9)), np.zeros((9, 9, 9), int)
    labels[:4, :4, :4], labels[5:, 5:8, 5:], labels[0, 8, 8] = 7, 2, 30
    both = lesion_radiomics(image, labels)
    assert both[LABEL].tolist() == [2, 7, 30]
    for _, row in both.iterrows():
        alone = lesion_radiomics(image, labels == row[LABEL]).iloc[0]
        assert np.array_equal(row[list(FEATURE_NAMES)], alone[list(FEATURE_NAMES)], equal_nan=True)


def test_neither_place_nor_what_lies_outside_matters():
    image = np.full((8, 9, 10), np.nan)
    labels = np.zeros(image.shape, int)
    image[3:7, 4:8, 5:10], labels[3:7, 4:8, 5:10] = PHANTOM, PHANTOM > 0
    found = lesion_radiomics(image, labels, levels=GreyLevels(1))
    assert found.equals(lesion_radiomics(PHANTOM, PHANTOM > 0, levels=GreyLevels(1)))


def test_axes_may_be_exchanged():
    image = np.random.default_rng(0).normal(0, 60, (3, 4, 5))
    found, other = (
        lesion_radiomics(values, np.ones(values.shape, int)).iloc[0]
        for values in (image, image.transpose(2, 0, 1))
    )
    assert np.allclose(found, other)


def test_one_voxel_has_no_pairs_and_no_runs():
    row = lesion_radiomics(np.full((1, 1, 1), -3.0), np.ones((1, 1, 1))).iloc[0]
    missing = {name.split("_")[0] for name in FEATURE_NAMES if np.isnan(row[name])}
    assert missing == {"glcm", "glrlm"}
    assert row["firstorder_Mean"] == -3 and row["firstorder_Entropy"] == pytest.approx(0)
    assert row["ngtdm_Coarseness"] == 1e6 and row["glszm_ZonePercentage"] == 1


@pytest.mark.parametrize("levels", [GreyLevels(), GreyLevels(bin_count=8)])
@pytest.mark.parametrize("value", [0.1, -25.0, 0.0, 1e-30, 1e9, -1e20])
def test_a_constant_lesion_has_defined_values(levels, value):
    row = lesion_radiomics(np.full((3, 3, 3), value), np.ones((3, 3, 3)), levels=levels).iloc[0]
    assert np.isfinite(row.to_numpy(float)).all()
    assert row["glcm_Correlation"] == row["glcm_MCC"] == 1
    for name in ("glcm_Imc1", "glcm_Imc2", "glcm_Contrast", "ngtdm_Contrast", "firstorder_Variance"):
        assert row[name] == 0, name
    assert row["firstorder_Skewness"] == row["firstorder_Kurtosis"] == 0


def test_no_lesions_give_an_empty_table():
    table = lesion_radiomics(np.zeros((3, 3, 3)), np.zeros((3, 3, 3), int))
    assert table.empty and table.columns.tolist() == [LABEL, *FEATURE_NAMES]


def test_a_signed_map_is_binned_from_its_smallest_value():
    """Multiples of the width are edges, whatever the sign: van Griethuysen's formula."""
    values = np.array([-51.0, -50.0, -1.0, 0.0, 24.9, 25.0, 60.0])
    expected = np.floor(values / 25) - np.floor(values.min() / 25) + 1
    assert GreyLevels().of(values).tolist() == expected.tolist()


def test_bins_by_number_reach_from_the_smallest_to_the_largest():
    assert GreyLevels(bin_count=4).of(np.array([0.0, 1.0, 2.5, 3.9, 4.0])).tolist() == [1, 2, 3, 4, 4]


def test_a_margin_takes_in_the_surroundings_but_no_other_lesion():
    labels = np.zeros((1, 1, 12), int)
    labels[..., 3], labels[..., 5] = 1, 2
    image = np.arange(12.0).reshape(labels.shape)
    table = lesion_radiomics(image, labels, margin=2).set_index(LABEL)
    # 4 is beside both and goes to the larger label, as do 6 and 7.
    assert table.loc[1, ["firstorder_Minimum", "firstorder_Maximum"]].tolist() == [1, 3]
    assert table.loc[2, ["firstorder_Minimum", "firstorder_Maximum"]].tolist() == [4, 7]


@pytest.mark.parametrize(
    ("image", "labels", "says"),
    [
        (np.zeros((2, 2, 2)), np.ones((2, 2, 3)), "shape"),
        (np.zeros((2, 2)), np.ones((2, 2)), "3"),
        (np.full((2, 2, 2), np.nan), np.ones((2, 2, 2)), "NaN"),
        (np.zeros((2, 2, 2)), np.full((2, 2, 2), 0.5), "whole|label"),
        (np.linspace(0, 1e9, 8).reshape(2, 2, 2), np.ones((2, 2, 2)), "bin width"),
    ],
)
def test_what_cannot_be_measured_is_said(image, labels, says):
    with pytest.raises(InputError, match=says):
        lesion_radiomics(image, labels)


@pytest.mark.parametrize("wrong", [{"bin_width": 0}, {"bin_width": np.nan}, {"bin_count": 0}])
def test_bins_that_cannot_be_are_said(wrong):
    with pytest.raises(InputError):
        GreyLevels(**wrong)
