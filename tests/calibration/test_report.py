"""What is said about a reliability, counted from the voxels themselves."""

import numpy as np
import pytest

from napari_uncertainseg.calibration.reliability import reliability
from napari_uncertainseg.calibration.report import bins_table, caution, reference_voxels, voxels


@pytest.fixture
def case():
    rng = np.random.default_rng(2)
    p = rng.random((10, 20, 20)).astype(np.float32)
    return p, rng.random(p.shape) < p


def test_voxels_are_those_of_the_region(case):
    p, y = case
    region = np.zeros(p.shape, bool)
    region[3:5] = True
    found = reliability(p, y, region=region)
    assert voxels(found) == region.sum()
    assert reference_voxels(found) == (y & region).sum()


def test_the_table_has_a_row_per_bin(case):
    found = reliability(*case, bins=7)
    table = bins_table(found)
    assert len(table) == 7
    assert (table["count"] == found.count).all()
    assert (table["to"][:-1].to_numpy() == table["from"][1:].to_numpy()).all()
    assert ((table["low"] <= table["fraction"]) & (table["fraction"] <= table["high"])).all()


def test_cautions(case):
    p, y = case
    nothing = np.zeros_like(y)
    few = nothing.copy()
    few[0, 0, :5] = True
    assert caution(reliability(p, y)) == ""
    assert "no voxel" in caution(reliability(p, y, region=nothing))
    assert "reference has no lesion" in caution(reliability(p, nothing))
    assert "Neither" in caution(reliability(p * 0, nothing))
    assert "finds nothing" in caution(reliability(p * 0, y))
    assert "only 5 voxels" in caution(reliability(p, few))
