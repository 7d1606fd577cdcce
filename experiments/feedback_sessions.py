"""Sessions of simulated readers on folders of results, to see the report of reasons: no reader is real.

usage: python experiments/feedback_sessions.py FILE.db RESULTS... [--planted 1.5] [--seed 0]

Two readers accept each lesion. They tick `size` for lesions that are hard for them: small ones (by
`--planted`) and others at random, on which the two agree in part; other reasons are ticked at random. Then:

    uncertainseg session report FILE.db --out REPORT.html --results RESULTS...
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from napari_uncertainseg.evaluate.saved_results import read_saved_results
from napari_uncertainseg.review.feedback import REASONS, Feedback
from napari_uncertainseg.review.session.opening import open_reading
from napari_uncertainseg.review.session.recorder import Recorder
from napari_uncertainseg.review.store.store import Store
from napari_uncertainseg.uncertainty.lesion_ranking import rank_lesions


def main() -> None:
    """Write the sessions."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("results", type=Path, nargs="+")
    parser.add_argument("--planted", type=float, default=1.5)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    with Store(options.file) as store:
        for folder in options.results:
            read(store, folder, options.planted, rng)
            print(folder, flush=True)


def read(store: Store, folder: Path, planted: float, rng: np.random.Generator) -> None:
    """Two readings of one folder of results."""
    saved = read_saved_results(folder)
    lesions = rank_lesions(saved.prediction, saved.threshold, min_volume=saved.min_volume)
    shared = {int(label): rng.normal() for label in lesions.table["label"]}
    for name in ("simulated reader 1", "simulated reader 2"):
        session = open_reading(store, saved.prediction, lesions, name, "doubt")
        recorder = Recorder(store, session)
        for task in [task for task in recorder.tasks if task.target == "lesion"]:
            small = 1.5 - np.log10(task.volume_mm3 or 1.0)
            hard = planted * small + shared[task.label] + 0.7 * rng.normal()
            ticked = {reason for reason in REASONS if rng.random() < 0.15} - {"size"}
            ticked |= {"size"} if hard > 0.8 else set()
            sureness = int(np.clip(np.round(2 - hard + rng.normal()), 1, 3))
            recorder.judge(task.voxel, "accepted", lambda voxel: False, {"number": task.label})
            feedback = Feedback(tuple(r for r in REASONS if r in ticked), sureness)
            recorder.give_feedback(task.voxel, feedback, lambda voxel: False)


if __name__ == "__main__":
    main()
