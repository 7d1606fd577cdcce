"""The benchmark runs, and its table says what fell short."""

from __future__ import annotations

import pytest

from napari_uncertainseg import bench
from napari_uncertainseg.bench import scene
from napari_uncertainseg.bench.prediction import _multiply_adds
from napari_uncertainseg.bench.timing import Row, costlier, faster
from napari_uncertainseg.networks.multihead import MultiHeadUNet


def test_a_row_is_met_on_the_right_side():
    quick = faster("a", "b", own=0.5, other=15.0, target=30, limit=0.1)
    assert quick.met and quick.ratio == 30 and quick.limit_share == pytest.approx(0.2)
    assert not faster("a", "b", 1, 15, 30).met
    assert costlier("a", "b", 1.2, 1, 1.3).met and not costlier("a", "b", 1.4, 1, 1.3).met


def test_what_falls_short_is_printed_as_it_is():
    table = bench.format_table([Row("what", "other", 12.0, 30, True, "1 s against 12 s")])
    assert "| what | other | 12x (1 s against 12 s) | at least 30x | NO |" in table


def test_multiply_adds_of_the_first_convolution():
    one = MultiHeadUNet(1, (1, 1), 1)
    # 8^3 voxels, by hand: encoder 27 + 27 at full, 27 + 27 at half size, lateral 27, up 8 per coarse
    # voxel, decoder 27, head 27
    assert _multiply_adds(one, (8, 8, 8)) == 512 * (27 * 5) + 64 * (27 * 2 + 8)


@pytest.mark.slow
def test_the_quick_benchmark_runs(monkeypatch):
    monkeypatch.setattr(scene, "QUICK", (32, 36, 32))
    rows = bench.run_bench(quick=True)
    assert len(rows) == 9 and all(row.ratio > 0 for row in rows)
