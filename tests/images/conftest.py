"""What the tests of the image room share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from napari_uncertainseg.images.files import read_volume
from napari_uncertainseg.images.volume import Grid, Volume


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., Path]:
    """Write an array as NIfTI with a plain affine and return the path."""

    def write(array: np.ndarray, name: str = "scan.nii.gz", affine: np.ndarray | None = None) -> Path:
        path = tmp_path / name
        nib.save(nib.Nifti1Image(array, np.diag([1.0, 1, 1, 1]) if affine is None else affine), path)
        return path

    return write


@pytest.fixture
def scan_array() -> np.ndarray:
    """Noise in the axis order of a file, 12 x 14 x 16."""
    return np.random.default_rng(0).normal(100, 20, (12, 14, 16)).astype(np.float32)


@pytest.fixture
def ball() -> Callable[..., Volume]:
    """A textured ball in air that is exactly 0: a brain whose skull was removed."""

    def make(shape=(48, 48, 48), spacing=(3.0, 3.0, 3.0), radius=60.0, seed=0, texture=0) -> Volume:
        affine = np.eye(4)
        affine[:3, :3] = np.diag(spacing)[:, ::-1].T[:, [0, 1, 2]]
        affine[:3, :3] = np.zeros((3, 3))
        for k, s in enumerate(spacing):
            affine[2 - k, k] = s
        affine[:3, 3] = -np.array([shape[2] * spacing[2], shape[1] * spacing[1], shape[0] * spacing[0]]) / 2
        where = np.indices(shape) - (np.array(shape) / 2)[:, None, None, None]
        away = np.sqrt(((where * np.array(spacing)[:, None, None, None]) ** 2).sum(axis=0))
        rng = np.random.default_rng(seed)
        data = np.where(away < radius, 100 + 10 * rng.standard_normal(shape), 0).astype(np.float32)
        return Volume(data, Grid(tuple(shape), affine), "ball", "flair")

    return make


@pytest.fixture(scope="module")
def series(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an oblique DICOM series."""
    from .dicom_series import make_series  # not all tests here need pydicom

    return make_series(tmp_path_factory.mktemp("oblique") / "series")


@pytest.fixture(scope="module")
def scan(series: Path) -> Volume:
    """The same, as it is read."""
    return read_volume(series)
