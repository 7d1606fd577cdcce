"""What a run does and does not do again, and what it says of what is wrong."""

from __future__ import annotations

import errno
import json
import os
import shutil
from contextlib import contextmanager
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import stand_ins

from napari_uncertainseg._base import InputError, silent
from napari_uncertainseg.bench.cohort import load_bright, write_visits
from napari_uncertainseg.cli.parser import parse
from napari_uncertainseg.cli.run import _check as check_run
from napari_uncertainseg.disk.folder_lock import claimed
from napari_uncertainseg.evaluate.saved_results import read_saved_results
from napari_uncertainseg.export import write_results
from napari_uncertainseg.runs import visit as visit_module
from napari_uncertainseg.runs.places import folder_names
from napari_uncertainseg.runs.plan import claimed_run, plan_run
from napari_uncertainseg.runs.progress_file import LOG, Log
from napari_uncertainseg.runs.record import RECORD, read_record
from napari_uncertainseg.runs.run import run_visits
from napari_uncertainseg.runs.setting import RunOptions
from napari_uncertainseg.uncertainty.lesion_ranking import rank_lesions


def times_of(out: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in sorted(out.rglob("*.nii.gz"))}


def table(folder: Path, rows: list[tuple[str, ...]], head=("flair", "name")) -> Path:
    path = folder / "cases.tsv"
    path.write_text("\n".join("\t".join(row) for row in (head, *rows)) + "\n")
    return path


def flair(dataset: Path, number: int) -> Path:
    return dataset / f"sub-{number:05d}" / "anat" / f"sub-{number:05d}_FLAIR.nii.gz"


def change(path: Path) -> None:
    image = nib.load(path)
    data = np.asarray(image.dataobj).copy()
    data[0, 0, 0] += 1
    nib.save(nib.Nifti1Image(data, image.affine), path)


def test_a_dataset_of_bids_gets_derivatives_that_are_the_results(tmp_path, dataset, run_here):
    result = run_here(dataset)
    assert len(result.records) == 3 and not result.failed
    out = tmp_path / "out"
    about = json.loads((out / "dataset_description.json").read_text())
    assert about["DatasetType"] == "derivative" and about["GeneratedBy"][0]["Name"] == "napari-uncertainseg"
    anat, results = out / "sub-00000" / "anat", out / "visits" / "sub-00000"
    mask = nib.load(anat / "sub-00000_label-lesion_mask.nii.gz")
    labels = nib.load(results / "lesions.nii.gz")
    assert set(np.unique(mask.dataobj)) == {0, 1}
    np.testing.assert_array_equal(np.asarray(mask.dataobj) > 0, np.asarray(labels.dataobj) > 0)
    for name, own in (("label-lesion_probseg", "probability"), ("desc-entropy_map", "entropy")):
        written = anat / f"sub-00000_{name}.nii.gz"
        assert written.read_bytes() == (results / f"{own}.nii.gz").read_bytes()
        sidecar = json.loads((anat / f"sub-00000_{name}.json").read_text())
        assert sidecar["Sources"] == ["bids:raw:sub-00000/anat/sub-00000_FLAIR.nii.gz"]
        assert sidecar["Model"]["SHA256"] == result.records[0].setting.model_sha256
        assert (anat / sidecar["Results"]).resolve() == results
    assert read_saved_results(results).prediction.grid.shape == (12, 14, 12)


def test_any_other_cohort_gets_a_folder_for_each_visit(tmp_path, dataset, run_here):
    cases = table(tmp_path, [(str(flair(dataset, 0)), "a/b"), (str(flair(dataset, 1)), "a b")])
    run_here(cases)
    folders = sorted((tmp_path / "out" / "visits").iterdir())
    assert len(folders) == 2 and all(read_saved_results(folder) for folder in folders)
    assert not (tmp_path / "out" / "dataset_description.json").exists()


@pytest.mark.parametrize(
    "names", [["a", "A"], ["a/b", "a_b", "a b"], ["..", "."], ["x" * 300, "x" * 300 + "y"], ["con", "é"]]
)
def test_every_name_has_a_folder_of_its_own_on_every_file_system(names):
    found = folder_names(names)
    assert list(found) == names
    assert len({folder.casefold() for folder in found.values()}) == len(names)
    for folder in found.values():
        assert folder.strip(".") and folder == Path(folder).name and len(folder) < 200 and folder.isascii()
    assert folder_names(["plain-name_1.5"]) == {"plain-name_1.5": "plain-name_1.5"}


@pytest.mark.parametrize(("one", "joining"), [("a_b", "a b"), ("a", "A"), ("x" * 200, "x" * 200 + "y")])
def test_a_visit_keeps_its_folder_when_others_join(one, joining):
    assert folder_names([one])[one] == folder_names([joining, one])[one]


def test_what_is_done_is_not_done_twice(tmp_path, dataset, run_here):
    run_here(dataset)
    before = times_of(tmp_path / "out")
    again = run_here(dataset, load=stand_ins.loader(stand_ins.Fails))
    assert again.done_before == 3 and len(again.records) == 3 and not again.failed
    assert times_of(tmp_path / "out") == before


def test_files_that_were_only_touched_are_not_segmented_again(tmp_path, dataset, run_here):
    run_here(dataset)
    before = times_of(tmp_path / "out")
    os.utime(flair(dataset, 1), ns=(1, 1))
    said = []
    again = run_here(dataset, load=stand_ins.loader(stand_ins.Fails), tell=said.append)
    assert len(again.records) == 3 and not said and times_of(tmp_path / "out") == before
    assert run_here(dataset).done_before == 3


def test_a_changed_scan_is_noticed_and_said(tmp_path, dataset, run_here):
    run_here(dataset)
    before = times_of(tmp_path / "out")
    change(flair(dataset, 1))
    said = []
    again = run_here(dataset, tell=said.append)
    assert again.done_before == 2 and len(again.records) == 3
    assert said == ["sub-00001 was made anew: its scans were changed since the last run"]
    changed = {path.parts[-2] for path, at in times_of(tmp_path / "out").items() if before[path] != at}
    assert changed == {"anat", "sub-00001"}
    assert "made anew: sub-00001" in (tmp_path / "out" / LOG).read_text()


def test_another_setting_is_refused_and_replaces_when_asked(tmp_path, dataset, run_here):
    run_here(dataset)
    before = times_of(tmp_path / "out")
    with pytest.raises(InputError, match=r"threshold was the default, now 0\.7.*--overwrite"):
        run_here(dataset, threshold=0.7)
    assert times_of(tmp_path / "out") == before
    said = []
    again = run_here(dataset, threshold=0.7, overwrite=True, tell=said.append)
    assert again.done_before == 0 and len(again.records) == 3
    assert all("threshold was the default, now 0.7" in sentence for sentence in said) and len(said) == 3
    assert run_here(dataset, threshold=0.7).done_before == 3


def test_another_model_is_noticed_by_its_hash(tmp_path, dataset, run_here):
    run_here(dataset)
    about = tmp_path / "out" / "cohort.json"
    content = json.loads(about.read_text())
    content["setting"]["model_sha256"] = "0" * 64
    about.write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"the model .* was another one"):
        run_here(dataset)


def test_another_cohort_is_refused(tmp_path, dataset, run_here):
    run_here(dataset)
    with pytest.raises(InputError, match="results of another cohort"):
        run_here(write_visits(tmp_path / "others", 1))


def test_results_of_another_cohort_never_stay_beside_new_ones(tmp_path, dataset, run_here):
    run_here(dataset)
    with pytest.raises(InputError, match=r"whose visit sub-00001 is not in this one; name another folder"):
        run_here(write_visits(tmp_path / "fewer", 1), overwrite=True)
    assert len(run_here(write_visits(tmp_path / "same", 3), overwrite=True).records) == 3


def test_a_review_is_never_written_over(tmp_path, dataset, run_here):
    run_here(dataset)
    folder = tmp_path / "out" / "visits" / "sub-00001"
    saved = read_saved_results(folder)
    lesions = rank_lesions(saved.prediction, 0.5)
    write_results(folder, saved.prediction, lesions, verdicts={1: "rejected"}, overwrite=True)
    assert run_here(dataset).done_before == 3  # its setting and scans hold
    written = (folder / "summary.json").read_bytes()
    change(flair(dataset, 1))
    again = run_here(dataset)
    assert [one.name for one in again.failed] == ["sub-00001"]
    assert "somebody has worked on them" in again.failed[0].why
    assert (folder / "summary.json").read_bytes() == written


@pytest.mark.parametrize("gone", ["summary.json", RECORD, "probability.nii.gz"])
def test_half_written_visits_are_made_anew(tmp_path, dataset, run_here, gone):
    run_here(dataset)
    folder = tmp_path / "out" / "visits" / "sub-00001"
    partial = folder / ".0123abcd.partial"
    partial.mkdir()
    (partial / "rest.nii.gz").touch()
    if gone == "summary.json":  # files were being moved into place
        (partial / "moving").touch()
        shutil.copyfile(folder / gone, partial / gone)
        (folder / gone).rename(partial / "replaced-summary.json")
    else:
        (folder / gone).unlink()
    again = run_here(dataset)
    assert again.done_before == 2 and len(again.records) == 3
    (folder.parents[1] / "sub-00000" / "anat" / "sub-00000_label-lesion_mask.nii.gz").unlink()
    assert run_here(dataset).done_before == 2 and run_here(dataset).done_before == 3
    assert read_saved_results(folder) and not list(folder.glob(".*.partial"))


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"name": 1}', "\0" * 100])
def test_a_damaged_record_counts_as_none(tmp_path, dataset, run_here, damage):
    run_here(dataset)
    folder = tmp_path / "out" / "visits" / "sub-00001"
    (folder / RECORD).write_text(damage)
    assert read_record(folder) is None
    assert run_here(dataset).done_before == 2 and read_record(folder) is not None


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        (stand_ins.Fails, "This scan is no scan."),
        (stand_ins.Breaks, "Internal error (RuntimeError: a fault)"),
    ],
)
def test_one_bad_visit_never_stops_the_rest(tmp_path, dataset, run_here, kind, sentence):
    said = []
    result = run_here(dataset, load=stand_ins.loader(kind), tell=said.append)
    assert [record.name for record in result.records] == ["sub-00000", "sub-00002"]
    assert [one.name for one in result.failed] == ["sub-00001"] and sentence in result.failed[0].why
    assert len(said) == 1 and sentence in said[0]
    assert sentence in (tmp_path / "out" / LOG).read_text()
    assert len(run_here(dataset).records) == 3


def test_a_missing_file_in_row_7_fails_alone(tmp_path, run_here):
    dataset = write_visits(tmp_path / "dataset", 7)
    rows = [(str(flair(dataset, i)), f"visit {i}") for i in range(7)]
    rows[5] = (str(dataset / "nothing.nii.gz"), "visit 5")
    result = run_here(table(tmp_path, rows))
    assert len(result.records) == 6 and [one.name for one in result.failed] == ["visit 5"]
    assert "row 7: there is no flair" in result.failed[0].why


def test_a_file_that_is_no_scan_fails_alone(dataset, run_here):
    flair(dataset, 0).write_bytes(b"no scan")
    result = run_here(dataset)
    assert len(result.records) == 2 and "sub-00000_FLAIR" in result.failed[0].why


def test_two_visits_with_one_name_are_refused_before_anything_starts(tmp_path, dataset, run_here):
    cases = table(tmp_path, [(str(flair(dataset, 0)), "a"), (str(flair(dataset, 1)), "a")])
    with pytest.raises(InputError, match="row 3: the name 'a' is that of row 2 too"):
        run_here(cases)
    assert not (tmp_path / "out").exists()


def test_two_runs_into_one_folder(tmp_path, dataset, plan, run_here):
    with claimed_run(plan(dataset)), pytest.raises(InputError, match=r"another run .* writes there"):
        run_here(dataset)
    assert len(run_here(dataset).records) == 3


def test_a_run_whose_folder_was_let_go_stops_its_visits(tmp_path, dataset, plan):
    """A worker of a cluster goes on when the one who started the run has gone; it shall not."""
    planned = plan(dataset)
    with claimed_run(planned):
        tasks = planned.tasks()
    with pytest.raises(visit_module.Cancelled):
        visit_module.do_visit(tasks[0], load_bright)
    with claimed(planned.out), pytest.raises(visit_module.Cancelled):  # another run has it now
        visit_module.do_visit(tasks[0], load_bright)
    assert not tasks[0].folder.exists()


@pytest.mark.parametrize("place", ["", "sub-00000", "results"])
def test_results_do_not_go_into_the_cohort(dataset, run_here, place):
    with pytest.raises(InputError, match="lies within the cohort"):
        run_here(dataset, dataset / place)


def test_derivatives_of_a_dataset_may_lie_within_it(dataset, run_here):
    assert len(run_here(dataset, dataset / "derivatives" / "lesions").records) == 3
    assert run_here(dataset, dataset / "derivatives" / "lesions").done_before == 3


def test_a_folder_with_something_else_is_refused(tmp_path, dataset, run_here):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").touch()
    with pytest.raises(InputError, match="holds something else than a run"):
        run_here(dataset)
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="is a file"):
        run_here(dataset, tmp_path / "file")


def test_a_folder_that_cannot_be_written(tmp_path, dataset, run_here, monkeypatch):
    def refuse(path, *_, **options):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(InputError, match=r"nothing can be written there \(Permission denied\)"):
        run_here(dataset)


def test_a_folder_on_a_disk_that_is_read_only(tmp_path, dataset, run_here, monkeypatch):
    from napari_uncertainseg.disk import folder_lock

    def refuse(path, *_):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    (tmp_path / "out").mkdir()
    monkeypatch.setattr(folder_lock.os, "open", refuse)
    with pytest.raises(InputError, match=r"nothing can be written there \(Read-only file system\)"):
        run_here(dataset)
    assert not list((tmp_path / "out").iterdir())


def test_a_visit_that_runs_out_of_memory_is_tried_once_more_in_smaller_windows(dataset, run_here):
    result = run_here(dataset, load=stand_ins.loader(stand_ins.RunsOutOfMemory))
    assert [record.notes for record in result.records] == [["windows 1"], ["windows 0.25"]]
    assert [(one.name, one.why) for one in result.failed] == [
        ("sub-00002", "There is not enough memory for this visit.")
    ]


def test_a_disk_that_is_full_in_the_middle(tmp_path, dataset, run_here, monkeypatch):
    from napari_uncertainseg import export

    real = export.write_members

    def full(path, *rest):
        if "sub-00001" in str(path):
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(path, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(export, "write_members", full)
        result = run_here(dataset)
    assert len(result.records) == 2 and "No space left on device" in result.failed[0].why
    folder = tmp_path / "out" / "visits" / "sub-00001"
    assert not folder.exists() or not list(folder.iterdir())
    assert len(run_here(dataset).records) == 3


def test_a_reference_is_compared_with_and_a_changed_one_again(tmp_path, dataset, run_here):
    run_here(dataset)
    mask = tmp_path / "mask.nii.gz"
    shutil.copyfile(tmp_path / "out" / "visits" / "sub-00000" / "lesions.nii.gz", mask)
    cases = table(tmp_path, [(str(flair(dataset, 0)), "one", str(mask))], ("flair", "name", "reference"))
    out = tmp_path / "second"
    (record,) = run_here(cases, out).records
    assert record.compared is not None and record.compared.measures["dice"] == 1
    assert sum(record.compared.count) == 12 * 14 * 12 and len(record.compared.retention) == 400
    before = times_of(out)
    image = nib.load(mask)
    data = np.asarray(image.dataobj).copy()
    data[0] = 1
    nib.save(nib.Nifti1Image(data, image.affine), mask)
    (record,) = run_here(cases, out, load=stand_ins.loader(stand_ins.Fails)).records
    assert record.compared is not None and record.compared.measures["dice"] < 1 and times_of(out) == before


def test_a_reference_on_another_grid_fails_and_the_segmentation_stays(tmp_path, dataset, run_here):
    mask = tmp_path / "mask.nii.gz"
    nib.save(nib.Nifti1Image(np.ones((3, 3, 3), np.uint8), np.eye(4)), mask)
    cases = table(tmp_path, [(str(flair(dataset, 0)), "one", str(mask))], ("flair", "name", "reference"))
    result = run_here(cases)
    assert not result.records and "mask" in result.failed[0].why
    assert read_saved_results(tmp_path / "out" / "visits" / "one")
    (record,) = run_here(table(tmp_path, [(str(flair(dataset, 0)), "one")])).records
    assert record.compared is None and record.reference is None


def test_what_a_worker_has_must_be_the_model_of_the_run(plan, dataset):
    from dataclasses import replace

    planned = plan(dataset)
    setting = planned.setting.model_copy(update={"model_sha256": "0" * 64})
    with pytest.raises(InputError, match="This worker has another model"):
        visit_module.load_segmenter(replace(planned.options, device="cpu"), setting, 1.0)


def test_without_dask_the_command_says_what_to_type(dataset, plan, monkeypatch):
    from napari_uncertainseg.runs import cluster

    monkeypatch.setattr(cluster, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r'pip install "napari-uncertainseg\[cohort\]"'):
        plan(dataset)


@contextmanager
def no_space(*_, **options):
    raise OSError(errno.ENOSPC, "No space left on device")
    yield


def test_a_log_that_cannot_be_written_stops_nothing(dataset, monkeypatch):
    log = Log(dataset / "run.log")
    with monkeypatch.context() as full:
        full.setattr(Path, "open", no_space)
        log("a line")
    log("another line")  # there is room again
    assert (dataset / "run.log").read_text().splitlines()[-1].endswith("  another line")
    assert "  a line" not in (dataset / "run.log").read_text()


def test_nothing_to_do_starts_no_cluster(dataset, run_here, plan, monkeypatch):
    run_here(dataset)
    from napari_uncertainseg.runs import run

    monkeypatch.setattr(run, "_cluster", lambda *_: pytest.fail("a cluster was started"))
    planned = plan(dataset)
    with claimed_run(planned):
        assert run_visits(planned, load=load_bright).done_before == 3


def test_the_look_beforehand_takes_what_the_run_takes(tmp_path, plan):
    """A table of some thousand visits with long notes; and it is read once."""
    cohort = tmp_path / "cohort.tsv"
    (tmp_path / "flair.nii.gz").touch()
    note = "x" * 100_000
    cohort.write_text("flair\tnote\nflair.nii.gz\t\n" + f"\t{note}\n" * 180)
    assert cohort.stat().st_size > 16_000_000
    options = parse(["run", str(cohort), "--out", str(tmp_path / "out")])
    found, told = check_run(options, silent), []
    assert [case.name for case in plan(cohort).worklist.cases] == [case.name for case in found.cases]
    given = plan_run(
        cohort, tmp_path / "out", RunOptions(), worklist=found, progress=lambda *x: told.append(x)
    )
    assert given.worklist is found and not told
