"""A run before it starts: which visits it has, and the folder that it keeps for itself."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import Field

from napari_uncertainseg import __version__
from napari_uncertainseg._base import InputError, Progress, silent
from napari_uncertainseg.disk.checked_json import read_json
from napari_uncertainseg.disk.folder_lock import claimed, is_of_runs, said_by_lock
from napari_uncertainseg.disk.replaced_file import replaced_file
from napari_uncertainseg.disk.result_folder import PROGRAM
from napari_uncertainseg.disk.validation import Strict, validated
from napari_uncertainseg.evaluate.scan_folders import is_bids
from napari_uncertainseg.evaluate.worklist import VISITS, Worklist, read_worklist
from napari_uncertainseg.modalities import wanted_by
from napari_uncertainseg.runs.cluster import check_installed
from napari_uncertainseg.runs.derivatives import describe_dataset
from napari_uncertainseg.runs.places import COHORT, MOST, bids_place, folder_names
from napari_uncertainseg.runs.setting import RunOptions, Setting, segmenter_of, setting_of
from napari_uncertainseg.runs.visit import VisitTask


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
