"""Worklists from tables, BIDS datasets and folders; and how far their cases have been read."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from napari_uncertainseg._base import Cancelled, InputError
from napari_uncertainseg.evaluate.readings import CaseReading, CaseReadings, latest_annotator, next_to_read
from napari_uncertainseg.evaluate.worklist import read_worklist
from napari_uncertainseg.review.store.records import NewTask
from napari_uncertainseg.review.store.store import Store


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def table(folder: Path, *rows: str) -> Path:
    path = folder / "cases.tsv"
    path.write_text("\n".join(row.replace("|", "\t") for row in rows) + "\n")
    return path


def listed(path: Path) -> dict[str, dict[str, str]]:
    found = read_worklist(path)
    home = path if path.is_dir() else path.parent
    return {
        case.name: {role: file.relative_to(home).as_posix() for role, file in case.images.items()}
        for case in found.cases
    }


# -- tables -----------------------------------------------------------------------------------------


def test_a_table_keeps_its_order_and_relative_paths_count_from_it(tmp_path, monkeypatch):
    touch(tmp_path, "b/FLAIR.nii.gz", "b/T1.nii.gz", "b/lesions.nii.gz", "a/scan.nii")
    elsewhere = tmp_path / "a" / "scan.nii"
    path = table(
        tmp_path,
        "name|flair|t1|t2|reference|note",
        "second|b/FLAIR.nii.gz|b/T1.nii.gz||b/lesions.nii.gz|kept",
        "",
        f" first | {elsewhere} |||",
    )
    monkeypatch.chdir("/")
    found = read_worklist(path)
    assert [case.name for case in found.cases] == ["second", "first"] and found.source == path
    second, first = found.cases
    assert second.images == {"flair": tmp_path / "b/FLAIR.nii.gz", "t1": tmp_path / "b/T1.nii.gz"}
    assert second.reference == tmp_path / "b/lesions.nii.gz"
    assert first.images == {"flair": elsewhere} and first.reference is None and found.notes == ()


def test_cases_without_a_name_are_named_after_their_scan(tmp_path):
    touch(tmp_path, "x/p1/FLAIR.nii.gz", "y/p1/FLAIR.nii.gz", "flair.nii")
    path = table(tmp_path, "flair", "x/p1/FLAIR.nii.gz", "y/p1/FLAIR.nii.gz", "flair.nii")
    assert list(listed(path)) == ["p1/FLAIR", "y/p1/FLAIR.nii.gz", f"{tmp_path.name}/flair"]


def test_a_table_of_a_spreadsheet(tmp_path):
    touch(tmp_path, "a.nii", "b.nii")
    path = tmp_path / "cases.tsv"
    path.write_bytes(b'\xef\xbb\xbfFLAIR\tName\r\n"a.nii"\tone\r\nb.nii\ttwo\t\r\n\t\r\n')
    assert listed(path) == {"one": {"flair": "a.nii"}, "two": {"flair": "b.nii"}}


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (["flair|name", "a.nii|one", "gone.nii|two"], "row 3: there is no flair"),
        (["flair|t2", "a.nii|no/T2.nii"], "row 2: there is no t2"),
        (["flair|reference", "a.nii|mask.nii"], "row 2: there is no reference"),
        (["flair|name", "a.nii|one", "", "b.nii|one"], "row 4: the name 'one' is that of row 2"),
        (["flair", "a.nii", "a.nii", "a.nii"], "row 4: the name 'a.nii' is that of row 3"),
        (["flair|name", "a.nii|one", "b.nii|two|three"], "row 3: there are more cells"),
        (["flair|t1", "|a.nii"], "row 2: the column flair is empty"),
        (["flair|t1", "a.nii|./a.nii"], "row 2: one file has two roles"),
        (["flair|t1|flair", "a.nii|b.nii|a.nii"], "has the column 'flair' twice"),
        (["scan|name", "a.nii|one"], "lacks the column 'flair'"),
        (["flair,name", "a.nii,one"], "is separated by commas"),
        (["flair|name"], "lists no case"),
        (["flair|name", "|", "  |"], "lists no case"),
        ([""], "the first line is blank"),
        (["flair", "x" * 5000], "row 2: there is no flair"),
        (["flair", "a\0.nii"], "no text at all"),
        (["flair", "x" * 200_000], "is not a tab-separated table"),
    ],
)
def test_what_is_wrong_with_a_table_is_said_with_the_row(tmp_path, rows, said):
    touch(tmp_path, "a.nii", "b.nii")
    path = table(tmp_path, *rows)
    with pytest.raises(InputError) as error:
        read_worklist(path)
    assert said in str(error.value) and str(path) in str(error.value) and "\n" not in str(error.value)


def test_what_is_no_table_at_all(tmp_path, monkeypatch):
    with pytest.raises(InputError, match="Cannot read the table"):
        read_worklist(tmp_path / "gone.tsv")
    binary = tmp_path / "scan.nii.gz"
    binary.write_bytes(b"\x1f\x8b\xff\xfe" * 100)
    with pytest.raises(InputError, match="is a compressed file"):
        read_worklist(binary)
    large = tmp_path / "large.tsv"
    with large.open("wb") as file:
        file.truncate(101_000_000)
    with pytest.raises(InputError, match="too large"):
        read_worklist(large)


def test_a_very_long_table_is_cut_and_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr("napari_uncertainseg.evaluate.worklist.MOST", 3)
    touch(tmp_path, *(f"{i}.nii" for i in range(5)))
    found = read_worklist(table(tmp_path, "flair", *(f"{i}.nii" for i in range(5))))
    assert len(found.cases) == 3 and "Stopped after 3 cases" in found.notes[0]


# -- BIDS -------------------------------------------------------------------------------------------


def test_a_bids_dataset_with_sessions_and_runs(tmp_path):
    touch(
        tmp_path,
        "dataset_description.json",
        "sub-02/anat/sub-02_FLAIR.nii",
        "sub-02/anat/sub-02_T1w.nii",
        "sub-02/anat/sub-02_ce-gd_T1w.nii.gz",
        "sub-02/anat/sub-02_FLAIR.json",
        "sub-01/ses-1/anat/sub-01_ses-1_run-1_FLAIR.nii.gz",
        "sub-01/ses-1/anat/sub-01_ses-1_run-2_FLAIR.nii.gz",
        "sub-01/ses-1/anat/sub-01_ses-1_run-1_T1w.nii.gz",
        "sub-01/ses-1/anat/sub-01_ses-1_run-2_T1w.nii.gz",
        "sub-01/ses-2/anat/sub-01_ses-2_FLAIR.nii.gz",
        "sub-01/ses-2/anat/sub-01_ses-2_T2w.nii.gz",
        "sub-01/ses-2/anat/sub-01_ses-2_space-MNI_FLAIR.nii.gz",
        "sub-03/anat/sub-03_T1w.nii.gz",
        "derivatives/x/sub-01/ses-1/anat/sub-01_ses-1_FLAIR.nii.gz",
        "sourcedata/FLAIR.nii.gz",
    )
    assert listed(tmp_path) == {
        "sub-01_ses-1_run-1": {
            "flair": "sub-01/ses-1/anat/sub-01_ses-1_run-1_FLAIR.nii.gz",
            "t1": "sub-01/ses-1/anat/sub-01_ses-1_run-1_T1w.nii.gz",
        },
        "sub-01_ses-1_run-2": {
            "flair": "sub-01/ses-1/anat/sub-01_ses-1_run-2_FLAIR.nii.gz",
            "t1": "sub-01/ses-1/anat/sub-01_ses-1_run-2_T1w.nii.gz",
        },
        "sub-01_ses-2": {
            "flair": "sub-01/ses-2/anat/sub-01_ses-2_FLAIR.nii.gz",
            "t2": "sub-01/ses-2/anat/sub-01_ses-2_T2w.nii.gz",
        },
        "sub-02": {"flair": "sub-02/anat/sub-02_FLAIR.nii", "t1": "sub-02/anat/sub-02_T1w.nii"},
    }
    notes = read_worklist(tmp_path).notes
    assert any("derivatives" in note for note in notes)
    assert any("of 2 T1w scans, sub-01_ses-1_run-2_T1w.nii.gz is taken" in note for note in notes)


def test_phase_images_and_contrast_agents_are_no_choice_in_a_bids_dataset(tmp_path):
    touch(
        tmp_path,
        "sub-1/anat/sub-1_part-phase_FLAIR.nii.gz",
        "sub-1/anat/sub-1_part-mag_FLAIR.nii.gz",
        "sub-1/anat/sub-1_acq-gd_T1w.nii.gz",
        "sub-1/anat/sub-1_acq-3dGad_T1w.nii.gz",
        "sub-1/anat/sub-1_part-phase_T1w.nii.gz",
        "sub-1/anat/sub-1_part-real_T1w.nii.gz",
        "sub-1/anat/sub-1_acq-abc_T1w.nii.gz",
        "sub-1/anat/sub-1_T1w.nii.gz",
        "sub-2/anat/sub-2_part-imag_FLAIR.nii.gz",
    )
    assert listed(tmp_path) == {
        "sub-1_part-mag": {
            "flair": "sub-1/anat/sub-1_part-mag_FLAIR.nii.gz",
            "t1": "sub-1/anat/sub-1_T1w.nii.gz",
        }
    }


def test_a_bids_dataset_is_known_by_its_layout_and_twins_are_left_out(tmp_path):
    touch(tmp_path, "sub-1/anat/sub-1_FLAIR.nii", "sub-1/anat/sub-1_FLAIR.nii.gz")
    assert list(listed(tmp_path)) == ["sub-1"]
    assert "is the same scan" in read_worklist(tmp_path).notes[0]


def test_a_bids_dataset_without_a_flair(tmp_path):
    touch(tmp_path, "dataset_description.json", "sub-1/anat/sub-1_T1w.nii.gz")
    with pytest.raises(InputError, match=r"no \*_FLAIR"):
        read_worklist(tmp_path)


# -- folders ----------------------------------------------------------------------------------------


def test_a_folder_of_folders(tmp_path):
    touch(
        tmp_path,
        "p1/FLAIR.nii.gz",
        "p1/T1.nii.gz",
        "p1/T2.nii.gz",
        "p1/lesions.nii.gz",
        "p1/FLAIR_lesion_mask.nii.gz",
        "p2/3d_flair.nrrd",
        "p2/T1_post.nii.gz",
        "p2/notes.txt",
        "p3/FLAIR.nii.gz",
        "p3/FLAIR_2.nii.gz",
        "p4/T1.nii.gz",
        "p5/visit 1/t2_tirm_dark-fluid.mgz",
        "p5/visit 1/T1a.nii",
        "p5/visit 1/t1_b.nii",
        "p5/visit 1/t1_gd.nii",
        ".hidden/FLAIR.nii.gz",
        "empty/readme.txt",
    )
    assert listed(tmp_path) == {
        "p1": {"flair": "p1/FLAIR.nii.gz", "t1": "p1/T1.nii.gz", "t2": "p1/T2.nii.gz"},
        "p2": {"flair": "p2/3d_flair.nrrd"},
        "p5/visit 1": {"flair": "p5/visit 1/t2_tirm_dark-fluid.mgz"},
    }
    assert read_worklist(tmp_path).notes == (
        "p3: left out, 2 names of scans say FLAIR; one is needed.",
        "p4: left out, no name of a scan says FLAIR; one is needed.",
        "p5/visit 1: 2 names of scans say T1; none is used.",
    )


def test_the_folder_itself_may_be_the_case(tmp_path):
    touch(tmp_path, "FLAIR.nii", "T1.nii")
    assert listed(tmp_path) == {tmp_path.name: {"flair": "FLAIR.nii", "t1": "T1.nii"}}


def test_a_dicom_series_is_a_scan(tmp_path):
    for series in ("p1/3D_FLAIR", "p1/T1", "p2/001"):
        touch(tmp_path, f"{series}/0001.dcm")
        (tmp_path / series / "0001.dcm").write_bytes(b"\0" * 128 + b"DICM")
    touch(tmp_path, "p3/FLAIR.nii.gz", "p3/stray.dcm")
    (tmp_path / "p3/stray.dcm").write_bytes(b"\0" * 128 + b"DICM")
    assert listed(tmp_path) == {
        "p1": {"flair": "p1/3D_FLAIR", "t1": "p1/T1"},
        "p3": {"flair": "p3/FLAIR.nii.gz"},
    }


@pytest.mark.posix
def test_links_that_lead_back_end(tmp_path):
    touch(tmp_path, "p1/FLAIR.nii.gz")
    (tmp_path / "p1" / "up").symlink_to(tmp_path)
    (tmp_path / "p1" / "self").symlink_to(tmp_path / "p1" / "self")
    (tmp_path / "again").symlink_to(tmp_path / "p1")
    found = read_worklist(tmp_path)
    assert len(found.cases) == 1 and found.cases[0].main.samefile(tmp_path / "p1" / "FLAIR.nii.gz")


def test_a_huge_folder_ends_and_says_so(tmp_path):
    touch(tmp_path, *(f"p{i:02d}/FLAIR.nii" for i in range(20)))
    found = read_worklist(tmp_path, most=30)
    assert [case.name for case in found.cases] == [f"p{i:02d}" for i in range(10)]
    assert found.notes[0].startswith("Stopped after 30 files and folders") and len(found.notes) == 1
    (tmp_path / "p00" / "FLAIR.nii").unlink()
    touch(tmp_path / "p00", *(f"{i:02d}.txt" for i in range(40)))
    with pytest.raises(InputError, match="Stopped after 30"):
        read_worklist(tmp_path, most=30)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="everybody may read everything here")
def test_a_folder_that_may_not_be_read_is_named(tmp_path):
    touch(tmp_path, "p1/FLAIR.nii", "p2/FLAIR.nii")
    (tmp_path / "p2").chmod(0)
    try:
        found = read_worklist(tmp_path)
    finally:
        (tmp_path / "p2").chmod(0o700)
    assert [case.name for case in found.cases] == ["p1"] and "p2: cannot be read" in found.notes[0]


def test_an_empty_folder_and_a_search_that_is_cancelled(tmp_path):
    with pytest.raises(InputError, match="no folder with one FLAIR scan"):
        read_worklist(tmp_path)

    def cancel(stage, fraction):
        raise Cancelled

    with pytest.raises(Cancelled):
        read_worklist(tmp_path, cancel)


# -- how far they have been read --------------------------------------------------------------------


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / "sessions.db") as made:
        yield made


def read(store, flair, annotator, *, judged=0, tasks=3, closed=False, kind="review"):
    case = store.case(store.project("review"), f"{Path(flair).stem} {flair}", str(flair))
    new = [NewTask(case, None, "lesion", i + 1, (i, i, i)) for i in range(tasks)]
    session = store.open_session(store.project("review"), store.annotator(annotator), kind, new, {})
    for task in store.tasks(session)[:judged]:
        store.record(session, "verdict", task.id, {"decision": "accepted", "voxel": list(task.voxel)})
    if closed:
        store.record(session, "closed")
    return session


@pytest.mark.posix
def test_readings_are_those_of_the_annotator(tmp_path, store):
    touch(tmp_path, *(f"p{i}/FLAIR.nii" for i in range(5)))
    cases = read_worklist(tmp_path).cases
    (tmp_path / "link").symlink_to(tmp_path / "p1")
    read(store, cases[0].main, "anna", judged=3, closed=True)
    read(store, tmp_path / "link" / "FLAIR.nii", "anna", judged=2)
    read(store, cases[1].main, "anna", judged=1)
    read(store, cases[2].main, "bert", judged=1, closed=True)
    read(store, cases[3].main, "anna", judged=3, closed=True, kind="training")
    second = read(store, cases[4].main, "bert", kind="qc", tasks=2)
    readings = CaseReadings(store)
    anna = (CaseReading(3, 3, True), CaseReading(2, 3, False), None, None, None)
    assert readings.furthest(cases, " anna ") == anna
    assert readings.furthest(cases, "bert") == (
        None,
        None,
        CaseReading(1, 3, True),
        None,
        CaseReading(0, 2, False),
    )
    assert readings.furthest(cases)[2] == CaseReading(1, 3, True)
    store.record(second, "closed")
    assert readings.furthest(cases, "bert")[4] == CaseReading(0, 2, True)
    assert latest_annotator(store) == "bert"


def test_what_is_closed_is_read_once(tmp_path, store, monkeypatch):
    touch(tmp_path, "p0/FLAIR.nii", "p1/FLAIR.nii")
    cases = read_worklist(tmp_path).cases
    read(store, cases[0].main, "anna", judged=3, closed=True)
    open_one = read(store, cases[1].main, "anna")
    readings, asked = CaseReadings(store), []
    before = readings.furthest(cases)
    plain = store.tasks
    monkeypatch.setattr(store, "tasks", lambda session: asked.append(session) or plain(session))
    assert readings.furthest(cases) == before and asked == [open_one]


def test_the_next_case_is_the_first_that_is_not_closed():
    closed, begun = CaseReading(3, 3, True), CaseReading(1, 3, False)
    found = [closed, begun, None, closed, None]
    assert next_to_read(found) == 1
    assert [next_to_read(found, at) for at in range(5)] == [1, 2, 4, 4, 1]
    assert next_to_read([closed, closed]) is None and next_to_read([]) is None
    assert next_to_read([begun], 0) is None
    rng = np.random.default_rng(0)
    for _ in range(50):  # every case that is not closed gets its turn
        some = [closed if is_closed else None for is_closed in rng.random(7) < 0.5]
        at, seen = None, set()
        while (at := next_to_read(some, at)) is not None and at not in seen:
            seen.add(at)
        still_open = {i for i, one in enumerate(some) if one is None}
        assert seen == still_open
