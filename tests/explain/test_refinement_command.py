"""`uncertainseg radiomics` and `refine` on folders of results."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from napari_uncertainseg._base import Cancelled, InputError
from napari_uncertainseg.cli import main
from napari_uncertainseg.disk.tables import read_tsv
from napari_uncertainseg.evaluate.saved_results import read_saved_results
from napari_uncertainseg.explain.radiomics.features import FEATURE_NAMES, lesion_radiomics
from napari_uncertainseg.explain.radiomics.grey_levels import GreyLevels
from napari_uncertainseg.explain.radiomics.of_results import standardised
from napari_uncertainseg.explain.refinement.kept import kept_refinement, refined_in_memory
from napari_uncertainseg.explain.refinement.of_results import refined_lesions
from napari_uncertainseg.export import write_results
from napari_uncertainseg.images.files import read_labels, read_volume, write_volume
from napari_uncertainseg.images.identity import scan_sha256
from napari_uncertainseg.images.volume import Grid
from napari_uncertainseg.uncertainty.lesion_ranking import rank_lesions

from ..builders import AFFINE, make_prediction

SHAPE = (8, 26, 26)
GRID = Grid(SHAPE, AFFINE)
CASES = 4
MADE_BY = {"model": "a test", "model_sha256": "ab" * 32, "method": "one-pass"}


def write_case(folder, seed: int, *, lesions: int = 16) -> None:
    """Sixteen lesions of 2 x 3 x 3 voxels, half of them real and brighter; one more that nothing found."""
    rng = np.random.default_rng(seed)
    p, flair = rng.uniform(0, 0.02, SHAPE).astype(np.float32), rng.normal(100, 5, SHAPE).astype(np.float32)
    truth = np.zeros(SHAPE, np.uint8)
    for number in range(lesions):
        a, r = 2 + 6 * (number // 4), 2 + 6 * (number % 4)
        box = np.s_[3:5, a : a + 3, r : r + 3]
        real = bool(rng.random() < 0.5) if number > 1 else number == 0
        p[box], truth[box] = rng.uniform(0.6, 0.9), real
        flair[box] += 60 if real else 25
    truth[0, 0, 0] = 1
    folder.mkdir()
    write_volume(folder / "flair.nii.gz", flair, GRID)
    write_volume(folder / "truth.nii.gz", truth, GRID)
    write_volume(folder / "map.nii.gz", (flair - 130) * np.float32(0.01), GRID)
    scan = read_volume(folder / "flair.nii.gz")
    inputs = {
        "flair": {"name": "flair", "path": str(folder / "flair.nii.gz"), "scan_sha256": scan_sha256(scan)}
    }
    prediction = make_prediction(p, grid=GRID, information={"inputs": inputs, **MADE_BY})
    write_results(folder / "results", prediction, rank_lesions(prediction, 0.5, 2.0))


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Four cases of three patients and two sources, and the table that lists them."""
    base = tmp_path_factory.mktemp("study")
    rows = []
    for k in range(CASES):
        write_case(base / f"case{k}", k)
        rows.append({
            "folder": f"case{k}/results", "reference": f"case{k}/truth.nii.gz", "heat": f"case{k}/map.nii.gz",
            "patient": f"p{k // 2 if k < 2 else k}", "source": f"s{k % 2}",
        })  # fmt: skip
    pd.DataFrame(rows).to_csv(base / "cases.tsv", sep="\t", index=False)
    return base


def run(*arguments) -> int:
    try:
        return main([str(a) for a in arguments])
    except SystemExit as stop:  # argparse
        return int(stop.code)


def test_radiomics_are_those_of_the_scan_standardised_in_the_brain(study, tmp_path, capsys):
    folder, out = study / "case0", tmp_path / "features.tsv"
    assert run("radiomics", folder / "results", "--map", "heat", folder / "map.nii.gz", "--out", out) == 0
    assert run("radiomics", folder / "results", "--out", tmp_path / "flair.tsv", "--margin", 1) == 0
    assert "16 lesions, 93 features of heat" in capsys.readouterr().out
    found = read_tsv(out)
    assert list(found) == ["label", *(f"heat_{name}" for name in FEATURE_NAMES)]
    flair = read_tsv(tmp_path / "flair.tsv")
    labels = read_labels(folder / "results" / "lesions.nii.gz").data
    image = standardised(read_volume(folder / "flair.nii.gz").data, np.ones(SHAPE, bool))
    expected = lesion_radiomics(image, labels, margin=1, levels=GreyLevels())
    assert np.allclose(flair.to_numpy(float), expected.to_numpy(float), rtol=1e-4)


def test_a_refinement_is_learned_checked_kept_and_applied(study, tmp_path, capsys):
    file, rows = tmp_path / "refinement.json", tmp_path / "rows.tsv"
    arguments = ("--image", "flair", "--image", "heat", "--out", file, "--tsv", rows)
    assert run("refine", "fit", study / "cases.tsv", *arguments) == 0
    said = capsys.readouterr().out
    table = read_tsv(rows)
    real = table["true"].astype(str).eq("True")
    assert f"learned from {16 * CASES} lesions of 3 patients, {real.sum()} of them real" in said
    assert "each patient left out" in said and "each source left out" in said and "it helps" in said
    assert said.count("F1 without flair") == said.count("F1 without heat") == 2
    # Precision before is the share that is real; recall knows of one more lesion in each case.
    assert f"precision  before {real.mean():.3f}" in said
    assert f"recall     before {real.sum() / (real.sum() + CASES):.3f}" in said
    content = json.loads(file.read_text())
    assert content["measuring"]["images"] == ["flair", "heat"]
    out = tmp_path / "column.tsv"
    case = study / "case3"
    maps = ("--map", "heat", case / "map.nii.gz")
    assert run("refine", "apply", file, case / "results", *maps, "--out", out) == 0
    found, own = read_tsv(out), table[table["patient"] == "p3"]
    assert found["label"].tolist() == own["label"].tolist()
    assert found["kept"].astype(str).eq("True").tolist() == own["true"].astype(str).eq("True").tolist()
    assert found["p_true"].between(0, 1).all()


def test_a_refinement_is_kept_for_the_model_that_made_the_results(study, capsys):
    scans = {"flair": read_volume(study / "case3" / "flair.nii.gz")}
    information = {**MADE_BY, "inputs": {"flair": {}}}
    assert kept_refinement(information, 0.5) is None
    assert run("refine", "fit", study / "cases.tsv", "--with-model") == 0
    assert "abababab" in capsys.readouterr().out
    found = kept_refinement(information, 0.5)
    assert found.maker.model == "a test" and found.maker.gain[0] > 0
    case = read_saved_results(study / "case3" / "results")
    labels = read_labels(study / "case3" / "results" / "lesions.nii.gz").data
    table = refined_in_memory(found, case.prediction, labels, scans)
    pd.testing.assert_frame_equal(table, refined_lesions(found, study / "case3" / "results"))
    with pytest.raises(InputError, match="needs 'flair', which is not open"):
        refined_in_memory(found, case.prediction, labels, {})
    seen = []

    def cancel(stage, share):
        seen.append(share)
        if len(seen) == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        refined_in_memory(found, case.prediction, labels, scans, cancel)
    assert seen == [0, 1 / len(table)]
    tilted = replace(scans["flair"], grid=Grid(SHAPE, np.diag([1.0, 1, 1, 1])))  # of the same shape
    with pytest.raises(InputError, match="does not lie on the grid of the lesions"):
        refined_in_memory(found, case.prediction, labels, {"flair": tilted})
    # Of another model or method there is none; with other scans it says nothing.
    assert kept_refinement({**information, "method": "flips"}, 0.5) is None
    assert kept_refinement({}, 0.5) is None
    with pytest.raises(InputError, match=r"fitted on cases with flair; this one has flair \+ t1"):
        kept_refinement({**information, "inputs": {"flair": {}, "t1": {}}}, 0.5)
    with pytest.raises(InputError, match=r"a threshold of 0.5; this list is at 0.4"):
        kept_refinement(information, 0.4)
    assert run("refine", "fit", study / "cases.tsv") == 2
    assert "--out FILE.json, or --with-model" in capsys.readouterr().err


def test_one_patient_gives_a_refinement_that_is_not_checked(study, tmp_path, capsys):
    table = study / "one.tsv"
    table.write_text("folder\treference\ncase0/results\tcase0/truth.nii.gz\n")
    assert run("refine", "fit", table, "--out", tmp_path / "refinement.json") == 0
    assert "each patient left out: not known. To leave a patient out, 2 are needed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("folder\ncase0/results\n", "reference"),
        ("folder\treference\n", "no case"),
        ("folder\treference\ncase0/results\t\n", "row 2: the column reference is empty"),
        ("folder\treference\ncase0/results\tcase0/results/lesions.nii.gz\n", "are real"),
        ("folder\treference\nnowhere\tcase0/truth.nii.gz\n", "row 2"),
    ],
)
def test_cases_that_cannot_be_used_are_one_line(content, says, study, tmp_path, capsys):
    table = study / "bad.tsv"
    table.write_text(content)
    assert run("refine", "fit", table, "--out", tmp_path / "refinement.json") == 2
    error = capsys.readouterr().err
    assert says in error and error.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--image", "t1"), "no scan 't1'"),
        (("--map", "a", "cases.tsv"), "cases.tsv"),
        (("--bin-width", "0"), "above 0"),
        (("--bin-width", "0.001"), "bin width"),
        (("--bin-count", "9999"), "bins"),
    ],
)
def test_what_cannot_be_measured_is_one_line(options, says, study, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(study)
    assert run("radiomics", "case0/results", *options, "--out", tmp_path / "features.tsv") == 2
    error = capsys.readouterr().err
    assert says in error and error.count("\n") == 1


def test_results_without_lesions_give_empty_tables_and_are_learned_from(study, tmp_path, capsys):
    write_case(tmp_path / "none", 9, lesions=0)
    table, file = tmp_path / "cases.tsv", tmp_path / "refinement.json"
    truth = study / "case0" / "truth.nii.gz"
    rows = [f"{study}/case0/results\t{truth}", f"{tmp_path}/none/results\t{tmp_path}/none/truth.nii.gz"]
    table.write_text("\n".join(["folder\treference", *rows]) + "\n")
    assert run("refine", "fit", table, "--out", file) == 0
    assert "16 lesions of 2 patients" in capsys.readouterr().out
    for command in (("radiomics",), ("refine", "apply", file)):
        assert run(*command, tmp_path / "none" / "results", "--out", tmp_path / "empty.tsv") == 0
        assert read_tsv(tmp_path / "empty.tsv").empty


def test_a_map_that_the_refinement_does_not_know_is_said(study, tmp_path, capsys):
    file = tmp_path / "refinement.json"
    assert run("refine", "fit", study / "cases.tsv", "--out", file) == 0
    maps = ("--map", "heat", study / "case0" / "map.nii.gz")
    assert run("refine", "apply", file, study / "case0" / "results", *maps, "--out", tmp_path / "a.tsv") == 2
    assert "no 'heat'" in capsys.readouterr().err


def test_standardised_is_in_hundredths_of_the_deviation_in_the_brain():
    image = np.arange(8.0).reshape(2, 2, 2)
    brain = image > 1
    found = standardised(image, brain)
    assert found[brain].mean() == pytest.approx(0) and found[brain].std() == pytest.approx(100)
    assert not standardised(np.full((2, 2, 2), 3), brain).any()
