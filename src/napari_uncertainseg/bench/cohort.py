"""What a run over a cohort costs beside the network: time a visit, and memory as visits go by.

    python -m napari_uncertainseg.bench.cohort --visits 1000

Small visits go through the real scheduler, reader and writer; in place of the network, bright voxels are
lesions. Of the time, what processors worked counts: how long a visit waits is a matter of who else works. The
run is started again when all visits are done, and its report is written.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

from napari_uncertainseg._base import Progress
from napari_uncertainseg.images.files import write_volume
from napari_uncertainseg.images.volume import Grid, Volume
from napari_uncertainseg.modalities import main_of
from napari_uncertainseg.prediction.members import Members
from napari_uncertainseg.prediction.prediction import Prediction
from napari_uncertainseg.runs.plan import claimed_run, plan_run
from napari_uncertainseg.runs.report.page import write_report
from napari_uncertainseg.runs.run import run_visits
from napari_uncertainseg.runs.setting import RunOptions, Setting
from napari_uncertainseg.voxel_maps import MapSources, MemberStatistics, compute_maps

SHAPE = (12, 14, 12)
_SPACING = 4.0


@dataclass(frozen=True)
class BrightVoxels:
    """In place of a network: the brighter a voxel, the more probably it is lesion."""

    setting: Setting

    def predict(
        self, images: Mapping[str, Volume], *, skull: str, bias_correction: str, progress: Progress
    ) -> Prediction:
        """As `Segmenter.predict`, with one member."""
        progress("looking", 0.5)
        main = main_of(images)
        scan = images[main]
        probability = np.clip((scan.data - 100) / 100, 0, 1).astype(np.float32)
        nothing = np.zeros_like(probability)
        s, a, r = probability.shape
        entropy = np.minimum(probability, 1 - probability)
        statistics = MemberStatistics(probability, entropy, entropy, nothing, nothing)
        return Prediction(
            grid=scan.grid,
            maps=compute_maps(MapSources(statistics, nothing)),
            brain=scan.data > 0,
            members=Members((slice(0, s), slice(0, a), slice(0, r)), probability[None]),
            threshold=0.5,
            information={
                "inputs": {main: {"path": str(scan.path)}},
                "model": self.setting.model,
                "model_sha256": self.setting.model_sha256,
                "method": self.setting.method,
                "notes": [],
            },
        )


def load_bright(options: RunOptions, setting: Setting, window_share: float) -> BrightVoxels:
    """In place of `load_segmenter`."""
    return BrightVoxels(setting)


def write_visits(folder: Path, count: int, seed: int = 0) -> Path:
    """Write a BIDS dataset of small FLAIRs with a few bright voxels each."""
    rng = np.random.default_rng(seed)
    affine = np.array([[0, 0, _SPACING, 0], [0, _SPACING, 0, 0], [_SPACING, 0, 0, 0], [0, 0, 0, 1.0]])
    for i in range(count):
        data = 100 + 5 * rng.standard_normal(SHAPE).astype(np.float32)
        data[3:5, 4:6, 3:5] = 100 + 100 * rng.uniform(0.55, 0.95)
        anat = folder / f"sub-{i:05d}" / "anat"
        anat.mkdir(parents=True)
        write_volume(anat / f"sub-{i:05d}_FLAIR.nii.gz", data, Grid(SHAPE, affine), dtype=np.float32)
    return folder


def measure(visits: int, workers: int) -> str:
    """Run a cohort, start it again, write its report, and say what that took; a table in Markdown."""
    own = psutil.Process()
    with tempfile.TemporaryDirectory() as scratch:
        dataset = write_visits(Path(scratch) / "dataset", visits)
        plan = plan_run(dataset, Path(scratch) / "out", RunOptions())
        memory: list[tuple[int, int]] = []
        spent: list[float] = []

        def progress(stage: str, fraction: float) -> None:
            spent.append(_processor_seconds(own))
            memory.append((_bytes(own), sum(map(_bytes, own.children(recursive=True)))))

        with claimed_run(plan):
            run_visits(plan, workers=workers, progress=progress, load=load_bright)
            ended = _processor_seconds(own)
            result = run_visits(plan, workers=workers, load=load_bright)
            again = _processor_seconds(own)
            write_report(plan, result)
            reported = _processor_seconds(own)
    tenth = max(1, len(memory) // 10)
    first, last = np.mean(memory[tenth : 2 * tenth], axis=0) / 1e6, np.mean(memory[-tenth:], axis=0) / 1e6
    rows = [
        ("run and scheduler, processor time a visit", f"{1000 * (spent[-1] - spent[0]) / visits:.1f} ms"),
        (
            "started again when all is done, processor time a visit",
            f"{1000 * (again - ended) / visits:.2f} ms",
        ),
        ("report, processor time a visit", f"{1000 * (reported - again) / visits:.2f} ms"),
        ("memory of the run, after a tenth and at the end", f"{first[0]:.0f} and {last[0]:.0f} MB"),
        (f"memory of {workers} workers, the same", f"{first[1]:.0f} and {last[1]:.0f} MB"),
    ]
    return "\n".join([f"| {visits} visits | |", "| --- | --- |", *(f"| {a} | {b} |" for a, b in rows)])


def _processor_seconds(process: psutil.Process) -> float:
    return float(sum(process.cpu_times()[:2]))


def _bytes(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--visits", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args(arguments)
    print(measure(options.visits, options.workers))


if __name__ == "__main__":
    main()
