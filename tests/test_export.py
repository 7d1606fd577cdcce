"""Results are written whole or not at all, and nobody else's file is touched."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import threading
from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pandas as pd
import pytest
from scipy import ndimage

from napari_uncertainseg import export
from napari_uncertainseg._base import InputError
from napari_uncertainseg.disk.folder_lock import claimed
from napari_uncertainseg.disk.result_folder import load_summary, note_on, result_files
from napari_uncertainseg.disk.target_folder import check_folder
from napari_uncertainseg.evaluate.case_folder import evaluate_folder
from napari_uncertainseg.evaluate.written_results import read_summary, result_file, table_of_lesions
from napari_uncertainseg.export import reviewed_mask, write_results, write_table
from napari_uncertainseg.images.files import read_labels, read_volume
from napari_uncertainseg.images.volume import Grid
from napari_uncertainseg.prediction.prediction import Prediction
from napari_uncertainseg.uncertainty.lesion_ranking import rank_lesions

from .builders import predict_from_members

SHAPE = (20, 22, 24)
AFFINE = np.array([[0.0, 0.0, 0.9, -10.0], [0.0, 0.9, 0.0, -12.0], [2.0, 0.0, 0.0, 3.0], [0, 0, 0, 1.0]])


@pytest.fixture(scope="module")
def prediction() -> Prediction:
    rng = np.random.default_rng(3)
    noise = np.stack([ndimage.gaussian_filter(x, 1.3) for x in rng.standard_normal((4, *SHAPE))])
    noise = noise[0] + 0.4 * noise
    members = 1 / (1 + np.exp(-3 * noise / noise.std() + 3))
    return predict_from_members(
        members,
        grid=Grid(SHAPE, AFFINE),
        information={
            "inputs": {"flair": {"name": "FLAIR", "path": "/d/FLAIR.nii.gz", "sha256": "ab"}},
            "model": "bundled",
            "seconds": {"network": np.float32(0.5)},
            "notes": ["a note"],
        },
    )


@pytest.fixture(scope="module")
def lesions(prediction):
    found = rank_lesions(prediction, 0.6, 2.0)
    assert found.count > 2 and len(found.candidate_table) > 0
    return found


def left_behind(folder) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def test_all_files_and_what_they_say(tmp_path, prediction, lesions) -> None:
    out = tmp_path / "new" / "results"
    write_results(out, prediction, lesions)
    assert set(left_behind(out)) == set(result_files()) - {"reviewed.nii.gz", "painted.nii.gz"}
    assert left_behind(out.parent) == ["results"]
    probability = read_volume(out / "probability.nii.gz")
    np.testing.assert_allclose(probability.data, prediction.probability, atol=1e-7)
    assert probability.grid.same_as(prediction.grid)
    labels = read_labels(out / "lesions.nii.gz", prediction.grid)
    np.testing.assert_array_equal(labels.data, lesions.labels)
    types = {"lesions": np.uint16, "brain": np.uint8, "entropy": np.float32, "disagreement": np.float32}
    for name, dtype in types.items():
        assert nibabel.load(out / f"{name}.nii.gz").get_data_dtype() == dtype
    table = pd.read_csv(out / "lesions.tsv", sep="\t")
    listed = lesions.table.columns.tolist()
    assert table.columns.tolist()[: len(listed)] == listed
    np.testing.assert_allclose(table["mean_variance"] * table["voxels"], table["sum_variance"], rtol=1e-4)
    assert (table["pairwise_dice"].between(0, 1) & table["lsu_adjusted"].between(0, 1)).all()
    np.testing.assert_allclose(table["lsu"], lesions.table["lsu"], rtol=1e-5)
    said = json.loads((out / "summary.json").read_text())
    assert said["inputs"]["flair"]["sha256"] == "ab" and said["model"] == "bundled"
    assert said["lesions"] == lesions.count and said["threshold"] == 0.6
    assert said["lesion_volume_ml"] == pytest.approx(lesions.volume_ml)
    assert 0 <= said["patient_uncertainty"]["psu"] <= 1 and said["seconds"]["network"] == 0.5


def test_review_is_written(tmp_path, prediction, lesions) -> None:
    verdicts = {1: "rejected", 2: "accepted", -1: "accepted"}
    write_results(tmp_path / "r", prediction, lesions, verdicts=verdicts)
    reviewed = read_labels(tmp_path / "r" / "reviewed.nii.gz", prediction.grid).data > 0
    np.testing.assert_array_equal(reviewed, (lesions.labels > 1) | (lesions.candidates == 1))
    table = pd.read_csv(tmp_path / "r" / "lesions.tsv", sep="\t")
    assert table["verdict"].tolist()[:2] == ["rejected", "accepted"] and table["verdict"].isna()[2]
    said = json.loads((tmp_path / "r" / "summary.json").read_text())
    assert [v["kind"] for v in said["verdicts"]] == ["candidate", "lesion", "lesion"]
    assert said["reviewed_volume_ml"] == pytest.approx(reviewed.sum() * prediction.grid.voxel_volume / 1000)
    np.testing.assert_array_equal(reviewed_mask(lesions, {}), lesions.labels > 0)


def test_nothing_found_is_written_too(tmp_path, prediction) -> None:
    nothing = rank_lesions(prediction, 0.9999, 1e6)
    assert nothing.count == 0
    write_results(tmp_path / "n", prediction, nothing, verdicts={})
    assert len(pd.read_csv(tmp_path / "n" / "lesions.tsv", sep="\t")) == 0
    assert (
        json.loads((tmp_path / "n" / "summary.json").read_text())["patient_uncertainty"]["mean_lsu"] is None
    )


@pytest.mark.parametrize("verdicts", [{99: "accepted"}, {0: "accepted"}, {-999: "accepted"}, {1: "maybe"}])
def test_verdicts_on_nothing_are_refused(tmp_path, prediction, lesions, verdicts) -> None:
    with pytest.raises(InputError, match="verdict"):
        write_results(tmp_path / "r", prediction, lesions, verdicts=verdicts)
    assert not left_behind(tmp_path)


def test_a_folder_with_something_is_refused_without_overwrite(tmp_path, prediction, lesions) -> None:
    out = tmp_path / "r"
    out.mkdir()
    write_results(out, prediction, lesions)  # empty: fine
    before = {p.name: p.stat().st_mtime_ns for p in out.iterdir()}
    with pytest.raises(InputError, match="not empty"):
        write_results(out, prediction, lesions)
    assert before == {p.name: p.stat().st_mtime_ns for p in out.iterdir()}
    with pytest.raises(InputError, match="is a file"):
        write_results(out / "summary.json", prediction, lesions)
    with pytest.raises(InputError, match="is a file"):
        check_folder(out / "summary.json" / "deeper")


def test_overwrite_replaces_ours_and_keeps_the_rest(tmp_path, prediction, lesions) -> None:
    out = tmp_path / "r"
    write_results(out, prediction, lesions, verdicts={1: "rejected"})
    (out / "thesis.txt").write_text("mine")
    write_results(out, prediction, rank_lesions(prediction, 0.7), overwrite=True)
    written = set(result_files()) - {"reviewed.nii.gz", "painted.nii.gz"}
    assert set(left_behind(out)) == written | {"thesis.txt"}
    assert (out / "thesis.txt").read_text() == "mine"
    assert json.loads((out / "summary.json").read_text())["threshold"] == 0.7
    assert left_behind(tmp_path) == ["r"]


@pytest.mark.parametrize("failure", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("existing", [False, True])
@pytest.mark.parametrize("step", ["write_table", "write_volume", "write_members"])  # here, and beside it
def test_an_interrupted_run_leaves_things_as_they_were(
    tmp_path, prediction, lesions, monkeypatch, failure, existing, step
) -> None:
    out = tmp_path / "r"
    if existing:
        write_results(out, prediction, lesions)
    before = {p.name: p.read_bytes() for p in out.iterdir()} if existing else None

    def fail(*_args, **_options):
        raise failure

    monkeypatch.setattr(export, step, fail)
    with pytest.raises(InputError if isinstance(failure, OSError) else KeyboardInterrupt) as caught:
        write_results(out, prediction, rank_lesions(prediction, 0.7), overwrite=True)
    if isinstance(failure, OSError):
        assert str(out) in str(caught.value) and "No space left" in str(caught.value)
        assert "partial" not in str(caught.value)
    assert left_behind(tmp_path) == (["r"] if existing else [])
    if existing:
        assert before == {p.name: p.read_bytes() for p in out.iterdir()}


def test_what_is_written_beside_has_ended_before_the_error_is_told(
    tmp_path, prediction, lesions, monkeypatch
) -> None:
    """Else it would write on into a folder that is being taken away."""
    failed, write = threading.Event(), export.write_volume
    ended: list[str] = []
    before = set(threading.enumerate())

    def late(path, *arguments, **options):
        assert failed.wait(60)
        threading.Event().wait(0.5)  # the error is on its way meanwhile
        write(path, *arguments, **options)
        ended.append(path.name)

    def fail(*_arguments):
        failed.set()
        raise ZeroDivisionError

    monkeypatch.setattr(export, "write_volume", late)
    monkeypatch.setattr(export, "write_table", fail)
    with pytest.raises(ZeroDivisionError):  # a fault of the program's own is told as that
        write_results(tmp_path / "r", prediction, lesions)
    known = len(ended)
    assert set(threading.enumerate()) <= before
    assert left_behind(tmp_path) == [] and len(ended) == known


@pytest.mark.parametrize("done", range(len(result_files()) - 2))
def test_a_kill_between_two_files_is_recognised(tmp_path, prediction, lesions, monkeypatch, done) -> None:
    out = tmp_path / "r"
    write_results(out, prediction, lesions)
    reference = out / "lesions.nii.gz"
    moved, move = [], Path.replace

    def killed(self, target):
        if Path(target).parent == out and ".partial" in str(self):
            if len(moved) == done:
                raise KeyboardInterrupt
            moved.append(target)
        return move(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            write_results(out, prediction, rank_lesions(prediction, 0.7), overwrite=True)
    with pytest.raises(InputError, match=r"no summary\.json.*cut short.*--overwrite"):
        evaluate_folder(out, reference)
    write_results(out, prediction, rank_lesions(prediction, 0.7), overwrite=True)
    assert evaluate_folder(out, reference).reference.dice == 1


def test_an_existing_folder_needs_nothing_of_its_parent(tmp_path, prediction, lesions, monkeypatch) -> None:
    """It may be a mount: what is written beside it cannot be renamed into it."""
    out = tmp_path / "mount"
    out.mkdir()
    mkdir = Path.mkdir

    def inside_only(self, *args, **options):
        if self.parent == tmp_path and self != out:
            raise PermissionError(errno.EACCES, "Permission denied")
        mkdir(self, *args, **options)

    monkeypatch.setattr(Path, "mkdir", inside_only)
    write_results(out, prediction, lesions)
    assert set(left_behind(out)) == set(result_files()) - {"reviewed.nii.gz", "painted.nii.gz"}


def test_a_folder_that_cannot_be_made(tmp_path, prediction, lesions, monkeypatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(InputError, match="cannot be written"):
        write_results(tmp_path / "r", prediction, lesions)
    assert not left_behind(tmp_path)


def test_table_is_replaced_whole_or_not_at_all(tmp_path, monkeypatch) -> None:
    path = tmp_path / "t.tsv"
    write_table(path, pd.DataFrame({"a": [1, 2], "b": [0.5, np.nan], "c": ["é", ""]}))
    assert path.read_text(encoding="utf-8") == "a\tb\tc\n1\t0.5\té\n2\tn/a\t\n"
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", lambda *_: (_ for _ in ()).throw(OSError(errno.ENOSPC, "No space left")))
        with pytest.raises(InputError, match="No space left"):
            write_table(path, pd.DataFrame({"a": [3]}))
    assert path.read_text(encoding="utf-8").startswith("a\tb") and left_behind(tmp_path) == ["t.tsv"]
    with pytest.raises(InputError, match="nowhere"):
        write_table(tmp_path / "nowhere" / "t.tsv", pd.DataFrame({"a": [3]}))


# -- whose files are replaced ---------------------------------------------------------------------


@pytest.mark.parametrize("name", result_files())
@pytest.mark.parametrize("alone", [True, False])
def test_somebodys_own_file_is_never_replaced(tmp_path, prediction, lesions, name, alone) -> None:
    """An expert's lesions.nii.gz, alone or put over ours, stays; so does another program's summary.json."""
    out = tmp_path / "case"
    out.mkdir()
    if not alone:
        write_results(out, prediction, lesions, verdicts={})
    (out / name).write_bytes(b'{"software": "fMRIPrep"}')
    before = {p.name: p.read_bytes() for p in out.iterdir()}
    with pytest.raises(InputError, match=rf"case/{name} was not written by this program"):
        write_results(out, prediction, lesions, overwrite=True)
    assert before == {p.name: p.read_bytes() for p in out.iterdir()}


def test_a_folder_of_an_older_version_is_not_overwritten(tmp_path, prediction, lesions) -> None:
    out = tmp_path / "r"
    write_results(out, prediction, lesions)
    content = json.loads((out / "summary.json").read_text())
    del content["files"]
    (out / "summary.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match="was not written by this program, or was changed"):
        check_folder(out, overwrite=True)


@pytest.mark.posix
def test_links_are_not_followed(tmp_path, prediction, lesions) -> None:
    out = tmp_path / "r"
    write_results(out, prediction, lesions)
    (out / "brain.nii.gz").rename(tmp_path / "elsewhere.nii.gz")
    (out / "brain.nii.gz").symlink_to(tmp_path / "elsewhere.nii.gz")
    with pytest.raises(InputError, match="brain"):
        write_results(out, prediction, lesions, overwrite=True)


def test_a_scan_that_was_segmented_is_never_replaced(tmp_path, prediction, lesions) -> None:
    """A map of ours that was segmented again is an input, though we wrote it."""
    out = tmp_path / "r"
    write_results(out, prediction, lesions)
    os.link(out / "probability.nii.gz", tmp_path / "scan.nii.gz")
    scan = {"inputs": {"flair": {"path": str(tmp_path / "scan.nii.gz")}}}
    again = replace(prediction, information={**prediction.information, **scan})
    with pytest.raises(InputError, match="read by this very command"):
        write_results(out, again, lesions, overwrite=True)


def test_all_files_are_listed_with_their_hashes(tmp_path, prediction, lesions) -> None:
    painted = np.zeros(prediction.grid.shape, np.int8)
    write_results(tmp_path / "r", prediction, lesions, verdicts={}, edit=painted)
    listed = json.loads((tmp_path / "r" / "summary.json").read_text())["files"]
    assert set(listed) == set(result_files()) - {"summary.json"}
    for name, sha256 in listed.items():
        assert hashlib.sha256((tmp_path / "r" / name).read_bytes()).hexdigest() == sha256


@pytest.mark.parametrize("name", ["probability", "lesions", "brain", "entropy"])
def test_maps_of_two_runs_are_not_mixed(tmp_path, prediction, lesions, name) -> None:
    for folder, found in (("a", lesions), ("b", rank_lesions(prediction, 0.7))):
        scale = np.float32(0.9 if folder == "b" else 1)
        maps = {each: prediction.maps[each] * scale for each in ("probability", "entropy")}
        changed = replace(prediction, maps={**prediction.maps, **maps})
        changed = replace(changed, brain=prediction.brain & (prediction.probability > 0.01 * (folder == "b")))
        write_results(tmp_path / folder, changed, found)
    reference = tmp_path / "reference.nii.gz"
    shutil.copy(tmp_path / "a" / "lesions.nii.gz", reference)
    assert evaluate_folder(tmp_path / "a", reference).reference.dice == 1
    shutil.copy(tmp_path / "b" / f"{name}.nii.gz", tmp_path / "a")
    with pytest.raises(InputError, match=rf"a/{name}\.nii\.gz was changed after it was written"):
        evaluate_folder(tmp_path / "a", reference)


def test_a_table_that_was_changed_and_a_map_that_was_added(tmp_path, prediction, lesions) -> None:
    out = tmp_path / "r"
    write_results(out, prediction, lesions)
    shutil.copy(out / "lesions.nii.gz", out / "reviewed.nii.gz")
    with pytest.raises(InputError, match=r"reviewed\.nii\.gz does not belong to the results"):
        result_file(out, "reviewed")
    with (out / "lesions.tsv").open("a") as file:
        file.write("\n")
    with pytest.raises(InputError, match=r"lesions\.tsv was changed"):
        table_of_lesions(out, lesions.count)


def test_a_folder_of_an_older_version_is_read_with_a_note(tmp_path, prediction, lesions) -> None:
    out = tmp_path / "r"
    write_results(out, prediction, lesions)
    assert note_on(out) == ""
    content = json.loads((out / "summary.json").read_text())
    del content["files"]
    (out / "summary.json").write_text(json.dumps(content))
    assert "older version" in note_on(out)
    assert evaluate_folder(out, out / "lesions.nii.gz").reference.dice == 1


def test_two_runs_into_one_folder(tmp_path, prediction, lesions, monkeypatch) -> None:
    """The second begins while the first works: it is kept out, or finds the folder filled at the move."""
    out = tmp_path / "r"
    with claimed(out), pytest.raises(InputError, match="another run"):
        write_results(out, prediction, lesions)
    with claimed(out) as claim:
        (out / "came meanwhile.txt").touch()
        with pytest.raises(InputError, match="not empty"):
            write_results(out, prediction, lesions, claim=claim)
    assert left_behind(out) == ["came meanwhile.txt"]
    (out / "came meanwhile.txt").unlink()
    written = export.with_hashes

    def meanwhile(*arguments):
        (out / "lesions.nii.gz").write_bytes(b"an expert's")
        return written(*arguments)

    monkeypatch.setattr(export, "with_hashes", meanwhile)
    with pytest.raises(InputError, match="not empty"):
        write_results(out, prediction, lesions)
    with pytest.raises(InputError, match="was not written by this program"):
        write_results(out, prediction, lesions, overwrite=True)
    assert left_behind(out) == ["lesions.nii.gz"] and (out / "lesions.nii.gz").read_bytes() == b"an expert's"


def test_what_cannot_be_a_number_in_json_is_nothing(tmp_path, prediction, lesions) -> None:
    odd = {"seconds": {"network": np.float32("nan")}, "notes": ["a \udce9 in a path"]}
    write_results(tmp_path / "r", replace(prediction, information={**prediction.information, **odd}), lesions)
    said = load_summary(tmp_path / "r")
    assert said["seconds"]["network"] is None and said["notes"] == ["a ? in a path"]


@pytest.mark.parametrize(
    "change",
    [
        {"threshold": 10**400},
        {"threshold": "0.5"},
        {"threshold": True},
        {"threshold": -1},
        {"threshold": None},
        {"min_volume_mm3": [1]},
        {"patient_uncertainty": 3},
        {"patient_uncertainty": {"psu": "x"}},
        {"patient_uncertainty": {"psu": 3.0}},
        {"patient_uncertainty": {}},
        {"inputs": "flair"},
        {"model": 5},
        {"files": []},
        {"files": {"lesions.nii.gz": 5}},
        {"files": {"lesions.nii.gz": "abc"}},
    ],
)
def test_a_summary_with_odd_values_is_refused_in_one_sentence(tmp_path, prediction, lesions, change) -> None:
    out = tmp_path / "r"
    write_results(out, prediction, lesions)
    content = json.loads((out / "summary.json").read_text())
    (out / "summary.json").write_text(json.dumps({**content, **change}))
    with pytest.raises(InputError, match=r"summary\.json") as caught:
        read_summary(out)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400
