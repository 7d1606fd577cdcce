r"""Saliency of every lesion of scans that a network had not seen, for `refine.py --saliency`.

usage: python experiments/refine_saliency.py --kept /work/runs/left-out \
           --brains /work/runs/cohort/results/visits --data ../shared/data --runs /work/runs --out FOLDER \
           [--scan PREFIX ...] [--map-passes 2] [--map-margin 16] [--missed 4]

SmoothGrad of each lesion on its own: average version, noise as published, fewer passes and a smaller field.
PREFIX.npz holds ``map``: within each lesion and two voxels around it the FLAIR's gradient for that lesion, in
hundredths of its standard deviation in the brain (the published code takes that of the image). PREFIX.tsv
holds a row for each lesion, and for some that were missed: the largest and smallest values of the map, and
means.
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd
from left_out_scenes import LeftOutCase, add_folders, chosen, file_name, opened
from scipy import ndimage

from napari_uncertainseg._base import InputError
from napari_uncertainseg._boxes import bounding_box
from napari_uncertainseg.explain.context import distance_around
from napari_uncertainseg.explain.saliency import SmoothGradSetting, smoothgrad

RING_MM = 5.0
GROWN = 2
"""Voxels around a lesion that are measured with it, as published."""


def main() -> None:
    """Write the map and the table of each scan that has none yet."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    add_folders(parser)
    add_map_settings(parser)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    for one in chosen(arguments):
        if not (arguments.out / f"{file_name(one)}.tsv").is_file():
            write_maps(opened(one, arguments), arguments)


def add_map_settings(parser: argparse.ArgumentParser) -> None:
    """How the maps of all lesions are made."""
    parser.add_argument("--map-passes", type=int, default=2)
    parser.add_argument("--map-margin", type=float, default=16.0, help="around a lesion, mm")
    parser.add_argument(
        "--missed", type=int, default=4, help="how many missed lesions of a scan are looked at"
    )


def write_maps(case: LeftOutCase, arguments: argparse.Namespace) -> None:
    """Of all lesions of a scan, and of some that were missed."""
    setting = SmoothGradSetting(passes=arguments.map_passes, margin_mm=arguments.map_margin)
    larger = ndimage.maximum_filter(case.lesions, size=2 * GROWN + 1, mode="constant")
    owner = np.where(case.lesions > 0, case.lesions, larger)
    out, rows = np.zeros(owner.shape, np.float32), []
    for number in range(1, int(case.lesions.max()) + 1):
        try:
            region = case.lesion(number)
        except InputError:  # outside the brain that is found today: its map stays 0
            print(f"{case.name}: lesion {number} lies outside the brain", flush=True)
            continue
        maps = saliency_maps(case, region, setting)
        own = owner == number
        inside = maps[0][case.scene.image.any(axis=0)].astype(float)
        values = 100 * (maps[0] - inside.mean()) / max(inside.std(), 1e-12)
        out[own] = case.voxels.to_scan(values.astype(np.float32))[own]
        rows.append(measured(case, region, maps, "true" if case.real[number - 1] else "false", number))
    known = np.unique(case.missed)[1:]
    for number in np.random.default_rng(0).permutation(known)[: arguments.missed]:
        region = case.voxels.to_network(case.missed == number)
        maps = saliency_maps(case, region, setting)
        rows.append(measured(case, region, maps, "missed", int(number)))
    np.savez_compressed(arguments.out / f"{case.name}.npz", map=out)
    pd.DataFrame(rows).to_csv(arguments.out / f"{case.name}.tsv", sep="\t", index=False)
    print(f"{case.name}: {len(rows)} maps", flush=True)


def saliency_maps(case: LeftOutCase, region: np.ndarray, setting: SmoothGradSetting) -> np.ndarray:
    """The mean after all passes, (channels, z, y, x)."""
    *_, last = smoothgrad(case.scene, region, setting)
    return last.maps()


def named(case: LeftOutCase, region: np.ndarray, kind: str, number: int) -> dict[str, object]:
    """Whose lesion it is, and its voxels for the network."""
    scan = case.one.scan
    row: dict[str, object] = {"scan": case.name, "patient": f"{scan.source} {scan.patient}", "kind": kind}
    return row | {"hospital": case.one.hospital, "lesion": number, "voxels": int(region.sum())}


def measured(
    case: LeftOutCase, region: np.ndarray, maps: np.ndarray, kind: str, number: int
) -> dict[str, object]:
    """Peaks of the FLAIR's map, and means of each scan's inside and around."""
    near = tuple(slice(max(0, side.start - 9), side.stop + 9) for side in bounding_box(region))
    distance = distance_around(region[near], case.scene.spacing, RING_MM)
    ring = np.zeros(region.shape, bool)
    ring[near] = (distance > 0) & np.isfinite(distance)
    row = named(case, region, kind, number)
    row |= {"peak": float(maps[0].max()), "trough": float(maps[0].min())}
    for name, given, values in zip(case.scene.modalities, case.scene.given, maps, strict=True):
        if given:
            row |= {
                f"{name}_inside": float(values[region].mean()),
                f"{name}_ring": float(values[ring].mean()),
            }
            row |= {f"{name}_share": float(np.abs(values).sum() / np.abs(maps).sum())}
    return row


if __name__ == "__main__":
    main()
