r"""The claims of arXiv 2406.09335 on lesions of scans that the network had not seen.

usage: python experiments/explain_lesions.py --kept /work/runs/left-out \
           --brains /work/runs/cohort/results/visits --data ../shared/data --runs /work/runs --out FOLDER \
           [--scan PREFIX ...] [--parts maps drawn] [--lesions 5] [--passes 0] [--step 2] [--minutes 8]
       python experiments/explain_lesions.py --summary FOLDER|docs/data/explained-drawn.tsv

The part *maps* writes the maps of all lesions, see `refine_saliency.py`. For *drawn*, lesions of 20 to
1000 mm3 that the expert outlined too are drawn of each scan: context to 34 mm, counterfactuals, and with
--passes saliency; FOLDER/PREFIX-drawn.tsv has a row for each. With --summary the tables that are there are
summed up, with intervals from 1,000 draws of the patients.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from left_out_scenes import LeftOutCase, add_folders, chosen, file_name, opened
from refine_saliency import add_map_settings, measured, named, write_maps

from napari_uncertainseg._base import InputError
from napari_uncertainseg._threshold import at_least
from napari_uncertainseg.explain.context import PUBLISHED_MM, context_curve, context_need, distance_around
from napari_uncertainseg.explain.counterfactual import STEPS, filled
from napari_uncertainseg.explain.saliency import SmoothGradSetting, smoothgrad
from napari_uncertainseg.explain.scene import fields_of
from napari_uncertainseg.uncertainty.retention import auroc

EARLY = 5
"""Passes after which the map is compared with that after all of them."""
MARGIN_MM = 32.0
"""Around a lesion that is changed."""
DRAWS = 1000
"""Of the patients, for an interval."""


def main() -> None:
    """Measure, or sum up."""
    if sys.argv[1:2] == ["--summary"]:
        print(summary(Path(sys.argv[2])))
        return
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    add_folders(parser)
    parser.add_argument("--parts", nargs="+", choices=("maps", "drawn"), default=("maps", "drawn"))
    parser.add_argument("--lesions", type=int, default=5, help="drawn of each scan")
    parser.add_argument("--passes", type=int, default=0, help="of the saliency of those drawn")
    parser.add_argument("--step", type=float, default=2.0, help="of the context, mm")
    add_map_settings(parser)
    parser.add_argument("--minutes", type=float, default=np.inf, help="no scan is begun after so many")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    parts = {"maps": (".tsv", write_maps), "drawn": ("-drawn.tsv", write_drawn)}
    for end, measure in (parts[name] for name in arguments.parts):
        for one in chosen(arguments):
            if time.monotonic() - started > 60 * arguments.minutes:
                return
            if not complete(arguments.out / f"{file_name(one)}{end}", arguments.lesions):
                measure(opened(one, arguments), arguments)


def complete(path: Path, count: int) -> bool:
    """Whether a table is there, and of drawn lesions holds as many."""
    return path.is_file() and (
        not path.name.endswith("-drawn.tsv") or len(pd.read_csv(path, sep="\t")) >= count
    )


def write_drawn(case: LeftOutCase, arguments: argparse.Namespace) -> None:
    """Of the lesions drawn from a scan; others take the place of those that cannot be measured."""
    path = arguments.out / f"{case.name}-drawn.tsv"
    before = pd.read_csv(path, sep="\t") if path.is_file() else pd.DataFrame({"lesion": []})
    rows = before.to_dict("records")
    for number in drawn(case):
        if len(rows) >= arguments.lesions:
            break
        if number in set(before["lesion"]):
            continue
        try:
            rows.append(row_of(case, number, arguments))
        except InputError as error:  # outside the brain that is found today, or no white matter around
            print(f"{case.name}, lesion {number}: {error}", flush=True)
            continue
        pd.DataFrame(rows).to_csv(path, sep="\t", index=False)
    print(f"{case.name}: {len(rows)} lesions", flush=True)


def drawn(case: LeftOutCase) -> list[int]:
    """Numbers of the lesions that may be drawn, in an order that a fixed seed gives."""
    volumes = np.bincount(case.lesions.ravel()) * case.one.voxel_volume
    usual = [n for n in range(1, len(volumes)) if case.real[n - 1] and 20 <= volumes[n] <= 1000]
    return [int(n) for n in np.random.default_rng(0).permutation(usual)]


def row_of(case: LeftOutCase, number: int, arguments: argparse.Namespace) -> dict[str, object]:
    """What is measured of one lesion."""
    region = case.lesion(number)
    row = named(case, region, "true", number)
    if arguments.passes:
        row |= seen(case, region, arguments.passes, number)
    curve = context_curve(case.scene, region, step_mm=arguments.step)
    row |= vars(context_need(curve))
    row |= {"kept_mm": kept_from(curve)}
    row |= {
        f"p_{radius:g}mm": p for radius, p in zip(curve["radius_mm"], curve["mean_probability"], strict=True)
    }
    return row | changed(case, region)


def changed(case: LeftOutCase, region: np.ndarray) -> dict[str, object]:
    """What is said of one lesion when it is fainter, up to where it is missed, or when a scan is taken away.

    As `counterfactuals`, but for the doubt, which takes the whole network; so it needs a third of the time.
    """
    scene = case.scene
    shown = fields_of(scene, region, MARGIN_MM)[0]
    read, box = scene.region_logits(shown), (slice(None), *shown.box)
    cut, beside = scene.image[box], case.others(region)[shown.box] & ~shown.region
    empty = filled(cut, scene.modalities, shown.region, beside, ours=scene.ours)

    def said(image: np.ndarray) -> tuple[float, bool]:
        with torch.inference_mode():
            p = scene.probabilities(read(shown.window(None, scene.engine, image))).mean(axis=0)
        return float(p.mean()), bool(at_least(p, scene.threshold).any())

    row: dict[str, object] = {"missed_fainter": float("nan")}
    for share in STEPS:
        _, found = said(cut + np.float32(share) * (empty - cut))
        row |= {"found_as_it_is": found} if share == 0 else {}
        if not found:
            row["missed_fainter"] = share
            break
    given = dict(zip(scene.modalities, scene.given, strict=True))
    for name, lacking in {"no_t1": ("t1",), "no_t2": ("t2",), "flair_alone": ("t1", "t2")}.items():
        known = all(given[one] for one in lacking)
        without = np.isin(scene.modalities, lacking)[:, None, None, None]
        p, found = said(np.where(without, np.float32(0), cut)) if known else (float("nan"), None)
        row |= {f"found_{name}": found, f"p_{name}": p}
    return row


def kept_from(curve: pd.DataFrame) -> float:
    """The smallest radius from which on a lesion is detected with each larger one; NaN if with none."""
    missed = np.flatnonzero(~curve["detected"].to_numpy(bool))
    first = int(missed[-1]) + 1 if len(missed) else 0
    return float(curve["radius_mm"].iloc[first]) if first < len(curve) - 1 else float("nan")


def seen(case: LeftOutCase, region: np.ndarray, passes: int, number: int) -> dict[str, object]:
    """Of the saliency of one lesion."""
    early, maps = None, None
    for found in smoothgrad(case.scene, region, SmoothGradSetting(passes=passes)):
        early = found.maps() if found.passes == EARLY else early
        maps = found.maps() if found.passes == passes else maps
    assert maps is not None
    row = measured(case, region, maps, "true", number)
    if early is not None:
        row["early"] = float(np.corrcoef(early[0].ravel(), maps[0].ravel())[0, 1])
    near = distance_around(region, case.scene.spacing, PUBLISHED_MM) <= PUBLISHED_MM
    row["flair_within_7mm"] = float(np.abs(maps[0][near]).sum() / np.abs(maps[0]).sum())
    return row


def summary(place: Path) -> str:
    """Of a table, or of all in a folder, as text."""
    found = [place] if place.is_file() else sorted(place.glob("*.tsv"))
    paths = {path: path.name.endswith("-drawn.tsv") for path in found}
    tables = {path: pd.read_csv(path, sep="\t") for path in paths}
    all_maps = [tables[path] for path, drawn_too in paths.items() if not drawn_too]
    some = [tables[path] for path, drawn_too in paths.items() if drawn_too]
    lines = _of_maps(pd.concat(all_maps)) if all_maps else []
    return "\n".join(lines + (_of_drawn(pd.concat(some)) if some else []))


def _of_drawn(rows: pd.DataFrame) -> list[str]:
    """Radii and counterfactuals, of the lesions that are found with all of the field."""
    found, as_it_is = (rows[rows[name].astype(bool)] for name in ("found", "found_as_it_is"))
    lines = ["", f"{len(rows)} lesions drawn, of {rows['patient'].nunique()} patients"]
    lines += [f"found with all of the field: {_of(found)}; as they are: {_of(as_it_is)}"]
    for name in ("detected_mm", "kept_mm", "settled_mm"):
        # one that is not found within 34 mm needs more than that, so that it counts as infinite
        far = found.assign(radius=found[name].fillna(np.inf))
        lines += [_line(f"{name}, median", far, lambda t: _median(t["radius"]))]
        lines += [_line(f"{name}, within 7", far, lambda t: (t["radius"] <= PUBLISHED_MM).mean())]
        lines += [f"{name}, never to 34 mm: {int(found[name].isna().sum())}"]
    for name in (name for name in rows if name.startswith("p_") and name.endswith("mm")):
        lines += [_line(f"{name}, median", found, lambda t, n=name: t[n].median())]
    still = as_it_is.assign(fainter=as_it_is["missed_fainter"].fillna(np.inf))
    lines += [_line("missed when fainter by, median", still, lambda t: _median(t["fainter"]))]
    for share in (0.2, 0.5):
        lines += [_line(f"missed if {share} fainter", still, lambda t, s=share: (t["fainter"] <= s).mean())]
    lines += [f"found where it is filled in: {int(as_it_is['missed_fainter'].isna().sum())}"]
    for name in ("found_no_t1", "found_no_t2", "found_flair_alone"):
        known = as_it_is[as_it_is[name].notna()].assign(kept=lambda t, n=name: t[n].astype(float))
        if len(known):
            lines += [_line(f"{name}, of {_of(known)}", known, lambda t: t["kept"].mean())]
    names = [n for n in rows if n.endswith(("_inside", "_ring", "_share", "within_7mm")) or n == "early"]
    return lines + [_line(n, rows, lambda t, n=n: t[n].mean()) for n in names]


def _of(rows: pd.DataFrame) -> str:
    return f"{len(rows)} lesions of {rows['patient'].nunique()} patients"


def _median(values: pd.Series) -> float:
    """One of the values, so that it can be infinite."""
    return float(np.quantile(values, 0.5, method="inverted_cdf"))


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


def _line(name: str, rows: pd.DataFrame, measure: Callable[[pd.DataFrame], float]) -> str:
    """A measure with its interval from draws of the patients."""
    groups = list(rows.groupby("patient").indices.values())
    rng = np.random.default_rng(0)
    drawn_again = [
        measure(rows.iloc[np.concatenate([groups[i] for i in rng.integers(0, len(groups), len(groups))])])
        for _ in range(DRAWS)
    ]
    low, high = np.nanpercentile(drawn_again, [2.5, 97.5], method="inverted_cdf")  # some may be infinite
    return f"{name}: {measure(rows):.3g} ({low:.3g} to {high:.3g})"


if __name__ == "__main__":
    main()
