"""A table of scans for ``uncertainseg train-mil``: they are segmented first, as ``uncertainseg run`` does."""

from __future__ import annotations

from pathlib import Path

from napari_uncertainseg._base import InputError
from napari_uncertainseg.cli.progress import ProgressLine
from napari_uncertainseg.disk.tables import read_tsv

RUN, TABLE = "run", "cohort.tsv"
"""In the folder of what is learned: the run, and the table with its folders of results."""


def with_results(cohort: Path, out: Path, model: str | None, device: str, progress: ProgressLine) -> Path:
    """A table with a folder of results in each row: the one that is given, or one whose scans are segmented.

    Parameters
    ----------
    cohort
        A table with a column ``folder``, or one with scans as `run` reads it.
    out
        Gets the run and the new table where there is no such column.
    model, device
        What scans are segmented with; the bundled model if None.
    progress
        Told which visit; what it raises ends the work, and the visits that are done stay.

    Raises
    ------
    InputError
        If the table cannot be used, or a visit cannot be segmented.
    """
    from napari_uncertainseg.evaluate.worklist import RESULTS
    from napari_uncertainseg.explain.attention.labelled_visits import has_scans_only
    from napari_uncertainseg.export import write_table

    if not has_scans_only(cohort):
        return cohort
    table = read_tsv(cohort, texts=True)
    rows = table[(table.apply(lambda column: column.str.strip()) != "").any(axis=1)]
    folders = _segmented(cohort, out / RUN, model, device, progress)
    write_table(out / TABLE, rows.assign(**{RESULTS: [str(folder) for folder in folders]}))
    return out / TABLE


def _segmented(cohort: Path, out: Path, model: str | None, device: str, progress: ProgressLine) -> list[Path]:
    """The folder of results of each row."""
    from napari_uncertainseg.runs.plan import claimed_run, plan_run
    from napari_uncertainseg.runs.run import run_visits
    from napari_uncertainseg.runs.setting import RunOptions

    plan = plan_run(cohort, out, RunOptions(model=model or "bundled", device=device), progress=progress)
    failed = plan.worklist.unusable
    if not failed:
        with claimed_run(plan):
            failed = run_visits(plan, progress=progress, tell=progress.say).failed
    if failed:
        raise InputError(f"{cohort}: {failed[0].name} cannot be segmented: {failed[0].why}")
    folders = plan.folders()
    return [folders[case.name] for case in plan.worklist.cases]
