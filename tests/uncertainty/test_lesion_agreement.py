"""What members make of each lesion, counted by hand and by brute force."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_uncertainseg.prediction.members import Members
from napari_uncertainseg.uncertainty.lesion import lesion_structural_uncertainty
from napari_uncertainseg.uncertainty.lesion_agreement import lesion_agreement
from napari_uncertainseg.uncertainty.lesion_details import AGREEMENT, SUMMARIES, lesion_details
from napari_uncertainseg.voxel_maps import VOXEL_MAPS, maps_per_lesion

from ..builders import make_prediction


def row(*values: float) -> np.ndarray:
    return np.array([[values]], np.float64)


def test_counted_by_hand() -> None:
    labels = row(0, 1, 1, 1, 0, 2).astype(np.uint16)
    members = [row(0, 1, 1, 0, 0, 0), row(1, 1, 1, 1, 0, 0), row(0, 0, 0, 0, 0, 0)]
    found = lesion_agreement(labels, members, 0.5)
    volumes = np.array([2, 4, 0])
    np.testing.assert_allclose(found.volume_variation, [volumes.std() / volumes.mean(), 0])
    np.testing.assert_allclose(found.pairwise_dice, [2 * 2 / 6 / 3, 1])
    np.testing.assert_allclose(found.shared, [0, 1])
    np.testing.assert_allclose(found.lsu_adjusted, [1 - (2 / 3 + 3 / 4) / 3, 1])


def test_splits_are_not_held_against_a_member() -> None:
    labels = row(1, 1, 0, 2, 2).astype(np.uint16)
    joined = row(1, 1, 1, 1, 1)
    assert lesion_structural_uncertainty(labels, [joined], 0.5) == pytest.approx([0.6, 0.6])
    np.testing.assert_allclose(lesion_agreement(labels, [joined], 0.5).lsu_adjusted, [1 / 3, 1 / 3])


def test_persistence_in_members() -> None:
    labels = row(0, 1, 1, 0, 2, 0).astype(np.uint16)
    members = [row(0, 0.9, 0.8, 0.3, 0.6, 0), row(0, 0.1, 0.7, 0.2, 0.04, 0.0)]
    found = lesion_agreement(labels, members, 0.5).persistence
    # 0.9 stands above all, down to the floor; 0.6 joins it at 0.3; in the second 0.7 stands alone
    np.testing.assert_allclose(found, [(0.85 + 0.65) / 2, (0.3 + 0) / 2], atol=1e-6)


def test_ends() -> None:
    labels = row(0, 1, 1, 0, 2).astype(np.uint16)
    same = (labels > 0).astype(float)
    for members in ([same], [same] * 4):
        found = lesion_agreement(labels, members, 0.5)
        for values, expected in (
            (found.volume_variation, 0),
            (found.pairwise_dice, 1),
            (found.shared, 1),
            (found.lsu_adjusted, 0),
        ):
            np.testing.assert_array_equal(values, [expected] * 2)
    nothing = lesion_agreement(labels * 0, [same], 0.5)
    assert nothing.shared.shape == nothing.lsu_adjusted.shape == (0,)


@given(st.integers(0, 9999))
@settings(max_examples=25, deadline=None)
def test_against_a_loop(seed) -> None:
    rng = np.random.default_rng(seed)
    smooth = ndimage.gaussian_filter(rng.random((8, 9, 10)), 0.7)
    labels, n = ndimage.label(smooth > 0.57, np.ones((3, 3, 3)))
    members = [np.clip(smooth + rng.normal(0, 0.04, smooth.shape), 0, 1) for _ in range(3)]
    found = lesion_agreement(labels.astype(np.uint16), members, 0.57)
    for lesion in range(1, n + 1):
        here, chosen = labels == lesion, []
        for member in members:
            c, _ = ndimage.label(member >= 0.57, np.ones((3, 3, 3)))
            overlap = {i: (here & (c == i)).sum() / (here | (c == i)).sum() for i in np.unique(c[here]) if i}
            best = max(overlap, key=lambda i: (overlap[i], -i), default=0)
            chosen.append(c == best if best else np.zeros_like(here))
        volumes = np.array([m.sum() for m in chosen])
        pairs = [(chosen[i], chosen[j]) for i in range(3) for j in range(i)]
        dice = [2 * (a & b).sum() / (a.sum() + b.sum()) if (a | b).any() else 1 for a, b in pairs]
        assert found.pairwise_dice[lesion - 1] == pytest.approx(np.mean(dice))
        if volumes.any():
            assert found.volume_variation[lesion - 1] == pytest.approx(volumes.std() / volumes.mean())
            shared = np.all(chosen, 0).sum() / np.any(chosen, 0).sum()
            assert found.shared[lesion - 1] == pytest.approx(shared)
    again = lesion_agreement(labels.astype(np.uint16), members[::-1], 0.57)
    np.testing.assert_allclose(again.pairwise_dice, found.pairwise_dice)
    np.testing.assert_allclose(again.lsu_adjusted, found.lsu_adjusted)
    assert (found.lsu_adjusted >= -1e-12).all() and (found.lsu_adjusted <= 1).all()


def test_details_beyond_the_members_box() -> None:
    labels = np.zeros((4, 5, 6), np.uint16)
    labels[0, 0, 0] = 1  # painted where no member was kept
    labels[2:4, 2:4, 2:5] = 2
    maps = {name: np.full(labels.shape, 0.25, np.float32) for name in VOXEL_MAPS}
    box = (slice(1, 4), slice(1, 5), slice(1, 6))
    members = Members(box, np.stack([(labels[box] > 0) * np.float16(0.9)] * 2))
    table = lesion_details(make_prediction(members=members, **maps), labels, 0.5)
    assert table.columns.tolist() == [
        "label",
        *AGREEMENT,
        *(f"{s}_{m}" for m in maps_per_lesion() for s in SUMMARIES),
    ]
    np.testing.assert_allclose(table["lsu_adjusted"], [1, 0])
    np.testing.assert_allclose(table["sum_entropy"], [0.25, 3])
    assert lesion_details(make_prediction(members=members, **maps), labels * 0, 0.5).empty
    nothing = Members((slice(0, 0),) * 3, np.zeros((5, 0, 0, 0), np.float16))  # nobody saw anything
    found = lesion_details(make_prediction(members=nothing, **maps), labels * 0, 0.5)
    assert found.columns.tolist() == table.columns.tolist()
