"""Between which values a scan is drawn when it is opened: the brain is seen, with or without a skull."""

from __future__ import annotations

import numpy as np
import pytest

from napari_uncertainseg.images.files import read_image
from napari_uncertainseg.images.volume import Grid, Volume
from napari_uncertainseg.widgets.scans.volumes import layer_data

GRID = Grid((40, 50, 60), np.eye(4))


def head(scalp: float) -> np.ndarray:
    """A brain of 100 with lesions of 150, in air, within a scalp."""
    z, y, x = np.meshgrid(*(np.linspace(-1.1, 1.1, n) for n in GRID.shape), indexing="ij")
    out = np.sqrt(z**2 + y**2 + x**2)
    data = np.where(out < 0.75, 100.0, 0.0) + np.random.default_rng(0).normal(0, 2, out.shape)
    data[(out > 0.85) & (out < 1)] = scalp
    data[18:22, 20:24, 30:34] = 150
    return data.astype(np.float32)


def limits(data: np.ndarray, modality: str | None = "flair") -> tuple[float, float]:
    return layer_data(Volume(data, GRID, "scan", modality))[1]["contrast_limits"]


@pytest.mark.parametrize("scalp", [0, 100, 300, 900])
def test_lesions_are_bright_and_not_white_however_bright_the_scalp_is(scalp):
    low, high = limits(head(scalp))
    lesion, tissue = (150 - low) / (high - low), (100 - low) / (high - low)
    assert 0.4 < tissue < 0.8 and tissue + 0.2 < lesion <= 1.1


def test_what_is_no_scan_of_a_head_is_drawn_by_all_its_values():
    data = np.zeros(GRID.shape, np.float32)
    data[:10, :10, :10] = 1
    assert limits(data, None) == (0, pytest.approx(1.4))
    assert limits(data, "flair") == (0, pytest.approx(1.4))  # nothing is in its middle


def test_a_scan_without_a_middle_or_without_numbers():
    assert limits(np.full(GRID.shape, 7, np.int16)) == (7, 8)
    flat = Volume(np.arange(6, dtype=np.float32).reshape(1, 2, 3), Grid((1, 2, 3), np.eye(4)), "s", "t1")
    low, high = layer_data(flat)[1]["contrast_limits"]
    assert low < high


@pytest.mark.parametrize("source, person", [("ms3seg", "101228"), ("sim-vent", "105755")])
def test_real_heads_are_not_dark(shared_data, source, person):
    folder = shared_data / source / person
    if not folder.is_dir():
        pytest.skip(f"no real data: {folder} is missing")
    scan, brain = (read_image(folder / f"{name}.nii.gz").data for name in ("flair", "brainmask"))
    low, high = layer_data(read_image(folder / "flair.nii.gz"))[1]["contrast_limits"]
    bright = np.percentile(scan[brain > 0], 99.5)
    assert 0.6 < (bright - low) / (high - low) < 1.05
