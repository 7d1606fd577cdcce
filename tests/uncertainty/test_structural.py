"""LSU and PSU against the constants and the answers of the authors' code."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_uncertainseg._base import InputError
from napari_uncertainseg._threshold import at_least
from napari_uncertainseg.lesions.components import label_mask
from napari_uncertainseg.lesions.matching import match_lesions
from napari_uncertainseg.prediction.members import Members
from napari_uncertainseg.uncertainty.lesion import (
    lesion_logsum,
    lesion_maximum,
    lesion_mean,
    lesion_structural_uncertainty,
    lesion_sum,
)
from napari_uncertainseg.uncertainty.patient import (
    layer_agreement,
    patient_average,
    patient_structural_uncertainty,
    patient_uncertainty,
)


def row(*values: float) -> np.ndarray:
    return np.array([[values]], np.float64)


def test_constants_of_the_paper() -> None:
    labels = row(0, 1, 1, 1, 0, 0).astype(int)
    members = [row(0, 1, 1, 0, 0, 0), row(1, 1, 1, 1, 0, 0), row(0, 0, 0, 0, 0, 0)]
    assert lesion_structural_uncertainty(labels, members, 0.5) == pytest.approx([0.527778], abs=1e-6)
    p = np.stack([row(0.9, 0.8, 0.7, 0.2), row(0.9, 0.6, 0.3, 0.45)])
    mean = p.mean(0)
    kept = Members((slice(0, 1), slice(0, 1), slice(0, 4)), p)
    assert patient_uncertainty(mean, kept, 0.5) == pytest.approx(0.166667, abs=1e-6)
    assert patient_uncertainty(mean, kept, [0.5, 0.5, 0.4]) == pytest.approx(0.25, abs=1e-6)


@pytest.mark.parametrize("case", [0, 1, 2])
def test_reference_cases_exactly(reference_case, case) -> None:
    data = reference_case(case)
    members, smallest = data["probabilities"], int(data["l_min"]) + 1
    mean = members.mean(0, dtype=float) >= data["threshold"]
    labels, _ = label_mask(mean, connectivity=18, min_voxels=smallest)
    np.testing.assert_array_equal(labels, data["lesion_labels"])
    for threshold, suffix in ((float(data["threshold"]), ""), (data["member_thresholds"], "_plus")):
        found = lesion_structural_uncertainty(
            labels, members, threshold, connectivity=18, min_voxels=smallest
        )
        np.testing.assert_allclose(found, data[f"lesion_LSU{suffix}"], atol=1e-12)
        masks = [
            label_mask(m >= t, connectivity=18, min_voxels=smallest)[0] > 0
            for m, t in zip(members, np.broadcast_to(threshold, len(members)), strict=True)
        ]
        psu = patient_structural_uncertainty(labels > 0, masks)
        assert psu == pytest.approx(float(data[f"patient_PSU{suffix}"]), abs=1e-12)


def test_aggregates_of_voxel_maps() -> None:
    labels = row(0, 1, 1, 1, 0, 2).astype(np.uint16)
    u = row(9, 0.2, 0.2, 0.5, 9, 0)
    np.testing.assert_allclose(lesion_mean(labels, u), [0.3, 0])
    np.testing.assert_allclose(lesion_logsum(labels, u), [-3.912023, np.log(1e-10)], atol=1e-6)
    np.testing.assert_allclose(lesion_sum(labels, u), [0.9, 0])
    np.testing.assert_allclose(lesion_maximum(labels, u), [0.5, 0])
    assert lesion_maximum(labels * 0, u).shape == lesion_sum(labels * 0, u).shape == (0,)
    assert lesion_mean(labels * 0, u).shape == lesion_logsum(labels * 0, u).shape == (0,)
    with pytest.raises(InputError, match="below 0"):
        lesion_logsum(labels, u - 1)
    with pytest.raises(InputError, match="shape"):
        lesion_mean(labels, u[..., 1:])


@pytest.mark.parametrize("case", [0, 1, 2])
def test_reference_matches(reference_case, case) -> None:
    """What the authors' code calls true, false and missed."""
    data = reference_case(case)
    truth, _ = label_mask(data["truth"].astype(bool), connectivity=18)
    labels = data["lesion_labels"]
    found = match_lesions(labels, truth, rule="iou")
    is_true = found.overlap >= 0.25
    np.testing.assert_array_equal(is_true, data["lesion_is_tp"].astype(bool))
    number = np.concatenate([[False], is_true])
    np.testing.assert_array_equal(number[labels], data["tp"] > 0)
    np.testing.assert_array_equal(~number[labels] & (labels > 0), data["fp"] > 0)
    assert found.fn == label_mask(data["fn"] > 0, connectivity=18)[1]


@pytest.mark.parametrize("case", [0, 1, 2])
def test_reference_averages(reference_case, case) -> None:
    data = reference_case(case)
    voxel, lesion = ([n[len(k) :] for n in data if n.startswith(k)] for k in ("voxel_", "lesion_"))
    names = [n for n in (*voxel, *lesion) if f"patient_avg_{n}" in data]
    assert len(names) > 12
    for name in names:
        values, brain = (
            (data[f"voxel_{name}"], data["brain"]) if name in voxel else (data[f"lesion_{name}"], None)
        )
        if np.isnan(values).any():  # logsum of confidence
            continue
        for scaled, key in ((False, "patient_avg_"), (True, "patient_avg_scaled_")):
            found = patient_average(values, brain, scaled=scaled, mode="reference")
            assert found == pytest.approx(float(data[key + name]), rel=1e-9)


def test_averages_in_the_brain() -> None:
    values, brain = row(1, 3, 100), row(1, 1, 0) > 0
    assert patient_average(values, brain) == 2 and patient_average(values, brain, scaled=True) == 0.5
    assert patient_average(values, brain, mode="reference") == 4 / 3
    assert patient_average(np.array([2.0, 2.0]), scaled=True) == 0
    assert np.isnan(patient_average(values, brain & False)) and np.isnan(patient_average(np.zeros(0)))
    assert patient_average(values, brain.astype(np.uint8)) == 2
    assert np.isnan(patient_average(np.array([1, np.nan, 3]), scaled=True))
    with pytest.raises(InputError, match="shape"):
        patient_average(values, brain[..., 1:])


def test_layer_agreement_of_the_paper() -> None:
    heads = [row(*([1] * n + [0] * (4 - n))) > 0 for n in (1, 2, 3, 3)]
    assert layer_agreement(heads) == pytest.approx(0.816667, abs=1e-6)
    assert layer_agreement([heads[0]] * 3) == 1 and layer_agreement([heads[0] & False] * 5) == 1
    with pytest.raises(InputError, match="at least three"):
        layer_agreement(heads[:2])
    with pytest.raises(InputError, match="threshold"):
        layer_agreement([row(0.1, 0.2)] * 3)


@pytest.mark.parametrize("case", [0, 1, 2])
@pytest.mark.parametrize(
    "name",
    ["entropy_of_expected", "expected_entropy", "mutual_information", "epkl", "reverse_mutual_information"],
)
def test_reference_aggregates(reference_case, case, name) -> None:
    data = reference_case(case)
    labels, values = data["lesion_labels"], data[f"voxel_{name}"]
    np.testing.assert_allclose(lesion_mean(labels, values), data[f"lesion_mean_{name}"], rtol=1e-9)
    logsum = lesion_logsum(labels, np.clip(values, 0, None))
    np.testing.assert_allclose(logsum, data[f"lesion_logsum_{name}"], rtol=1e-6)


def test_ends() -> None:
    labels = row(0, 1, 1, 0, 2).astype(np.uint16)
    same = (labels > 0).astype(float)
    np.testing.assert_array_equal(lesion_structural_uncertainty(labels, [same] * 3, 0.5), [0, 0])
    np.testing.assert_array_equal(lesion_structural_uncertainty(labels, [same * 0], 0.5), [1, 1])
    assert lesion_structural_uncertainty(labels * 0, [same], 0.5).shape == (0,)
    mask = labels > 0
    assert patient_structural_uncertainty(mask, [mask] * 2) == 0
    assert patient_structural_uncertainty(mask, [~mask]) == 1
    assert patient_structural_uncertainty(mask & False, [mask & False]) == 0


def test_many_pairs_take_the_other_road() -> None:
    rng = np.random.default_rng(0)
    labels, n = label_mask(rng.random((40, 40, 40)) < 0.02)
    members = rng.random((2, 40, 40, 40))
    assert n > 600  # so that n * components exceeds the dense table
    found = lesion_structural_uncertainty(labels, members, 0.98)
    for label in (1, 17, n):
        lesion = labels == label
        best = []
        for m in members:
            c, _ = label_mask(m >= 0.98)
            touched = np.unique(c[lesion])
            best.append(
                max(((lesion & (c == i)).sum() / (lesion | (c == i)).sum() for i in touched if i), default=0)
            )
        assert found[label - 1] == pytest.approx(1 - np.mean(best))


@given(st.floats(-0.2, 1.2))
def test_half_floats_are_compared_exactly(threshold) -> None:
    every = np.arange(0x3C01, dtype=np.uint16).view(np.float16)  # all half floats from 0 to 1
    values = np.concatenate([every, [np.float16(-0.0)]])
    np.testing.assert_array_equal(
        at_least(values, threshold), values.astype(np.float32) >= np.float32(threshold)
    )
