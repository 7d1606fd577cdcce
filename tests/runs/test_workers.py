"""How many workers there are, and a scheduler that is not there: no cluster is started."""

from __future__ import annotations

import socketserver
import threading

import psutil
import pytest

from napari_uncertainseg._base import InputError
from napari_uncertainseg.bench.cohort import load_bright
from napari_uncertainseg.runs import cluster
from napari_uncertainseg.runs.cluster import plan_workers
from napari_uncertainseg.runs.plan import claimed_run
from napari_uncertainseg.runs.run import run_visits


def test_a_scheduler_that_cannot_be_reached(dataset, plan, monkeypatch):
    import distributed

    monkeypatch.setattr(cluster, "_PATIENCE_S", 0.3)
    monkeypatch.setattr(distributed, "Client", None)  # one that is half made may never let go of its thread
    planned = plan(dataset)
    for address in ("tcp://127.0.0.1:9", "no address", "nothing://x"):
        with claimed_run(planned), pytest.raises(InputError, match="cannot be reached"):
            run_visits(planned, scheduler=address, load=load_bright)


@pytest.mark.parametrize("answer", [b"HTTP/1.0 400 Bad request\r\n\r\n", b"", b"\0" * 64])
def test_another_server_at_the_address_is_no_scheduler(monkeypatch, answer):
    monkeypatch.setattr(cluster, "_PATIENCE_S", 2)

    class Answer(socketserver.BaseRequestHandler):
        def handle(self):
            self.request.recv(1)
            self.request.sendall(answer)

    with socketserver.TCPServer(("127.0.0.1", 0), Answer) as server:
        answering = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        answering.start()
        try:
            address = f"tcp://127.0.0.1:{server.server_address[1]}"
            with pytest.raises(InputError, match="cannot be reached"), cluster.remote_cluster(address):
                pass
        finally:
            server.shutdown()
            answering.join()


def test_a_worker_at_the_address_is_no_scheduler():
    """Dask prints both addresses, one below the other."""
    from distributed import LocalCluster

    here = {"processes": False, "protocol": "tcp", "dashboard_address": None}
    with LocalCluster(n_workers=1, threads_per_worker=1, host="127.0.0.1", **here) as local:
        (worker,) = local.scheduler.workers
        with pytest.raises(InputError, match="there is a Worker of Dask"), cluster.remote_cluster(worker):
            pass
        cluster._check_reached(local.scheduler_address)


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
