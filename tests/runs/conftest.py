"""Small visits, and a folder of results for a run over them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from napari_uncertainseg.bench.cohort import write_visits
from napari_uncertainseg.runs.plan import Plan, claimed_run, plan_run
from napari_uncertainseg.runs.run import RunResult, run_visits
from napari_uncertainseg.runs.setting import RunOptions

pytest.importorskip("distributed")
# Workers find what stands in for a network where the tests find it: spawned processes take the path over.
sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def dataset(tmp_path) -> Path:
    """A BIDS dataset of three visits."""
    return write_visits(tmp_path / "dataset", 3)


@pytest.fixture
def plan(tmp_path) -> Callable[..., Plan]:
    """Plan a run into ``out``."""

    def make(cohort: Path, out: Path | None = None, **options: object) -> Plan:
        return plan_run(cohort, out or tmp_path / "out", RunOptions(**options))  # type: ignore[arg-type]

    return make


@pytest.fixture
def run_here(plan) -> Callable[..., RunResult]:
    """Do a run in this process, one visit after the other: what Dask does not decide needs no Dask."""
    from in_process import in_this_process

    def run(cohort: Path, out: Path | None = None, *, load=None, overwrite=False, tell=None, **options):
        planned = plan(cohort, out, **options)
        with claimed_run(planned, overwrite=overwrite), in_this_process():
            return run_visits(planned, tell=tell or (lambda sentence: None), load=load or _bright())

    return run


def _bright():
    from napari_uncertainseg.bench.cohort import load_bright

    return load_bright
