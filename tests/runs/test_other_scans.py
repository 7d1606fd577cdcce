"""Cohorts of models that read no FLAIR, or were made elsewhere: which scans are taken, what is written."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from napari_uncertainseg._base import InputError
from napari_uncertainseg.disk.tables import read_tsv
from napari_uncertainseg.evaluate.saved_results import read_saved_results
from napari_uncertainseg.evaluate.worklist import read_worklist
from napari_uncertainseg.modalities import WantedScans, wanted_by
from napari_uncertainseg.runs.report.page import report_page, write_report
from napari_uncertainseg.runs.visit import load_segmenter

sys.path.insert(0, str(Path(__file__).parents[1]))
import bundles
import nnunet_folders

MP2RAGE = wanted_by(["mp2rage", "t1ce"])


def write_scan(path: Path, seed: int = 0) -> Path:
    """A small ball with bright spots."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    place = np.indices((16, 20, 14)) - np.array([8, 10, 7])[:, None, None, None]
    data = np.where((place**2).sum(0) < 40, 100 + 10 * rng.standard_normal(place.shape[1:]), 0)
    data[6:9, 8:11, 6:8] += 80
    nib.save(nib.Nifti1Image(data.astype(np.float32), np.diag([2.0, 2.0, 3.0, 1.0])), path)
    return path


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def listed(path: Path, wanted: WantedScans) -> dict[str, dict[str, str]]:
    found = read_worklist(path, wanted=wanted).cases
    return {case.name: {name: file.name for name, file in case.images.items()} for case in found}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory) -> Path:
    """A network that reads an MP2RAGE."""
    about = bundles.metadata({"0": "MP2RAGE"}, {"0": "cortical lesion"})
    return bundles.write_bundle(tmp_path_factory.mktemp("models") / "cortical", None, about)


# -- which scans ------------------------------------------------------------------------------------


def test_what_is_looked_for_is_what_a_model_reads():
    assert wanted_by(["flair", "t1"]) == WantedScans("flair", ("t1", "t2"))
    assert wanted_by(["t1ce", "flair"]) == WantedScans("flair", ("t1", "t2", "t1ce"))
    assert wanted_by(["t1"]) == WantedScans("t1", ())
    assert wanted_by(["mp2rage", "b1000"]) == WantedScans("mp2rage", ("b1000",))


def test_names_of_scans_that_have_two_meanings():
    both = WantedScans("mp2rage", ("t1", "t1ce", "flair"))
    assert both.named("sub_mp2rage") == "mp2rage" and both.named("T1_mprage") == "t1"
    assert both.named("T1_post") == "t1ce" and both.named("FLAIR_post_contrast") == "flair"
    assert both.named("T2") is None and WantedScans("t1", ()).named("sub_mp2rage") == "t1"


def test_a_dataset_of_bids_is_searched_for_what_the_model_reads(tmp_path):
    touch(
        tmp_path,
        "sub-1/ses-a/anat/sub-1_ses-a_UNIT1.nii.gz",
        "sub-1/ses-a/anat/sub-1_ses-a_inv-1_MP2RAGE.nii.gz",
        "sub-1/ses-a/anat/sub-1_ses-a_T1w.nii.gz",
        "sub-1/ses-a/anat/sub-1_ses-a_ce-gd_T1w.nii.gz",
        "sub-2/anat/sub-2_acq-mp2rage_T1w.nii.gz",
        "sub-3/anat/sub-3_FLAIR.nii.gz",
        "sub-3/anat/sub-3_part-phase_T1w.nii.gz",
    )
    one = {"mp2rage": "sub-1_ses-a_UNIT1.nii.gz", "t1ce": "sub-1_ses-a_ce-gd_T1w.nii.gz"}
    two = {"mp2rage": "sub-2_acq-mp2rage_T1w.nii.gz"}
    assert listed(tmp_path, MP2RAGE) == {"sub-1_ses-a": one, "sub-2_acq-mp2rage": two}
    assert list(listed(tmp_path, wanted_by(["t1"]))) == ["sub-1_ses-a", "sub-2_acq-mp2rage"]
    assert list(listed(tmp_path, wanted_by(["flair"]))) == ["sub-3"]
    touch(tmp_path, "dataset_description.json")
    with pytest.raises(InputError, match=r"no \*_DIR\.nii\.gz under"):
        listed(tmp_path, wanted_by(["dir"]))


def test_a_ct_lies_in_a_folder_of_its_own(tmp_path):
    touch(tmp_path, "sub-1/ct/sub-1_ct.nii.gz", "sub-1/anat/sub-1_T1w.nii.gz", "sub-2/anat/sub-2_T1w.nii.gz")
    assert listed(tmp_path, wanted_by(["ct", "t1"])) == {
        "sub-1": {"ct": "sub-1_ct.nii.gz", "t1": "sub-1_T1w.nii.gz"}
    }


def test_folders_and_tables_are_searched_for_what_the_model_reads(tmp_path):
    touch(tmp_path, "a/UNI_mp2rage.nii.gz", "a/T1_post.nii.gz", "a/FLAIR.nii.gz", "b/FLAIR.nii.gz")
    assert listed(tmp_path, MP2RAGE) == {"a": {"mp2rage": "UNI_mp2rage.nii.gz", "t1ce": "T1_post.nii.gz"}}
    with pytest.raises(InputError, match="no folder with one MP2RAGE scan"):
        listed(tmp_path / "b", MP2RAGE)
    path = tmp_path / "cases.tsv"
    path.write_text("flair\tmp2rage\na/FLAIR.nii.gz\ta/UNI_mp2rage.nii.gz\n")
    assert listed(path, MP2RAGE) == {"a/UNI_mp2rage": {"mp2rage": "UNI_mp2rage.nii.gz"}}
    path.write_text("flair\na/FLAIR.nii.gz\n")
    with pytest.raises(
        InputError, match=r"lacks the column 'mp2rage': .* may have t1ce, name, reference and folder"
    ):
        listed(path, MP2RAGE)


# -- whole runs -------------------------------------------------------------------------------------


def test_a_dataset_of_bids_without_a_flair(tmp_path, bundle, run_here, plan):
    dataset, out = tmp_path / "dataset", tmp_path / "out"
    for i in (1, 2):
        write_scan(dataset / f"sub-{i}" / "ses-1" / "anat" / f"sub-{i}_ses-1_UNIT1.nii.gz", i)
    result = run_here(dataset, load=load_segmenter, model=str(bundle))
    assert [one.name for one in result.records] == ["sub-1_ses-1", "sub-2_ses-1"] and not result.failed
    anat = out / "sub-2" / "ses-1" / "anat"
    assert nib.load(anat / "sub-2_ses-1_label-lesion_mask.nii.gz").shape == (16, 20, 14)
    about = json.loads((anat / "sub-2_ses-1_label-lesion_mask.json").read_text())
    assert about["Sources"] == ["bids:raw:sub-2/ses-1/anat/sub-2_ses-1_UNIT1.nii.gz"]
    planned = plan(dataset, model=str(bundle))
    write_report(planned, result)
    text = report_page(planned, result)
    lesions = sum(len(record.doubtful) for record in result.records)
    assert lesions and text.count("<img") == min(lesions, 12) and "There is no picture" not in text
    table = read_tsv(out / "referral.tsv")
    assert "flair" not in table and set(table["name"]) == {"sub-1_ses-1", "sub-2_ses-1"}
    again = read_worklist(out / "referral.tsv", wanted=wanted_by(["mp2rage"]))
    assert {case.name for case in again.cases} == set(table["name"])
    assert run_here(dataset, load=load_segmenter, model=str(bundle)).done_before == 2
    assert set(read_saved_results(out / "visits" / "sub-1_ses-1").scans) == {"mp2rage"}


def test_a_folder_and_a_table_without_a_flair(tmp_path, bundle, run_here):
    for name in ("a", "b"):
        write_scan(tmp_path / "cohort" / name / "mp2rage_uni.nii.gz", ord(name))
    result = run_here(tmp_path / "cohort", load=load_segmenter, model=str(bundle))
    assert [one.name for one in result.records] == ["a", "b"]
    assert not list((tmp_path / "out").glob("sub-*"))
    table = tmp_path / "cases.tsv"
    rows = ("mp2rage\tname\tt1", "cohort/a/mp2rage_uni.nii.gz\tone\tnothing.nii", "gone.nii\ttwo\t")
    table.write_text("\n".join(rows))
    result = run_here(table, tmp_path / "second", load=load_segmenter, model=str(bundle))
    assert [one.name for one in result.records] == ["one"] and list(result.records[0].scans) == ["mp2rage"]
    assert "row 3: there is no mp2rage" in result.failed[0].why


@pytest.mark.filterwarnings(nnunet_folders.OLD)
def test_two_folds_of_nnunet_that_need_a_scan_which_a_visit_lacks(tmp_path, run_here, plan):
    model = nnunet_folders.write_model(
        tmp_path / "nnUNetTrainer__nnUNetPlans__3d_fullres",
        plans=nnunet_folders.make_plans(channels=2),
        dataset=nnunet_folders.make_dataset(channels=("T1", "T2")),
    )
    for i in (1, 2):
        write_scan(tmp_path / "dataset" / f"sub-{i}" / "anat" / f"sub-{i}_T1w.nii.gz", i)
    first = tmp_path / "dataset" / "sub-1" / "anat"
    shutil.copyfile(first / "sub-1_T1w.nii.gz", first / "sub-1_T2w.nii.gz")
    options = {"model": str(model), "method": "ensemble"}
    result = run_here(tmp_path / "dataset", load=load_segmenter, **options)
    assert [one.name for one in result.records] == ["sub-1"] and result.records[0].setting.members == 2
    assert list(result.records[0].scans) == ["t1", "t2"]
    assert [one.name for one in result.failed] == ["sub-2"] and "T2 is missing" in result.failed[0].why
    page = write_report(plan(tmp_path / "dataset", **options), result).read_text()
    assert "T2 is missing" in page and "structural uncertainty" in page
    assert (tmp_path / "out" / "sub-1" / "anat" / "sub-1_label-lesion_probseg.nii.gz").is_file()
