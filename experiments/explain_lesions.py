"""The claims of arXiv 2406.09335 on the lesions at hand: signs of saliency, context, counterfactuals.

    python experiments/explain_lesions.py OUT.tsv RESULTS=REFERENCE [...] [--lesions 3] [--passes 50]
                                          [--step 1] [--largest 34]

RESULTS are folders that `uncertainseg segment` wrote, REFERENCE the expert's mask of each. Of each, lesions
of 20 to 1000 mm3 that the expert outlined too are drawn at random. The table has a row for each lesion, and
is written anew after each; at the end the means and the radii with their intervals are printed.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from napari_uncertainseg.explain.context import context_curve, context_need, context_summary, distance_around
from napari_uncertainseg.explain.counterfactual import counterfactuals
from napari_uncertainseg.explain.explained_case import ExplainedCase, open_case
from napari_uncertainseg.explain.saliency import SmoothGradSetting, smoothgrad
from napari_uncertainseg.export import write_table
from napari_uncertainseg.images.files import read_labels

RING_MM = 5.0


def drawn(case: ExplainedCase, reference: Path, count: int) -> list[int]:
    """Numbers of lesions, drawn with a fixed seed."""
    true = read_labels(reference, case.grid).data > 0
    volumes = np.bincount(case.lesions.ravel()) * case.grid.voxel_volume
    both = np.unique(case.lesions[true & (case.lesions > 0)])
    usual = [int(n) for n in both if 20 <= volumes[n] <= 1000]
    return sorted(np.random.default_rng(0).permutation(usual)[:count].tolist())


def row_of(case: ExplainedCase, number: int, options: argparse.Namespace) -> dict[str, object]:
    """What is measured of one lesion."""
    region = case.lesion(number)
    setting = SmoothGradSetting(passes=options.passes)
    *_, last = smoothgrad(case.scene, region, setting)
    maps = last.maps()
    distance = distance_around(region, case.scene.spacing, RING_MM)
    ring = (distance > 0) & np.isfinite(distance)
    row: dict[str, object] = {"case": Path(case.information["results"]).name, "lesion": number}
    row["voxels"] = int(region.sum())
    for name, given, values in zip(case.scene.modalities, case.scene.given, maps, strict=True):
        if given:
            row |= {
                f"{name}_inside": float(values[region].mean()),
                f"{name}_ring": float(values[ring].mean()),
                f"{name}_share": float(np.abs(values).sum() / np.abs(maps).sum()),
                f"{name}_within_7mm": float(
                    np.abs(values)[distance_around(region, case.scene.spacing, 7.0) <= 7].sum()
                    / np.abs(values).sum()
                ),
            }
    curve = context_curve(case.scene, region, largest_mm=options.largest, step_mm=options.step)
    row |= vars(context_need(curve))
    table = counterfactuals(case.scene, region, case.others(region))
    steps = table[table["fainter"].notna()]
    row["missed_fainter"] = float(steps["fainter"][~steps["found"]].min())
    for change, name in (("without T1", "no_t1"), ("without T2", "no_t2"), ("FLAIR alone", "flair_alone")):
        here = table[table["change"] == change]
        row[f"found_{name}"] = bool(here["found"].iloc[0]) if len(here) else None
    return row


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("cases", nargs="+")
    parser.add_argument("--lesions", type=int, default=3)
    parser.add_argument("--passes", type=int, default=50)
    parser.add_argument("--step", type=float, default=1.0)
    parser.add_argument("--largest", type=float, default=34.0)
    options = parser.parse_args()
    rows: list[dict[str, object]] = []
    opened = [open_case(one.split("=")[0]) for one in options.cases]
    numbers = [
        drawn(case, Path(one.split("=")[1]), options.lesions)
        for case, one in zip(opened, options.cases, strict=True)
    ]
    for i in range(options.lesions):
        for case, known in zip(opened, numbers, strict=True):
            if i < len(known):
                rows.append(row_of(case, known[i], options))
                write_table(options.out, pd.DataFrame(rows))
                print(rows[-1], flush=True)
    table = pd.DataFrame(rows)
    print(table.select_dtypes("number").mean().to_string())
    print(context_summary(table).to_string())


if __name__ == "__main__":
    main()
