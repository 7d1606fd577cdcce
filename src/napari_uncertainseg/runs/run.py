"""A run over a cohort: which visits are to do, what became of each, and what is kept of the run itself."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from pydantic import Field

from napari_uncertainseg import __version__
from napari_uncertainseg._base import InputError, Progress, one_line, pluralised, silent
from napari_uncertainseg.disk.checked_json import read_json
from napari_uncertainseg.disk.folder_lock import claimed, is_of_runs, said_by_lock
from napari_uncertainseg.disk.replaced_file import replaced_file
from napari_uncertainseg.disk.result_folder import PROGRAM, SUMMARY
from napari_uncertainseg.disk.validation import Strict, validated
from napari_uncertainseg.evaluate.scan_folders import is_bids
from napari_uncertainseg.evaluate.worklist import VISITS, UnusableCase, Worklist, read_worklist
from napari_uncertainseg.modalities import wanted_by
from napari_uncertainseg.progress import segmentation as steps
from napari_uncertainseg.progress.course import end_own, planned
from napari_uncertainseg.runs.cluster import (
    Cluster,
    check_installed,
    local_cluster,
    plan_workers,
    remote_cluster,
)
from napari_uncertainseg.runs.derivatives import describe_dataset
from napari_uncertainseg.runs.places import COHORT, MOST, bids_place, folder_names
from napari_uncertainseg.runs.progress_file import LOG, CountedVisits, Log, ProgressFile
from napari_uncertainseg.runs.record import VisitRecord, look_same, read_record
from napari_uncertainseg.runs.setting import RunOptions, Setting, segmenter_of, setting_of
from napari_uncertainseg.runs.visit import Load, Outcome, VisitTask, do_visit, has_all_files, load_segmenter

Tell = Callable[[str], object]


class CohortFile(Strict):
    """What the folder of a run says of it."""

    software: str = Field(description="text")
    source: str = Field(description="text")
    layout: str = Field(description="text")
    setting: Setting = Field(description="an object")


@dataclass(frozen=True)
class Plan:
    """A run, before it starts.

    Attributes
    ----------
    worklist
        The visits, and what was left out.
    out
        The folder of the run.
    bids
        Whether derivatives of BIDS are written beside the folders of the visits.
    options, setting
        What visits are segmented with.
    """

    worklist: Worklist
    out: Path
    bids: bool
    options: RunOptions
    setting: Setting

    def tasks(self) -> list[VisitTask]:
        """One for each visit, in the order of the worklist; the folder of the run must be claimed."""
        folders = folder_names([case.name for case in self.worklist.cases])
        run = self.out, said_by_lock(self.out)
        return [
            VisitTask(
                name=case.name,
                images=dict(case.images),
                reference=case.reference,
                folder=self.out / VISITS / folders[case.name],
                bids=bids_place(case, self.worklist.source, self.out) if self.bids else None,
                options=self.options,
                setting=self.setting,
                run=run,
            )
            for case in self.worklist.cases
        ]

    def folders(self) -> dict[str, Path]:
        """Where the results of each visit lie, by its name."""
        names = folder_names([case.name for case in self.worklist.cases])
        return {name: self.out / VISITS / folder for name, folder in names.items()}


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


def plan_run(
    cohort: Path,
    out: Path,
    options: RunOptions,
    *,
    elsewhere: bool = False,
    worklist: Worklist | None = None,
    progress: Progress = silent,
) -> Plan:
    """See what is to do, and that it can be done, before anything is written.

    Parameters
    ----------
    cohort
        A folder, a BIDS dataset or a table, see `read_worklist`.
    out
        For the results.
    options
        What visits are segmented with.
    elsewhere
        Whether workers of another computer do it: they may have a device that this one lacks.
    worklist
        The cohort's, where it was read already, for the same model.
    progress
        Told which folder is looked at.

    Raises
    ------
    InputError
        If the cohort, the options or the folder cannot be used.
    """
    check_installed()
    cohort, out = cohort.absolute(), out.absolute()
    segmenter = segmenter_of(replace(options, device="cpu") if elsewhere else options)
    wanted = wanted_by(segmenter.model.modalities)
    bids = cohort.is_dir() and is_bids(cohort, wanted)
    _check_place(cohort, out, bids)
    if worklist is None:
        worklist = read_worklist(cohort, progress, wanted=wanted, most=MOST, lenient=True)
    return Plan(worklist, out, bids, options, setting_of(options, segmenter))


def _check_place(cohort: Path, out: Path, bids: bool) -> None:
    if not cohort.is_dir():
        return
    inside = Path(os.path.realpath(out)).is_relative_to(os.path.realpath(cohort))
    derived = out.is_relative_to(cohort / "derivatives")
    if inside and not (bids and derived):
        where = f"{cohort / 'derivatives'}, or a folder elsewhere" if bids else "a folder elsewhere"
        raise InputError(
            f"{out} lies within the cohort, where it would be read as a part of it: name {where}."
        )


@contextmanager
def claimed_run(plan: Plan, *, overwrite: bool = False) -> Iterator[None]:
    """Keep the folder of a run, and see that what is there belongs to this run.

    Parameters
    ----------
    plan
        Of the run.
    overwrite
        Whether results of another cohort, or with another setting, may be replaced.

    Raises
    ------
    InputError
        If another run has the folder, or it holds something else.
    """
    if plan.out.is_file():
        raise InputError(f"{plan.out} is a file; name a folder for the results.")
    with claimed(plan.out):
        _check_content(plan, overwrite)
        about = CohortFile(
            software=f"{PROGRAM} {__version__}",
            source=str(plan.worklist.source),
            layout="bids" if plan.bids else "folders",
            setting=plan.setting,
        )
        with replaced_file(plan.out / COHORT) as file:
            file.write(about.model_dump_json(indent=1).encode("utf-8", "replace"))
        if plan.bids:
            describe_dataset(plan.out, plan.worklist.source)
        yield


def _check_content(plan: Plan, overwrite: bool) -> None:
    if not (plan.out / COHORT).exists():
        rest = f".{COHORT}."  # of a run that was killed while it wrote the file
        if not all(is_of_runs(path) or path.name.startswith(rest) for path in plan.out.iterdir()):
            raise InputError(f"{plan.out} holds something else than a run; name a new folder.")
        return
    before = validated(CohortFile, read_json(plan.out / COHORT, most_bytes=100_000), str(plan.out / COHORT))
    if before.source != str(plan.worklist.source):
        _check_cohort(plan, before.source, overwrite)
    if overwrite:
        return
    if change := before.setting.changes(plan.setting):
        raise InputError(
            f"{plan.out} was made with another setting ({change}); name another folder, or make all visits "
            "anew with --overwrite."
        )


def _check_cohort(plan: Plan, before: str, overwrite: bool) -> None:
    """See that no result of another cohort would stay among those of this one."""
    ours = {folder.name for folder in plan.folders().values()}
    visits = plan.out / VISITS
    others = (
        sorted(path.name for path in visits.iterdir() if path.name not in ours) if visits.is_dir() else []
    )
    if others:
        raise InputError(
            f"{plan.out} holds the results of another cohort ({before}), whose visit {others[0]} is not in "
            "this one; name another folder."
        )
    if not overwrite:
        raise InputError(
            f"{plan.out} holds the results of another cohort ({before}); name another folder, or replace "
            "them with --overwrite."
        )


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
