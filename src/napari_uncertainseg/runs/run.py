"""A run over a cohort: which visits are still to do, and what became of each."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from napari_uncertainseg._base import Progress, one_line, pluralised, silent
from napari_uncertainseg.disk.folder_lock import is_of_runs
from napari_uncertainseg.disk.result_folder import SUMMARY
from napari_uncertainseg.evaluate.worklist import UnusableCase
from napari_uncertainseg.progress import segmentation as steps
from napari_uncertainseg.progress.course import end_own, planned
from napari_uncertainseg.runs.cluster import Cluster, local_cluster, plan_workers, remote_cluster
from napari_uncertainseg.runs.plan import Plan
from napari_uncertainseg.runs.progress_file import LOG, CountedVisits, Log, ProgressFile
from napari_uncertainseg.runs.record import VisitRecord, look_same, read_record
from napari_uncertainseg.runs.visit import Load, Outcome, VisitTask, do_visit, has_all_files, load_segmenter

Tell = Callable[[str], object]


@dataclass(frozen=True)
class RunResult:
    """How a run ended.

    Attributes
    ----------
    records
        Of the finished visits, in the order of the worklist.
    failed
        Each other visit, with its sentence.
    done_before
        Visits that were finished before.
    """

    records: tuple[VisitRecord, ...]
    failed: tuple[UnusableCase, ...]
    done_before: int


def run_visits(
    plan: Plan,
    *,
    scheduler: str | None = None,
    workers: int | None = None,
    progress: Progress = silent,
    tell: Tell = lambda sentence: None,
    load: Load = load_segmenter,
) -> RunResult:
    """Do all visits that are not done; the folder of the run must be claimed.

    Parameters
    ----------
    plan
        Of the run.
    scheduler
        Address of Dask's scheduler; None for workers on this computer.
    workers
        How many of them; by memory and cores if None.
    progress
        Told how many visits have ended; may raise `Cancelled`.
    tell
        Takes a sentence for each visit that failed, or whose results did not hold any more.
    load
        Loads what segments, in the worker.

    Raises
    ------
    InputError
        If the scheduler cannot be reached, or goes away.
    """
    log = Log(plan.out / LOG)
    to_do, records = _to_do(plan)
    done_before, failed = len(records), list(plan.worklist.unusable)
    visits = len(to_do) + done_before + len(failed)
    _note_start(plan, visits, done_before, log, tell)
    key = f"{steps.VISITS}/{plan.setting.method}"
    course = planned(progress, {key: len(to_do)})
    first = f"visit 1 of {len(to_do)}" if to_do else "nothing to do"
    with ProgressFile(plan.out, visits, done_before, failed) as kept, course.step(key, len(to_do), first):
        counted = CountedVisits(len(to_do), course, kept)
        work = do_visit if load is load_segmenter else partial(do_visit, load=load)
        cluster = _cluster(plan, scheduler, workers, len(to_do)) if to_do else None
        for outcome in _outcomes(cluster, to_do, work, counted.show):
            _note(outcome, log, tell)
            if outcome.record is None:
                failed.append(UnusableCase(outcome.name, outcome.why))
            else:
                records[outcome.name] = outcome.record
            counted.add(failed[-1] if outcome.record is None else None)
    end_own(course, progress)
    log(f"ended: {pluralised(len(records), 'visit')} done, {len(failed)} failed")
    order = [case.name for case in plan.worklist.cases if case.name in records]
    return RunResult(tuple(records[name] for name in order), tuple(failed), done_before)


def _to_do(plan: Plan) -> tuple[list[VisitTask], dict[str, VisitRecord]]:
    """Visits to do, and the records of those that are done, by name."""
    to_do: list[VisitTask] = []
    records: dict[str, VisitRecord] = {}
    for task in plan.tasks():
        if (known := _finished(task)) is None:
            to_do.append(task)
        else:
            records[task.name] = known
    return to_do, records


def _note_start(plan: Plan, visits: int, done_before: int, log: Log, tell: Tell) -> None:
    """Say what there is, and which visits cannot be used."""
    done = f"{pluralised(visits, 'visit')}, {done_before} done before"
    log(f"started: {done}; {plan.setting.model_dump_json()}")
    for one in plan.worklist.unusable:
        log(f"failed: {one.name}: {one.why}")
        tell(f"{one.name}: {one.why}")


def _outcomes(
    opened: AbstractContextManager[Cluster] | None,
    tasks: Sequence[VisitTask],
    work: Callable[[VisitTask], Outcome],
    waiting: Callable[[], None],
) -> Iterator[Outcome]:
    """Outcomes of a cluster; what its workers were writing when they were stopped is cleared away."""
    interrupted: Sequence[VisitTask] = ()
    if opened is None:
        return
    try:
        with opened as cluster:
            try:
                yield from cluster.outcomes(tasks, work, waiting)
            finally:
                interrupted = cluster.interrupted
    finally:
        for task in interrupted:
            _clear(task.folder)


def _clear(folder: Path) -> None:
    """Take away what a worker that was killed left in a folder, and the folder if nothing is left.

    What it was moving stays until the next run: it has the hashes that say whose the moved files are.
    """
    with suppress(OSError):
        for path in filter(is_of_runs, folder.iterdir()):
            if (path / SUMMARY).is_file():
                continue
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        folder.rmdir()


def _cluster(
    plan: Plan, scheduler: str | None, workers: int | None, visits: int
) -> AbstractContextManager[Cluster]:
    if scheduler is not None:
        return remote_cluster(scheduler)
    from napari_uncertainseg.networks.engines.device import choose_device

    gpu = choose_device(plan.options.device).kind != "cpu"
    return local_cluster(plan_workers(workers, gpu=gpu, visits=visits))


def _finished(task: VisitTask) -> VisitRecord | None:
    """The record of a visit whose results hold, as far as can be told without reading its scans."""
    record = read_record(task.folder)
    if record is None or record.setting != task.setting or not look_same(record.scans, task.images):
        return None
    known = {} if record.reference is None else {"reference": record.reference}
    if not look_same(known, {} if task.reference is None else {"reference": task.reference}):
        return None
    if task.reference is not None and record.compared is None:
        return None
    return record if has_all_files(task) else None


def _note(outcome: Outcome, log: Log, tell: Tell) -> None:
    if outcome.record is None:
        log(f"failed: {outcome.name}: {outcome.why}\n{outcome.trace}")
        tell(f"{outcome.name}: {outcome.why}")
        return
    if outcome.why:
        log(f"made anew: {outcome.name}: {outcome.why}")
        tell(f"{outcome.name} was made anew: {outcome.why}")
    found = f"{pluralised(outcome.record.lesions, 'lesion')}, {outcome.record.volume_ml:.2f} ml"
    notes = "".join(f"; {one_line(note)}" for note in outcome.record.notes)
    log(f"done: {outcome.name} in {outcome.record.seconds:.1f} s: {found}{notes}")


def describe(result: RunResult) -> str:
    """How a run ended, for display."""
    parts = [f"{pluralised(len(result.records), 'visit')} done"]
    if result.done_before:
        parts[0] += f" ({result.done_before} of them before)"
    if result.failed:
        parts.append(f"{len(result.failed)} failed")
    return ", ".join(parts)
