r"""Does attention that learned a patient's label find the lesions? See docs/attention.md.

usage: python experiments/attention.py make --results /work/runs/cohort/results/visits --data ../shared/data \
           --model bundled --bags BAGS [--only PATIENT]
       python experiments/attention.py score --bags BAGS [--seeds 3] [--stage encoder.3]

Each of the 12 labelled patients is planted several times: its own lesions are filled, and lesions of two
masks of 3D-MR-MS that no other patient gets, one small and one large, are planted, a random share of them
left out, mirrored or not. The label is "more than 15 ml were planted". Instances are lesions (probability
0.5) and candidates (0.1) of one network; which of them are planted is known, and never learned from.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from comparing import table
from sources import Scan, scans_at_hand
from torch import Tensor

from napari_uncertainseg.explain.attention.encoder import activations_at
from napari_uncertainseg.explain.explained_case import ExplainedCase, open_case
from napari_uncertainseg.explain.scene import Field, Scene, fields_of
from napari_uncertainseg.images.files import read_labels
from napari_uncertainseg.lesions.components import label_components
from napari_uncertainseg.lesions.matching import lesions_touching
from napari_uncertainseg.networks.catalog import find_model
from napari_uncertainseg.networks.engines.device import cpu_device
from napari_uncertainseg.networks.recalibration import LogitLine
from napari_uncertainseg.training import planting
from napari_uncertainseg.training.mil.auxiliary import AuxiliaryTask, column_task, size_task
from napari_uncertainseg.training.mil.bags import Bag
from napari_uncertainseg.training.mil.fit import FitSetting
from napari_uncertainseg.training.mil.left_out import LeftOutBags, left_out_bags, patient_folds
from napari_uncertainseg.training.mil.reweighting import CosineGate, FixedWeight, OnlineWeight
from napari_uncertainseg.training.randomness import Draw
from napari_uncertainseg.training.subjects import brain_box, find_image, place_mask, read_masks, read_scans
from napari_uncertainseg.uncertainty.retention import auroc

STAGES = ("encoder.2", "encoder.3", "encoder.4", "decoder.1")
TIMES = 6
"""How often each patient is planted."""
LIMIT_ML = 15.0
LESION, CANDIDATE, FEWEST = 0.5, 0.1, 3
"""Probabilities of lesions and of candidates, and their fewest voxels of 1 mm."""
HOSPITAL = {"MS3SEG": "Toshiba", "Sim-Vent": "Toshiba"}


def main() -> None:
    """Make bags, or score them."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("what", choices=("make", "score"))
    parser.add_argument("--bags", type=Path, required=True)
    parser.add_argument("--results", type=Path)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--model", default="bundled")
    parser.add_argument("--only")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--stage", choices=STAGES, default="encoder.3")
    arguments = parser.parse_args()
    {"make": make, "score": score}[arguments.what](arguments)


# -- bags -------------------------------------------------------------------------------------------


def make(arguments: argparse.Namespace) -> None:
    """Plant, run the network, and keep the bags of each patient."""
    scans = {scan.patient: scan for scan in scans_at_hand(arguments.data)[::-1]}  # the first visit of each
    flair = read_scans(arguments.data, "3d-mr-ms/patient07/")["flair"]
    masks = read_masks(arguments.data / "3d-mr-ms" / "masks", torch.from_numpy(flair.data != 0))
    masks.sort(key=lambda mask: int((mask > 0).sum()))
    arguments.bags.mkdir(parents=True, exist_ok=True)
    patients = sorted(scans)
    for number, patient in enumerate(patients):
        file = arguments.bags / f"{patient}.npz"
        if file.exists() or arguments.only not in (None, patient):
            continue
        # No mask goes into two patients, and none into the patient whose lesions it outlines.
        pair = masks[number], masks[-1 - (number + 3) % len(patients)]
        bags = planted_bags(scans[patient], number, pair, arguments)
        np.savez_compressed(file, source=scans[patient].source, **bags)
        print(
            patient, [f"{bags[f'ml{k}']:.1f} ml, {len(bags[f'sizes{k}'])}" for k in range(TIMES)], flush=True
        )


def planted_bags(
    scan: Scan, number: int, masks: Sequence[Tensor], arguments: argparse.Namespace
) -> dict[str, np.ndarray]:
    """The bags of one patient: for each planting features by stage, sizes, probabilities, truth, ml."""
    name = scan.prefix.strip("/").split("/")[1]
    case = open_case(arguments.results / f"{scan.source}_{name}")
    scene = scene_of(case, arguments.model)
    image, brain = torch.from_numpy(scene.image), torch.from_numpy(case.voxels.source.brain)
    reference = read_labels(find_image(arguments.data, scan.prefix, "lesion"), case.grid).data > 0
    own = torch.from_numpy(case.voxels.to_network(reference))
    draw = Draw.seeded(1000 + number)
    healthy = planting.fill_lesions(image, own, brain, draw)
    out: dict[str, np.ndarray] = {}
    for k in range(TIMES):
        mask = thinned(masks[k % 2], draw)
        labels = place_mask(mask, brain, brain_box(brain)).long()
        scans, lesions = planting.plant_lesions(healthy, labels, brain, draw)
        given = torch.tensor(scene.given)[:, None, None, None]
        bag = bag_of(replace(scene, image=(scans * given).numpy()), lesions.numpy(), brain.numpy())
        out |= {f"{key}{k}": value for key, value in bag.items()}
        out[f"ml{k}"] = np.float64(lesions.sum() * np.prod(scene.spacing) / 1000)
    return out


def scene_of(case: ExplainedCase, model: str) -> Scene:
    """The case as a network of another model reads it, which prepares scans alike."""
    used = find_model(model)
    engine = used.engine(cpu_device("torch").at("float32"), 0)
    return replace(case.scene, engine=engine, heads=slice(None), line=LogitLine())


def thinned(mask: Tensor, draw: Draw) -> Tensor:
    """A share of the lesions of a mask, 0.6 to 1, mirrored or not."""
    kept = draw.uniform(0, 1, int(mask.max()) + 1) < draw.number(0.6, 1.0)
    kept[0] = False
    left = mask * kept[mask.long()]
    return left.flip(-1) if draw.chance(0.5) else left


def bag_of(scene: Scene, truth: np.ndarray, brain: np.ndarray) -> dict[str, np.ndarray]:
    """One pass: instances by probability, and the mean activations of stages in them."""
    (field,) = fields_of(scene, brain, 0.0)
    p, activations = run(scene, field)
    whole = np.zeros(scene.shape, np.float32)
    whole[field.box] = p
    labels, n = label_components(whole, LESION, min_voxels=FEWEST)
    low, m = label_components(whole, CANDIDATE, min_voxels=FEWEST)
    alone = np.bincount(low.ravel(), (whole >= LESION).ravel(), minlength=m + 1) == 0
    alone[0] = False
    new = np.where(alone, n + np.cumsum(alone), 0)
    labels = np.where(labels > 0, labels, new[low]).astype(np.int64)
    n += int(alone.sum())
    where = np.argwhere(labels > 0)
    number = labels[labels > 0] - 1
    voxels = np.bincount(number, minlength=n)
    out = {
        "sizes": (voxels * np.prod(scene.spacing)).astype(np.float32),
        "probability": np.bincount(number, whole[labels > 0], minlength=n) / np.maximum(voxels, 1),
        "true": lesions_touching(labels.astype(np.int32), truth, n) if n else np.zeros(0, bool),
    }
    start = [one.start for one in field.box]
    for stage, array in activations.items():
        total = torch.zeros(n, len(array), dtype=torch.float64)
        for values, part in activations_at(array, where - start + np.array(field.before), field.size):
            total.index_add_(0, torch.from_numpy(number[part]), values)
        out[stage] = (total.numpy() / np.maximum(voxels, 1)[:, None]).astype(np.float32)
    return out


def run(scene: Scene, field: Field) -> tuple[np.ndarray, dict[str, Tensor]]:
    """The mean probability of the heads within a field, and what stages give."""
    found: dict[str, Tensor] = {}
    handles = [
        scene.engine.network.get_submodule(stage).register_forward_hook(
            lambda module, inputs, output, stage=stage: found.update({stage: output[0].float().clone()})
        )
        for stage in STAGES
    ]
    try:
        return scene.members(field).mean(axis=0), found
    finally:
        for handle in handles:
            handle.remove()


# -- scores -----------------------------------------------------------------------------------------


def score(arguments: argparse.Namespace) -> None:
    """Leave patients and hospitals out, and print the tables."""
    rows = read(arguments.bags, arguments.stage)
    labels = np.array([row["ml"] > LIMIT_ML for row in rows])
    patients = np.array([row["patient"] for row in rows])
    hospitals = np.array([HOSPITAL.get(row["source"], row["source"]) for row in rows])
    print(
        f"{len(rows)} bags of {len(set(patients))} patients, {labels.sum()} above {LIMIT_ML:g} ml; "
        f"{sum(len(row['sizes']) for row in rows)} instances, "
        f"{sum(int(row['true'].sum()) for row in rows)} of them planted lesions\n"
    )
    print("What needs no learning\n\n" + plain(rows, labels, patients) + "\n")
    for name, groups in (("A fifth of the patients", None), ("Each hospital", hospitals)):
        print(f"{name} left out, {arguments.seeds} seeds\n")
        print(compared(rows, labels, patients, groups, arguments.seeds) + "\n")


def read(folder: Path, stage: str) -> list[Mapping[str, object]]:
    """A row for each bag."""
    rows = []
    for file in sorted(folder.glob("*.npz")):
        with np.load(file, allow_pickle=False) as held:
            for k in range(TIMES):
                rows.append(
                    {
                        "patient": file.stem,
                        "source": str(held["source"]),
                        "ml": float(held[f"ml{k}"]),
                        "bag": Bag(held[f"{stage}{k}"], held[f"sizes{k}"]),
                        **{key: held[f"{key}{k}"] for key in ("sizes", "true", "probability")},
                    }
                )
    return rows


def plain(rows: Sequence[Mapping], labels: np.ndarray, patients: np.ndarray) -> str:
    """How well size and probability tell the label, and planted lesions."""
    volume = np.array([row["sizes"][row["probability"] >= LESION].sum() for row in rows])
    lines = [["AUC of the label by the segmented volume", interval(of_label(volume, labels, patients))]]
    for name, key in (("size", "sizes"), ("mean probability", "probability")):
        areas = [told(row[key], row["true"]) for row in rows]
        lines.append([f"AUC of planted lesions by {name}", interval(over_patients(areas, patients))])
    share = [row["true"].mean() for row in rows]
    lines.append(["share of instances that are planted lesions", interval(over_patients(share, patients))])
    return table(["measure", "value (95 % interval over patients)"], lines)


def compared(
    rows: Sequence[Mapping],
    labels: np.ndarray,
    patients: np.ndarray,
    groups: np.ndarray | None,
    seeds: int,
) -> str:
    """Each auxiliary task and rule."""
    bags = [row["bag"] for row in rows]
    size, source = size_task(bags), column_task("source", [str(row["source"]) for row in rows])
    tasks: dict[str, tuple[AuxiliaryTask | None, object]] = {
        "no second task": (None, CosineGate),
        "size, cosine": (size, CosineGate),
        "size, online": (size, OnlineWeight),
        "size, weight 1": (size, lambda: FixedWeight(1.0)),
        "source, cosine": (source, CosineGate),
        "source, weight 1": (source, lambda: FixedWeight(1.0)),
    }
    lines = []
    for name, (task, rule) in tasks.items():
        scores = []
        for seed in range(seeds):
            setting = FitSetting(seed=100 * seed, rule=rule)
            left = patient_folds(labels, patients.tolist(), seed) if groups is None else groups
            scores.append(scored(left_out_bags(bags, labels, left, setting, task), rows, labels, patients))
        lines.append([name, *(over_seeds([one[i] for one in scores]) for i in range(3))])
    titles = ["second task", "AUC of the label", "AUC of planted lesions", "attention in planted lesions"]
    return table(titles, lines)


def scored(said: LeftOutBags, rows: Sequence[Mapping], labels: np.ndarray, patients: np.ndarray) -> list:
    """The label's area; the mean over patients of the attention's area and share in planted lesions."""
    pairs = list(zip(said.attention, rows, strict=True))
    areas = [told(a, row["true"]) if len(a) else np.nan for a, row in pairs]
    share = [a[row["true"]].sum() if len(a) else np.nan for a, row in pairs]
    known = np.isfinite(said.probabilities)
    return [
        of_label(said.probabilities[known], labels[known], patients[known]),
        over_patients(areas, patients),
        over_patients(share, patients),
    ]


def told(values: np.ndarray, true: np.ndarray) -> float:
    """AUC of planted lesions within a bag; NaN where all are, or none is."""
    return auroc(values, true) if 0 < true.sum() < len(true) else np.nan


def of_label(said: np.ndarray, labels: np.ndarray, patients: np.ndarray) -> tuple[float, float, float]:
    """AUC, and a 95 % interval from drawing patients anew."""
    rng, names = np.random.default_rng(0), np.unique(patients)
    areas = []
    for _ in range(1000):
        at = np.concatenate([np.flatnonzero(patients == n) for n in rng.choice(names, len(names))])
        areas.append(auroc(said[at], labels[at]))
    return auroc(said, labels), *np.nanpercentile(areas, (2.5, 97.5))


def over_patients(values: Sequence[float], patients: np.ndarray) -> tuple[float, float, float]:
    """Mean of the patients' means, and a 95 % interval from drawing patients anew."""
    means = pd.Series(np.asarray(values, float)).groupby(patients).mean().dropna().to_numpy()
    drawn = np.random.default_rng(0).choice(means, (1000, len(means))).mean(axis=1)
    return float(means.mean()), *np.percentile(drawn, (2.5, 97.5))


def interval(found: tuple[float, float, float]) -> str:
    """Value and interval."""
    return f"{found[0]:.2f} ({found[1]:.2f} to {found[2]:.2f})"


def over_seeds(found: Sequence[tuple[float, float, float]]) -> str:
    """Mean over seeds, the mean interval over patients, and the range over seeds."""
    mean, low, high = np.mean(found, axis=0)
    values = [one[0] for one in found]
    return f"{mean:.2f} ({low:.2f} to {high:.2f}); seeds {min(values):.2f} to {max(values):.2f}"


if __name__ == "__main__":
    main()
