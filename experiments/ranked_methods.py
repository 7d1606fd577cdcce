"""Scores of each labelled scan by the methods of the bundled network, and by version 7.

usage: python experiments/ranked_methods.py [--data FOLDER] [--scan NUMBER] [--method NAME ...]
           [--out FILE.tsv] [--features FILE.tsv]

For the ranking in docs/audit.md. FLAIR alone, each scan on the way of a user's (the brain is found). A row
is added to the table when it is known, and what is in the table is not computed again: stop it and start it
again as you like, or give it one `--scan` at a time (0 is the first). Then:

    uncertainseg rank FILE.tsv --features FEATURES.tsv --out FOLDER
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd
from sources import Scan, scans_at_hand

from napari_uncertainseg import Segmenter, Volume
from napari_uncertainseg.evaluate.agreement import reference_agreement
from napari_uncertainseg.images.files import read_labels
from napari_uncertainseg.training.subjects import find_image, read_scans
from napari_uncertainseg.uncertainty.lesion_ranking import rank_lesions

ROOT = Path(__file__).resolve().parents[1]
VERSION7 = "version 7"
BUNDLED = ("one-pass", "layers", "ensemble", "flips", "mc-dropout")
NAMES = (*BUNDLED, VERSION7)
METRICS = ("dice", "lesion_f1", "lesion_precision", "lesion_recall", "ace", "ece", "hd95_mm")


def main() -> None:
    """Add what is missing to both tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--scan", type=int, help="only this one")
    parser.add_argument("--method", action="append", choices=NAMES, help="only this one; may be given again")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "data" / "ranked-methods.tsv")
    parser.add_argument("--features", type=Path, default=ROOT / "docs" / "data" / "ranked-features.tsv")
    arguments = parser.parse_args()
    scans = scans_at_hand(arguments.data)
    for scan in scans if arguments.scan is None else [scans[arguments.scan]]:
        images = {"flair": read_scans(arguments.data, scan.prefix)["flair"]}
        truth = read_labels(find_image(arguments.data, scan.prefix, "lesion"), images["flair"].grid).data > 0
        about = {"case": scan.prefix.strip("/"), "patient": scan.patient}
        add(arguments.features, about | features(scan, images["flair"], truth), ("case",))
        done = known(arguments.out, about["case"])
        for name in (one for one in arguments.method or NAMES if one not in done):
            row = about | {"model": name, **scores(segmenter_of(name), images, truth)}
            add(arguments.out, row, ("case", "model"))
            print(scan.prefix, name, f"Dice {row['dice']:.3f}, {row['seconds']:.0f} s", flush=True)


def segmenter_of(name: str) -> Segmenter:
    """Of a method of the bundled network, or version 7."""
    if name == VERSION7:
        return Segmenter(str(ROOT / "experiments" / "version7"))
    return Segmenter("bundled", method=name)


def scores(segmenter: Segmenter, images: dict[str, Volume], truth: np.ndarray) -> dict[str, float]:
    """The metrics of a scan, and the seconds that it took."""
    started = time.perf_counter()
    prediction = segmenter.predict(images)
    seconds = time.perf_counter() - started
    found = reference_agreement(
        prediction.probability,
        rank_lesions(prediction).labels,
        truth,
        brain=prediction.brain,
        grid=prediction.grid,
    )
    return {name: float(getattr(found, name)) for name in METRICS} | {"seconds": seconds}


def features(scan: Scan, flair: Volume, truth: np.ndarray) -> dict[str, float | str]:
    """What may make a case hard."""
    spacing = flair.grid.spacing
    return {
        "source": scan.source,
        "reference_ml": float(truth.sum() * np.prod(spacing) / 1000),
        "slice_mm": float(max(spacing)),
    }


def known(path: Path, case: str) -> set[str]:
    """Models that a case has already."""
    if not path.is_file():
        return set()
    rows = pd.read_csv(path, sep="\t")
    return set(rows.loc[rows["case"] == case, "model"])


def add(path: Path, row: dict[str, float | str], key: tuple[str, ...]) -> None:
    """Add a row to a table, in place of one with the same key."""
    rows = pd.read_csv(path, sep="\t", dtype={"patient": str}) if path.is_file() else pd.DataFrame()
    rows = pd.concat([rows, pd.DataFrame([row])]).drop_duplicates(list(key), keep="last")
    path.parent.mkdir(parents=True, exist_ok=True)
    rows.to_csv(path, sep="\t", index=False, float_format="%.6g")


if __name__ == "__main__":
    main()
