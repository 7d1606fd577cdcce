"""What a fold's model does on the source that it was not trained on, as a Markdown table.

usage: python experiments/leave_one_out.py RECIPE [RECIPE ...] [--model NAME|FOLDER]

RECIPE is a training file with `left_out`, such as experiments/fold-toshiba.toml. Its own model segments each
patient left out, as a user's scan is: the brain is found, and the bias field is corrected where the skull is
shown. With --model another model does, for comparison. Visits of one patient are averaged. Intervals (95 %)
are from bootstrap over patients.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from napari_uncertainseg import Segmenter
from napari_uncertainseg.evaluate.agreement import reference_agreement
from napari_uncertainseg.images.files import read_labels
from napari_uncertainseg.images.preparation.skull import surroundings
from napari_uncertainseg.lesions.components import label_mask
from napari_uncertainseg.training.configuration import DataConfiguration
from napari_uncertainseg.training.configuration_file import read_configuration
from napari_uncertainseg.training.subjects import find_image, read_scans
from napari_uncertainseg.uncertainty.lesion_ranking import rank_lesions

TITLES = ("Dice", "lesion F1", "recall", "recall, 3 to 30 mm3", "ACE", "ml", "reference ml")
SMALL = (3.0, 30.0)
"""Volumes of small lesions, mm3."""
REPEATS = 2000


@dataclass(frozen=True)
class Patient:
    """A patient left out: the source, and what the file names of each visit begin with."""

    source: str
    visits: tuple[str, ...]


def main() -> None:
    """Print the table row by row."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("recipes", type=Path, nargs="+")
    parser.add_argument("--model")
    arguments = parser.parse_args()
    print("| fold | patient | " + " | ".join(TITLES) + " |\n|" + " --- |" * (len(TITLES) + 2))
    for recipe in arguments.recipes:
        configuration = read_configuration(recipe)
        segmenter = Segmenter(arguments.model or configuration.output / "model")
        rows = []
        for patient in patients(configuration.data):
            visits = [measure(segmenter, configuration.data.folder, visit) for visit in patient.visits]
            rows.append(np.nanmean(visits, axis=0) if len(visits) > 1 else visits[0])
            name = f"{patient.source} {patient.visits[0].strip('/').split('/')[-1]}"
            print(
                f"| {recipe.stem} | {name} | " + " | ".join(f"{v:.2f}" for v in rows[-1]) + " |", flush=True
            )
        print(f"| {recipe.stem} | mean | " + " | ".join(means(np.array(rows))) + " |", flush=True)


def patients(data: DataConfiguration) -> Iterator[Patient]:
    """All patients of the sources left out."""
    for source in data.sources_left_out:
        for visits in source.subjects:
            yield Patient(source.name, visits)


def measure(segmenter: Segmenter, folder: Path, visit: str) -> np.ndarray:
    """Segment one visit, and compare it with its mask: the figures of `TITLES`; NaN where there is none."""
    scans = read_scans(folder, visit)
    path = find_image(folder, visit, "lesion")
    if path is None:
        raise SystemExit(f"{folder / visit} has no lesion mask")
    truth = read_labels(path, scans["flair"].grid).data > 0
    shown = surroundings(scans["flair"]).skull != "removed"
    prediction = segmenter.predict(scans, bias_correction=shown)
    grid = prediction.grid
    lesions = rank_lesions(prediction)
    agreement = reference_agreement(
        prediction.probability, lesions.labels, truth, brain=prediction.brain, grid=grid
    )
    return np.array(
        [
            agreement.dice,
            agreement.lesion_f1,
            agreement.lesion_recall,
            recall_of_small(truth, lesions.labels > 0, grid.voxel_volume),
            agreement.ace,
            agreement.volume_ml,
            agreement.reference_ml,
        ]
    )


def recall_of_small(truth: np.ndarray, found: np.ndarray, voxel: float) -> float:
    """Share of the small lesions of a reference that were found; NaN where there is none."""
    labels, _ = label_mask(truth)
    volumes = np.bincount(labels.ravel())[1:] * voxel
    small = 1 + np.flatnonzero((volumes >= SMALL[0]) & (volumes < SMALL[1]))
    return float(np.isin(small, np.unique(labels[found])).mean()) if len(small) else np.nan


def means(rows: np.ndarray) -> Sequence[str]:
    """Mean of each column, and its interval where there are several patients."""
    if len(rows) == 1:
        return [f"{v:.2f}" for v in rows[0]]
    drawn = np.random.default_rng(0).integers(len(rows), size=(REPEATS, len(rows)))
    texts = []
    for column in rows.T:
        column = column[np.isfinite(column)] if not np.isfinite(column).all() else column
        if not len(column):
            texts.append("-")
            continue
        low, high = np.percentile(column[drawn % len(column)].mean(axis=1), (2.5, 97.5))
        texts.append(f"{column.mean():.2f} ({low:.2f} to {high:.2f})")
    return texts


if __name__ == "__main__":
    main()
