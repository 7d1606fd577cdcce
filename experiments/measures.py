"""Which measure of doubt finds errors best? The tables of docs/experiments.md.

usage: python experiments/measures.py [--method one-pass] [--inputs flair+t1+t2] [--runs FOLDER] [--data ..]

Each held-out patient is segmented by the model that never saw it (experiments/holdout07.toml,
holdout19.toml). Lesions of at least 3 mm3, 26-connected, at the model's threshold; true with any overlap.
Per measure: AUROC of false against true lesions, area above the lesion retention curve (lower is better),
both with intervals from drawing lesions anew; per voxel measure: area above the nDSC retention curve in the
brain, and AUROC of wrong against right voxels.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from comparing import statistic_interval, table, with_interval

from napari_uncertainseg import Segmenter, read_volume
from napari_uncertainseg.calibration.thresholds import best_dice
from napari_uncertainseg.images.files import read_labels
from napari_uncertainseg.lesions.matching import detections
from napari_uncertainseg.prediction.prediction import Prediction
from napari_uncertainseg.uncertainty.lesion import lesion_logsum, lesion_mean, lesion_structural_uncertainty
from napari_uncertainseg.uncertainty.lesion_ranking import rank_lesions
from napari_uncertainseg.uncertainty.retention import auroc, lesion_retention, voxel_retention
from napari_uncertainseg.uncertainty.voxel import MapAccumulator, divergence_maps, negated_confidence

ROOT = Path(__file__).resolve().parents[1]
HELD_OUT = (("holdout07", "patient07"), ("holdout19", "patient19"))
SEEN = {"patient07": "patient19", "patient19": "patient07"}


def main() -> None:
    """Segment both held-out patients and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--method", default="one-pass")
    parser.add_argument("--inputs", default="flair+t1+t2")
    parser.add_argument("--runs", type=Path, default=ROOT / "runs")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    arguments = parser.parse_args()
    for run, patient in HELD_OUT:
        model = arguments.runs / run / "model"
        if not model.exists():
            print(f"{patient} is left out: {model} is missing. uncertainseg train experiments/{run}.toml\n")
            continue
        segmenter = Segmenter(str(model), method=arguments.method)
        found = _segment(segmenter, arguments.data, patient, arguments.inputs)
        own = _own_thresholds(segmenter, arguments.data, SEEN[patient], arguments.inputs)
        print(f"## {patient}, {arguments.inputs}, {arguments.method}\n")
        _report(found, _reference(arguments.data, patient, found), own)


def _segment(segmenter: Segmenter, data: Path, patient: str, inputs: str) -> Prediction:
    folder = data / "3d-mr-ms" / patient
    roles = inputs.split("+")
    return segmenter.predict({role: read_volume(folder / f"{role.upper()}.nii.gz") for role in roles})


def _reference(data: Path, patient: str, prediction: Prediction) -> np.ndarray:
    return read_labels(data / "3d-mr-ms" / patient / "lesions.nii.gz", prediction.grid).data > 0


def _own_thresholds(segmenter: Segmenter, data: Path, patient: str, inputs: str) -> list[float]:
    """LSU+: the threshold at which each member is best, on the patient that it was trained on."""
    prediction = _segment(segmenter, data, patient, inputs)
    reference = _reference(data, patient, prediction)[prediction.members.box]
    return [best_dice(m.astype(np.float32), reference).threshold for m in prediction.members.values]


def _report(prediction: Prediction, reference: np.ndarray, own: list[float]) -> None:
    box = prediction.members.box
    members = [m.astype(np.float32) for m in prediction.members.values]
    lesions = rank_lesions(prediction)
    labels, truth = lesions.labels[box].astype(np.int32), reference[box]
    voxels = np.bincount(labels.ravel())[1:]
    is_true = np.isin(np.arange(1, len(voxels) + 1), labels[truth])
    found = detections(lesions.labels, reference, min_voxels=3)
    print(f"{len(voxels)} lesions, {np.count_nonzero(~is_true)} of them false; F1 {found.f1:.2f}\n")
    maps = _voxel_maps(members)
    _voxel_table(prediction, reference, maps)
    doubts = {
        "size (small is doubtful)": -voxels.astype(float),
        "1 - mean probability": 1 - lesion_mean(labels, prediction.probability[box]),
        "LSU": lesion_structural_uncertainty(labels, members, prediction.threshold),
        "LSU+": lesion_structural_uncertainty(labels, members, own),
    }
    for name, values in maps.items():
        doubts[f"{name}, mean"] = lesion_mean(labels, values)
        doubts[f"{name}, sum"] = doubts[f"{name}, mean"] * voxels
        if name != "negated confidence":  # it is below 0 and has no logarithm
            doubts[f"{name}, log-sum"] = lesion_logsum(labels, values)
    _lesion_table(doubts, is_true)


def _voxel_maps(members: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Every voxel measure of the literature that the plugin has."""
    accumulator = MapAccumulator()
    for member in members:
        accumulator.add(member)
    maps = accumulator.result()
    divergence = divergence_maps(members, maps)
    return {
        "negated confidence": negated_confidence(maps.mean),
        "entropy": maps.entropy,
        "mean entropy": maps.expected_entropy,
        "mutual information": maps.mutual_information,
        "EPKL": divergence.pairwise,
        "reverse MI": divergence.reverse_mutual_information,
        "variance": maps.variance,
    }


def _voxel_table(prediction: Prediction, reference: np.ndarray, maps: dict[str, np.ndarray]) -> None:
    """Outside the members' box nothing is predicted, and nothing is in doubt."""
    inside = prediction.brain
    predicted, truth = (prediction.probability >= prediction.threshold)[inside], reference[inside]
    rows = []
    everywhere = {"ideal": (predicted != truth).astype(float), "random": np.zeros(len(truth))}
    for name, values in maps.items():
        whole = np.full(inside.shape, values.min(), np.float32)
        whole[prediction.members.box] = values
        everywhere[name] = whole[inside]
    for name, doubt in everywhere.items():
        curve = voxel_retention(predicted, truth, doubt)
        rows.append([name, f"{curve.ndsc.above:.4f}", f"{auroc(doubt, predicted != truth):.3f}"])
    print(table(["voxel measure", "AAC (nDSC)", "AUROC"], rows), end="\n\n")


def _lesion_table(doubts: dict[str, np.ndarray], is_true: np.ndarray) -> None:
    rows = []
    doubts = doubts | {"ideal": (~is_true).astype(float), "random": np.zeros(len(is_true))}
    for name, doubt in doubts.items():

        def area(i: np.ndarray, u: np.ndarray = doubt) -> float:
            return auroc(u[i], ~is_true[i])

        def above(i: np.ndarray, u: np.ndarray = doubt) -> float:
            return lesion_retention(u[i], is_true[i]).above

        n = len(is_true)
        areas, retained = statistic_interval(area, n), statistic_interval(above, n)
        rows.append([name, with_interval(areas, 2), with_interval(retained, 3)])
    rows.sort(key=lambda row: row[1], reverse=True)
    print(table(["lesion measure", "AUROC", "AAC (lesions)"], rows), end="\n\n")


if __name__ == "__main__":
    main()
