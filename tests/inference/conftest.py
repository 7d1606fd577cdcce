"""A tiny model with random weights, a small scan, and a cache of their own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_uncertainseg.images.volume import Grid, Volume

from ..random_models import write_model


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory) -> Path:
    return write_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="session")
def thin_folder(tmp_path_factory) -> Path:
    return write_model(tmp_path_factory.mktemp("models") / "thin", thin=True)


@pytest.fixture(scope="session")
def ensemble_folder(tmp_path_factory) -> Path:
    return write_model(tmp_path_factory.mktemp("models") / "three", networks=3)


def make_scan(shape=(40, 44, 36), spacing=(1.0, 1.0, 1.0), seed=0, name="scan") -> Volume:
    """A stripped ellipsoid of noise with bright spots."""
    rng = np.random.default_rng(seed)
    axes = [np.linspace(-1.15, 1.15, n) for n in shape]
    z, y, x = np.meshgrid(*axes, indexing="ij")
    brain = z**2 + y**2 + x**2 < 1
    data = (100 + 10 * rng.standard_normal(shape)) * brain
    data += 60 * brain * (rng.random(shape) > 0.999)
    # canonical (s, a, r) index to RAS+ (x, y, z)
    affine = np.eye(4)
    affine[:3, :3] = np.array([[0, 0, spacing[2]], [0, spacing[1], 0], [spacing[0], 0, 0]])
    return Volume(data.astype(np.float32), Grid(shape, affine), name)


@pytest.fixture
def scan() -> Volume:
    return make_scan()


@pytest.fixture
def brain_mask(scan) -> Volume:
    return Volume((scan.data > 0).astype(np.uint8), scan.grid, "mask")


@pytest.fixture(scope="session")
def scans():
    """Make a scan: a stripped ellipsoid of noise with bright spots."""
    return make_scan
