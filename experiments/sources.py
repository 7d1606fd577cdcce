"""A model on every labelled scan at hand, source by source: the left-out sources of docs/results.md.

usage: python experiments/sources.py [--model NAME|FOLDER] [--source NAME ...] [--inputs flair|all]
           [--no-bias-correction] [--method METHOD] [--brain WEIGHTS] [--data FOLDER] [--lesions FILE.tsv]

Each scan goes the way of a user's: no brain mask is given. Per source, the mean over its patients (visits of
one patient count as one) with a 95 % interval from drawing patients anew: Dice, lesion F1 (26-connected, at
least 3 mm3, any overlap), ACE in the brain (20 bins), Dice at each scan's best threshold (what a better
threshold could give at most), and AUROC of false against true lesions by several columns, NaN where a scan
has no false or no true lesion. `--lesions` writes a row per lesion and candidate for experiments/order.py. A
source is unseen only by models that were trained without it: docs/training.md says which. The network that
finds the brain has seen MS3SEG; `--brain` names weights that have not.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from brain_weights import add_brain_option
from comparing import interval, table

from napari_uncertainseg import Segmenter
from napari_uncertainseg.calibration.thresholds import best_dice
from napari_uncertainseg.evaluate.agreement import reference_agreement
from napari_uncertainseg.images.files import read_labels
from napari_uncertainseg.lesions.matching import lesions_touching
from napari_uncertainseg.prediction.prediction import Prediction
from napari_uncertainseg.training.subjects import find_image, read_scans
from napari_uncertainseg.uncertainty.lesion_ranking import Lesions, rank_lesions
from napari_uncertainseg.uncertainty.retention import auroc

ROOT = Path(__file__).resolve().parents[1]
SCORES = ("dice", "best_dice", "lesion_f1", "precision", "recall", "ace")
DOUBTS = {
    "lowest max p": lambda t: -t["max_probability"],
    "mean entropy": lambda t: t["mean_entropy"],
    "small size": lambda t: -t["volume_mm3"],
    "LSU": lambda t: t["lsu"],
}
"""By which column false lesions are looked for: what is higher is more in doubt."""


@dataclass(frozen=True)
class Scan:
    """A labelled visit: its source, its patient, and what its files begin with."""

    source: str
    patient: str
    prefix: str


def scans_at_hand(data: Path) -> list[Scan]:
    """Every labelled visit in the data folder; see its README."""
    found = [Scan("3D-MR-MS", p, f"3d-mr-ms/{p}/") for p in ("patient07", "patient19")]
    for source, folder in (("MS3SEG", "ms3seg"), ("Sim-Vent", "sim-vent")):
        names = sorted(p.name for p in (data / folder).iterdir())
        found += [Scan(source, name, f"{folder}/{name}/") for name in names]
    visits = sorted(p.name for p in (data / "mslesseg").iterdir())
    return found + [Scan("MSLesSeg", v.split("_")[0], f"mslesseg/{v}/") for v in visits]


def main() -> None:
    """Segment every scan, print a row for each, and the table of sources."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--model", default="bundled")
    parser.add_argument("--method", default="one-pass")
    parser.add_argument("--source", action="append", default=[])
    parser.add_argument("--inputs", choices=("flair", "all"), default="all")
    parser.add_argument("--bias-correction", action=argparse.BooleanOptionalAction)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--lesions", type=Path)
    add_brain_option(parser)
    arguments = parser.parse_args()
    correction = {None: "auto", True: "on", False: "off"}[arguments.bias_correction]
    segmenter = Segmenter(arguments.model, method=arguments.method)
    print(f"Model {arguments.model}, {arguments.method}, {arguments.inputs}, {segmenter.device_name}")
    print(f"Brain by {arguments.brain or 'the weights that ship'}\n")
    rows, lesions = [], []
    for scan in scans_at_hand(arguments.data):
        if arguments.source and scan.source not in arguments.source:
            continue
        images = read_scans(arguments.data, scan.prefix)
        grid = images["flair"].grid
        if arguments.inputs == "flair":
            images = {"flair": images["flair"]}
        prediction = segmenter.predict(images, bias_correction=correction)
        mask = read_labels(find_image(arguments.data, scan.prefix, "lesion"), grid).data > 0
        row, listed = measure(prediction, mask)
        rows.append({"source": scan.source, "patient": scan.patient, **row})
        lesions.append(listed.assign(source=scan.source, patient=scan.patient, scan=scan.prefix))
        print(scan.prefix, {k: round(v, 3) for k, v in row.items()}, flush=True)
    print("\n" + by_source(pd.DataFrame(rows)))
    if arguments.lesions is not None:
        pd.concat(lesions).to_csv(arguments.lesions, sep="\t", index=False)


def measure(prediction: Prediction, mask: np.ndarray) -> tuple[dict[str, float], pd.DataFrame]:
    """The scores of a scan, and its lesions and candidates with whether the mask has a voxel in them."""
    lesions = rank_lesions(prediction)
    found = reference_agreement(
        prediction.probability, lesions.labels, mask, brain=prediction.brain, grid=prediction.grid
    )
    listed = told_apart(lesions, mask)
    own = listed[~listed["candidate"]]
    scores = {
        "dice": found.dice,
        "best_dice": float(best_dice(prediction.probability, mask).dice),
        "lesion_f1": found.lesion_f1,
        "precision": found.lesion_precision,
        "recall": found.lesion_recall,
        "ace": found.ace,
        "ml": found.volume_ml,
        "reference_ml": found.reference_ml,
    }
    false = ~own["true"].to_numpy(bool)
    doubts = {name: auroc(column(own).to_numpy(float), false) for name, column in DOUBTS.items()}
    return scores | doubts, listed


def told_apart(lesions: Lesions, mask: np.ndarray) -> pd.DataFrame:
    """Rows of the lesions and of the candidates, each with whether the mask has a voxel there."""
    parts = []
    for labels, rows, candidate in (
        (lesions.labels, lesions.table, False),
        (lesions.candidates, lesions.candidate_table, True),
    ):
        touched = lesions_touching(labels, mask, int(labels.max(initial=0)))
        parts.append(rows.assign(true=touched[rows["label"].to_numpy(int) - 1], candidate=candidate))
    return pd.concat(parts)


def by_source(rows: pd.DataFrame) -> str:
    """The table of sources, a mean over patients with its interval in each cell."""
    patients = rows.groupby(["source", "patient"], sort=False).mean(numeric_only=True).reset_index()
    lines = []
    for source, own in patients.groupby("source", sort=False):
        cells = [cell(own[name].tolist()) for name in (*SCORES, *DOUBTS)]
        lines.append([str(source), str(len(own)), *cells])
    means = patients.groupby("source", sort=False).mean(numeric_only=True)
    lines.append(["mean of sources", "", *(f"{means[name].mean():.2f}" for name in (*SCORES, *DOUBTS))])
    names = ("Dice", "best Dice", "lesion F1", "precision", "recall", "ACE")
    return table(["source", "patients", *names, *(f"AUROC, {name}" for name in DOUBTS)], lines)


def cell(values: list[float]) -> str:
    """Mean, and the interval where there are several patients."""
    mean, low, high = interval(values)
    return f"{mean:.2f}" if len(values) < 2 else f"{mean:.2f} ({low:.2f} to {high:.2f})"


if __name__ == "__main__":
    main()
