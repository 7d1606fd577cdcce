r"""Do radiomics tell false from real lesions, on sources that no network had seen? See docs/radiomics.md.

usage: python experiments/refine.py --kept /work/runs/left-out --brains /work/runs/cohort/results/visits \
           --data ../shared/data --rows rows.tsv [--saliency FOLDER]

Predictions are those that `left_out.py` kept, of all scans at hand, by a network that was trained without the
source. A lesion is real where the experts' mask has a voxel in it. The FLAIR is standardised in the brain.
With --saliency, the lesions' own maps, which `refine_saliency.py` wrote, are measured likewise.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from comparing import table, with_interval
from left_out import LeftOut, read
from sources import Scan, scans_at_hand

from napari_uncertainseg.explain.radiomics.features import FEATURE_NAMES, LABEL, lesion_radiomics
from napari_uncertainseg.explain.radiomics.grey_levels import GreyLevels
from napari_uncertainseg.explain.radiomics.of_results import standardised
from napari_uncertainseg.explain.refinement.counts import count_lesions, intervals
from napari_uncertainseg.explain.refinement.fit import left_out_probabilities
from napari_uncertainseg.explain.refinement.model import CUT_OFF
from napari_uncertainseg.images.files import read_labels
from napari_uncertainseg.lesions.components import label_components, voxels_of
from napari_uncertainseg.lesions.matching import detections, lesions_touching
from napari_uncertainseg.training.subjects import find_image, read_scans
from napari_uncertainseg.uncertainty.retention import auroc

FOLDS: Mapping[str, Sequence[str]] = {
    "fold-toshiba-heads": ("MS3SEG", "Sim-Vent"),
    "fold-mslesseg": ("MSLesSeg",),
    "fold-3d-mr-ms": ("3D-MR-MS",),
}
"""Which network had not seen which sources."""
MIN_MM3 = 3.0
PLAIN = ("max_probability", "mean_probability", "log_mm3")


def main() -> None:
    """Measure all lesions, or read the rows of before, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--kept", type=Path, required=True)
    parser.add_argument("--brains", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rows", type=Path, required=True)
    parser.add_argument("--saliency", type=Path)
    arguments = parser.parse_args()
    if not arguments.rows.is_file():
        found = [measured(one, arguments) for one in kept_predictions(arguments.kept, arguments.data)]
        pd.concat(found).to_csv(arguments.rows, sep="\t", index=False)
    rows = pd.read_csv(arguments.rows, sep="\t")
    missed = rows[~rows["found"]].groupby("patient")["missed"].sum()
    rows = rows[rows["found"]].astype({"true": bool}).reset_index(drop=True)
    real = int(rows["true"].sum())
    print(
        f"{len(rows)} lesions, {real} of them real, of {len(missed)} patients; {int(missed.sum())} missed\n"
    )
    for group in ("patient", "hospital"):
        print(f"A {group} left out\n\n{compared(rows, missed, group)}\n")


def kept_predictions(folder: Path, data: Path) -> list[LeftOut]:
    """Of each scan, by the network that had not seen its source, from all scans at hand."""
    scans = {scan.prefix: scan for scan in scans_at_hand(data)}
    best: dict[str, LeftOut] = {}
    for path in sorted(folder.glob("*.npz")):
        with np.load(path, allow_pickle=False) as file:
            about = json.loads(str(file["information"]))
        prefix = str(Path(about["inputs"]["flair"]["path"]).parent).split("/data/")[1] + "/"
        scan = scans[prefix]
        if scan.source not in FOLDS.get(about["model"], ()):
            continue
        if prefix not in best or len(about["inputs"]) > len(best[prefix].information["inputs"]):
            best[prefix] = read(path, scan)
    return [best[prefix] for prefix in scans if prefix in best]


def measured(one: LeftOut, arguments: argparse.Namespace) -> pd.DataFrame:
    """The rows of one scan, and one that says how many lesions were missed."""
    scan, grid_data = one.scan, read_scans(arguments.data, one.scan.prefix)
    flair = grid_data["flair"]
    truth = read_labels(find_image(arguments.data, scan.prefix, "lesion"), flair.grid).data > 0
    p = one.image(one.mean().astype(np.float32))
    labels, n = label_components(p, one.threshold, min_voxels=voxels_of(MIN_MM3, one.voxel_volume))
    brain = read_labels(brain_file(arguments.brains, scan), flair.grid).data > 0
    images = {"flair": (standardised(flair.data, brain), GreyLevels())}
    if arguments.saliency is not None:
        with np.load(arguments.saliency / f"{scan.prefix.strip('/').replace('/', '-')}.npz") as file:
            images["saliency"] = (file["map"], GreyLevels(bin_count=32))  # standardised by lesion
    parts = [simple(p, labels, n, one.voxel_volume)]
    for name, (values, levels) in images.items():
        for margin in (0, 2):
            own = lesion_radiomics(values, labels, spacing=one.spacing, levels=levels, margin=margin)
            parts.append(own.drop(columns=LABEL).add_prefix(f"{name}{margin}_"))
    rows = pd.concat(parts, axis=1).assign(true=lesions_touching(labels, truth, n), found=True, missed=0)
    last = pd.DataFrame([{"found": False, "true": False, "missed": detections(labels, truth).fn}])
    print(f"{scan.prefix}: {n} lesions", flush=True)
    return pd.concat([rows, last]).assign(
        source=scan.source,
        hospital=one.hospital,
        patient=f"{scan.source} {scan.patient}",
        scan=scan.prefix,
    )


def brain_file(folder: Path, scan: Scan) -> Path:
    """The brain that a run found: `--brains` is the folder of its visits."""
    name = scan.prefix.strip("/").split("/")[1]
    return folder / f"{scan.source}_{name}" / "brain.nii.gz"


def simple(p: np.ndarray, labels: np.ndarray, n: int, voxel_mm3: float) -> pd.DataFrame:
    """What a list shows anyway."""
    inside = labels > 0
    own, number = labels[inside], np.bincount(labels[inside], minlength=n + 1)[1:]
    largest = np.zeros(n + 1)
    np.maximum.at(largest, own, p[inside])
    mean = np.bincount(own, p[inside], minlength=n + 1)[1:] / number
    return pd.DataFrame(
        {"max_probability": largest[1:], "mean_probability": mean, "log_mm3": np.log(number * voxel_mm3)}
    )


def compared(rows: pd.DataFrame, missed: pd.Series, group: str) -> str:
    """Precision, recall and F1 of each set of features, with a group left out."""
    sets = {"list alone (peak, mean p, volume)": list(PLAIN)}
    for margin, words in ((0, "lesion"), (2, "lesion and 2 voxels around")):
        sets[f"FLAIR, {words}"] = prefixed(f"flair{margin}_")
    sets["list and FLAIR"] = [*PLAIN, *prefixed("flair0_"), *prefixed("flair2_")]
    if "saliency0_glcm_MCC" in rows:
        both = [*prefixed("saliency0_"), *prefixed("saliency2_")]
        sets["saliency"] = both
        sets["list, FLAIR and saliency"] = [*sets["list and FLAIR"], *both]
    before = count_lesions(rows, missed)
    lines = [["as found", *(f"{x:.3f}" for x in (before.precision, before.recall, before.f1)), "", ""]]
    for name, features in sets.items():
        said = left_out_probabilities(rows, features, group)
        kept = said >= CUT_OFF
        cells = [with_interval(intervals(rows, missed, kept, measure)[1]) for measure in MEASURES]
        difference = with_interval(intervals(rows, missed, kept, MEASURES[2])[2])
        lines.append([name, *cells, difference, f"{area(rows, said):.3f}"])
    titles = ["features", "precision", "recall", "F1", "F1 after less before", "AUROC, mean of scans"]
    return table(titles, lines)


MEASURES = (lambda c: c.precision, lambda c: c.recall, lambda c: c.f1)


def prefixed(prefix: str) -> list[str]:
    """The names of the 93."""
    return [f"{prefix}{name}" for name in FEATURE_NAMES]


def area(rows: pd.DataFrame, said: np.ndarray) -> float:
    """AUROC of real against false lesions within scans: mean over scans that have both."""
    found = []
    for _, own in rows.groupby("scan"):
        real = own["true"].to_numpy(bool)
        if real.any() and not real.all():
            found.append(auroc(said[own.index], real))
    return float(np.mean(found))


if __name__ == "__main__":
    main()
