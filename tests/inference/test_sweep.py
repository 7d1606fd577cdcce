"""All heads in one sweep: against plain numpy in double precision, and against the step-by-step way."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import entr, expit

from napari_uncertainseg._boxes import bounding_slices
from napari_uncertainseg.inference.sweep import heads as sweep
from napari_uncertainseg.inference.sweep.heads import HeadsSweep, Opinions
from napari_uncertainseg.inference.sweep.kept import NOTHING, Kept
from napari_uncertainseg.networks.recalibration import LogitLine
from napari_uncertainseg.prediction.members import SEEN, as_half

SHAPE, GRID = (6, 17, 13), (9, 20, 15)
BOX = (slice(2, 8), slice(1, 18), slice(2, 15))
WAYS = [
    pytest.param(Opinions((0, 1, 2, 3, 4)), id="all heads"),
    pytest.param(Opinions((3, 1)), id="some heads"),
    pytest.param(Opinions((0, 1, 2, 3, 4), averaged=True), id="their mean"),
    pytest.param(Opinions((1, 4), averaged=True), id="the mean of some"),
]


def scene(seed, passes, sure=0.0):
    rng = np.random.default_rng(seed)
    inside = rng.random(SHAPE) < 0.7
    inside[0] = inside[:, 0] = False
    inside[3, 4:9] = False
    logits = rng.normal(-2, 3, (passes, 5, *SHAPE)).astype(np.float32)
    logits[rng.random(logits.shape) < sure] = 200.0
    logits[rng.random(logits.shape) < sure] = -200.0
    return inside, logits


def by_hand(inside, logits, line, opinions):
    """Members, and maps from them, in double precision."""
    p = expit(logits.astype(float) / line.temperature + line.shift) * inside
    members, disagreement = [], []
    for one in p:
        chosen = one[list(opinions.heads)]
        members += [chosen.mean(0)] if opinions.averaged else list(chosen)
        disagreement.append(one.var(0))
    members = np.array(members)
    mean = members.mean(0)
    entropy, expected = entr(mean) + entr(1 - mean), (entr(members) + entr(1 - members)).mean(0)
    maps = {
        "mean": mean,
        "entropy": entropy,
        "expected_entropy": expected,
        "mutual_information": entropy - expected,
        "variance": members.var(0),
    }
    return members, maps, np.mean(disagreement, 0)


@pytest.mark.parametrize("opinions", WAYS)
@pytest.mark.parametrize("passes", [1, 3])
@pytest.mark.parametrize("line", [LogitLine(), LogitLine(1.7, -0.4)])
@pytest.mark.parametrize("cached", [1 << 16, 100])
def test_the_sweep_agrees_with_doubles(opinions, passes, line, cached, monkeypatch):
    monkeypatch.setattr(sweep, "_CACHED", cached)
    inside, logits = scene(passes, passes, sure=0.05)
    members, maps, disagreement = by_hand(inside, logits, line, opinions)
    swept = HeadsSweep(inside, BOX, GRID)
    kept = Kept.together([swept.add(one, line, opinions) for one in logits.copy()])
    found = swept.result()
    for name, expected in maps.items():
        whole = getattr(found.members, name)
        assert whole.dtype == np.float32 and whole.shape == GRID
        np.testing.assert_allclose(whole[BOX], expected, atol=2e-6, err_msg=name)
        around = whole.copy()
        around[BOX] = 0
        assert not around.any() and not whole[BOX][~inside].any() and not np.signbit(whole).any()
    np.testing.assert_allclose(found.disagreement[BOX], disagreement, atol=1e-6)
    assert len(kept) == len(members) and kept.values.dtype == np.float16
    for values, member in zip(kept.values, members, strict=True):
        own = bounding_slices(member >= SEEN)
        expected = np.zeros(SHAPE)
        expected[own] = member[own]
        np.testing.assert_allclose(values, expected[kept.box], atol=1e-3)
        expected[kept.box] = 0
        assert not expected.any()


def test_members_that_agree_differ_in_nothing():
    inside, logits = scene(0, 1)
    same = np.repeat(logits[0][:1], 5, axis=0)
    swept = HeadsSweep(inside, BOX, GRID)
    for _ in range(3):
        swept.add(same.copy(), LogitLine(), Opinions((0, 1, 2, 3, 4)))
    found = swept.result()
    assert found.members.variance.max() < 1e-12 and found.disagreement.max() < 1e-12
    assert found.members.mutual_information.max() < 1e-6


def test_what_nobody_saw_is_none_and_probabilities_stay_within_bounds():
    inside, logits = scene(0, 1)
    swept = HeadsSweep(inside, BOX, GRID)
    kept = swept.add(np.full_like(logits[0], -90.0), LogitLine(), Opinions((0, 1)))
    assert kept.box == NOTHING and kept.values.shape == (2, 0, 0, 0)
    swept = HeadsSweep(inside, BOX, GRID)
    swept.add(np.full_like(logits[0], 90.0), LogitLine(), Opinions((0, 1, 2, 3, 4)))
    found = swept.result().members
    assert np.array_equal(found.mean[BOX], inside.astype(np.float32))
    assert not found.entropy.any() and not found.expected_entropy.any() and not found.mutual_information.any()


def test_logits_that_overflow_when_they_are_moved_are_certain_and_warn_of_nothing():
    inside, logits = scene(0, 1)
    logits = np.where(logits[0] < -2, np.float32(-3e38), np.float32(3e38))
    kept = HeadsSweep(inside, BOX, GRID).add(logits.copy(), LogitLine(0.5, -1.0), Opinions((0,)))
    assert np.array_equal(kept.values[0], ((logits[0] > 0) & inside)[kept.box])


def test_members_that_saw_in_different_places_lie_in_one_box_and_are_0_beyond_their_own():
    one, other = (np.full(SHAPE, 0.04, np.float32) for _ in range(2))
    one[1:3, 4:5, 6:9], other[2:5, 1:4, 2:3] = 0.5, 0.25
    boxes = [(slice(1, 3), slice(4, 5), slice(6, 9)), (slice(2, 5), slice(1, 4), slice(2, 3))]
    kept = Kept.of([one, np.zeros_like(one), other], [boxes[0], NOTHING, boxes[1]])
    assert kept.box == (slice(1, 5), slice(1, 5), slice(2, 9)) and len(kept) == 3
    assert kept.values.sum() == 0.5 * 6 + 0.25 * 9
    again = Kept.together([kept, Kept(NOTHING, np.zeros((2, 0, 0, 0), np.float16)), kept])
    assert again.box == kept.box and len(again) == 8
    assert np.array_equal(again.values[[0, 2]], again.values[[5, 7]]) and not again.values[[1, 3, 4, 6]].any()


def test_half_floats_are_those_of_numpy():
    """All half floats from 0 to 1, what lies between them and beside the middles, and many more."""
    halves = np.arange(0x3C01, dtype=np.uint16).view(np.float16).astype(np.float32)
    middles = (halves[1:] + halves[:-1]) / 2
    beside = [np.nextafter(middles, np.float32(to)) for to in (0, 1)]
    rng = np.random.default_rng(0)
    more = [rng.random(9999, np.float32), 10.0 ** rng.uniform(-45, 0, 9999).astype(np.float32)]
    p = np.concatenate([halves, middles, *beside, *more]).astype(np.float32)
    p = np.concatenate([p, np.zeros(-len(p) % 12, np.float32)]).reshape(3, 4, -1)
    assert np.array_equal(as_half(p).view(np.uint16), p.astype(np.float16).view(np.uint16))
    assert np.array_equal(as_half(p[:, :2, ::3]), p[:, :2, ::3].astype(np.float16))
    assert as_half(np.zeros((0, 2, 2), np.float32)).shape == (0, 2, 2)
