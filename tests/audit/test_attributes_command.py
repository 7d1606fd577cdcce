"""`uncertainseg audit attributes` as a user runs it, on small scans and a random network."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from napari_uncertainseg._base import Cancelled
from napari_uncertainseg.audit.attributes import inputs
from napari_uncertainseg.audit.attributes.audit import TellingSetting, audit_attributes, plane_of
from napari_uncertainseg.audit.attributes.case_features import FeatureSetting, kept_features
from napari_uncertainseg.audit.attributes.inputs import INPUTS, cohort_features, rows_of
from napari_uncertainseg.audit.attributes.sentences import sentences
from napari_uncertainseg.audit.cohort import read_audit_cohort
from napari_uncertainseg.cli import main
from napari_uncertainseg.disk.tables import read_tsv
from napari_uncertainseg.images.files import write_volume

from ..inference.conftest import make_scan
from ..random_models import write_model

SHAPE = (48, 48, 48)


def run(*arguments) -> int:
    try:
        return main([str(a) for a in arguments])
    except SystemExit as stop:  # argparse
        return int(stop.code)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Eleven scans of ten patients, five of each sex; those of one sex are coarser. One has two visits."""
    base = tmp_path_factory.mktemp("attributes")
    model = write_model(base / "tiny")
    rows = ["folder\tpatient\tname\treference\tsex\tsite\tsame\tholes"]
    for k in range(11):
        scan = make_scan((10, 22, 20), (4.0, 2.0, 2.0), seed=k)
        data = scan.data.copy()
        if k % 2:
            data[1:-1] = (data[:-2] + data[1:-1] + data[2:]) / 3
        write_volume(base / f"flair{k}.nii.gz", data, scan.grid)
        mask = (scan.data > 140).astype(np.uint8)
        mask[5, 11, 10] = 1
        write_volume(base / f"mask{k}.nii.gz", mask, scan.grid)
        segment = ["segment", base / f"flair{k}.nii.gz", "--model", model, "--threshold", 0.555]
        assert run(*segment, "--out", base / f"results{k}", "--skull", "removed") == 0
        patient, site = f"p{k % 10}", f"s{min(k % 10 // 4, 1)}"
        hole = "" if k in (3, 4) else site
        sex = "man" if k % 2 else "woman"
        rows.append(f"results{k}\t{patient}\tcase{k}\tmask{k}.nii.gz\t{sex}\t{site}\tx\t{hole}")
    (base / "cohort.tsv").write_text("\n".join(rows) + "\n")
    return base


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(inputs, "SHAPE", SHAPE)


def audit(study, *more, table="cohort.tsv", by="sex") -> int:
    own = ("--model", study / "tiny", "--features", study / "kept", "--permutations", 19)
    return run("audit", "attributes", study / table, "--by", by, *own, *more)


def test_a_folder_is_written_with_page_tables_and_numbers(study, tmp_path, capsys):
    out = tmp_path / "out"
    assert audit(study, "--out", out, by="sex,site") == 0
    said = capsys.readouterr().out
    assert "sex:" in said and "nothing can be tested" in said  # of the sites, one has four patients
    found = read_tsv(out / "areas.tsv")
    assert list(found["input"][:5]) == list(INPUTS) and (found["patients"] == 10).all()
    sex = found[found["attribute"] == "sex"]
    assert sex["auc"].between(0, 1).all() and sex["p"].between(0.05, 1).all()
    assert (sex["low"] <= sex["auc"]).all() and (sex["auc"] <= sex["high"]).all()
    assert found[found["attribute"] == "site"]["p"].isna().all()
    numbers = json.loads((out / "attributes.json").read_text())
    assert numbers["attributes"][0]["classes"] == {"man": 5, "woman": 5}
    assert len(numbers["attributes"][0]["left_out"]["image: woman"]["of_class"]) == 5
    plane = read_tsv(out / "plane.tsv")
    assert len(plane) == 11 and list(plane["patient"]).count("p0") == 2
    page = (out / "attributes.html").read_text()
    assert page.count("<svg") == 6 and "How well it is told" in page and "of the variance" in page
    looking = read_tsv(out / "looking.tsv")
    assert np.allclose(looking["inside"] + looking["outside"], looking["distance"], atol=1e-4)


def test_features_are_kept_and_not_made_again(study, monkeypatch):
    assert audit(study) == 0
    before = {path.name: path.stat().st_mtime_ns for path in (study / "kept").iterdir()}
    assert len(before) == 11
    monkeypatch.setattr("napari_uncertainseg.audit.attributes.case_features._made", None)
    assert audit(study, by="site") == 0
    assert before == {path.name: path.stat().st_mtime_ns for path in (study / "kept").iterdir()}


def test_a_damaged_file_is_made_again_and_gives_the_same(study, tmp_path):
    lines = (study / "cohort.tsv").read_text().splitlines()
    (study / "one.tsv").write_text("\n".join(lines[:2]) + "\n")
    cohort = read_audit_cohort(study / "one.tsv", ["sex"])
    made = cohort_features(cohort, tmp_path, model=str(study / "tiny"))
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    for damage in (b"", b"nonsense", whole[:-40]):
        path.write_bytes(damage)
        again = cohort_features(cohort, tmp_path, model=str(study / "tiny"))
        assert len(path.read_bytes()) == len(whole)
        for name in INPUTS:
            one, other = (rows_of(each, cohort.patient_of, name)[0] for each in (made, again))
            assert np.allclose(one, other, rtol=1e-6, atol=1e-7)


def test_visits_of_a_patient_are_one_row_their_mean(study):
    cohort = read_audit_cohort(study / "cohort.tsv", ["sex"])
    made = cohort_features(cohort, study / "kept", model=str(study / "tiny"))
    rows, patients = rows_of(made, cohort.patient_of, "image")
    assert len(rows) == 10 and list(patients) == list(range(10))
    own = [made.cases[i].image.mean.astype(float) for i in np.flatnonzero(cohort.patient_of == 0)]
    assert len(own) == 2 and np.allclose(rows[0], np.mean(own, 0))
    both, _ = rows_of(made, cohort.patient_of, "both")
    assert both.shape[1] == 2 * rows.shape[1]


def test_what_cannot_be_told_is_said(study, capsys):
    assert audit(study, by="same") == 0
    assert "same: every patient with a value is 'x' (10)" in capsys.readouterr().out
    assert audit(study, by="holes") == 0
    said = capsys.readouterr().out
    assert "2 cases without a value of holes are left out" in said
    assert audit(study, by="nobody") == 2 and "lacks the column 'nobody'" in capsys.readouterr().err


def test_without_references_the_mask_is_left_out_with_a_sentence(study, tmp_path, capsys):
    table = (study / "cohort.tsv").read_text()
    for k in range(11):
        table = table.replace(f"mask{k}.nii.gz", "")
    (study / "plain.tsv").write_text(table)
    assert audit(study, "--out", tmp_path / "out", table="plain.tsv") == 0
    assert "11 cases of 11 have no reference" in capsys.readouterr().out
    assert set(read_tsv(tmp_path / "out" / "areas.tsv")["input"]) == {"image", "cropped", "bottleneck"}


def test_two_patients_in_two_classes_are_too_few_for_anything(study, capsys):
    lines = (study / "cohort.tsv").read_text().splitlines()
    (study / "two.tsv").write_text("\n".join(lines[:3]) + "\n")
    assert audit(study, table="two.tsv") == 0
    assert "nobody would be left to learn from" in capsys.readouterr().out


def test_a_scan_that_moved_is_named_with_its_row(study, tmp_path, capsys):
    whole = tmp_path / "moved"
    shutil.copytree(study, whole)
    shutil.rmtree(whole / "kept", ignore_errors=True)
    for k in range(11):  # results name the scans by where they lay
        summary = whole / f"results{k}" / "summary.json"
        summary.write_text(summary.read_text().replace(str(study), str(whole)))
    (whole / "flair2.nii.gz").unlink()
    own = ("--features", whole / "kept", "--model", whole / "tiny")
    assert run("audit", "attributes", whole / "cohort.tsv", "--by", "sex", *own) == 2
    said = capsys.readouterr().err
    assert "row 4" in said and "FLAIR" in said and said.count("\n") == 1


def test_a_run_that_is_stopped_leaves_what_it_made(study, tmp_path):
    cohort = read_audit_cohort(study / "cohort.tsv", ["sex"])

    def stop(stage, fraction):
        if fraction > 0.3:
            raise Cancelled

    with pytest.raises(Cancelled):
        cohort_features(cohort, tmp_path, model=str(study / "tiny"), progress=stop)
    made = list(tmp_path.iterdir())
    assert made and all(path.suffix == ".safetensors" for path in made)
    features = cohort_features(cohort, study / "kept", model=str(study / "tiny"))
    with pytest.raises(Cancelled):
        audit_attributes(cohort, features, ["sex"], TellingSetting(19), stop)


def test_results_of_several_networks_have_no_common_bottleneck(study):
    cohort = read_audit_cohort(study / "cohort.tsv", ["sex"])
    made = cohort_features(cohort, study / "kept", model=str(study / "tiny"))
    from dataclasses import replace

    other = replace(made.cases[0], network="another")
    mixed = replace(made, cases=(other, *made.cases[1:]))
    assert rows_of(mixed, cohort.patient_of, "bottleneck")[0].size == 0 and plane_of(mixed) is None
    (found,) = audit_attributes(cohort, mixed, ["sex"], TellingSetting(5))
    assert "bottleneck" not in found.inputs and len(found.inputs) == 4 and sentences(found)


def test_another_reference_makes_other_features(study, tmp_path):
    cohort = read_audit_cohort(study / "cohort.tsv", ["sex"])
    from dataclasses import replace

    engine = inputs.find_model("bundled").engine(inputs.cpu_device("torch").at("float32"), 0)
    setting = FeatureSetting("sha", None, SHAPE)
    one, other = cohort.cases[0], replace(cohort.cases[0], reference=cohort.cases[1].reference)
    tiny = str(study / "tiny")
    first, second = (kept_features(each, setting, engine, tmp_path, model=tiny) for each in (one, other))
    assert len(list(tmp_path.iterdir())) == 2 and not np.array_equal(first.mask, second.mask)
    assert np.array_equal(first.image.blocks, second.image.blocks)


def test_a_bottleneck_that_was_lacking_is_made_once_its_model_is_there(study, tmp_path, capsys, monkeypatch):
    lines = (study / "cohort.tsv").read_text().splitlines()
    (study / "pair.tsv").write_text("\n".join(lines[:3]) + "\n")
    command = ("audit", "attributes", study / "pair.tsv", "--by", "sex", "--features", tmp_path / "kept")
    assert run(*command) == 0  # the model "tiny" is in no list of models
    said = capsys.readouterr().out
    assert "2 cases of 2 have no bottleneck" in said and "no model 'tiny'" in said
    cohort = read_audit_cohort(study / "pair.tsv", ["sex"])
    assert cohort_features(cohort, tmp_path / "kept").cases[0].bottleneck is None
    monkeypatch.setattr("napari_uncertainseg.networks.catalog.user_folder", lambda: study)
    assert cohort_features(cohort, tmp_path / "kept").cases[0].bottleneck is not None


def test_a_place_for_features_that_is_none_is_one_sentence(study, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    own = ("audit", "attributes", study / "cohort.tsv", "--by", "sex")
    assert run(*own, "--features", tmp_path / "file") == 2
    said = capsys.readouterr().err
    assert "features cannot be kept there" in said and said.count("\n") == 1
