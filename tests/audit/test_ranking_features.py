"""What failure cases share: features from tables, from what `drivers` wrote, and from folders of results."""

from __future__ import annotations

import os

import numpy as np
import pandas as pd
import pytest

from napari_uncertainseg._base import InputError
from napari_uncertainseg.audit.ranking.failures import ALL, shared_features
from napari_uncertainseg.audit.ranking.features.of_lesions import features_of_lesions
from napari_uncertainseg.audit.ranking.features.read import read_case_features
from napari_uncertainseg.audit.ranking.scores import Scores
from napari_uncertainseg.audit.ranking.sentences import feature_sentence
from napari_uncertainseg.cli import main
from napari_uncertainseg.explain.drivers.definitions import PLACES

WORLDS = 400 if os.environ.get("UNCERTAINSEG_SOAK") else 40
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
    "no lesion": (LESION_HEAD, [], "has no lesion"),
    "nothing measured": (("folder", "label", "doubt"), [("v/one", 1, 1)], "none of the columns"),
    "a text": (("folder", "label", "volume_mm3"), [("v/one", 1, "big")], "volume_mm3 of the lesions"),
    "two folders of a case": (
        ("folder", "label", "volume_mm3"),
        [("v/one", 1, 1), ("w/one", 1, 1)],
        "both v/one and w/one are the case 'one'",
    ),
    "folders that are none": (("folder", "name"), [("v/one", "one")], "is no folder of results"),
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


def world(rng, *, planted, patients=12, features=11, models=5):
    """Scores of models that share how hard a patient is, and features of which one may be why."""
    table = pd.DataFrame(rng.normal(size=(patients, features)), columns=[f"f{i}" for i in range(features)])
    table["f1"] = table["f0"] + 0.5 * table["f1"]  # features that say much the same
    table["site"] = rng.permutation(np.arange(patients) % 3).astype(str)
    hard = rng.normal(size=patients)
    if planted:
        hard = -table["f2"].to_numpy() * 3 + 0.5 * hard
    values = hard + rng.normal(0, 0.5, (models, patients))
    names = tuple(map(str, range(patients)))
    table.index = pd.Index(names)
    return Scores("", "m", True, tuple("abcdefg"[:models]), names, names, values), table


def clear(seed, *, planted):
    scores, table = world(np.random.default_rng(seed), planted=planted)
    found = shared_features(scores, table)
    assert len(found) == 6 * 12
    return {(one.model, one.feature) for one in found if one.p_holm <= 0.05}


def test_no_feature_is_found_where_none_is_planted():
    """72 tests, features and models that go together, 12 patients: any finding in at most 5 of 100 worlds."""
    alarms = np.mean([bool(clear(seed, planted=False)) for seed in range(WORLDS)])
    assert alarms <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / WORLDS)


def test_the_planted_feature_is_found_and_no_other():
    found = [clear(1000 + seed, planted=True) for seed in range(WORLDS // 4)]
    assert np.mean([(ALL, "f2") in one for one in found]) > 0.6
    assert np.mean([bool({f for _, f in one} - {"f2"}) for one in found]) <= 0.2


def test_what_cannot_be_tested_is_said():
    scores, table = world(np.random.default_rng(0), planted=False, patients=3)
    assert "none is tested" in feature_sentence(shared_features(scores, table))
