"""Several classes: the paper's constants, scipy, and two classes as one probability."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from napari_uncertainseg.uncertainty.classes import ClassAccumulator, entropy, renyi_entropy
from napari_uncertainseg.uncertainty.voxel import MapAccumulator, divergence_maps

FIELDS = ("entropy", "expected_entropy", "mutual_information", "pairwise", "reverse_mutual_information")


def draw(seed, members=4, classes=3, shape=(5, 6)):
    rng = np.random.default_rng(seed)
    return np.moveaxis(rng.dirichlet(np.ones(classes), (members, *shape)), -1, 1).astype(np.float32)


def maps(members):
    accumulator = ClassAccumulator()
    for member in members:
        accumulator.add(member)
    return accumulator.result()


def test_constants_of_the_paper():
    p = np.array([0.9, 0.7, 0.6], np.float32)
    found = maps(np.stack([p, 1 - p], axis=1)[..., None])
    expected = (0.579915, 0.536320, 0.043596, 0.094633, 0.051037)
    assert [getattr(found, name)[0] for name in FIELDS] == pytest.approx(expected, abs=2e-6)
    assert found.negated_confidence[0] == pytest.approx(-0.733333, abs=1e-6)
    assert found.variance[0] == pytest.approx(np.var(p), abs=1e-6)


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 9999), classes=st.integers(2, 5), members=st.integers(1, 5))
def test_each_map_against_scipy(seed, classes, members):
    p = draw(seed, members, classes)
    found, q = maps(p), p.astype(float)
    mean = q.mean(0)
    np.testing.assert_allclose(found.entropy, stats.entropy(mean, axis=0), atol=1e-5)
    np.testing.assert_allclose(found.expected_entropy, stats.entropy(q, axis=1).mean(0), atol=1e-5)
    pairs = [stats.entropy(a, b, axis=0) for a in q for b in q]
    np.testing.assert_allclose(found.pairwise, np.mean(pairs, axis=0), atol=2e-4)
    reverse = np.mean([stats.entropy(mean, member, axis=0) for member in q], axis=0)
    np.testing.assert_allclose(found.reverse_mutual_information, reverse, atol=2e-4)
    np.testing.assert_allclose(found.variance, q.var(0).mean(0), atol=1e-6)
    again = maps(p[::-1])
    for name in FIELDS:
        np.testing.assert_allclose(getattr(again, name), getattr(found, name), atol=1e-5)
        assert (getattr(found, name) >= 0).all()


def test_two_classes_are_one_probability():
    p = draw(3, classes=2)
    accumulator = MapAccumulator()
    for member in p[:, 1]:
        accumulator.add(member)
    one = accumulator.result()
    two, divergences = maps(p), divergence_maps(p[:, 1], one)
    for name in ("entropy", "expected_entropy", "mutual_information", "variance"):
        np.testing.assert_allclose(getattr(two, name), getattr(one, name), atol=1e-5)
    np.testing.assert_allclose(two.pairwise, divergences.pairwise, atol=1e-4)


def test_torch_gives_the_same():
    p = draw(1)
    found, other = maps(p), maps(torch.from_numpy(p))
    for name in FIELDS:
        assert isinstance(getattr(other, name), torch.Tensor)
        np.testing.assert_allclose(getattr(other, name).numpy(), getattr(found, name), atol=1e-6)


def test_renyi_entropies():
    p = draw(2)[0].astype(float)
    p /= p.sum(0)
    assert renyi_entropy(p, 2) == pytest.approx(-np.log((p**2).sum(0)))
    np.testing.assert_allclose(renyi_entropy(p, 0.999999), stats.entropy(p, axis=0), atol=1e-5)
    np.testing.assert_array_equal(renyi_entropy(p, 1), entropy(p))
    orders = [renyi_entropy(p, a) for a in (0.3, 0.8, 1, 2, 5)]
    assert all((a >= b - 1e-12).all() for a, b in itertools.pairwise(orders))
    certain = np.array([[1.0], [0.0]])
    assert renyi_entropy(certain)[0] == entropy(certain)[0] == 0
    assert renyi_entropy(np.full((4, 1), 0.25))[0] == pytest.approx(np.log(4))
    with pytest.raises(ValueError, match="above 0"):
        renyi_entropy(p, 0)


def test_bad_members_are_refused():
    accumulator = ClassAccumulator()
    with pytest.raises(ValueError, match="no member"):
        accumulator.result()
    with pytest.raises(ValueError, match="two classes"):
        accumulator.add(np.ones((1, 4), np.float32))
    accumulator.add(draw(0)[0])
    with pytest.raises(ValueError, match="A member has shape"):
        accumulator.add(draw(0, shape=(5, 7))[0])
