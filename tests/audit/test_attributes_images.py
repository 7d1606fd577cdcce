"""Scans on the common grid, what the encoder sees in them, and where a classifier looks."""

from __future__ import annotations

import importlib.util
import os
import sys

import numpy as np
import pytest
import torch

from napari_uncertainseg._base import Cancelled, InputError
from napari_uncertainseg.audit.attributes.common_grid import LESION, NOTHING, on_common_grid
from napari_uncertainseg.audit.attributes.encoder import check_encoder, pooled
from napari_uncertainseg.audit.attributes.looking import look
from napari_uncertainseg.audit.attributes.statistics.cross_validation import tell
from napari_uncertainseg.explain.drivers.statistics.holm import holm
from napari_uncertainseg.images.preparation.normalise import normalise
from napari_uncertainseg.images.volume import Grid, Volume

SOAK = bool(os.environ.get("UNCERTAINSEG_SOAK"))


@pytest.fixture(scope="module")
def worlds(checkout):
    """`experiments/audit_attributes_worlds.py`, which prints the tables of docs/audit.md."""
    path = checkout / "experiments" / "audit_attributes_worlds.py"
    spec = importlib.util.spec_from_file_location("audit_attributes_worlds", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["audit_attributes_worlds"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def engine(worlds):
    return worlds.reader()


def made(shape=(20, 30, 24), affine=None, seed=0):
    """A bright cuboid in grain, and the mask of it."""
    rng = np.random.default_rng(seed)
    brain = np.zeros(shape, bool)
    brain[4:-4, 5:-5, 6:-6] = True
    data = np.where(brain, rng.uniform(80, 120, shape), rng.uniform(0, 60, shape)).astype(np.float32)
    if affine is None:
        affine = np.eye(4)
        affine[:3, :3] = np.eye(3)[:, ::-1]
    return Volume(data, Grid(shape, affine), "made"), brain


def test_inside_the_brain_a_scan_is_measured_as_the_networks_read_it():
    scan, brain = made((32, 48, 32))
    there = on_common_grid(scan, brain, shape=(32, 48, 32))
    # The middle of this brain is that of the grid: the voxels are the same ones.
    assert np.array_equal(there.brain, brain)
    own = normalise(scan.data, brain, "flair")
    assert np.allclose(there.image[brain], np.maximum(own[brain], NOTHING), atol=1e-5)
    assert there.mask is None and there.image.min() >= NOTHING - 1e-5


def test_what_is_outside_has_no_influence_inside_and_cutting_changes_nothing_else():
    scan, brain = made()
    lit = ~brain & (scan.data > 30)  # the air stays dark, as air is
    bright = Volume(np.where(lit, scan.data + 500, scan.data), scan.grid, "bright")
    one, other = (on_common_grid(each, brain, brain, (32, 48, 32)) for each in (scan, bright))
    inner = np.zeros_like(one.brain)
    inner[11:21, 15:33, 11:21] = True
    assert (inner <= one.brain).all() and np.array_equal(one.image[inner], other.image[inner])
    assert np.array_equal(one.cropped[one.brain], one.image[one.brain])
    assert (one.cropped[~one.brain] == np.float32(NOTHING)).all()
    assert np.allclose(one.image[0], NOTHING)  # beyond the scan
    assert one.mask is not None and one.mask.max() == LESION and (one.mask[inner] == LESION).all()


def test_thick_oblique_slices_lie_where_they_are():
    """The volume and the middle of the brain stay those in the world."""
    turn = np.deg2rad(20)
    axes = np.array([[1, 0, 0], [0, np.cos(turn), -np.sin(turn)], [0, np.sin(turn), np.cos(turn)]])
    affine = np.eye(4)
    affine[:3, :3] = axes @ np.eye(3)[:, ::-1] @ np.diag([4.0, 1.0, 1.5])
    affine[:3, 3] = 50, -20, 7
    scan, brain = made((14, 40, 28), affine)
    there = on_common_grid(scan, brain, shape=(64, 80, 64))
    assert there.brain.sum() == pytest.approx(brain.sum() * 6.0, rel=0.03)
    middle = np.argwhere(there.brain).mean(0)
    assert np.allclose(middle, (np.array(there.brain.shape) - 1) / 2, atol=0.5)


def test_a_brain_that_is_none_and_a_scan_without_contrast_are_refused():
    scan, brain = made()
    with pytest.raises(InputError, match="mask is empty"):
        on_common_grid(scan, brain & False)
    flat = Volume(np.zeros_like(scan.data), scan.grid, "flat")
    with pytest.raises(InputError, match="same value everywhere"):
        on_common_grid(flat, brain)


def test_pooled_features_are_the_encoders_own_taken_apart(engine):
    rng = np.random.default_rng(1)
    image = rng.normal(size=(32, 48, 32)).astype(np.float32)
    brain = np.zeros(image.shape, bool)
    brain[8:24, 8:40, 8:24] = True
    found = pooled(engine, image, brain)
    shown = torch.zeros(1, 3, *image.shape)
    shown[0, 0] = torch.from_numpy(image)
    with torch.inference_mode():
        first = engine.network.encoder[1](engine.network.encoder[0](shown))
        second = engine.network.encoder[2](first)
    features = np.concatenate([one[0].mean((1, 2, 3)).numpy() for one in (first, second)])
    assert np.allclose(found.mean, features, atol=1e-5) and len(features) == 96
    own = first[0].numpy()[:, 4:12, 4:20, 4:12].sum((1, 2, 3)) / np.prod(first.shape[2:])
    assert np.allclose(found.inside[:32], own, atol=1e-5)
    blocks = found.blocks.astype(float).mean((2, 3, 4))
    assert np.allclose(blocks, [found.inside, found.outside], atol=2e-3) and found.blocks.shape[2:] == (
        2,
        3,
        2,
    )


def test_reading_can_be_cancelled_and_foreign_networks_are_refused(engine):
    def stop():
        raise Cancelled

    with pytest.raises(Cancelled):
        pooled(engine, np.zeros((32, 32, 32), np.float32), np.zeros((32, 32, 32), bool), check=stop)

    class Foreign:
        network = torch.nn.Conv3d(1, 1, 1)

    with pytest.raises(InputError, match="--encoder"):
        check_encoder(Foreign())


def test_what_sets_classes_apart_is_taken_apart_without_anything_left(worlds, engine):
    """The shares add up to the distance of the scores themselves, computed another way."""
    has, found = worlds.people(engine, worlds.RIM, 6, 5)
    rows = np.array([one[0].mean for one in found], float)
    told = tell(rows, has, np.random.default_rng(0), repeats=2)
    where = look(told, has, [(one[0],) for one in found])
    distances = []
    for fold, weights in zip(told.fold, told.weights, strict=True):
        for part, weight in enumerate(weights):
            said = rows @ weight
            own = fold == part
            distances.append(said[own & has].mean() - said[own & ~has].mean())
    assert where.distance == pytest.approx(np.mean(distances), rel=1e-3)
    assert where.places.sum() == pytest.approx(where.distance, rel=2e-2)  # blocks are kept in half precision
    doubled = look(told, has, [(one[0], one[0]) for one in found])  # visits of a patient count as one
    assert doubled.inside == pytest.approx(where.inside) and 0 <= where.attention_outside <= 1


def _found(worlds, engine, written, seed):
    has, found = worlds.people(engine, written, 24 if SOAK else 16, seed)
    said = worlds.told(found, has, seed, 99 if SOAK else 19)
    shares = [
        worlds.looks(found, has, said[name], i).share_outside for i, name in enumerate(("image", "cropped"))
    ]
    return (
        {name: one.auc for name, one in said.items()},
        holm(np.array([one.p for one in said.values()])),
        shares,
    )


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5 if SOAK else 1))
def test_an_attribute_in_the_scalp_alone_goes_when_it_is_cut_off(worlds, engine, seed):
    areas, p, shares = _found(worlds, engine, worlds.RIM, seed)
    assert areas["image"] > 0.95 and areas["both"] > 0.95
    assert shares[0] > 0.9  # of attention, outside the brain
    if SOAK:  # of few people the area has a wide spread about one half
        assert abs(areas["mask"] - 0.5) < 0.35 and abs(areas["cropped"] - 0.5) < 0.35
    assert p[0] <= 0.21 and p[1] > 0.05 and p[3] > 0.05


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5 if SOAK else 1))
def test_an_attribute_in_the_brain_stays_when_the_rest_is_cut_off(worlds, engine, seed):
    areas, _, shares = _found(worlds, engine, worlds.BRAIN, seed)
    assert areas["image"] > 0.95 and areas["cropped"] > 0.95
    assert max(shares) < 0.3  # places around a small brain see it, too


@pytest.mark.skipif(not SOAK, reason="half an hour: set UNCERTAINSEG_SOAK=1")
def test_no_attribute_gives_no_finding_in_95_of_100_seeds(worlds, engine):
    """In the long run; three standard errors for the seeds at hand."""
    _, pool = worlds.people(engine, worlds.NOWHERE, 48, 1000)
    found = sum(worlds.any_finding(pool, 24, 199, seed) for seed in range(100, 200))
    assert found <= 5 + 3 * np.sqrt(100 * 0.05 * 0.95)
