"""How often lesions of low, some and high doubt are real. The table of docs/methods.md.

usage: python experiments/doubt_words.py COHORT.tsv [--column seen --keep no]

COHORT.tsv has a row for each folder of results, with the columns folder, patient, source and reference. A
lesion is real if it has a voxel in the reference. 95 % intervals come from drawing patients anew (2000 times,
seed 0). Below, the thirds of all lesions' doubt, and each tenth of doubt by itself.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from napari_uncertainseg.disk.tables import read_tsv
from napari_uncertainseg.images.files import read_labels
from napari_uncertainseg.lesions.matching import lesions_touching
from napari_uncertainseg.uncertainty.doubt_words import CUTS, WORDS, share_real

_DRAWS = 2000


def main() -> None:
    """Read the folders and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("cohort", type=Path)
    parser.add_argument("--column", help="take only rows that have a value in this column")
    parser.add_argument("--keep", help="the value")
    asked = parser.parse_args()
    cases = read_tsv(asked.cohort, texts=True)
    if asked.column:
        cases = cases[cases[asked.column] == asked.keep]
    rows = pd.concat([_lesions(case) for _, case in cases.iterrows()], ignore_index=True)
    doubt, real = rows["doubt"].to_numpy(float), rows["real"].to_numpy(bool)
    print(f"{len(rows)} lesions of {rows['patient'].nunique()} patients, {real.mean():.0%} real; cuts {CUTS}")
    spread = _intervals(rows)
    for band, (low, high) in zip(share_real(doubt, real), spread, strict=True):
        print(f"{band.word}: {band.lesions} lesions, {band.real:.0%} real ({low:.0%} to {high:.0%})")
    for source, own in rows.groupby("source"):
        shares = share_real(own["doubt"].to_numpy(float), own["real"].to_numpy(bool))
        print(f"  {source}: " + ", ".join(f"{one.word} {one.real:.0%} of {one.lesions}" for one in shares))
    print("thirds:", np.round(np.quantile(doubt, [1 / 3, 2 / 3]), 2))
    tenths = np.digitize(doubt, np.arange(0.1, 1, 0.1))
    for tenth in np.unique(tenths):
        own = real[tenths == tenth]
        print(f"  {tenth / 10:.1f} to {tenth / 10 + 0.1:.1f}: {len(own)} lesions, {own.mean():.0%} real")


def _lesions(case: pd.Series) -> pd.DataFrame:
    folder = Path(case["folder"])
    table, labels = read_tsv(folder / "lesions.tsv"), read_labels(folder / "lesions.nii.gz")
    reference = read_labels(Path(case["reference"]))
    if not reference.grid.same_as(labels.grid):
        raise SystemExit(f"{case['reference']} does not lie on the grid of {folder}.")
    touched = lesions_touching(labels.data, reference.data, int(labels.data.max()))
    real = touched[table["label"].to_numpy(int) - 1]
    return pd.DataFrame(
        {"patient": case["patient"], "source": case["source"], "doubt": table["doubt"], "real": real}
    )


def _intervals(rows: pd.DataFrame) -> list[tuple[float, float]]:
    chance = np.random.default_rng(0)
    own = [(one["doubt"].to_numpy(float), one["real"].to_numpy(bool)) for _, one in rows.groupby("patient")]
    drawn = np.empty((_DRAWS, len(WORDS)))
    for each in range(_DRAWS):
        taken = [own[number] for number in chance.integers(len(own), size=len(own))]
        bands = share_real(*(np.concatenate(parts) for parts in zip(*taken, strict=True)))
        drawn[each] = [band.real for band in bands]
    return [tuple(pair) for pair in np.nanpercentile(drawn, [2.5, 97.5], axis=0).T]


if __name__ == "__main__":
    main()
