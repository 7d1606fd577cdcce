"""What does doubt go with, on scans whose hospital no network had seen? See docs/drivers.md.

usage: python experiments/doubt_drivers.py --kept KEPT --brains VISITS --data ../shared/data --rows rows.tsv
           [--out FOLDER] [--ship drivers.json]

Predictions are those that `left_out.py` kept, of all scans at hand, by networks that were trained without the
source. --out writes what `uncertainseg drivers` writes. --ship writes the file of drivers that goes with the
bundled model, whose members are of the same kind. The published way of judging, lesions shuffled whoever they
belong to (arXiv 2504.04814), is printed beside ours.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from comparing import table as markdown
from left_out import LeftOut
from refine import MIN_MM3, brain_file, kept_predictions
from scipy.special import entr

from napari_uncertainseg.explain.drivers.model import DriversFile, Weight, save_drivers
from napari_uncertainseg.explain.drivers.of_results import DOUBTS, drivers_of_lesions
from napari_uncertainseg.explain.drivers.sentences import describe
from napari_uncertainseg.explain.drivers.statistics.doubt_drivers import (
    DoubtDrivers,
    explain_doubt,
    left_out_r2,
)
from napari_uncertainseg.explain.drivers.statistics.intervals import Interval
from napari_uncertainseg.explain.drivers.written import write_drivers
from napari_uncertainseg.images.files import read_labels
from napari_uncertainseg.images.volume import Grid
from napari_uncertainseg.networks.catalog import find_model
from napari_uncertainseg.prediction.members import Members
from napari_uncertainseg.prediction.prediction import Prediction
from napari_uncertainseg.training.subjects import read_scans
from napari_uncertainseg.uncertainty.lesion_ranking import rank_lesions


def main() -> None:
    """Measure all lesions, or read the rows of before, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    for name in ("--kept", "--brains", "--data", "--rows"):
        parser.add_argument(name, type=Path, required=True)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--ship", type=Path)
    arguments = parser.parse_args()
    if not arguments.rows.is_file():
        found = [measured(one, arguments) for one in kept_predictions(arguments.kept, arguments.data)]
        pd.concat(found).to_csv(arguments.rows, sep="\t", index=False)
    rows = pd.read_csv(arguments.rows, sep="\t")
    patients = rows["source"] + " " + rows["patient"].astype(str)
    print(f"{len(rows)} lesions of {patients.nunique()} patients\n")
    sources = sorted(set(rows["source"]))
    every = [explain_doubt(rows, rows[name], patients, sources=sources) for name in DOUBTS]
    lines, hospitals = [], {}
    for found in every:
        print(f"{describe(found)}\n{found.correlations.round(3)}\n{found.groups.round(3)}\n")
        intervals = judged(rows, found.measure, patients)
        hospitals[found.measure] = intervals[1][0]
        lines.append([found.measure, *map(cell, intervals), cell(found.within)])
    titles = ["doubt", "patient left out", "hospital left out", "lesions shuffled", "within patients"]
    print(markdown(titles, lines))
    if arguments.out is not None:
        write_drivers(arguments.out, rows, every)
    if arguments.ship is not None:
        save_drivers(shipped(every, hospitals), arguments.ship)


def shipped(every: Sequence[DoubtDrivers], hospitals: Mapping[str, float]) -> DriversFile:
    """The file for the bundled model, in four digits."""

    def weight(own: Weight) -> Weight:
        return Weight(**{name: float(f"{value:.4g}") for name, value in own.model_dump().items()})

    models = {
        one.measure: one.model.model_copy(
            update={
                "constant": round(one.model.constant, 4),
                "weights": {name: weight(own) for name, own in one.model.weights.items()},
                "r2_patients": round(one.r2[0], 2),
                "r2_sources": round(hospitals[one.measure], 2),
            }
        )
        for one in every
    }
    about = (
        "Fitted by experiments/doubt_drivers.py on the doubt of networks of the bundled kind about scans of "
        "hospitals that they had not seen; docs/drivers.md says how well it holds."
    )
    return DriversFile(
        version=1,
        model_sha256=find_model("bundled").sha256,
        methods=("one-pass",),
        about=about,
        measures=models,
    )


def judged(rows: pd.DataFrame, name: str, patients: pd.Series) -> list[Interval]:
    """R2 with patients, with hospitals, and with lesions left out whoever they belong to."""
    doubt = rows[name].to_numpy(float)
    groups = [np.unique(one, return_inverse=True)[1] for one in (patients, rows["hospital"])]
    shuffled = np.random.default_rng(0).permutation(len(rows))
    return [left_out_r2(rows, doubt, one) for one in (*groups, shuffled)]


def cell(found: Interval) -> str:
    """A value with its interval."""
    return "{:.2f} ({:.2f} to {:.2f})".format(*found)


def measured(one: LeftOut, arguments: argparse.Namespace) -> pd.DataFrame:
    """Drivers and doubt of the lesions of one scan."""
    scans = read_scans(arguments.data, one.scan.prefix)
    grid = scans["flair"].grid
    brain = read_labels(brain_file(arguments.brains, one.scan), grid).data > 0
    prediction = prediction_of(one, grid, brain)
    lesions = rank_lesions(prediction, one.threshold, MIN_MM3)
    drivers = drivers_of_lesions(prediction, lesions.labels, scans)
    print(f"{one.scan.prefix}: {len(drivers)} lesions", flush=True)
    doubts = lesions.table.set_index("label")[list(DOUBTS)]
    return (
        drivers.join(doubts)
        .reset_index()
        .assign(source=one.scan.source, hospital=one.hospital, patient=one.scan.patient, scan=one.scan.prefix)
    )


def prediction_of(one: LeftOut, grid: Grid, brain: np.ndarray) -> Prediction:
    """The prediction as far as it was kept: all that is 0.001 or more."""
    p = 1 / (1 + np.exp(-one.members.astype(float))) * one.inside
    mean, expected = p.mean(0), (entr(p) + entr(1 - p)).mean(0)
    entropy = entr(mean) + entr(1 - mean)
    maps = {
        "probability": mean,
        "entropy": entropy,
        "expected_entropy": expected,
        "mutual_information": np.maximum(entropy - expected, 0),
        "variance": p.var(0),
        "disagreement": p.var(0),
    }
    whole = (slice(0, grid.shape[0]), slice(0, grid.shape[1]), slice(0, grid.shape[2]))
    members = Members(whole, np.stack([one.image(member.astype(np.float16)) for member in p]))
    found = {name: one.image(values.astype(np.float32)) for name, values in maps.items()}
    return Prediction(grid, found, brain, members, one.threshold, dict(one.information))


if __name__ == "__main__":
    main()
