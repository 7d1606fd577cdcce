"""The figures of ``docs/performance.md`` on this machine: ratios of two things measured in one run."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence
from importlib.util import find_spec

from napari_uncertainseg._base import InputError, Progress, silent
from napari_uncertainseg.bench.timing import Row

GROUPS = (
    "whole brain",
    "prediction",
    "Dice on labelled scans",
    "memory",
    "saliency",
    "lesions",
    "painting",
    "what holds the window",
    "import",
    "the command",
    "idle windows",
)
"""Groups of rows, each of which can be asked for alone."""
_LONG = ("Dice on labelled scans", "idle windows")
"""Those that a quick run leaves out, because they cannot be made small."""


def run_bench(
    progress: Progress = silent, *, quick: bool = False, models: Sequence[str] = (), only: str | None = None
) -> list[Row]:
    """Measure every row, one group of them, or those of models made elsewhere.

    Parameters
    ----------
    progress
        Told before each group of rows.
    quick
        Small volumes and few repeats, to see that it works; the figures then mean little.
    models
        Names or folders of MONAI bundles and models of nnU-Net. Where there are any, only they are measured.
    only
        The name of the group, see `GROUPS`; all if None.
    """
    from napari_uncertainseg.bench import (
        command,
        foreign,
        holding,
        idle,
        lesions,
        painting,
        prediction,
        saliency,
        startup,
    )
    from napari_uncertainseg.bench.labelled import dice_lost
    from napari_uncertainseg.bench.scene import make_scene

    scene = make_scene(quick=quick)
    rows_of: dict[str, Callable[[], list[Row]]] = {
        "whole brain": lambda: prediction.whole_brain_rows(scene),
        "prediction": lambda: prediction.rows(scene),
        "Dice on labelled scans": lambda: dice_lost.rows(scene),
        "memory": lambda: prediction.memory_rows(scene),
        "saliency": lambda: saliency.rows(scene),
        "lesions": lambda: lesions.rows(scene),
        "painting": lambda: painting.rows(quick=quick),
        "what holds the window": lambda: holding.rows(quick=quick),
        "import": lambda: startup.rows(scene.repeats),
        "the command": lambda: command.rows(scene),
        "idle windows": idle.rows,
    }
    wanted = GROUPS if only is None else (only,)
    groups = [(name, rows_of[name]) for name in wanted if not (quick and name in _LONG)]
    if models:
        groups = [("models made elsewhere", lambda: foreign.rows(scene, models))]
    found: list[Row] = []
    with scene:
        for index, (name, measure) in enumerate(groups):
            progress(f"measuring {name}", index / len(groups))
            found += measure()
    progress("done", 1.0)
    return found


def format_table(rows: Sequence[Row]) -> str:
    """Rows as a table in Markdown; what falls short says so."""
    lines = [
        "| what | against | measured | target | met | share of the limit |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        share = "" if row.limit_share is None else f"{row.limit_share:.0%}"
        lines.append(
            f"| {row.what} | {row.against} | {row.measured} | {row.goal} | "
            f"{'yes' if row.met else 'NO'} | {share} |"
        )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark and print the table."""
    parser = argparse.ArgumentParser(prog="uncertainseg bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small volumes, to see that it works")
    parser.add_argument(
        "--models",
        nargs="+",
        default=(),
        metavar="MODEL",
        help="measure only these MONAI bundles and folders of nnU-Net, against their own tools",
    )
    parser.add_argument("--only", choices=GROUPS, help="measure only this group of rows")
    options = parser.parse_args(arguments)
    missing = [name for name in ("monai", "skimage") if find_spec(name) is None]
    if missing:
        raise InputError(
            f"The benchmark compares with {missing[0]}, which is not installed: "
            'pip install "napari-uncertainseg[bench]".'
        )
    from napari_uncertainseg.bench.scene import describe
    from napari_uncertainseg.networks.engines.device import choose_device

    print(f"Device: {choose_device().name}. {describe(quick=options.quick)}")
    print(f"Load when it began: {os.getloadavg()[0]:.1f} on {os.cpu_count()} CPUs.\n", flush=True)
    tell = lambda stage, _: print(f"... {stage}", flush=True)  # noqa: E731
    print(format_table(run_bench(tell, quick=options.quick, models=options.models, only=options.only)))
