"""What a network reads does not depend on units, shifts or how much fluid a brain holds."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_uncertainseg import InputError
from napari_uncertainseg.images.files import read_labels, read_volume
from napari_uncertainseg.images.preparation.normalise import normalise

FLUID, TISSUE, LESION = 0.0, 100.0, 140.0


def scan(fluid: float, lesions: float = 0.01, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Tissue around 100 with shares of fluid and lesions, and which voxels are lesions."""
    rng = np.random.default_rng(seed)
    kind = rng.random((24, 24, 24))
    data = np.where(kind < fluid, FLUID, np.where(kind > 1 - lesions, LESION, TISSUE))
    return np.abs(data + rng.normal(0, 3, kind.shape)), kind > 1 - lesions


@pytest.mark.parametrize("modality", ["t1", "t2"])
def test_t1_and_t2_become_clipped_z_scores(modality):
    rng = np.random.default_rng(0)
    data = rng.normal(50, 7, (20, 20, 20))
    brain = rng.random(data.shape) > 0.3
    data[~brain] = 1e6
    low, high = np.percentile(data[brain], (0.1, 99.9))
    inside = np.clip(data[brain], low, high)
    out = normalise(data, brain, modality)
    assert np.allclose(out[brain], (inside - inside.mean()) / inside.std(), atol=1e-4)
    assert not out[~brain].any()
    assert out.dtype == np.float32


def test_a_flair_is_measured_against_its_tissue_however_much_fluid_and_lesion_there_is():
    for fluid in (0.02, 0.1, 0.3):
        for share in (0.0005, 0.05):
            data, lesions = scan(fluid, share)
            out = normalise(data, np.ones(data.shape, bool), "flair")
            assert np.median(out[lesions]) == pytest.approx((LESION / TISSUE - 1) / 0.3, abs=0.06)
            assert np.median(out[(data > 90) & (data < 110)]) == pytest.approx(0, abs=0.03)


@pytest.mark.parametrize("air", [0.0, 5.0])
def test_a_mask_that_leaves_out_all_fluid_changes_nothing(air):
    """Such a scan was once taken for one that somebody had shifted: lesions read 2 units more."""
    data, lesions = scan(0.1)
    rng = np.random.default_rng(1)
    data = np.pad(data, 12) + np.pad(np.zeros(data.shape), 12, constant_values=air * rng.random())
    data += (data == 0) * np.abs(rng.normal(air, 1, data.shape))
    lesions, whole = np.pad(lesions, 12), np.pad(np.ones(lesions.shape, bool), 12)
    before, after = (normalise(data, mask, "flair") for mask in (whole, whole & (data > 60)))
    assert np.median(after[lesions]) == pytest.approx(np.median(before[lesions]), abs=0.03)


@pytest.mark.parametrize("case", ["ms3seg/101228", "ms3seg/110218"])
def test_levels_do_not_depend_on_how_the_brain_is_outlined(shared_data, case):
    """Wider or tighter by 4 mm, without ventricles, or without any fluid: white matter and lesions stay."""
    flair = read_volume(shared_data / case / "flair.nii.gz")
    brain, ventricle = (
        read_labels(shared_data / case / f"{name}.nii.gz", flair.grid).data > 0
        for name in ("brainmask", "ventricle")
    )
    spacing = flair.grid.spacing
    depth = ndimage.distance_transform_edt(brain, sampling=spacing)
    wider = ndimage.distance_transform_edt(~brain, sampling=spacing) <= 4
    own = normalise(flair.data, brain, "flair")
    deep = depth > 10
    white, bright = deep & (np.abs(own) < 0.8), deep & (own > 1.2)
    for mask in (wider, depth > 4, brain & ~ventricle, brain & (own > -1.3)):
        levels = normalise(flair.data, mask, "flair")
        assert abs(np.median(levels[white & mask]) - np.median(own[white & mask])) < 0.05
        assert abs(np.median(levels[bright & mask]) - np.median(own[bright & mask])) < 0.1


@settings(max_examples=25, deadline=None)
@given(gain=st.floats(1e-3, 1e4), modality=st.sampled_from(["flair", "t1", "t2"]))
def test_the_unit_of_a_scan_does_not_matter(gain, modality):
    data, _ = scan(0.1)
    brain = np.ones(data.shape, bool)
    expected = normalise(data, brain, modality)
    np.testing.assert_allclose(normalise(data * gain, brain, modality), expected, atol=2e-3)


@pytest.mark.parametrize("shift", [-400.0, -70.0, 300.0, 5000.0])
def test_a_flair_that_somebody_has_shifted_looks_as_before(shift):
    data, lesions = scan(0.1)
    brain = np.ones(data.shape, bool)
    before, after = normalise(data, brain, "flair"), normalise(data + shift, brain, "flair")
    assert np.median(after[lesions]) == pytest.approx(np.median(before[lesions]), abs=0.06)
    assert np.median(after[data < 20]) == pytest.approx(np.median(before[data < 20]), abs=0.15)


def test_one_hot_voxel_changes_no_other():
    data, _ = scan(0.1)
    brain = np.ones(data.shape, bool)
    hot = data.copy()
    hot[3, 3, 3] = 1e9
    out = normalise(hot, brain, "flair")
    assert out[3, 3, 3] == 4
    out[3, 3, 3] = normalise(data, brain, "flair")[3, 3, 3]
    np.testing.assert_allclose(out, normalise(data, brain, "flair"), atol=0.01)


def test_few_lesions_are_not_cut_off():
    data, lesions = scan(0.1, 0.0005)
    out = normalise(data, np.ones(data.shape, bool), "flair")
    assert np.corrcoef(out[lesions], data[lesions])[0, 1] > 0.999


def test_lesions_of_two_patients_lie_at_one_level(shared_data):
    """Patient 19 has three times as much fluid as 07; z-scores of their lesions differ by a third."""
    levels, scores = [], []
    for name in ("patient07", "patient19"):
        flair = read_volume(shared_data / "3d-mr-ms" / name / "FLAIR.nii.gz")
        lesions = read_labels(shared_data / "3d-mr-ms" / name / "lesions.nii.gz", flair.grid).data > 0
        around = ndimage.binary_dilation(lesions, iterations=5) & ~ndimage.binary_dilation(
            lesions, iterations=2
        )
        brain = flair.data != 0
        for kept, modality in ((levels, "flair"), (scores, "t1")):
            out = normalise(flair.data, brain, modality)
            kept.append(np.median(out[lesions]) - np.median(out[around & brain & (out > -1.3)]))
    assert abs(levels[0] - levels[1]) < 0.1 * levels[0]
    assert abs(scores[0] - scores[1]) > 0.2 * scores[0]


@pytest.mark.parametrize("modality", ["flair", "t1", "t2"])
def test_what_has_no_contrast_is_refused(modality):
    with pytest.raises(InputError, match="empty"):
        normalise(np.ones((3, 3, 3)), np.zeros((3, 3, 3), bool), modality)
    for level in (7.0, 0.0, -3.0):
        with pytest.raises(InputError, match="same value"):
            normalise(np.full((3, 3, 3), level), np.ones((3, 3, 3), bool), modality)


@pytest.mark.parametrize("modality", ["flair", "t1"])
def test_normalising_makes_no_float64_copy(modality):
    """What 512^3 voxels need is what these need, times their number."""
    data = np.random.default_rng(0).normal(100, 10, (64, 64, 64)).astype(np.float32)
    brain = np.ones(data.shape, bool)
    tracemalloc.start()
    normalise(data, brain, modality)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2.5 * data.nbytes


@pytest.mark.parametrize("noise", [0.0, 1e-3])
def test_a_stripped_scan_that_was_shifted_is_told_by_its_own_voxels(noise):
    """What was cut out is black, or nearly so: it says nothing about where the scan's zero is."""
    rng = np.random.default_rng(0)
    brain = np.zeros((40, 40, 40), bool)
    brain[8:32, 8:32, 8:32] = True
    scan = rng.normal(200, 10, brain.shape)
    scan[8:32, 8:32, 8:12] = 40
    plain = normalise((scan * brain).astype(np.float32), brain, "flair")
    shifted = np.where(brain, scan + 300, noise * rng.normal(size=brain.shape)).astype(np.float32)
    found = normalise(shifted, brain, "flair")
    bright = brain & (scan > 215)
    assert np.median(found[bright]) > 0.8 * np.median(plain[bright])
