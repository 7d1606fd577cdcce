"""Rows on the command, in processes of their own: from the shell to the prompt."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from napari_uncertainseg.bench.scene import Scene
from napari_uncertainseg.bench.timing import Row
from napari_uncertainseg.images.files import write_volume

_WHOLE, _AT_ONCE = 5.0, 0.5
"""The aims, s: of a segmentation on the clock, of help and of an error in processor time."""
_SCANS = ("flair", "t1")


class _Spent(NamedTuple):
    clock: float
    processor: float


def rows(scene: Scene) -> list[Row]:
    """Measure ``segment`` with the converted network in the cache, its help, and a file that is not there."""
    with tempfile.TemporaryDirectory(prefix="uncertainseg-bench-") as name:
        folder = Path(name)
        words = ["segment", *_scans(scene, folder), "--model", str(scene.model.folder)]
        again = ["--out", str(folder / "results"), "--overwrite"]
        _run([*words, *again], 0)  # converts the network
        whole = [_run([*words, *again], 0) for _ in range(min(scene.repeats, 3))]
        missing = ["segment", str(folder / "missing.nii.gz"), "--out", str(folder / "none")]
        help = [_run(["segment", "--help"], 0) for _ in range(max(3, scene.repeats))]
        wrong = [_run(missing, 2) for _ in range(max(3, scene.repeats))]
    clock, spent = _median(whole)
    detail = f"{clock:.1f} s, of the processor {spent:.1f} s"
    what = "`segment` from the shell to the prompt, FLAIR and T1, warm cache"
    return [
        Row(what, f"{_WHOLE:g} s", clock / _WHOLE, 1, False, detail),
        _at_once("`segment --help`, processor time", help),
        _at_once("`segment` with a file that is not there, processor time", wrong),
    ]


def _scans(scene: Scene, folder: Path) -> list[str]:
    """Files of the scene's FLAIR and T1, as arguments."""
    words: list[str] = []
    for name in _SCANS:
        if name in scene.images:
            path = write_volume(folder / f"{name}.nii.gz", scene.images[name].data, scene.grid)
            words += [str(path)] if not words else [f"--{name}", str(path)]
    return words


def _run(words: Sequence[str], status: int) -> _Spent:
    """Run the command; what it took on the clock, and of the processor."""
    start, before = time.perf_counter(), os.times()
    done = subprocess.run(
        [sys.executable, "-m", "napari_uncertainseg.cli", *words], capture_output=True, text=True
    )
    clock, after = time.perf_counter() - start, os.times()
    if done.returncode != status:
        raise RuntimeError(f"`uncertainseg {' '.join(words)}` ended with {done.returncode}: {done.stderr}")
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    return _Spent(clock, spent)


def _median(runs: Sequence[_Spent]) -> _Spent:
    return _Spent(
        statistics.median(run.clock for run in runs), statistics.median(run.processor for run in runs)
    )


def _at_once(what: str, runs: Sequence[_Spent]) -> Row:
    clock, spent = _median(runs)
    detail = f"{spent:.2f} s, on the clock {clock:.2f} s"
    return Row(what, f"{_AT_ONCE:g} s", spent / _AT_ONCE, 1, False, detail)
