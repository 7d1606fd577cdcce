"""Window and level: presets from percentiles of the brain, on whatever grid it was found."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_uncertainseg.images import grey_windows
from napari_uncertainseg.images.grey_windows import (
    LESION,
    TISSUE,
    GreyWindow,
    brain_values,
    foreground_values,
    presets,
)


@given(st.floats(-1e4, 1e4), st.floats(1e-3, 1e4))
def test_width_and_level_are_the_ends_said_in_another_way(level, width):
    window = GreyWindow.around(level, width)
    assert window.width == pytest.approx(width, rel=1e-6) and window.level == pytest.approx(level, abs=1e-6)


@pytest.mark.parametrize(
    ("modality", "tissue", "lesion"),
    [("flair", (10, 999), (300, 999)), ("t1", (10, 990), (100, 900)), ("t2", (10, 995), (250, 950))],
)
def test_presets_are_percentiles_of_the_brain(modality, tissue, lesion):
    values = np.random.default_rng(0).permutation(np.arange(1001, dtype=np.int16))
    found = presets(values, modality)
    assert list(found) == [TISSUE, LESION]
    for name, (low, high) in ((TISSUE, tissue), (LESION, lesion)):
        assert (found[name].low, found[name].high) == pytest.approx((low, high))


def test_an_unknown_scan_has_one_preset_and_one_without_contrast_none():
    assert list(presets(np.arange(100.0), None)) == [TISSUE] == list(presets(np.arange(100.0), "swi"))
    assert presets(np.full(50, 7), "flair") == {} == presets(np.array([]), "flair")
    assert presets(np.array([np.nan, np.inf]), "t1") == {}
    holes = np.concatenate([np.arange(1001.0), [np.nan] * 500])
    assert presets(holes, "flair")[TISSUE].high == pytest.approx(999)


def _affine(spacing, origin=(0.0, 0.0, 0.0)):
    made = np.diag([*spacing, 1.0])
    made[:3, 3] = origin
    return made


def test_a_brain_on_another_grid_is_found_in_the_scan():
    """The scan holds the place in the patient, so what is read says where it was read."""
    scan_affine, brain_affine = _affine((1, 1, 2), (-20, -20, -20)), _affine((2, 2, 2), (-19, -19, -19))
    scan_affine[:3, :3] = scan_affine[:3, [2, 0, 1]]  # stored with its axes in another order
    i, j, k = np.meshgrid(*(np.arange(n) for n in (22, 42, 42)), indexing="ij")
    places = np.stack([i, j, k, np.ones_like(i)], -1) @ scan_affine.T
    brain = np.zeros((20, 20, 20), bool)
    brain[5:9, 6, 7:10] = True
    wanted = (np.argwhere(brain) @ brain_affine[:3, :3].T + brain_affine[:3, 3]).T
    for axis in range(3):
        found = brain_values(places[..., axis], scan_affine, brain, brain_affine)
        assert np.abs(found - wanted[axis]).max() <= 1, "the nearest voxel: half of one of 2 mm"


def test_a_scan_that_misses_the_brain_tells_nothing_of_it(monkeypatch):
    brain, affine = np.ones((10, 10, 10), bool), _affine((1, 1, 1))
    data = np.arange(1000).reshape(10, 10, 10)
    assert brain_values(data, _affine((1, 1, 1), (5, 0, 0)), brain, affine).size == 0
    assert brain_values(data, affine, np.zeros_like(brain), affine).size == 0
    assert brain_values(data, affine, brain, affine).size == 1000
    monkeypatch.setattr(grey_windows, "_SAMPLE", 100)
    some = brain_values(data, affine, brain, affine)
    assert 100 <= some.size <= 110 and np.ptp(some) > 900, "evenly drawn"


def test_without_a_brain_air_is_left_out():
    rng = np.random.default_rng(0)
    data = np.abs(rng.normal(0, 3, (40, 40, 40))).astype(np.float32)
    data[10:30, 10:30, 10:30] = rng.normal(500, 50, (20, 20, 20))
    found = foreground_values(data)
    assert found.min() > 40 and found.size == 8000
    assert foreground_values(np.zeros((3, 3, 3))).size == 27
    assert foreground_values(np.full((3, 3, 3), np.nan)).size == 0


def test_air_need_not_be_0_and_a_mask_is_a_scan_of_two_values():
    """Brightness that was normalized has negative values; windows move with it."""
    rng = np.random.default_rng(0)
    data = np.abs(rng.normal(0, 3, (40, 40, 40))).astype(np.float32)
    data[10:30, 10:30, 10:30] = rng.normal(500, 50, (20, 20, 20))
    normalized = (data - data.mean()) / data.std()
    found, same = (presets(foreground_values(each), "flair") for each in (data, normalized))
    for name, window in found.items():
        moved = (np.array([window.low, window.high]) - data.mean()) / data.std()
        assert (same[name].low, same[name].high) == pytest.approx(moved, abs=0.01)
    assert TISSUE not in presets(foreground_values(data > 100), None)
