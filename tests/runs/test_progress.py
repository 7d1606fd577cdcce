"""What a run says of how it goes, how it is asked to stop, and a run as a process of its own."""

from __future__ import annotations

import json
import os
import signal
import sys
import time

import pytest
import stand_ins

from napari_uncertainseg._base import Cancelled, InputError
from napari_uncertainseg.bench.cohort import load_bright
from napari_uncertainseg.cli.parser import parse
from napari_uncertainseg.disk.folder_lock import LOCK, claimed, is_claimed
from napari_uncertainseg.runs import progress_file
from napari_uncertainseg.runs.progress_file import PROGRESS, STOP, ask_to_stop, watch
from napari_uncertainseg.runs.report.page import write_report
from napari_uncertainseg.runs.started import RunRequest, StartedRun


def test_a_folder_in_which_nothing_has_begun(tmp_path):
    assert watch(tmp_path) is None and watch(tmp_path / "gone") is None


def test_a_run_says_how_it_goes_and_how_it_ended(tmp_path, dataset, run_here, plan):
    out, seen = tmp_path / "out", []

    def load(options, setting, window_share):
        seen.append(watch(out))
        return stand_ins.Fails(setting, window_share)

    result = run_here(dataset, load=load)
    assert [(one.progress.visits, one.progress.failed) for one in seen] == [(3, 0), (3, 0), (3, 1)]
    assert seen[0].goes_on and seen[0].progress.done == 0 and seen[2].progress.done + 1 >= 1
    ended = watch(out)
    assert ended.progress.state == "reporting" and not ended.goes_on and ended.progress.share == 1
    assert [(one.name, one.why) for one in ended.progress.failures] == [
        ("sub-00001", "This scan is no scan.")
    ]
    write_report(plan(dataset), result)
    assert watch(out).progress.state == "ended"
    again = run_here(dataset)
    assert again.done_before == 2 and watch(out).progress.done == 3 and watch(out).progress.done_before == 2


def test_a_run_that_is_asked_to_stop_stops(tmp_path, dataset, run_here):
    out = tmp_path / "out"

    def load(options, setting, window_share):
        ask_to_stop(out)
        return load_bright(options, setting, window_share)

    with pytest.raises(Cancelled):
        run_here(dataset, load=load)
    assert watch(out).progress.state == "stopped" and not (out / STOP).exists()
    ask_to_stop(out)  # of the run before: it does not stop the next one
    assert len(run_here(dataset).records) == 3


def test_a_run_that_was_killed_does_not_go_on(tmp_path, dataset, run_here):
    out = tmp_path / "out"
    run_here(dataset)
    state = json.loads((out / PROGRESS).read_text()) | {"state": "running"}
    (out / PROGRESS).write_text(json.dumps(state))
    assert not watch(out).goes_on
    with claimed(out):
        assert watch(out).goes_on and is_claimed(out)
        owner = json.loads((out / LOCK).read_text())
        (out / LOCK).write_text(json.dumps(owner | {"began": 1.0}))
        assert not is_claimed(out)
        (out / LOCK).write_text(json.dumps(owner | {"host": "elsewhere"}))
        assert is_claimed(out)
        (out / LOCK).write_text("")
        assert is_claimed(out)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"state": "odd"}', "\0" * 10])
def test_what_is_no_state_is_refused_in_a_sentence(tmp_path, content):
    (tmp_path / PROGRESS).write_text(content)
    with pytest.raises(InputError, match=PROGRESS):
        watch(tmp_path)


def test_a_full_disk_stops_no_run_for_its_state(tmp_path, dataset, run_here, monkeypatch):
    def full(path):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(progress_file, "replaced_file", full)
    assert len(run_here(dataset).records) == 3


# -- a process of its own ---------------------------------------------------------------------------

SAYS = "import sys; print('uncertainseg: There is no model of this name.', file=sys.stderr); sys.exit(2)"
WAITS = "import time; time.sleep(600)"


def started(tmp_path, code: str) -> StartedRun:
    request = RunRequest(tmp_path / "cohort", tmp_path / "out", "bundled", "flips")
    return StartedRun(request, [sys.executable, "-c", code])


def wait_for_end(run: StartedRun) -> None:
    for _ in range(15_000):
        if not run.lives:
            return
        time.sleep(0.02)
    raise AssertionError("it did not end")


def test_a_run_is_started_with_what_was_chosen(tmp_path):
    request = RunRequest(tmp_path, tmp_path / "out", "mine", "mc-dropout", 12, "off")
    assert request.arguments() == [
        "run", str(tmp_path), "--out", str(tmp_path / "out"), "--model", "mine", "--method", "mc-dropout",
        "--members", "12", "--no-bias-correction",
    ]  # fmt: skip


def test_a_run_is_started_with_the_classes_that_were_ticked(tmp_path):
    request = RunRequest(tmp_path, tmp_path / "out", "mine", "flips", target=("oedema", "tumour core"))
    options = parse(request.arguments())
    assert options.target == ["oedema", "tumour core"] and str(options.cohort) == str(tmp_path)


def test_a_run_that_is_refused_says_why(tmp_path):
    run = started(tmp_path, SAYS)
    wait_for_end(run)
    assert run.refused == "There is no model of this name."
    run.leave()
    silent = started(tmp_path, "import sys; sys.exit(1)")
    wait_for_end(silent)
    assert silent.refused == "The run ended without a word."
    silent.leave()


@pytest.mark.posix
def test_a_run_can_be_ended_before_it_writes_and_goes_on_when_it_is_left(tmp_path):
    run = started(tmp_path, WAITS)
    assert run.lives and not run.refused
    run.end()
    wait_for_end(run)
    run.leave()
    left = started(tmp_path, WAITS)
    pid = left._process.pid
    left.leave()
    left.leave()
    os.kill(pid, signal.SIGKILL)  # it was still there
    os.waitpid(pid, 0)


def test_a_command_that_is_not_there(tmp_path):
    request = RunRequest(tmp_path, tmp_path / "out", "bundled", "flips")
    with pytest.raises(InputError, match="cannot be started"):
        StartedRun(request, [str(tmp_path / "nothing")])
