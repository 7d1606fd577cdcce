"""The real scheduler: many visits, workers that are killed, and a scheduler that is somewhere else.

A cluster takes seconds to start: what it does not decide is tested in this process, see `in_process`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest
import stand_ins

from napari_uncertainseg._base import Cancelled, InputError
from napari_uncertainseg.bench.cohort import load_bright, write_visits
from napari_uncertainseg.evaluate.saved_results import read_saved_results
from napari_uncertainseg.runs import cluster
from napari_uncertainseg.runs.plan import claimed_run
from napari_uncertainseg.runs.record import RECORD
from napari_uncertainseg.runs.run import run_visits

pytestmark = [pytest.mark.slow, pytest.mark.posix]


@pytest.fixture(autouse=True)
def nothing_is_left():
    """No process of a cluster outlives a run."""
    before = {process.pid for process in psutil.Process().children(recursive=True)}
    yield
    for _ in range(1200):
        left = [p for p in psutil.Process().children(recursive=True) if p.pid not in before and _works(p)]
        if not left:
            break
        time.sleep(0.1)
    assert not left


def _works(process: psutil.Process) -> bool:
    """Whether a process is one of Dask's; Python keeps a tracker of semaphores as long as it lives."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE and "resource_tracker" not in " ".join(
            process.cmdline()
        )
    except psutil.Error:
        return False


def run(planned, **options):
    with claimed_run(planned):
        return run_visits(planned, **{"load": load_bright, "workers": 1, **options})


@pytest.mark.skipif(not os.environ.get("UNCERTAINSEG_SOAK"), reason="`make soak` runs it")
def test_a_hundred_visits(tmp_path, plan):
    result = run(plan(write_visits(tmp_path / "dataset", 100)), workers=2)
    assert [record.name for record in result.records] == [f"sub-{i:05d}" for i in range(100)]
    assert read_saved_results(tmp_path / "out" / "visits" / "sub-00099")


def test_visits_of_two_workers_and_one_that_is_killed_by_memory(tmp_path, plan, run_here):
    """It is tried again in smaller windows, and listed if that does not help."""
    dataset, told = write_visits(tmp_path / "dataset", 5), []
    progress = lambda stage, fraction: told.append((stage, fraction))  # noqa: E731
    result = run(plan(dataset), load=stand_ins.load_dies, workers=2, progress=progress)
    assert [(record.name, record.notes) for record in result.records] == [
        ("sub-00000", ["windows 1"]),
        ("sub-00001", ["windows 0.25"]),
        ("sub-00003", ["windows 1"]),
        ("sub-00004", ["windows 1"]),
    ]
    assert [one.name for one in result.failed] == ["sub-00002"]
    assert "killed twice, most likely for want of memory" in result.failed[0].why
    fractions = [fraction for _, fraction in told]
    assert fractions == sorted(fractions) and fractions[-1] == 1 and told[0][0] == "visit 1 of 5"
    assert read_saved_results(tmp_path / "out" / "visits" / "sub-00004")
    assert run_here(dataset).done_before == 4


def test_stopping_ends_a_visit_that_is_at_work(tmp_path, dataset, plan, run_here):
    said = []

    def stop(stage, fraction):
        said.append(stage)
        if fraction >= 1 / 3:
            raise Cancelled

    with pytest.raises(Cancelled):
        run(plan(dataset), load=stand_ins.load_slow, progress=stop)
    assert not [stage for stage in said if "failed" in stage], said
    assert not list((tmp_path / "out").glob("visits/*/.*"))
    assert run_here(dataset).done_before == 1


def test_the_workers_of_another_scheduler_and_one_without_workers(dataset, plan, monkeypatch):
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=0, threads_per_worker=1, dashboard_address="127.0.0.1:0", processes=True
    ) as other:
        with monkeypatch.context() as patch:
            patch.setattr(cluster, "_WITHOUT_WORKERS_S", 0.3)
            with pytest.raises(InputError, match="has no worker"):
                run(plan(dataset), scheduler=other.scheduler_address)
        other.scale(1)
        result = run(plan(dataset), scheduler=other.scheduler_address)
        assert len(result.records) == 3
        assert len(other.scheduler.workers) == 1  # it is not ours to close


SCRIPT = """
import signal, sys
sys.path.insert(0, {here!r})
import stand_ins
from napari_uncertainseg.bench import cohort
from napari_uncertainseg.cli import main
from napari_uncertainseg.runs import run
import functools
if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # off where the tests run in the background
    run.run_visits = functools.partial(run.run_visits, load=stand_ins.{load})
    sys.exit(main())
"""


@pytest.fixture
def started(tmp_path, dataset):
    """The command in a process of its own, as soon as its first visit is done."""
    processes = []

    def start(load: str) -> subprocess.Popen:
        script = tmp_path / "script.py"
        script.write_text(SCRIPT.format(here=str(Path(__file__).parent), load=load))
        arguments = ["run", str(dataset), "--out", str(tmp_path / "out"), "--workers", "1"]
        process = subprocess.Popen(
            [sys.executable, str(script), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        processes.append(process)
        timer = threading.Timer(300, process.kill)
        timer.start()
        while process.poll() is None and not list((tmp_path / "out").glob(f"visits/*/{RECORD}")):
            time.sleep(0.02)
        timer.cancel()
        return process

    yield start
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate()


def test_a_run_that_is_killed_goes_on_where_it_was(tmp_path, dataset, run_here, started):
    process = started("load_slow")
    assert process.poll() is None, process.communicate()
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    first = (tmp_path / "out" / "visits" / "sub-00000" / RECORD).read_bytes()
    result = run_here(dataset)
    assert result.done_before == 1 and len(result.records) == 3 and not result.failed
    assert (tmp_path / "out" / "visits" / "sub-00000" / RECORD).read_bytes() == first
    for folder in (tmp_path / "out" / "visits").iterdir():
        assert read_saved_results(folder) and not list(folder.glob(".*"))


def test_ctrl_c_stops_the_command_and_leaves_no_half(tmp_path, dataset, run_here, started):
    process = started("load_slow")
    assert process.poll() is None, process.communicate()
    os.killpg(process.pid, signal.SIGINT)
    _, error = process.communicate()
    assert process.returncode == 130
    assert error == "uncertainseg: interrupted; nothing was left half written\n"
    assert not [path for path in (tmp_path / "out").rglob("*") if path.name.startswith(".u")]
    assert run_here(dataset).done_before == 1
