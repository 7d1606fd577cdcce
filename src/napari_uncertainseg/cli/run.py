"""``uncertainseg run``."""

from __future__ import annotations

import sys
from argparse import Namespace
from typing import TYPE_CHECKING

from napari_uncertainseg.cli import SOME_FAILED
from napari_uncertainseg.cli.progress import ProgressLine

if TYPE_CHECKING:
    from napari_uncertainseg._base import Progress
    from napari_uncertainseg.evaluate.worklist import Worklist
    from napari_uncertainseg.runs.setting import RunOptions


def run(options: Namespace) -> None:
    """Segment every visit of a cohort, and write the report; exit status 3 where some failed."""
    with ProgressLine() as progress:
        worklist = _check(options, progress)
    from napari_uncertainseg.runs.cluster import check_installed

    check_installed()
    from napari_uncertainseg.runs.plan import claimed_run, plan_run
    from napari_uncertainseg.runs.report.page import write_report
    from napari_uncertainseg.runs.run import describe, run_visits

    chosen = run_options(options, resample=options.resample)
    with ProgressLine() as progress:
        away = options.scheduler is not None
        plan = plan_run(
            options.cohort, options.out, chosen, elsewhere=away, worklist=worklist, progress=progress
        )
        for note in plan.worklist.notes:
            progress.say(note)
        with claimed_run(plan, overwrite=options.overwrite):
            result = run_visits(
                plan,
                scheduler=options.scheduler,
                workers=options.workers,
                progress=progress,
                tell=progress.say,
            )
            progress("writing the report", 1.0)
            page = write_report(plan, result)
    print(describe(result))
    print(f"{page}: the report")
    if result.failed:
        print(f"uncertainseg: {len(result.failed)} of the visits failed; {page} lists them", file=sys.stderr)
        raise SystemExit(SOME_FAILED)


def _check(options: Namespace, progress: Progress) -> Worklist:
    """See that there are scans and a model for them, before the imports of a run; which scans."""
    from napari_uncertainseg.evaluate.worklist import read_worklist
    from napari_uncertainseg.modalities import wanted_by
    from napari_uncertainseg.networks.catalog import find_model
    from napari_uncertainseg.runs.places import MOST

    model = find_model(options.model)
    model = model if options.target is None else model.with_target(options.target)
    wanted = wanted_by(model.modalities)
    return read_worklist(options.cohort, progress, wanted=wanted, most=MOST, lenient=True)


def run_options(options: Namespace, *, resample: bool = False) -> RunOptions:
    """What `cli.options.setting` asked for."""
    from napari_uncertainseg.runs.setting import CORRECTION, RunOptions

    return RunOptions(
        model=options.model,
        method=options.method,
        members=options.members,
        target=options.target,
        threshold=options.threshold,
        min_volume=options.min_volume,
        skull=options.skull,
        bias_correction=CORRECTION[options.bias_correction],
        volume=options.volume,
        device=options.device,
        seed=options.seed,
        resample=resample,
    )
