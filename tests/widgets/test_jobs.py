"""One job at a time: progress, Cancel, errors, and nothing kept afterwards."""

import logging
import threading
import time
import weakref

import pytest
from qtpy.QtCore import Qt

from napari_uncertainseg._base import Cancelled, InputError
from napari_uncertainseg.progress.times import NOTHING_LEFT
from napari_uncertainseg.widgets.shared import jobs
from napari_uncertainseg.widgets.shared.jobs import JobRunner, JobState

from .actions import wait_until_gone


@pytest.fixture
def runner(qtbot):
    made = JobRunner()
    yield made
    made.cleanup()
    made.deleteLater()


def _jobs():
    return [t for t in threading.enumerate() if t.name == "uncertainseg-job"]


def test_result_arrives_on_the_main_thread(runner, qtbot):
    seen = []
    runner.finished.connect(lambda result: seen.append((result, threading.current_thread())))
    worker = []
    with qtbot.waitSignal(runner.finished, timeout=2000):
        runner.start(lambda progress: worker.append(threading.current_thread()) or 42)
    assert seen == [(42, threading.main_thread())]
    assert worker[0] is not threading.main_thread()


def test_states_in_order(runner, qtbot):
    states = []
    runner.state_changed.connect(states.append)
    go = threading.Event()

    def work(progress):
        while not go.wait(0.005):
            progress("working", 0.1)

    runner.start(work)
    with pytest.raises(RuntimeError, match="already running"):
        runner.start(work)
    with qtbot.waitSignal(runner.cancelled, timeout=2000):
        runner.cancel()
    assert states == [JobState.RUNNING, JobState.CANCELLING, JobState.IDLE]


def test_progress_tells_stage_fraction_and_time(runner, qtbot, monkeypatch):
    monkeypatch.setattr(jobs, "_REPORT_EVERY", 600.0)  # nothing else is "too soon" on every machine
    seen = []
    runner.progressed.connect(lambda *told: seen.append(told))

    def work(progress):
        progress("brain", 0.2)
        progress("brain", 0.21)  # too soon after the first: dropped
        progress("member 1 of 2", 0.5)
        progress("member 2 of 2", 7.0)

    with qtbot.waitSignal(runner.finished, timeout=2000):
        runner.start(work)
    assert seen == [("brain", 0.2, None), ("member 1 of 2", 0.5, None), ("member 2 of 2", 1.0, NOTHING_LEFT)]


def test_the_time_left_goes_on_while_the_work_reports_nothing(qtbot, monkeypatch, request):
    monkeypatch.setattr(jobs, "_TICK_MS", 20)
    runner = request.getfixturevalue("runner")
    go_on, told = threading.Event(), []
    runner.progressed.connect(lambda *news: told.append(news))

    def work(progress):
        progress("one long call", 0.5)
        assert go_on.wait(600)

    runner.start(work)
    qtbot.waitUntil(lambda: len(told) > 3, timeout=20_000)
    assert {news[:2] for news in told} == {("one long call", 0.5)} and runner.elapsed > 0
    with qtbot.waitSignal(runner.finished, timeout=5000):
        go_on.set()
    known = len(told)
    qtbot.wait(200)
    assert len(told) == known  # no tick after the end


def test_cancel_gives_the_window_back_at_once_and_drops_the_late_result(runner, qtbot):
    hold = threading.Event()
    finished = []
    runner.finished.connect(finished.append)
    runner.start(lambda progress: hold.wait(120) and "late")
    with qtbot.waitSignal(runner.cancelled, timeout=60_000):
        runner.cancel()
    assert runner.state is JobState.IDLE and _jobs()  # the work has not ended, and is not waited for
    hold.set()
    qtbot.waitUntil(lambda: not _jobs(), timeout=2000)
    qtbot.wait(50)
    assert finished == []


def test_next_job_waits_for_an_abandoned_one(runner, qtbot):
    hold, order = threading.Event(), []

    def stubborn(progress):
        hold.wait(600)
        order.append("first ends")

    runner.start(stubborn)
    with qtbot.waitSignal(runner.cancelled, timeout=2000):
        runner.cancel()
    with qtbot.waitSignal(runner.finished, timeout=3000):
        runner.start(lambda progress: order.append("second runs"))
        qtbot.wait(150)
        assert order == []
        hold.set()
    assert order == ["first ends", "second runs"]


def test_a_result_that_crosses_with_cancel_is_dropped(runner, qtbot):
    finished = []
    runner.finished.connect(finished.append)
    runner.start(lambda progress: "result")
    while _jobs():  # the job ends, and its news waits in the queue
        time.sleep(0.005)
    with qtbot.waitSignal(runner.cancelled, timeout=2000):
        runner.cancel()
    assert finished == []


@pytest.mark.parametrize(
    ("error", "told", "logged"),
    [
        (InputError("T1.nii.gz is empty."), "T1.nii.gz is empty.", False),
        (KeyError("x"), "Internal error (KeyError); the log has the details.", True),
        (MemoryError(), "There is not enough memory", True),
    ],
)
def test_errors_become_one_sentence(runner, qtbot, caplog, error, told, logged):
    def work(progress):
        raise error

    with caplog.at_level(logging.ERROR), qtbot.waitSignal(runner.failed, timeout=2000) as heard:
        runner.start(work)
    assert heard.args[0].startswith(told)
    assert ("Traceback" in caplog.text) is logged
    assert runner.state is JobState.IDLE


@pytest.mark.parametrize("ending", [lambda: None, lambda: 1 / 0], ids=["finished", "failed"])
def test_nothing_is_kept_after_the_end(runner, qtbot, ending):
    class Scan:
        pass

    scan = Scan()
    gone = weakref.ref(scan)

    def work(progress, held=scan):
        ending()

    runner.start(work)
    del scan, work
    qtbot.waitUntil(lambda: runner.state is JobState.IDLE, timeout=2000)
    wait_until_gone(qtbot, gone)


def test_cleanup_twice_ends_the_thread(runner, qtbot):
    def work(progress):
        while True:
            progress("working", 0.5)
            time.sleep(0.005)

    runner.start(work)
    runner.cleanup(seconds=600)
    runner.cleanup()
    assert not _jobs()
    assert runner.state is JobState.IDLE


def test_a_job_that_outlasts_cleanup_does_not_touch_the_runner(runner):
    go, posted = threading.Event(), []
    runner._posted.connect(posted.append, Qt.ConnectionType.DirectConnection)
    runner.start(lambda progress: go.wait(600))  # a library call that hears of no cancel
    (thread,) = _jobs()
    runner.cleanup(seconds=0)
    go.set()
    thread.join(600)
    assert not posted


def test_work_may_raise_cancelled_itself(runner, qtbot):
    def work(progress):
        raise Cancelled

    with qtbot.waitSignal(runner.cancelled, timeout=2000):
        runner.start(work)
