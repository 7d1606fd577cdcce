"""Aligning: the threshold that separates the head from the air, on scans that have hardly any voxel."""

from __future__ import annotations

import numpy as np
import pytest

from napari_uncertainseg.images.preparation.align import head
from napari_uncertainseg.images.volume import Grid, Volume


@pytest.mark.parametrize("bright", [[], [5.0], [1.0, 5.0], [5.0, 5.0], [1.0, 5.0, 9.0]])
def test_a_scan_with_hardly_a_voxel_has_a_small_head(bright: list[float]) -> None:
    data = np.zeros((4, 4, 4), np.float32)
    data.flat[: len(bright)] = bright
    found = head(Volume(data, Grid(data.shape, np.diag([-1.0, -1, 1, 1])), "few"))
    assert found.shape == data.shape and not found[data == 0].any() and found.sum() <= len(bright)
