"""The probability of a lesion as the input grows around it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import ndimage
from torch import nn

from napari_uncertainseg._base import Cancelled, InputError
from napari_uncertainseg.explain.context import (
    context_curve,
    context_need,
    context_summary,
    distance_around,
)

from .conftest import box_mask, make_scene


def brightness(reach: int = 2, bias: float = -3.0) -> nn.Module:
    """Sums all that lies within a cube."""
    network = nn.Conv3d(1, 1, 2 * reach + 1, padding=reach)
    nn.init.constant_(network.weight, 1.0)
    nn.init.constant_(network.bias, bias)
    return network


def lit_scene(reach=2, bias=-3.0):
    scene = make_scene(brightness(reach, bias), shape=(11, 11, 11), channels=1)
    scene.image[:] = 1.0
    return replace(scene, threshold=0.5)


def test_distance_is_the_number_of_published_dilations():
    region = box_mask((13, 12, 14), slice(5, 7), 6, slice(3, 6))
    found = distance_around(region, (1.0, 1.0, 1.0), 4.0)
    ball = ndimage.generate_binary_structure(3, 2)
    for d in range(1, 5):
        np.testing.assert_array_equal(found <= d, ndimage.binary_dilation(region, ball, iterations=d))
    assert np.isinf(found[0, 0, -1])


def test_distance_on_thick_slices_is_straight():
    found = distance_around(box_mask((5, 9, 9), 2, 4, 4), (6.0, 1.0, 1.0), 7.0)
    assert found[3, 4, 4] == 6 and found[2, 4, 7] == 3 and np.isinf(found[0, 4, 4])


def test_curve_of_a_network_that_counts():
    scene = lit_scene()
    curve = context_curve(scene, box_mask(scene.shape, 5, 5, 5), largest_mm=4)
    # 1, then the 18 neighbours, then of the cube of 5 voxels all but its corners, then all of it
    ball = ndimage.generate_binary_structure(3, 2)
    grown, one = [], box_mask(scene.shape, 5, 5, 5)
    for d in range(5):
        part = one if d == 0 else ndimage.binary_dilation(one, ball, iterations=d)
        grown.append(part[3:8, 3:8, 3:8].sum())
    wanted = 1 / (1 + np.exp(3.0 - np.array([*grown, 125], float)))
    np.testing.assert_allclose(curve["mean_probability"], wanted, atol=1e-6)
    assert curve["radius_mm"].tolist() == [0, 1, 2, 3, 4, np.inf]
    need = context_need(curve)
    assert (need.detected_mm, need.settled_mm, need.found) == (1.0, 1.0, True)
    assert need.alone == pytest.approx(wanted[0]) and need.whole == pytest.approx(1.0)


def test_lesion_that_is_never_detected_or_settled():
    curve = pd.DataFrame(
        {
            "radius_mm": [0, 1, 2, np.inf],
            "mean_probability": [0.1, 0.2, 0.1, 0.4],
            "max_probability": [0.1, 0.2, 0.1, 0.4],
            "detected": [False] * 4,
        }
    )
    need = context_need(curve)
    assert np.isnan([need.detected_mm, need.kept_mm, need.settled_mm]).all() and not need.found


def test_settled_begins_after_the_last_radius_that_is_far():
    curve = pd.DataFrame(
        {
            "radius_mm": [0, 1, 2, 3, np.inf],
            "mean_probability": [0.88, 0.5, 0.86, 0.91, 0.9],
            "max_probability": [0.9, 0.5, 0.9, 0.9, 0.9],
            "detected": [True, False, True, True, True],
        }
    )
    need = context_need(curve)
    assert (need.detected_mm, need.kept_mm, need.settled_mm) == (0, 2, 2)
    assert context_need(curve.assign(detected=True)).kept_mm == 0
    lost = context_need(curve.assign(detected=[True, False, True, False, True]))
    assert lost.detected_mm == 0 and np.isnan(lost.kept_mm) and lost.found


def test_cancelled():
    def stop(stage, fraction):
        raise Cancelled

    scene = lit_scene()
    with pytest.raises(Cancelled):
        context_curve(scene, box_mask(scene.shape, 5, 5, 5), progress=stop)


def test_lesion_larger_than_a_patch_is_refused():
    torch.manual_seed(0)
    scene = make_scene(nn.Conv3d(3, 1, 1), patch=(4, 4, 4))
    with pytest.raises(InputError, match="larger than what the network reads"):
        context_curve(scene, np.ones(scene.shape, bool))


def needs(radii, cases, found=True) -> pd.DataFrame:
    measures = dict.fromkeys(("detected_mm", "kept_mm", "settled_mm"), radii)
    return pd.DataFrame({"case": cases, **measures, "found": found})


def test_summary_draws_cases_where_there_are_several():
    table = needs([1.0, 1.0, 1.0, 9.0, 9.0, 9.0], ["a"] * 3 + ["b"] * 3)
    row = context_summary(table).iloc[0]
    assert (row["lesions"], row["cases"], row["median"]) == (6, 2, 5.0)
    assert (row["low"], row["high"], row["within_published"]) == (1.0, 9.0, 0.5)
    assert row["published_mm"] == 7
    pd.testing.assert_frame_equal(context_summary(table), context_summary(table))


def test_summary_of_few_lesions_has_no_interval_and_missed_ones_do_not_count():
    table = needs([1.0, 2.0, np.nan, 4.0], ["a"] * 4, [True, True, True, False])
    row = context_summary(table).iloc[0]
    assert row["lesions"] == 2 and np.isnan(row["low"]) and row["median"] == 1.5
    with pytest.raises(InputError, match="no lesion"):
        context_summary(table[:0])
