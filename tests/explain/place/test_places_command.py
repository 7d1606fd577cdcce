"""`uncertainseg places` on a folder of results whose brain is too small for an atlas, which it says."""

import numpy as np
import pytest

from napari_uncertainseg.cli import main
from napari_uncertainseg.disk.tables import read_tsv
from napari_uncertainseg.export import write_results
from napari_uncertainseg.images.files import read_volume, write_volume
from napari_uncertainseg.images.identity import scan_sha256
from napari_uncertainseg.images.volume import Grid
from napari_uncertainseg.uncertainty.lesion_ranking import rank_lesions

from ...builders import AFFINE, make_prediction

GRID = Grid((8, 26, 26), AFFINE)


@pytest.fixture
def results(tmp_path):
    p = np.full(GRID.shape, 0.01, np.float32)
    p[3:5, 3:6, 3:6] = p[2:5, 15:18, 20:22] = 0.8
    path = tmp_path / "flair.nii.gz"
    write_volume(path, np.random.default_rng(0).normal(100, 5, GRID.shape).astype(np.float32), GRID)
    scan = {"name": "flair", "path": str(path), "scan_sha256": scan_sha256(read_volume(path))}
    prediction = make_prediction(p, grid=GRID, information={"inputs": {"flair": scan}, "model": "a test"})
    write_results(tmp_path / "results", prediction, rank_lesions(prediction, 0.5, 2.0))
    return tmp_path / "results"


def test_a_table_and_counts_are_given_and_what_is_unknown_is_said(results, tmp_path, capsys):
    assert main(["places", str(results), "--out", str(tmp_path / "places.tsv")]) == 0
    said = capsys.readouterr().out
    assert (
        "2 unknown (" in said and "note: Places are unknown: the brain does not fit the atlas, only" in said
    )
    table = read_tsv(tmp_path / "places.tsv")
    assert table.columns.tolist() == [
        "folder", "label", "volume_mm3", "place", "to_ventricle_mm", "to_cortex_mm", "to_edge_mm",
    ]  # fmt: skip
    first = read_tsv(results / "lesions.tsv")
    assert dict(zip(table["label"], table["volume_mm3"], strict=True)) == pytest.approx(
        dict(zip(first["label"], first["volume_mm3"], strict=True))
    )


def test_a_scan_that_has_moved_is_refused(results, tmp_path, capsys):
    (tmp_path / "flair.nii.gz").unlink()
    assert main(["places", str(results)]) != 0
    assert "not loaded" in capsys.readouterr().err
