"""A map of attention that `uncertainseg attention` wrote, opened in the window."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from napari_uncertainseg.explain.attention.column import ReadAttention, read_attention
from napari_uncertainseg.images.files import write_volume
from napari_uncertainseg.widgets import window as module
from napari_uncertainseg.widgets.lesions.table_model import COLUMNS
from napari_uncertainseg.widgets.window import ATTENTION, open_review

from .fake_window import docks_with
from .fakes import FakeSegmenter

SCAN = "a" * 64


@pytest.fixture
def prediction(prediction):
    """Of a scan that is known by its hash."""
    return replace(prediction, information={"inputs": {"flair": {"name": "flair", "scan_sha256": SCAN}}})


@pytest.fixture
def written(tmp_path, mask, grid):
    """A map in which the three lesions have 10, 20 and 70 %, and what was read."""
    heat = np.zeros(grid.shape, np.float32)
    for share, box in ((0.1, np.s_[4:7]), (0.2, np.s_[11:14]), (0.7, np.s_[17:20])):
        heat[box][mask[box]] = share
    write_volume(tmp_path / "attention.nii.gz", heat, grid)
    about = {"inputs": {"flair": {"scan_sha256": SCAN}}, "label": "progressive", "instances": "candidates"}
    (tmp_path / "attention.json").write_text(json.dumps(about))
    return tmp_path / "attention.nii.gz"


def test_a_lesion_has_the_most_that_one_of_its_voxels_has():
    heat = np.zeros((1, 2, 4), np.float32)
    heat[0, 0] = [0, 0.2, 0.3, 0.5]
    labels = np.zeros((1, 2, 4), np.uint16)
    labels[0, 0], labels[0, 1] = [7, 7, 7, 0], [2, 0, 0, 0]
    found = ReadAttention("x", heat, True).values(labels)
    assert found.index.tolist() == [7] and found["attention"].tolist() == [pytest.approx(0.3)]
    assert ReadAttention("x", heat, True).values(labels * 0).empty


def test_it_is_of_this_scan_or_only_a_layer(written, prediction):
    assert read_attention(written, prediction).of_lesions
    assert read_attention(written, replace(prediction, information={})) is None
    (written.parent / "attention.json").write_text("{}")
    assert read_attention(written, replace(prediction, information={})) is None


def test_opened_in_the_window_it_is_a_layer_and_a_column(
    make_viewer, monkeypatch, tmp_path, written, prediction, flair, mask, grid
):
    monkeypatch.setattr(module, "default_file", lambda: tmp_path / "kept" / "sessions.db")
    viewer = make_viewer()
    review = open_review(viewer, docks_with(make_segmenter=FakeSegmenter))
    case = review.case
    viewer.open(str(written), plugin="napari-uncertainseg")  # no case yet: a layer as any other
    assert [layer.name for layer in viewer.layers] == ["Attention"]
    viewer.layers.clear()
    case.set_images({"flair": flair})
    case.open_prediction(prediction)
    review.show_dock("lesions")
    viewer.open(str(written), plugin="napari-uncertainseg")
    layer = viewer.layers[ATTENTION]
    assert layer.visible and float(layer.data.max()) == pytest.approx(0.7)
    assert sorted(case.lesions.table["attention"]) == pytest.approx([0.1, 0.2, 0.7])
    table, column = review.lesions.tables[0], [c.key for c in COLUMNS].index("attention")
    assert not table.isColumnHidden(column)
    assert {table.model().index(row, column).data() for row in range(3)} == {"10.0 %", "20.0 %", "70.0 %"}
    assert "progressive" in case.lesions.columns["attention"].definition
    assert not review.layers.also_shown()
    write_volume(written, np.where(mask, -1, -2).astype(np.float32), grid)  # no attention at all
    viewer.open(str(written), plugin="napari-uncertainseg")
    assert viewer.layers[ATTENTION].contrast_limits == [0, 1] and "attention" in case.lesions.table
