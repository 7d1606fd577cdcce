"""How many workers there are, and a scheduler that is not there: no cluster is started."""

from __future__ import annotations

from contextlib import nullcontext

import psutil
import pytest

from napari_uncertainseg._base import InputError
from napari_uncertainseg.bench.cohort import load_bright
from napari_uncertainseg.runs import cluster
from napari_uncertainseg.runs.cluster import plan_workers
from napari_uncertainseg.runs.plan import claimed_run
from napari_uncertainseg.runs.run import run_visits


def test_a_scheduler_that_cannot_be_reached(dataset, plan, monkeypatch):
    monkeypatch.setattr(cluster, "_PATIENCE_S", 0.3)
    planned = plan(dataset)
    for address in ("tcp://127.0.0.1:9", "no address", "nothing://x"):
        with claimed_run(planned), pytest.raises(InputError, match="cannot be reached"):
            run_visits(planned, scheduler=address, load=load_bright)


@pytest.mark.parametrize("failures", [1, 2])
def test_dasks_own_thread_may_need_a_second_chance(monkeypatch, failures):
    import distributed

    tried = []

    class Busy:
        """A client whose thread does not run after ten seconds, as on a very busy computer."""

        def __init__(self, address, **_settings):
            tried.append(address)
            assert len(tried) > failures

        def wait_for_workers(self, count, timeout):
            assert count == 1

        def run(self, version_here, on_error):
            return {"tcp://worker": version_here()}

        def close(self, timeout):
            tried.append("closed")

    monkeypatch.setattr(distributed, "Client", Busy)
    reached = (
        nullcontext() if failures == 1 else pytest.raises(InputError, match="tcp://there cannot be reached")
    )
    with reached, cluster.remote_cluster("tcp://there"):
        pass
    assert tried == ["tcp://there", "tcp://there"] + ["closed"] * (failures == 1)


def test_workers_fit_cores_and_memory(monkeypatch):
    import dask.system
    import distributed.system

    monkeypatch.setattr(dask.system, "CPU_COUNT", 16)
    monkeypatch.setattr(distributed.system, "MEMORY_LIMIT", 10_000_000_000)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: type("Memory", (), {"available": 64_000_000_000}))
    assert plan_workers(None, gpu=False, visits=100) == cluster.Workers(3, 5, 3_333_333_333)
    assert plan_workers(None, gpu=False, visits=2).count == 2
    assert plan_workers(None, gpu=True, visits=100).count == 1
    assert plan_workers(8, gpu=False, visits=100) == cluster.Workers(8, 2, 1_250_000_000)
    monkeypatch.setattr(distributed.system, "MEMORY_LIMIT", 1_000_000_000)
    assert plan_workers(None, gpu=False, visits=100).count == 1
