"""What failure cases share: features from tables, from what `drivers` wrote, and from folders of results."""

from __future__ import annotations

import importlib.util
import json
import os
import sys

import nibabel
import numpy as np
import pandas as pd
import pytest

from napari_uncertainseg._base import InputError
from napari_uncertainseg.audit.ranking.failures import shared_features
from napari_uncertainseg.audit.ranking.features.of_lesions import features_of_lesions
from napari_uncertainseg.audit.ranking.features.read import read_case_features
from napari_uncertainseg.audit.ranking.sentences import feature_sentence
from napari_uncertainseg.cli import main
from napari_uncertainseg.explain.drivers.definitions import PLACES
from napari_uncertainseg.images.files import read_image
from napari_uncertainseg.images.identity import scan_sha256

WORLDS = 400 if os.environ.get("UNCERTAINSEG_SOAK") else 20
LESION_HEAD = ("folder", "label", "volume_mm3", "sphericity", "place", "contrast_flair", "slice_mm", "doubt")
LESION_ROWS = [
    ("v/one", 1, 10, 0.5, "periventricular", 1, 3, 0.1),
    ("v/one", 2, 30, 0.7, "unknown", 3, 3, 0.2),
    ("v/one", 3, 20, 0.6, "juxtacortical", 2, 3, 0.3),
    ("v/two", 1, 1000, 0.9, "periventricular", "n/a", 1, 0.4),
]


def write_rows(path, rows, head=("case", "model", "dice")):
    path.write_text("\n".join("\t".join(map(str, row)) for row in (head, *rows)) + "\n")
    return path


def test_lesions_become_features_of_their_case(tmp_path):
    path = write_rows(tmp_path / "lesions.tsv", LESION_ROWS, LESION_HEAD)
    found = read_case_features([path], ["one", "two", "three"])
    table = found.table
    assert table["lesions"].to_dict() == {"one": 3, "two": 1}
    assert table["lesion load, ml"].tolist() == pytest.approx([0.06, 1.0])
    assert table["mean volume, mm3"].tolist() == pytest.approx([20, 1000])
    assert table.loc["one", "mean contrast, FLAIR"] == pytest.approx(2)
    assert np.isnan(table.loc["two", "mean contrast, FLAIR"])
    assert table["slice thickness, mm"].tolist() == [3, 1]
    shares = [f"share of lesions {words}" for words in PLACES.values()]
    assert table.loc["one", shares].sum() == pytest.approx(1)  # of the two lesions whose place is known
    assert table.loc["one", "share of lesions at the ventricles"] == pytest.approx(0.5)
    assert "doubt" not in " ".join(table) and "what it missed" in found.notes[0]


def test_the_folder_that_drivers_wrote_and_a_table_go_together(tmp_path):
    folder = tmp_path / "drivers"
    folder.mkdir()
    (folder / "drivers.json").write_text("{}")
    write_rows(folder / "lesions.tsv", LESION_ROWS, LESION_HEAD)
    other = write_rows(tmp_path / "f.tsv", [("one", "x"), ("three", "y")], ("case", "site"))
    table = read_case_features([folder, other], ["one", "two", "three"]).table
    assert sorted(table.index) == ["one", "three", "two"] and table.loc["one", "site"] == "x"
    assert np.isnan(table.loc["three", "lesions"])
    with pytest.raises(InputError, match="'site' is in two of the tables"):
        read_case_features([other, other], ["one"])


BAD = {
    "no table of these": (("site",), [("x",)], "should have the column case"),
    "no such case": (("case", "site"), [("four", "x")], "has 'four', and ranked is 'one'"),
    "no lesion": (LESION_HEAD, [], "lists no lesion"),
    "nothing measured": (("folder", "label", "doubt"), [("v/one", 1, 1)], "none of the columns"),
    "a text": (("folder", "label", "volume_mm3"), [("v/one", 1, "big")], "volume_mm3 of the lesions"),
    "two folders of a case": (
        ("folder", "label", "volume_mm3"),
        [("v/one", 1, 1), ("w/one", 1, 1)],
        "both v/one and w/one are the case 'one'",
    ),
    "folders that are none": (("folder", "name"), [("v/one", "one")], "there is no folder"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_has_no_features_gets_a_sentence(tmp_path, name):
    head, rows, sentence = BAD[name]
    path = write_rows(tmp_path / "f.tsv", rows, head)
    with pytest.raises(InputError, match=sentence) as error:
        read_case_features([path], ["one", "two"])
    assert str(path) in str(error.value) or "v/one" in str(error.value)


def test_a_case_without_a_place_that_is_known_has_no_shares():
    rows = pd.DataFrame({"volume_mm3": [1.0, 2], "place": ["unknown", "unknown"]})
    assert list(features_of_lesions(rows, pd.Series(["a", "a"]))) == [
        "lesions",
        "lesion load, ml",
        "mean volume, mm3",
    ]


def test_one_command_says_what_failure_cases_share(tmp_path, capsys):
    """Small lesions make all models fail; the lesions are those that `drivers` wrote."""
    rng = np.random.default_rng(0)
    sizes = np.exp(rng.normal(4, 1, 16))
    rows = [
        (f"c{i}", model, f"{0.2 + 0.1 * np.log(size) + rng.normal(0, 0.01):.4f}")
        for i, size in enumerate(sizes)
        for model in ("a", "b")
    ]
    results = write_rows(tmp_path / "r.tsv", rows)
    lesions = [
        (f"v/c{i}", k, f"{size * (0.8 + k / 5):.1f}", 0.5) for i, size in enumerate(sizes) for k in (0, 1, 2)
    ]
    drivers = write_rows(tmp_path / "lesions.tsv", lesions, ("folder", "label", "volume_mm3", "sphericity"))
    other = write_rows(tmp_path / "f.tsv", [(f"c{i}", "xy"[i % 2]) for i in range(16)], ("case", "site"))
    options = ("--draws", "20", "--features", drivers, "--features", other, "--out", tmp_path / "out")
    assert main(["rank", *map(str, (results, *options))]) == 0
    said = capsys.readouterr().out
    assert "all models do better where mean volume, mm3 is high" in said and "note: Features of" in said
    page = (tmp_path / "out" / "ranking.html").read_text()
    assert "mean volume, mm3" in page and "what it missed is not in them" in page


def make_results(folder, scan, brain, lesions):
    """What of a folder of results is read: its maps of probability are empty files."""
    folder.mkdir(parents=True)
    image = {
        name: nibabel.Nifti1Image(array, np.eye(4))
        for name, array in (("brain", brain), ("lesions", lesions))
    }
    for name, one in image.items():
        nibabel.save(one, folder / f"{name}.nii.gz")
    nibabel.save(nibabel.Nifti1Image(scan, np.eye(4)), folder / "flair.nii.gz")
    (folder / "probability.nii.gz").write_bytes(b"")
    path = folder / "flair.nii.gz"
    about = {
        "name": "flair",
        "path": str(path),
        "scan_sha256": scan_sha256(read_image(path, modality="flair")),
    }
    (folder / "summary.json").write_text(json.dumps({"inputs": {"flair": about}}))


@pytest.fixture
def study(tmp_path):
    """Two cases with two true lesions each, of which one was found; `b` has twice the contrast."""
    rng = np.random.default_rng(0)
    truth = np.zeros((24, 24, 24), np.uint8)
    truth[6:10, 6:10, 6:10], truth[16, 16, 15:17] = (
        1,
        1,
    )  # 64 mm3, and 2 mm3, which is too small to be a lesion
    truth[15:18, 8:10, 8:10] = 1
    for name, contrast in (("a", 3.0), ("b", 6.0)):
        scan = (rng.normal(0, 1, truth.shape) + contrast * truth).astype(np.float32)
        found = np.where(truth[:12].any(), truth, 0) * (np.arange(24) < 12)[:, None, None]
        make_results(tmp_path / name, scan, np.ones_like(truth), found.astype(np.uint8))
        nibabel.save(nibabel.Nifti1Image(truth, np.eye(4)), tmp_path / f"{name}-truth.nii.gz")
    return tmp_path


def test_lesions_of_references_are_measured_where_all_have_one(study):
    rows = [(name, f"{name}-truth.nii.gz") for name in "ab"]
    path = write_rows(study / "cohort.tsv", rows, ("folder", "reference"))
    found = read_case_features([path], ["a", "b", "c"])
    assert found.table["lesions"].tolist() == [2, 2] and "references" in found.notes[0]
    assert found.table["lesion load, ml"].tolist() == pytest.approx([0.076, 0.076])
    contrast = found.table["mean contrast, FLAIR"]
    assert contrast["b"] == pytest.approx(2 * contrast["a"], rel=0.2) and contrast["a"] == pytest.approx(
        3, abs=0.6
    )
    assert not [name for name in found.table if "share" in name]


def test_else_those_that_were_found_and_only_of_ranked_cases(study):
    path = write_rows(study / "cohort.tsv", [("a", "one"), ("b", "two")], ("folder", "name"))
    (study / "b" / "flair.nii.gz").write_bytes(b"no scan")
    found = read_case_features([path], ["one"])
    assert found.table["lesions"].to_dict() == {"one": 1} and "what that model missed" in found.notes[0]
    with pytest.raises(InputError, match=r"flair\.nii\.gz"):
        read_case_features([path], ["two"])
    nibabel.save(
        nibabel.Nifti1Image(np.arange(24.0**3).reshape(24, 24, 24), np.eye(4)), study / "a" / "flair.nii.gz"
    )
    with pytest.raises(InputError, match="another scan than was segmented"):
        read_case_features([study / "a"], ["a"])


@pytest.fixture(scope="module")
def worlds(checkout):
    """`experiments/feature_worlds.py`, which prints the table of docs/audit.md."""
    path = checkout / "experiments" / "feature_worlds.py"
    spec = importlib.util.spec_from_file_location("feature_worlds", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["feature_worlds"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("visits", [1, 3])
def test_no_feature_is_named_where_none_is_planted(worlds, visits):
    """72 tests, features and models that go together, 12 patients: any in at most 5 of 100 worlds."""
    alarms = np.mean([bool(worlds.named(seed, 12, visits)) for seed in range(WORLDS)])
    assert alarms <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / WORLDS)


def test_the_planted_feature_is_named_and_no_other(worlds):
    named = [worlds.named(1000 + seed, 12, 1, worlds.STRONG) for seed in range(WORLDS // 2)]
    assert worlds.found(named) > 0.6 and worlds.others(named) < 0.2


def test_what_cannot_be_tested_is_said(worlds):
    assert "none is tested" in feature_sentence(shared_features(*worlds.world(0, 3)))
