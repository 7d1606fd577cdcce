"""`uncertainseg export-shapes`: a folder of shapes, and what is refused."""

from __future__ import annotations

import json

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from napari_uncertainseg._base import InputError
from napari_uncertainseg.cli import main
from napari_uncertainseg.disk.tables import read_tsv
from napari_uncertainseg.evaluate.shapes.collection import as_name, check_age_band
from napari_uncertainseg.export import write_results, write_table
from napari_uncertainseg.images.volume import Grid
from napari_uncertainseg.lesions.shapes.colours import doubt_colour
from napari_uncertainseg.uncertainty.lesion_ranking import rank_lesions

from ..builders import make_prediction

OBLIQUE = np.array([[0.1, 0.05, -0.95, 40], [0.5, 0.9, 0.05, -60], [2.9, -0.15, 0.1, 20], [0, 0, 0, 1]])
"""(s, a, r) to RAS mm: thick slices, stored from right to left."""


@pytest.fixture
def results(tmp_path):
    """A block at the border of the grid, and one voxel."""
    grid = Grid.from_file((12, 14, 6), OBLIQUE[:, [2, 1, 0, 3]])
    p = np.full(grid.shape, 0.01, np.float32)
    p[0:3, 4:8, 9:12] = 0.9
    p[4, 2, 3] = 0.6
    prediction = make_prediction(p, grid=grid, information={"model": "a test"})
    write_results(tmp_path / "sub 1", prediction, rank_lesions(prediction, 0.5, 0.0))
    return tmp_path / "sub 1"


def run(*options) -> int:
    return main(["export-shapes", *map(str, options)])


def test_each_lesion_becomes_files_and_a_row(results, tmp_path, capsys):
    out = tmp_path / "out"
    assert run(results, "--out", out, "--source", "a study", "--licence", "CC BY 4.0") == 0
    assert "2 lesions, 17 files" in capsys.readouterr().out
    table, image = read_tsv(out / "shapes.tsv"), nib.load(results / "lesions.nii.gz")
    labels, said = image.get_fdata(), read_tsv(results / "lesions.tsv").set_index("label")
    assert set(table["name"]) == {"sub-1_lesion_001", "sub-1_lesion_002"} and set(table["euler"]) == {2}
    assert set(table["watertight"]) == {"yes"} and set(table["licence"]) == {"CC BY 4.0"}
    assert not {"age_band", "sex", "place"} & set(table)
    for row in table.to_dict("records"):
        assert row["doubt"] == pytest.approx(said.loc[row["label"], "doubt"])
        assert row["voxels_mm3"] == pytest.approx(said.loc[row["label"], "volume_mm3"], rel=1e-4)
        assert 0.1 * row["voxels_mm3"] < row["mesh_mm3"] < row["voxels_mm3"]
        where = np.argwhere(labels == row["label"])
        centre = nib.affines.apply_affine(image.affine, where).mean(0)
        assert [row["x_mm"], row["y_mm"], row["z_mm"]] == pytest.approx(centre, abs=1e-3)
        mask = nib.load(out / "occupancy" / f"{row['name']}.nii.gz")
        inside = nib.affines.apply_affine(mask.affine, np.argwhere(mask.get_fdata() > 0))
        assert inside.mean(0) == pytest.approx(centre, abs=1e-3) and len(inside) == row["voxels"]
        assert nib.aff2axcodes(mask.affine) == nib.aff2axcodes(image.affine)
        # STL: 84 bytes and 50 for each triangle, in the patient's space.
        stl = (out / "stl" / f"{row['name']}.stl").read_bytes()
        assert len(stl) == 84 + 50 * row["triangles"] and b"SPACE=RAS; millimetres" in stl[:80]
        corners = np.frombuffer(stl[84:], np.dtype("12<f4, <u2"))["f0"][:, 3:].reshape(-1, 3)
        low, high = corners.min(0), corners.max(0)
        assert low == pytest.approx([row[f"{axis}_min_mm"] for axis in "xyz"], abs=1e-3)
        assert (low < inside.min(0)).all() and (high > inside.max(0)).all()
        assert b"element vertex 2048" in (out / "points" / f"{row['name']}.ply").read_bytes()
    about = json.loads((out / "shapes.json").read_text())
    assert (about["space"], about["unit"], about["made_by"]["model"]) == ("RAS", "mm", "a test")
    assert "RAS" in (out / "README.txt").read_text()
    written = b"".join(
        path.read_bytes() for path in out.rglob("*") if path.suffix in {".json", ".glb", ".ply"}
    )
    assert str(tmp_path).encode() not in written  # no path of this computer goes along


def test_age_sex_and_places_only_where_they_are_asked_for(results, tmp_path, capsys):
    labels = read_tsv(results / "lesions.tsv")["label"]
    rows = pd.DataFrame({"folder": str(results), "label": labels, "place": ["juxtacortical", "unknown"]})
    write_table(tmp_path / "places.tsv", pd.concat([rows, rows.assign(folder="elsewhere")]))
    options = ("--places-from", tmp_path / "places.tsv", "--age-band", "40-49", "--sex", "female")
    assert run(results, "--out", tmp_path / "out", "--name", "a/b", *options) == 0
    table = read_tsv(tmp_path / "out" / "shapes.tsv")
    assert dict(zip(table["label"], table["place"], strict=True)) == dict(
        zip(rows["label"], rows["place"], strict=True)
    )
    assert set(table["age_band"]) == {"40-49"} and set(table["sex"]) == {"female"}
    assert set(table["source"]) == {"not stated"} and table["name"].str.startswith("a-b_lesion_").all()
    assert "Say --source and --licence" in capsys.readouterr().out


def test_no_lesion_gives_a_table_without_rows(tmp_path, capsys):
    prediction = make_prediction(np.full((4, 5, 6), 0.1, np.float32))
    write_results(tmp_path / "none", prediction, rank_lesions(prediction, 0.5, 0.0))
    assert run(tmp_path / "none", "--out", tmp_path / "out") == 0
    assert "there are no lesions" in capsys.readouterr().out
    assert len(read_tsv(tmp_path / "out" / "shapes.tsv")) == 0 and not any(
        (tmp_path / "out" / "stl").iterdir()
    )


def test_what_cannot_be_used_is_refused(results, tmp_path, capsys):
    out = tmp_path / "out"
    write_table(tmp_path / "other.tsv", pd.DataFrame({"folder": ["x"], "label": [1], "place": ["deep"]}))
    write_table(tmp_path / "few.tsv", pd.DataFrame({"label": [1], "place": ["deep"]}))
    write_table(tmp_path / "odd.tsv", pd.DataFrame({"label": [1], "where": ["deep"]}))
    for options, message in (
        (("--age-band", "43"), "no age band"),
        (("--places-from", tmp_path / "other.tsv"), "no row is of the folder"),
        (("--places-from", tmp_path / "few.tsv"), "lacks lesions"),
        (("--places-from", tmp_path / "odd.tsv"), "lacks the column 'place'"),
        (("--places-from", tmp_path / "odd.tsv", "--places"), "not both"),
    ):
        assert run(results, "--out", out, *options) == 2
        assert message in capsys.readouterr().err and not out.exists()
    (results / "lesions.tsv").write_text("label\tdoubt\n1\t0.5\n")
    assert run(results, "--out", out) == 2 and "was changed" in capsys.readouterr().err
    assert run(results, "--out", results) == 2


def test_names_bands_and_colours():
    assert [as_name(text) for text in ("../Müller, J", "a_b-1.2", "...")] == [
        "M-ller-J",
        "a_b-1.2",
        "lesions",
    ]
    assert [check_age_band(text) for text in ("40-49", "80+", "<18")] == ["40-49", "80+", "<18"]
    for text in ("43", "49-40", "40-", "fifty"):
        with pytest.raises(InputError):
            check_age_band(text)
    blue, pale, orange = doubt_colour(0.0), doubt_colour(0.25), doubt_colour(0.5)
    assert blue[2] > blue[0] and min(pale) > 0.7 and orange[0] > orange[2] and orange == doubt_colour(0.9)
    assert len(set(doubt_colour(float("nan")))) == 1
