"""Voxel maps against the literature, scipy and the authors' own answers."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import entr, rel_entr

from napari_uncertainseg.uncertainty.voxel import (
    MapAccumulator,
    binary_entropy,
    divergence_maps,
    negated_confidence,
)
from napari_uncertainseg.voxel_maps import MemberStatistics

MAPS = ("mean", "entropy", "expected_entropy", "mutual_information", "variance")


def maps(members) -> MemberStatistics:
    accumulator = MapAccumulator()
    for member in members:
        accumulator.add(member)
    return accumulator.result()


def test_constants_of_the_paper() -> None:
    found = maps(np.array([[0.9], [0.7], [0.6]], np.float32))
    assert found.entropy[0] == pytest.approx(0.579915, abs=1e-6)
    assert found.expected_entropy[0] == pytest.approx(0.536320, abs=1e-6)
    assert found.mutual_information[0] == pytest.approx(0.043596, abs=1e-6)
    assert found.variance[0] == pytest.approx(np.var([0.9, 0.7, 0.6]), abs=1e-7)


@pytest.mark.parametrize("case", [0, 1, 2])
def test_reference_maps(reference_case, case) -> None:
    data = reference_case(case)
    found = maps(data["probabilities"])
    np.testing.assert_allclose(found.entropy, data["voxel_entropy_of_expected"], atol=2e-6)
    np.testing.assert_allclose(found.expected_entropy, data["voxel_expected_entropy"], atol=2e-6)
    np.testing.assert_allclose(found.mutual_information, data["voxel_mutual_information"], atol=2e-6)


def test_divergence_constants_of_the_paper() -> None:
    members = np.array([[0.9], [0.7], [0.6]], np.float32)
    shared = maps(members)
    found = divergence_maps(members, shared)
    assert negated_confidence(shared.mean)[0] == pytest.approx(-0.733333, abs=1e-6)
    assert found.pairwise[0] == pytest.approx(0.094633, abs=1e-6)
    assert found.reverse_mutual_information[0] == pytest.approx(0.051037, abs=1e-6)


@pytest.mark.parametrize("case", [0, 1, 2])
def test_reference_divergences(reference_case, case) -> None:
    data = reference_case(case)
    shared = maps(data["probabilities"])
    found = divergence_maps(data["probabilities"], shared)
    np.testing.assert_allclose(negated_confidence(shared.mean), data["voxel_confidence"], atol=2e-6)
    np.testing.assert_allclose(found.pairwise, data["voxel_epkl"], atol=5e-6)
    np.testing.assert_allclose(
        found.reverse_mutual_information, data["voxel_reverse_mutual_information"], atol=5e-6
    )


@given(
    st.integers(1, 5).flatmap(
        lambda m: arrays(np.float32, (m, 20), elements=st.floats(1 / 64, 63 / 64, width=32))
    )
)
@settings(max_examples=60, deadline=None)
def test_divergences_are_means_of_kullback_leibler(members) -> None:
    found = divergence_maps(members, maps(members))
    p = np.stack([members, 1 - members]).astype(float)
    mean = p.mean(1)
    pairs = rel_entr(p[:, :, None], p[:, None]).sum(0).mean((0, 1))
    reverse = rel_entr(mean[:, None], p).sum(0).mean(0)
    np.testing.assert_allclose(found.pairwise, pairs, atol=5e-6)
    np.testing.assert_allclose(found.reverse_mutual_information, reverse, atol=5e-6)


def test_divergences_at_the_ends_on_torch_and_of_nothing() -> None:
    ends = np.array([[0, 1, 0], [1, 1, 0]], np.float16)
    found = divergence_maps(ends, maps(ends))
    np.testing.assert_allclose(found.pairwise, [-0.5 * np.log(1e-10), 0, 0], atol=1e-5)
    torch = pytest.importorskip("torch")
    tensors = torch.from_numpy(ends)
    again = divergence_maps(tensors, maps(tensors))
    np.testing.assert_allclose(again.pairwise.numpy(), found.pairwise, atol=1e-5)
    with pytest.raises(ValueError, match="no member"):
        divergence_maps([], maps(ends))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_entropy_is_exact_at_the_ends(dtype) -> None:
    ends = binary_entropy(np.array([0, 1], dtype))
    assert (ends == 0).all() and not np.signbit(ends).any()
    assert binary_entropy(np.array([0.5], dtype))[0] == pytest.approx(np.log(2), rel=1e-3)


@given(arrays(np.float32, 50, elements=st.floats(0, 1, width=32)))
def test_entropy_is_that_of_scipy(p) -> None:
    p64 = p.astype(np.float64)
    np.testing.assert_allclose(binary_entropy(p), entr(p64) + entr(1 - p64), atol=2e-7)


members_strategy = st.integers(1, 6).flatmap(
    lambda m: arrays(np.float32, (m, 3, 4, 5), elements=st.floats(0, 1, width=32))
)


@given(members_strategy, st.randoms())
@settings(max_examples=60, deadline=None)
def test_bounds_permutation_and_numpy(members, random) -> None:
    found = maps(members)
    shuffled = list(members)
    random.shuffle(shuffled)
    for name in MAPS:
        values = getattr(found, name)
        assert values.dtype == np.float32 and values.shape == (3, 4, 5)
        np.testing.assert_allclose(values, getattr(maps(shuffled), name), atol=1e-6)
    assert (found.entropy <= np.log(2) + 1e-6).all()
    assert (found.mutual_information >= 0).all() and (found.mutual_information <= found.entropy + 1e-6).all()
    assert (found.variance >= 0).all() and (found.variance <= 0.25 + 1e-6).all()
    np.testing.assert_allclose(found.mean, members.mean(0, dtype=float), atol=1e-6)
    np.testing.assert_allclose(found.variance, members.var(0, dtype=float), atol=1e-6)


def test_one_member_and_equal_members_do_not_differ() -> None:
    p = np.random.default_rng(0).random((7, 8, 9), np.float32)
    for members in ([p], [p] * 5):
        found = maps(members)
        np.testing.assert_allclose(found.variance, 0, atol=1e-13)
        np.testing.assert_allclose(found.mutual_information, 0, atol=3e-7)


def test_variance_survives_tiny_differences() -> None:
    members = np.float32(0.9) + np.arange(4, dtype=np.float32)[:, None] * np.float32(1e-5)
    found = maps(members)
    assert found.variance[0] == pytest.approx(np.var(members.astype(float)), rel=0.02)


def test_more_voxels_than_a_block_and_strided_members() -> None:
    members = np.random.default_rng(1).random((2, 40, 50, 60)).transpose(0, 3, 1, 2)
    found = maps(members)
    np.testing.assert_allclose(found.mean, members.mean(0), atol=1e-6)
    np.testing.assert_allclose(found.variance, members.var(0), atol=1e-6)


def test_results_so_far_are_not_touched_by_what_follows() -> None:
    accumulator = MapAccumulator()
    accumulator.add(np.full((2, 2), 0.25, np.float32))
    first = accumulator.result()
    kept = {name: getattr(first, name).copy() for name in MAPS}
    accumulator.add(np.full((2, 2), 0.75, np.float32))
    assert accumulator.count == 2
    for name in MAPS:
        np.testing.assert_array_equal(getattr(first, name), kept[name])
    assert accumulator.result().variance[0, 0] == pytest.approx(0.0625)


def test_torch_gives_the_same_as_numpy() -> None:
    torch = pytest.importorskip("torch")
    members = np.random.default_rng(2).random((4, 6, 7, 8), np.float32)
    found, expected = maps(torch.from_numpy(members)), maps(members)
    for name in MAPS:
        assert isinstance(getattr(found, name), torch.Tensor)
        np.testing.assert_allclose(getattr(found, name).numpy(), getattr(expected, name), atol=1e-6)
    half = maps(torch.from_numpy(members).half())
    assert half.mean.dtype == torch.float32
    assert binary_entropy(torch.zeros(1)).item() == 0


def test_no_torch_is_imported() -> None:
    code = (
        "import sys, numpy; from napari_uncertainseg.uncertainty.voxel import MapAccumulator as M;"
        "m = M(); m.add(numpy.zeros((2, 2), 'f4')); m.result(); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_misuse_is_refused() -> None:
    accumulator = MapAccumulator()
    with pytest.raises(ValueError, match="no member"):
        accumulator.result()
    accumulator.add(np.zeros((2, 2), np.float32))
    with pytest.raises(ValueError, match="shape"):
        accumulator.add(np.zeros((2, 3), np.float32))
