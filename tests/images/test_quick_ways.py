"""Preparing takes short ways where they lead to the same: holes, straight grids, one look at the skull."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from napari_uncertainseg.images.files import read_volume
from napari_uncertainseg.images.preparation import brain_search
from napari_uncertainseg.images.preparation.found_brain import STRIPPED
from napari_uncertainseg.images.preparation.prepare import prepare
from napari_uncertainseg.images.preparation.skull import without_holes
from napari_uncertainseg.images.resample import antialias, resample_to
from napari_uncertainseg.images.volume import Grid, Volume


@pytest.mark.parametrize("seed", range(40))
def test_holes_are_filled_as_scipy_fills_them(seed):
    rng = np.random.default_rng(seed)
    mask = rng.random(tuple(rng.integers(1, 12, 3))) < rng.choice([0.0, 0.3, 0.6, 0.8, 0.95, 1.0])
    given = mask.copy()
    assert np.array_equal(without_holes(mask), ndimage.binary_fill_holes(mask))
    for axis in range(3):
        sections = [ndimage.binary_fill_holes(one) for one in np.moveaxis(mask, axis, 0)]
        assert np.array_equal(without_holes(mask, across=axis), np.moveaxis(np.stack(sections), 0, axis))
    assert np.array_equal(mask, given)


def a_grid(rng, shape, near=None) -> Grid:
    """Axes in any order and direction, voxels of any size, near another grid."""
    affine = np.eye(4)
    affine[:3, :3] = np.eye(3)[:, rng.permutation(3)] * rng.choice([-1, 1], 3) * rng.uniform(0.5, 4, 3)
    affine[:3, 3] = (0 if near is None else near.affine[:3, 3]) + rng.normal(0, 3, 3)
    return Grid(shape, affine)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int16, np.uint8])
@pytest.mark.parametrize("seed", range(25))
def test_a_grid_along_the_same_axes_is_reached_as_by_scipy(seed, dtype):
    rng = np.random.default_rng(seed)
    shape, wanted = (tuple(int(n) for n in rng.integers(1, 24, 3)) for _ in range(2))
    grid = a_grid(rng, shape)
    target = a_grid(rng, wanted, grid)
    data = (100 * rng.random(shape)).astype(dtype)
    ratios = tuple(new / old for new, old in zip(target.spacing, grid.spacing, strict=True))
    matrix = np.linalg.solve(grid.affine, target.affine)
    expected = ndimage.affine_transform(
        antialias(data, ratios), matrix, output_shape=wanted, order=1, output=np.float32, mode="constant"
    )
    found = resample_to(Volume(data, grid, "scan"), target)
    assert found.dtype == np.float32 and found.shape == wanted and found.flags.c_contiguous
    assert np.abs(found - expected).max() <= 1e-4


def test_where_the_flair_is_stripped_the_other_scans_are_not_looked_at(shared_data, monkeypatch):
    folder = shared_data / "3d-mr-ms/patient07"
    images = {m: read_volume(folder / f"{m.upper()}.nii.gz", modality=m) for m in ("flair", "t1")}
    looked_at = []
    look = brain_search.surroundings
    monkeypatch.setattr(
        brain_search, "surroundings", lambda scan: looked_at.append(scan.modality) or look(scan)
    )
    assert prepare(images).brain_source == STRIPPED
    assert looked_at == ["flair"]
