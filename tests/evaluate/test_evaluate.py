"""Exported folders against references and raters: one, and many."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from scipy import ndimage

from napari_uncertainseg._base import InputError
from napari_uncertainseg.calibration.record import GRID as GRID_OF_RECORD
from napari_uncertainseg.calibration.record import read_record
from napari_uncertainseg.calibration.risks import Losses
from napari_uncertainseg.calibration.scores import brier, nll
from napari_uncertainseg.cli import main
from napari_uncertainseg.evaluate import calibration_record as calibrating
from napari_uncertainseg.evaluate.case_folder import evaluate_folder
from napari_uncertainseg.evaluate.cohort import Cohort, evaluate_cases
from napari_uncertainseg.export import write_results
from napari_uncertainseg.images.files import write_volume
from napari_uncertainseg.images.volume import Grid
from napari_uncertainseg.lesions.components import label_components
from napari_uncertainseg.lesions.matching import dice
from napari_uncertainseg.raters.correspondence import correspondence
from napari_uncertainseg.uncertainty.lesion_ranking import rank_lesions
from napari_uncertainseg.uncertainty.retention import auroc

from ..builders import predict_from_members

SHAPE = (20, 22, 24)
GRID = Grid(SHAPE, np.array([[0, 0, 0.9, -10], [0, 0.9, 0, -12], [2, 0, 0, 3], [0, 0, 0, 1.0]]))


def predict(seed):
    rng = np.random.default_rng(seed)
    noise = np.stack([ndimage.gaussian_filter(x, 1.3) for x in rng.standard_normal((4, *SHAPE))])
    noise = noise[0] + 0.4 * noise
    members = 1 / (1 + np.exp(-3 * noise / noise.std() + 3))
    return predict_from_members(
        members,
        grid=GRID,
        information={
            "model": "bundled",
            "model_sha256": "cd34",
            "method": "one-pass",
            "inputs": {"t1": {}, "flair": {}},
        },
    )


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Three cases with a reference and three raters each, and the table that lists them."""
    base = tmp_path_factory.mktemp("study")
    rows = []
    for seed in range(3):
        prediction = predict(seed)
        write_results(base / f"case{seed}", prediction, rank_lesions(prediction, 0.5, 2.0))
        truth = ndimage.gaussian_filter(prediction.probability, 0.7) > 0.45
        truth[:6] = False  # so that some lesions are false
        write_volume(base / f"truth{seed}.nii.gz", truth.astype(np.uint8), GRID)
        for k in range(3):
            drawn = np.roll(truth, k, axis=2)
            write_volume(base / f"rater{seed}{k}.nii.gz", drawn.astype(np.uint8), GRID)
        raters = ";".join(f"rater{seed}{k}.nii.gz" for k in range(3))
        rows.append({"folder": f"case{seed}", "reference": f"truth{seed}.nii.gz", "raters": raters})
    pd.DataFrame(rows).to_csv(base / "cases.tsv", sep="\t", index=False)
    return base


def test_one_case(study):
    raters = [study / f"rater0{k}.nii.gz" for k in range(3)]
    found = evaluate_folder(study / "case0", study / "truth0.nii.gz", raters)
    prediction = predict(0)
    lesions = rank_lesions(prediction, 0.5, 2.0)
    truth = ndimage.gaussian_filter(prediction.probability, 0.7) > 0.45
    truth[:6] = False
    p = prediction.probability
    assert found.reference.dice == pytest.approx(dice(lesions.labels, truth))
    assert found.reference.brier == pytest.approx(brier(p, truth), rel=1e-4)
    assert found.reference.nll == pytest.approx(nll(p, truth), rel=1e-3)
    assert 0 < found.reference.surface_dice < 1 and found.reference.hd95_mm > 0
    is_true = np.array([truth[lesions.labels == i].any() for i in lesions.table["label"]])
    assert found.lesions["true"].tolist() == is_true.tolist() and not is_true.all()
    assert found.errors.lesion_auroc == pytest.approx(auroc(lesions.table["doubt"].to_numpy(), ~is_true))
    wrong = (lesions.labels > 0) != truth
    assert found.errors.voxel_auroc == pytest.approx(auroc(prediction.entropy, wrong), abs=1e-3)
    assert found.retention.values[0] == 1 and 0 < found.errors.ndsc_above < 1
    assert found.experts.names == ("rater00", "rater01", "rater02")
    assert found.doubt.voxels.count > 0


def test_many_cases(study):
    cohort = evaluate_cases(study / "cases.tsv")
    table, together = cohort.table(), cohort.together()
    assert len(table) == 3 == together["number_of_cases"]
    mean = together["mean"]["dice"]
    assert mean["mean"] == pytest.approx(table["dice"].mean())
    assert mean["low"] <= mean["mean"] <= mean["high"]
    assert together["calibration"]["macro_ace"] == pytest.approx(table["ace"].mean())
    assert np.array(together["dataset_reliability_histogram"]).shape == (20, 20)
    found = correspondence(table["patient_uncertainty"], table["dice"])
    assert together["patient_uncertainty"]["rank_correlation_with_dice"] == pytest.approx(found.rank)
    assert together["disagreement"]["cases"] == 3
    patients = together["patient_uncertainty"]
    assert 0 <= patients["aurc_excess"] <= patients["aurc"] and patients["cases"] == 3
    lesions = pd.concat([case.lesions for case in cohort.cases])
    assert together["lesion_auroc"] == pytest.approx(
        auroc(lesions["doubt"].to_numpy(), ~lesions["true"].to_numpy())
    )
    json.dumps(cohort.as_json(), allow_nan=False)


def test_one_case_has_no_interval_and_no_correlation(study):
    together = Cohort((evaluate_folder(study / "case1", study / "truth1.nii.gz"),)).together()
    assert together["mean"]["dice"]["low"] is None
    assert together["patient_uncertainty"]["rank_correlation_with_dice"] is None
    assert together["disagreement"] == {"rank_correlation": None, "cases": 0}


def test_the_command_writes_numbers_rows_and_pages(study, tmp_path, capsys):
    command = ["evaluate", "--cases", study / "cases.tsv", "--out", tmp_path / "all.json"]
    command += ["--tsv", tmp_path / "all.tsv", "--sheet", tmp_path / "all.pdf"]
    assert main([str(c) for c in command]) == 0
    out = capsys.readouterr().out
    assert "3 cases" in out and "micro ace" in out
    assert len(json.loads((tmp_path / "all.json").read_text())["cases"]) == 3
    assert len(pd.read_csv(tmp_path / "all.tsv", sep="\t")) == 3
    content = (tmp_path / "all.pdf").read_bytes()
    assert (
        content.startswith(b"%PDF") and content.count(b"/Type /Page ") + content.count(b"/Type /Page\n") == 3
    )
    one = [
        "evaluate",
        study / "case0",
        "--reference",
        study / "truth0.nii.gz",
        "--sheet",
        tmp_path / "one.svg",
    ]
    assert main([str(c) for c in one]) == 0
    assert "<svg" in (tmp_path / "one.svg").read_text()
    assert "AUROC of LSU" in capsys.readouterr().out


def fails(capsys, *arguments):
    assert main([str(a) for a in arguments]) == 2
    out, error = capsys.readouterr()
    assert out == "" and error.count("\n") == 1
    return error


def test_what_does_not_go_together_is_refused(study, tmp_path, capsys):
    assert "--reference, or a table" in fails(capsys, "evaluate", study / "case0")
    assert "--reference, or a table" in fails(
        capsys, "evaluate", study / "case0", "--cases", study / "cases.tsv"
    )
    assert "column 'raters'" in fails(
        capsys, "evaluate", "--cases", study / "cases.tsv", "--rater", study / "truth0.nii.gz"
    )
    assert "written as .pdf" in fails(
        capsys, "evaluate", "--cases", study / "cases.tsv", "--sheet", tmp_path / "all.svg"
    )


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("folder\nx\n", "lacks the column 'reference'"),
        ("folder\treference\n", "lists no case"),
        ("folder\treference\ncase0\ttruth0.nii.gz\ncase9\ttruth0.nii.gz\n", "row 3.*case9"),
        ("folder\treference\ncase0\ttruth7.nii.gz\n", r"row 2.*truth7\.nii\.gz"),
    ],
)
def test_a_bad_table_names_its_row(study, text, wrong):
    path = study / "bad.tsv"
    path.write_text(text)
    with pytest.raises(InputError, match=wrong):
        evaluate_cases(path)


def test_a_missing_table(tmp_path):
    with pytest.raises(InputError, match="Cannot read the table"):
        evaluate_cases(tmp_path / "none.tsv")


def test_a_table_of_other_lesions_is_refused(study, tmp_path):
    import shutil

    folder = tmp_path / "mixed"
    shutil.copytree(study / "case0", folder)
    summary = json.loads((folder / "summary.json").read_text())
    del summary["files"]  # as older versions wrote it: nothing else would tell
    (folder / "summary.json").write_text(json.dumps(summary))
    table = pd.read_csv(folder / "lesions.tsv", sep="\t")
    table.iloc[:-1].to_csv(folder / "lesions.tsv", sep="\t", index=False)
    with pytest.raises(InputError, match="does not belong to the lesions"):
        evaluate_folder(folder, study / "truth0.nii.gz")
    (folder / "lesions.tsv").write_text("nothing")
    with pytest.raises(
        InputError, match="lacks the column 'label': the table that `uncertainseg segment` writes needs"
    ):
        evaluate_folder(folder, study / "truth0.nii.gz")
    shutil.copy(study / "case0" / "lesions.tsv", folder)
    (folder / "summary.json").write_text("{}")
    with pytest.raises(InputError, match="is not the summary"):
        evaluate_folder(folder, study / "truth0.nii.gz")


def test_masks_on_other_grids_are_resampled_only_when_asked(study, tmp_path):
    from napari_uncertainseg.images.files import read_labels

    folder, truth = study / "case0", read_labels(study / "truth0.nii.gz", GRID)
    affine = GRID.affine.copy()
    affine[:3, :3] /= 2  # each voxel becomes eight
    affine[:3, 3] -= affine[:3, :3] @ np.full(3, 0.5)
    fine = np.kron(truth.data, np.ones((2, 2, 2), truth.data.dtype))
    write_volume(tmp_path / "fine.nii.gz", fine, Grid(fine.shape, affine), dtype=np.uint8)
    with pytest.raises(InputError, match=r"fine.nii.gz.*do not lie on the scan's grid"):
        evaluate_folder(folder, tmp_path / "fine.nii.gz")
    again = evaluate_folder(folder, tmp_path / "fine.nii.gz", resample=True)
    assert again.reference == evaluate_folder(folder, study / "truth0.nii.gz").reference
    affine[:3, 3] += 900
    write_volume(tmp_path / "far.nii.gz", fine, Grid(fine.shape, affine), dtype=np.uint8)
    with pytest.raises(InputError, match="another scan"):
        evaluate_folder(folder, tmp_path / "far.nii.gz", resample=True)
    command = ["evaluate", str(folder), "--reference", str(tmp_path / "fine.nii.gz")]
    assert main(command) == 2 and main([*command, "--resample"]) == 0


@pytest.fixture
def own_data(tmp_path, monkeypatch):
    monkeypatch.setattr(calibrating.platformdirs, "user_data_dir", lambda *a, **k: str(tmp_path / "data"))
    return tmp_path / "data"


def test_cases_make_a_record_that_is_found_again(study, own_data):
    record = calibrating.build_record(study / "cases.tsv")
    assert (record.model, record.method, record.cases) == ("bundled", "one-pass", ("case0", "case1", "case2"))
    p = predict(0).probability
    truth = ndimage.gaussian_filter(p, 0.7) > 0.45
    truth[:6] = False
    own = Losses.from_case(p, truth, GRID_OF_RECORD, min_voxels=2)
    np.testing.assert_allclose(record.losses["missed_volume"][0], own.missed_volume)
    assert record.inputs == ("flair", "t1") and record.min_volume == 2.0
    outlined = [label_components(predict(i).probability, 0.1, min_voxels=2)[1] for i in range(3)]
    assert record.candidates.components == sum(outlined)
    assert 0 < record.candidates.true < record.candidates.components
    about = {"model_sha256": "cd34", "method": "one-pass", "inputs": {"t1": {}, "flair": {}}}
    assert calibrating.find_record(about) is None
    path = calibrating.save_record(record)
    assert own_data in path.parents
    assert calibrating.find_record(about).to_json() == record.to_json()
    with pytest.raises(InputError, match="had flair \\+ t1, this one has flair"):
        calibrating.find_record({**about, "inputs": {"flair": {}}})
    with pytest.raises(InputError, match="recalibrated"):  # as in a folder that is opened again
        calibrating.find_record({**about, "recalibration": {"kind": "temperature"}})
    path.write_text("{}")
    with pytest.raises(InputError, match="calibrate again"):
        calibrating.find_record(about)
    calibrating.record_path("ffff", "one-pass").write_text(record.to_json())
    with pytest.raises(InputError, match="another model"):
        calibrating.find_record({**about, "model_sha256": "ffff"})


@pytest.mark.parametrize("odd", ["../../x", "/etc/x", "a\0b", "", "..", "a/b", "a\\b", "a" * 300])
def test_a_record_does_not_leave_its_folder(odd):
    """Whoever makes a folder of results writes into it what he likes."""
    for about in ({"model_sha256": odd, "method": "one-pass"}, {"model_sha256": "ab", "method": odd}):
        with pytest.raises(InputError, match="no model and method"):
            calibrating.record_path(about["model_sha256"], about["method"])
        with pytest.raises(InputError, match="no model and method"):
            calibrating.find_record(about)


def test_the_command_says_what_can_be_promised(study, own_data, capsys):
    assert main(["calibrate", str(study / "cases.tsv"), "--limit", "0.4"]) == 0
    out = capsys.readouterr().out
    assert "3 cases" in out and "at most 40% lesion volume missed" in out
    assert "3 cases cannot support this guarantee: it needs at least 5" in out  # with confidence
    assert "on average: threshold" in out
    assert list(own_data.rglob("*.json"))


def test_a_mask_of_another_scan_is_doubted(study, own_data, tmp_path, capsys):
    p, grid = predict(1).probability, predict(1).grid
    write_volume(tmp_path / "other.nii.gz", (p < np.quantile(p, 0.02)).astype(np.uint8), grid, dtype=np.uint8)
    rows = (study / "cases.tsv").read_text().splitlines()
    rows = [row.replace("truth1.nii.gz", str(tmp_path / "other.nii.gz")) for row in rows]
    table = study / "mixed-up.tsv"
    table.write_text("\n".join(rows) + "\n")
    record = calibrating.build_record(table)
    assert record.suspicious_cases == ("case1",)
    assert main(["calibrate", str(table)]) == 0
    assert "WARNING: of the reference of case1" in capsys.readouterr().out
    table.unlink()


def test_simulated_readers_go_through_exported_cases(study, tmp_path, capsys):
    from napari_uncertainseg.evaluate.simulated_readers import review_table

    table = review_table(study / "case0", study / "truth0.nii.gz")
    p = predict(0).probability
    lesions, candidates = (table[table["candidate"] == kind] for kind in (False, True))
    evaluated = evaluate_folder(study / "case0", study / "truth0.nii.gz").lesions
    np.testing.assert_array_equal(lesions["exists"], evaluated["true"])
    _, n = label_components(p, 0.1, min_voxels=2)
    assert 0 < len(candidates) < n and (candidates["peak"] < evaluated["max_probability"].min()).all()
    out = tmp_path / "orders.tsv"
    command = ["session", "simulate", str(study / "cases.tsv"), "--repeats", "3", "--tsv", str(out)]
    assert main(command) == 0
    said = capsys.readouterr().out
    assert "simulated readers, 3 cases" in said and "gain" in said
    assert pd.read_csv(out, sep="\t")["order"].tolist() == ["gain", "doubt", "size", "random"]
    assert main([*command[:3], "--repeats", "0"]) == 2


def test_a_record_is_of_one_model(study, tmp_path):
    import shutil

    other = tmp_path / "other"
    shutil.copytree(study / "case1", other)
    summary = json.loads((other / "summary.json").read_text())
    (other / "summary.json").write_text(json.dumps({**summary, "model_sha256": "other"}))
    rows = f"folder\treference\n{study}/case0\t{study}/truth0.nii.gz\n{other}\t{study}/truth1.nii.gz\n"
    (tmp_path / "mixed.tsv").write_text(rows)
    with pytest.raises(InputError, match=r"row 3.*another model or method"):
        calibrating.build_record(tmp_path / "mixed.tsv")
    (other / "summary.json").write_text(json.dumps({**summary, "recalibration": {"kind": "beta"}}))
    with pytest.raises(InputError, match=r"row 3.*recalibrated"):
        calibrating.build_record(tmp_path / "mixed.tsv")
    (other / "summary.json").write_text(json.dumps({**summary, "inputs": {"flair": {}}}))
    with pytest.raises(InputError, match=r"row 3.*other scans"):
        calibrating.build_record(tmp_path / "mixed.tsv")
    (tmp_path / "twice.tsv").write_text(rows.replace(str(other), f"{study}/case0"))
    with pytest.raises(InputError, match=r"row 3.*listed twice"):
        calibrating.build_record(tmp_path / "twice.tsv")
    (other / "summary.json").write_text(json.dumps({**summary, "model": None}))
    with pytest.raises(InputError, match=r"row 3.*by which model"):
        calibrating.build_record(tmp_path / "mixed.tsv")


def test_a_record_knows_the_scans_of_its_cases(study):
    folders = sorted(path.parent for path in study.glob("**/summary.json"))
    kept = {folder: (folder / "summary.json").read_text() for folder in folders}

    def known_by(*hashes):
        for (folder, text), own in zip(kept.items(), hashes, strict=True):
            inputs = {"flair": {"scan_sha256": own, "sha256": None}, "t1": {"sha256": f"t1 of {own}"}}
            (folder / "summary.json").write_text(json.dumps({**json.loads(text), "inputs": inputs}))

    try:
        known_by("a", "b", "c")
        record = calibrating.build_record(study / "cases.tsv")
        again = read_record(record.to_json())
        assert again.scans == record.scans == (("a", "t1 of a"), ("b", "t1 of b"), ("c", "t1 of c"))
        elsewhere = dict.fromkeys(record.measures, 7.0)
        assert again.holds({"inputs": {"flair": {"scan_sha256": "b"}}}, elsewhere)
        assert not again.holds({"inputs": {"flair": {"scan_sha256": "d"}}}, elsewhere)
        known_by("a", "b", "a")
        with pytest.raises(InputError, match="case2 is of the same scan as case0"):
            calibrating.build_record(study / "cases.tsv")
    finally:
        for folder, text in kept.items():
            (folder / "summary.json").write_text(text)
