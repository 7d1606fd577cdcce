r"""The claims of arXiv 2406.09335 on lesions of scans that the network had not seen.

usage: python experiments/explain_lesions.py --kept /work/runs/left-out \
           --brains /work/runs/cohort/results/visits --data ../shared/data --runs /work/runs --out FOLDER \
           [--scan PREFIX ...] [--lesions 1] [--passes 20] [--step 2] [--minutes 8]
       python experiments/explain_lesions.py --summary FOLDER

First the maps of all lesions, see `refine_saliency.py`, are written into FOLDER. Then of each scan, lesions
of 20 to 1000 mm3 that the expert outlined too are drawn: saliency, context to 34 mm and counterfactuals;
FOLDER/PREFIX-drawn.tsv has a row for each. With --summary the tables that are there are summed up, with
intervals from 1,000 draws of the patients.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from left_out_scenes import LeftOutCase, add_folders, chosen, file_name, opened
from refine_saliency import add_map_settings, measured, write_maps

from napari_uncertainseg.explain.context import context_curve, context_need, context_summary, distance_around
from napari_uncertainseg.explain.counterfactual import counterfactuals
from napari_uncertainseg.explain.saliency import SmoothGradSetting, smoothgrad
from napari_uncertainseg.uncertainty.retention import auroc

EARLY = 5
"""Passes after which the map is compared with that after all of them."""


def main() -> None:
    """Measure, or sum up."""
    if sys.argv[1:2] == ["--summary"]:
        print(summary(Path(sys.argv[2])))
        return
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    add_folders(parser)
    parser.add_argument("--lesions", type=int, default=1)
    parser.add_argument("--passes", type=int, default=20)
    parser.add_argument("--step", type=float, default=2.0, help="of the context, mm")
    add_map_settings(parser)
    parser.add_argument("--minutes", type=float, default=np.inf, help="no scan is begun after so many")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    for end, measure in ((".tsv", write_maps), ("-drawn.tsv", write_drawn)):
        for one in chosen(arguments):
            if time.monotonic() - started > 60 * arguments.minutes:
                return
            if not (arguments.out / f"{file_name(one)}{end}").is_file():
                measure(opened(one, arguments), arguments)


def write_drawn(case: LeftOutCase, arguments: argparse.Namespace) -> None:
    """Of the lesions drawn from a scan."""
    rows = [row_of(case, number, arguments) for number in drawn(case, arguments.lesions)]
    pd.DataFrame(rows).to_csv(arguments.out / f"{case.name}-drawn.tsv", sep="\t", index=False)
    print(f"{case.name}: {len(rows)} lesions", flush=True)


def drawn(case: LeftOutCase, count: int) -> list[int]:
    """Numbers of lesions, drawn with a fixed seed."""
    volumes = np.bincount(case.lesions.ravel()) * case.one.voxel_volume
    usual = [n for n in range(1, len(volumes)) if case.real[n - 1] and 20 <= volumes[n] <= 1000]
    return sorted(np.random.default_rng(0).permutation(usual)[:count].tolist())


def row_of(case: LeftOutCase, number: int, arguments: argparse.Namespace) -> dict[str, object]:
    """What is measured of one lesion."""
    region, passes = case.lesion(number), arguments.passes
    early, maps = None, None
    for found in smoothgrad(case.scene, region, SmoothGradSetting(passes=passes)):
        early = found.maps() if found.passes == EARLY else early
        maps = found.maps() if found.passes == passes else maps
    assert maps is not None
    row = measured(case, region, maps, "true", number) | {"case": case.one.scan.patient}
    if early is not None:
        row["early"] = float(np.corrcoef(early[0].ravel(), maps[0].ravel())[0, 1])
    near = distance_around(region, case.scene.spacing, 7.0) <= 7
    row["flair_within_7mm"] = float(np.abs(maps[0][near]).sum() / np.abs(maps[0]).sum())
    row |= vars(context_need(context_curve(case.scene, region, step_mm=arguments.step)))
    table = counterfactuals(case.scene, region, case.others(region))
    steps = table[table["fainter"].notna()]
    row["missed_fainter"] = float(steps["fainter"][~steps["found"]].min())
    for change, name in (("without T1", "no_t1"), ("without T2", "no_t2"), ("FLAIR alone", "flair_alone")):
        here = table[table["change"] == change]
        row[f"found_{name}"] = float(here["found"].iloc[0]) if len(here) else None
    return row


def summary(folder: Path) -> str:
    """Of all tables in a folder, as text."""
    paths = {path: path.name.endswith("-drawn.tsv") for path in sorted(folder.glob("*.tsv"))}
    tables = {path: pd.read_csv(path, sep="\t") for path in paths}
    lines = _of_maps(pd.concat([tables[path] for path, drawn_too in paths.items() if not drawn_too]))
    some = [tables[path] for path, drawn_too in paths.items() if drawn_too]
    return "\n".join(lines + (_of_drawn(pd.concat(some)) if some else []))


def _of_drawn(rows: pd.DataFrame) -> list[str]:
    lines = ["", f"{len(rows)} lesions drawn, of {rows['patient'].nunique()} patients"]
    names = [name for name in rows if name.endswith(("_inside", "_ring", "_share", "_7mm"))]
    names += ["early", "missed_fainter", "found", "found_no_t1", "found_no_t2", "found_flair_alone"]
    lines += [_line(name, rows, lambda t, name=name: t[name].astype(float).mean()) for name in names]
    lines += ["", context_summary(rows).to_string()]
    undetected = rows["found"].astype(bool) & rows["detected_mm"].isna()
    return [*lines, f"found with all of the field, not within 34 mm: {int(undetected.sum())}"]


def _of_maps(rows: pd.DataFrame) -> list[str]:
    counts = rows["kind"].value_counts().to_dict()
    lines = [f"all maps: {counts} of {rows['patient'].nunique()} patients"]
    rows["size"] = np.log(rows["voxels"])
    rows["peak_rest"] = _beyond_size(rows["peak"], rows["size"])
    rows["trough_rest"] = _beyond_size(-rows["trough"], rows["size"])
    for name in ("flair", "t1", "t2"):
        for part in ("inside", "ring"):
            known = rows[rows[f"{name}_{part}"].notna()].assign(
                own=lambda t, n=name, p=part: t[f"{n}_{p}"] > 0
            )
            for kind, own in known.groupby("kind"):
                lines += [_line(f"{kind}: {name} {part} is positive", own, lambda t: t["own"].mean())]
    for kind, own in rows.groupby("kind"):
        for name in ("peak", "trough", "voxels", "flair_share"):
            lines += [_line(f"{kind}: median {name}", own, lambda t, name=name: t[name].median())]
    for other in ("false", "missed"):
        both = rows[rows["kind"].isin(["true", other])]
        for name in ("size", "peak", "peak_rest", "trough_rest", "flair_inside"):
            measure = lambda t, name=name: _area(t, name)  # noqa: E731
            lines += [_line(f"AUROC of true against {other}: {name}", both, measure)]
    return lines


def _beyond_size(values: pd.Series, size: pd.Series) -> np.ndarray:
    """The logarithm of a peak, less what a straight line in the logarithm of the voxels says of it."""
    logs = np.log(values.clip(lower=1e-9))
    slope, level = np.polyfit(size, logs, 1)
    return np.asarray(logs - slope * size - level)


def _area(rows: pd.DataFrame, name: str) -> float:
    real = rows["kind"].to_numpy() == "true"
    return auroc(rows[name].to_numpy(float), real) if 0 < real.sum() < len(rows) else float("nan")


def _line(name: str, rows: pd.DataFrame, measure: Callable[[pd.DataFrame], float], draws: int = 1000) -> str:
    """A measure with its interval from draws of the patients."""
    groups = list(rows.groupby("patient").indices.values())
    rng = np.random.default_rng(0)
    drawn_again = [
        measure(rows.iloc[np.concatenate([groups[i] for i in rng.integers(0, len(groups), len(groups))])])
        for _ in range(draws)
    ]
    low, high = np.nanpercentile(drawn_again, [2.5, 97.5])
    return f"{name}: {measure(rows):.3g} ({low:.3g} to {high:.3g})"


if __name__ == "__main__":
    main()
