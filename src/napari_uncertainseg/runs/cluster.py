"""The processes that visits are spread over: Dask's, on this computer or wherever its scheduler has some."""

from __future__ import annotations

import asyncio
import queue
import time
from collections.abc import Callable, Iterable, Iterator, Set
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import psutil

from napari_uncertainseg import __version__
from napari_uncertainseg._base import Cancelled, InputError
from napari_uncertainseg.runs.visit import Outcome, VisitTask

if TYPE_CHECKING:
    from distributed import Client, Future, LocalCluster, Nanny

WORKER_BYTES = 3_000_000_000
"""Memory of one worker: the network and a scan of 1 mm with ten members took 1.3 GB (docs/performance.md)."""
WORKER_CORES = 2
"""Of one worker, where memory allows: reading and writing use one, the network all."""
_WITHOUT_WORKERS_S = 20
"""So long a scheduler that answers may have no worker."""
_PATIENCE_S = 20
"""For a scheduler to answer."""
_CLOSING_S = 30
"""For workers to end."""
_STARTING_S = 120.0
"""For a worker to be started again."""
_DYING_S = 1.0
"""For killed workers to be gone."""
_LOOK_S = 0.5
"""Between two signs of life while nothing ends."""
_GONE = "the scheduler went away; start the run again to go on"
_KILLED = (
    "Its worker was killed twice, most likely for want of memory, the second time with windows as small as "
    "the model allows; run it on a computer with more memory, or with fewer --workers."
)


@dataclass(frozen=True)
class Workers:
    """How many processes there are on this computer, and threads and memory (bytes) of each."""

    count: int
    threads: int
    memory: int


def plan_workers(wanted: int | None, *, gpu: bool, visits: int) -> Workers:
    """Workers by memory and cores, no more than there are visits; one where all would share a GPU.

    Parameters
    ----------
    wanted
        What the user said.
    gpu
        Whether the network runs on one.
    visits
        To do.
    """
    from dask.system import CPU_COUNT
    from distributed.system import MEMORY_LIMIT

    free = int(min(MEMORY_LIMIT, psutil.virtual_memory().available))
    fitting = 1 if gpu else min(CPU_COUNT // WORKER_CORES, free // WORKER_BYTES)
    count = min(max(1, wanted or fitting), max(1, visits))
    return Workers(count, max(1, CPU_COUNT // count), free // count)


def check_installed() -> None:
    """See that Dask is there.

    Raises
    ------
    InputError
        With what to type, if it is not.
    """
    if find_spec("distributed") is None:
        raise InputError(
            'Runs over cohorts need Dask, which is not installed: pip install "napari-uncertainseg[cohort]".'
        )


@contextmanager
def local_cluster(workers: Workers) -> Iterator[Cluster]:
    """Processes on this computer; they are gone afterwards, whatever happened."""
    import dask
    from distributed import Client, LocalCluster

    threads = {f"{name}_NUM_THREADS": str(workers.threads) for name in ("OMP", "MKL", "OPENBLAS")}
    settings = {
        # Results are a few numbers: what fills memory is a scan at work, which no pause makes smaller.
        "distributed.worker.memory.target": False,
        "distributed.worker.memory.spill": False,
        "distributed.worker.memory.pause": False,
        "distributed.nanny.pre-spawn-environ": threads,
        "distributed.admin.tick.limit": "1h",  # a network that holds the interpreter is no fault
        # Nobody looks at them, and kept for an hour they made each worker grow by 50 kB a visit.
        "distributed.worker.profile.enabled": False,
        "distributed.admin.system-monitor.log-length": 600,
    }
    with dask.config.set(settings):
        cluster = LocalCluster(
            n_workers=workers.count,
            threads_per_worker=1,
            processes=True,
            memory_limit=workers.memory,
            dashboard_address="127.0.0.1:0",  # any free port, for this computer only
            silence_logs=50,
            scheduler_kwargs={"allowed_failures": 0},
        )
        client = Client(cluster, set_as_default=False)
        try:
            yield Cluster(client, workers.count, cluster)
        except KeyboardInterrupt:
            _kill(cluster)
            cluster.shutdown_on_close = False  # at exit: with its workers dead it would wait for ten seconds
            raise
        except BaseException:
            _kill(cluster)
            _close(client, cluster)
            raise
        else:
            _close(client, cluster)


def _close(client: Client, cluster: LocalCluster) -> None:
    client.close()
    with suppress(TimeoutError):
        cluster.close(timeout=_CLOSING_S)
    _kill(cluster)


def _kill(cluster: LocalCluster) -> None:
    """End the workers at once, and wait until they are no more: a network would not be asked to stop."""
    ended = []
    for nanny in list(cluster.workers.values()):
        nanny.close_gracefully()  # it shall not start another
        if pid := nanny.pid:
            with suppress(psutil.Error):
                process = psutil.Process(pid)
                process.kill()
                ended.append(process)
    give_up = time.monotonic() + _DYING_S
    while any(map(_lives, ended)) and time.monotonic() < give_up:
        time.sleep(0.01)


def _is_ready(nanny: Nanny, registered: Set[int]) -> bool:
    """Whether a worker takes visits, and would be started again if it were killed.

    A process that was started again lives for seconds before the scheduler knows it. Until then, visits would
    wait behind another one, on a worker that this one may get killed: Dask takes both for guilty.
    """
    try:
        pid = nanny.pid
        return nanny.status.name == "running" and pid in registered and _lives(psutil.Process(pid))
    except psutil.Error:
        return False


def _all_ready(cluster: LocalCluster) -> bool:
    scheduler: Any = cluster.scheduler  # of this process; Dask says that there may be none
    registered = {worker.pid for worker in list(scheduler.workers.values())}
    return all(_is_ready(nanny, registered) for nanny in list(cluster.workers.values()))


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


@contextmanager
def remote_cluster(address: str) -> Iterator[Cluster]:
    """The workers of a scheduler that is there already.

    Parameters
    ----------
    address
        Such as ``tcp://10.0.0.5:8786``.

    Raises
    ------
    InputError
        If it cannot be reached, has no worker, or a worker has another version of this program.
    """
    from distributed import Client

    _check_reached(address)
    client = Client(address, timeout=_PATIENCE_S, set_as_default=False)
    try:
        try:
            client.wait_for_workers(1, timeout=_WITHOUT_WORKERS_S)
        except TimeoutError as error:
            raise InputError(f"The scheduler {address} has no worker; start some first.") from error
        versions = client.run(_version_here, on_error="return")
        for worker, version in versions.items():
            if version != __version__:
                raise InputError(
                    f"The worker {worker} has another napari-uncertainseg than this computer ({version}, "
                    f"here {__version__}); install the same there."
                )
        yield Cluster(client, len(versions))
    finally:
        client.close(timeout=_CLOSING_S)


def _check_reached(address: str) -> None:
    """See that a scheduler answers, before there is a client of it.

    A client that finds none is left half made. What collects it later closes it, in whatever thread that
    happens: where that was one that Dask had just started, both waited for each other.
    """
    from distributed.comm import connect
    from distributed.core import send_recv
    from distributed.security import Security

    async def reach() -> None:
        security = Security().get_connection_args("client")
        answered = await connect(address, timeout=_PATIENCE_S, **security)
        try:
            said = await asyncio.wait_for(send_recv(answered, op="identity"), _PATIENCE_S)
        finally:
            await answered.close()
        if said["type"] != "Scheduler":
            raise ValueError(f"there is a {said['type']} of Dask")

    with ThreadPoolExecutor(1) as elsewhere:  # the thread here may have a loop of its own
        error = elsewhere.submit(asyncio.run, reach()).exception()
    if error is not None:  # of any kind: what is there may be another server, which answers as it likes
        raise InputError(
            f"The scheduler {address} cannot be reached ({str(error) or type(error).__name__}); see that it "
            "runs and that its address is right."
        ) from error


def _version_here() -> str:
    from napari_uncertainseg import __version__ as version

    return version


class Cluster:
    """Spreads visits over workers: as many at a time as there are workers, so that memory stays flat.

    Parameters
    ----------
    client
        Of Dask.
    workers
        How many there are.
    local
        Whose workers they are, where they end with the run.

    Attributes
    ----------
    interrupted
        Visits that were at work when `outcomes` was left, where their workers end with the run.
    """

    def __init__(self, client: Client, workers: int, local: LocalCluster | None = None) -> None:
        self._client = client
        self._local = local
        self.workers = workers
        self.interrupted: list[VisitTask] = []

    def outcomes(
        self,
        tasks: Iterable[VisitTask],
        do: Callable[[VisitTask], Outcome],
        waiting: Callable[[], None] = lambda: None,
    ) -> Iterator[Outcome]:
        """Outcomes in the order in which visits end.

        A visit whose worker was killed, or that ran out of memory, is done once more in smaller windows.

        Parameters
        ----------
        tasks
            The visits; taken one by one, when a worker is free.
        do
            What a worker does with one.
        waiting
            Called twice a second while nothing ends; what it raises ends the run.

        Raises
        ------
        InputError
            If the scheduler goes away.
        """
        ended: queue.SimpleQueue[Future] = queue.SimpleQueue()
        running: dict[Any, tuple[VisitTask, Future]] = {}
        rest = iter(tasks)

        def start(task: VisitTask) -> None:
            future = self._client.submit(do, task, pure=False)
            running[future.key] = task, future
            future.add_done_callback(ended.put)

        def fill() -> None:
            while len(running) < self.workers and (task := next(rest, None)) is not None:
                start(task)

        try:
            fill()
            while running:
                future = self._next(ended, waiting)
                task, _ = running.pop(future.key)
                outcome = self._outcome(task, future)
                future.release()
                if outcome.why == _KILLED:
                    self._await_workers()
                if outcome.short_of_memory and task.window_share == 1:
                    start(task.with_smaller_windows())
                    continue
                fill()
                yield outcome
        finally:
            with suppress(Exception):  # a client that is closing has nothing left to cancel
                self._client.cancel([future for _, future in running.values()])
            self.interrupted = [task for task, _ in running.values()] if self._local is not None else []

    def _await_workers(self) -> None:
        """Wait until killed workers take visits again: one that is killed before, Dask does not replace."""
        give_up = time.monotonic() + _STARTING_S
        while self._local is not None and not _all_ready(self._local) and time.monotonic() < give_up:
            time.sleep(0.05)

    def _next(self, ended: queue.SimpleQueue[Future], waiting: Callable[[], None]) -> Future:
        while True:
            try:
                return ended.get(timeout=_LOOK_S)
            except queue.Empty:
                waiting()
                if self._client.status in ("closed", "closing"):
                    raise InputError(f"{_GONE[0].upper()}{_GONE[1:]}.") from None

    def _outcome(self, task: VisitTask, future: Future) -> Outcome:
        from distributed import KilledWorker

        if future.status == "finished":
            found: Outcome = future.result(timeout=_PATIENCE_S)
            return found
        error: Any = future.exception(timeout=_PATIENCE_S) if future.status == "error" else None
        if isinstance(error, KilledWorker):
            return Outcome(task.name, None, _KILLED, short_of_memory=True)
        if error is None or isinstance(error, Cancelled):
            raise InputError(f"{_GONE[0].upper()}{_GONE[1:]}.")
        return Outcome(task.name, None, f"The worker could not do it ({type(error).__name__}: {error}).")
