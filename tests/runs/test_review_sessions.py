"""From the referral list of a run to review sessions."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import stand_ins

from napari_uncertainseg._base import InputError
from napari_uncertainseg.cli import main
from napari_uncertainseg.disk.tables import read_tsv
from napari_uncertainseg.evaluate.worklist import read_worklist
from napari_uncertainseg.review.session.recorder import Recorder
from napari_uncertainseg.review.store.store import Store
from napari_uncertainseg.runs.places import find_referral
from napari_uncertainseg.runs.report.page import write_report
from napari_uncertainseg.runs.review_sessions import prepare_sessions


@pytest.fixture
def out(tmp_path, dataset, run_here, plan) -> Path:
    """The folder of a run over three visits, the third of which comes first."""
    write_report(plan(dataset), run_here(dataset, load=stand_ins.load_several))
    return tmp_path / "out"


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / "sessions.db") as made:
        yield made


@pytest.mark.parametrize("name", ["", "report.html", "referral.tsv"])
def test_a_run_is_known_by_its_folder_its_report_and_its_list(out, name):
    assert find_referral(out / name) == out / "referral.tsv"


def test_each_visit_gets_a_session_and_the_first_of_the_list_is_the_latest(out, store):
    found = prepare_sessions(out, store, "  anna  b ")
    order = list(read_tsv(out / "referral.tsv")["name"])
    assert list(found.opened) == order and not found.known and not found.left_out
    sessions = store.sessions()
    names = store.case_names()
    assert [names[store.tasks(session.id)[0].case] for session in sessions] == order
    for session in sessions:
        recorder = Recorder(store, session.id)
        assert session.annotator == "anna b" and session.kind == "review" and session.closed is None
        assert recorder.is_new and not recorder.by_default and recorder.tasks[0].target == "lesion"


def test_what_is_open_already_is_not_opened_twice(out, store):
    prepare_sessions(out, store, "anna", visits=2)
    again = prepare_sessions(out, store, "anna")
    assert len(again.known) == 2 and len(again.opened) == 1 and len(store.sessions()) == 3
    assert len(prepare_sessions(out, store, "bert").opened) == 3


def test_a_run_that_was_moved_is_found_and_one_whose_results_have_gone_is_said(out, store, tmp_path):
    moved = tmp_path / "elsewhere"
    out.rename(moved)
    shutil.rmtree(moved / "visits" / "sub-00001")
    found = prepare_sessions(moved, store)
    assert len(found.opened) == 2 and [one.name for one in found.left_out] == ["sub-00001"]
    assert "its results are neither at" in found.left_out[0].why
    listed = {case.name: case.results for case in read_worklist(moved / "referral.tsv").cases}
    assert listed["sub-00000"] == moved / "visits" / "sub-00000" and listed["sub-00001"] is None
    shutil.rmtree(moved / "visits")
    with pytest.raises(InputError, match=r"no session was made.*move the folder visits back"):
        prepare_sessions(moved, store)


def test_what_is_no_run_is_refused_in_a_sentence(out, store, tmp_path):
    table = tmp_path / "cases.tsv"
    table.write_text("flair\tname\na.nii\tone\n")
    empty = tmp_path / "empty.tsv"
    empty.write_text("rank\tname\tfolder\n")
    binary = tmp_path / "scan.nii.gz"
    binary.write_bytes(b"\x1f\x8b\xff\xfe" * 100)
    (out / "referral.tsv").unlink()
    for source, said in (
        (table, "lacks the column 'rank': the referral list of a run needs rank, name and folder"),
        (empty, "lists no visit"),
        (binary, "scan.nii.gz"),
        (out, "no referral list yet"),
        (out / "report.html", "no referral list yet"),
        (tmp_path, "is not the folder of a run"),
        (tmp_path / "gone", "There is no"),
        (tmp_path / "gone" / "report.html", "There is no"),
    ):
        with pytest.raises(InputError, match=said):
            prepare_sessions(source, store)
    assert store.sessions() == []


def test_the_command_makes_the_sessions_and_says_what_to_do_next(out, tmp_path, capsys):
    file = tmp_path / "new" / "sessions.db"
    arguments = ["session", "new", "--from", str(out), str(file), "--annotator", "anna", "--visits", "2"]
    assert main(arguments) == 0
    said = capsys.readouterr().out
    assert f"{file}: 2 sessions opened" in said and "Cohort dock" in said
    assert main(["session", "verify", str(file)]) == 0
    shutil.rmtree(out / "visits" / "sub-00001")
    with pytest.raises(SystemExit) as ended:
        main(["session", "new", "--from", str(out / "report.html"), str(file), "--annotator", "anna"])
    assert ended.value.code == 3 and "sub-00001: its results" in capsys.readouterr().err
    assert main(["session", "new", "--from", str(tmp_path), str(file)]) == 2
    assert "is not the folder of a run" in capsys.readouterr().err
