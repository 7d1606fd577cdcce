r"""Does attention that learned a patient's label find the lesions? See docs/attention.md.

usage: python experiments/attention.py make --results /work/runs/cohort/results/visits --data ../shared/data \
           --model bundled --bags BAGS [--only PATIENT]
       python experiments/attention.py score|tell --bags BAGS --scores FILE.tsv [--seeds 3] [--one]

Each of the 12 labelled patients is planted several times: its own lesions are filled, and lesions of two
masks of 3D-MR-MS that no other patient gets, one small and one large, are planted, a random share of them
left out, mirrored or not. Once none are planted. Labels are "more than 15 ml" and "any lesion". Instances
are lesions (probability 0.5) and candidates (0.1) of one network; which of them are planted is known, and
never learned from.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
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
from napari_uncertainseg.training.mil.reweighting import CosineGate, FixedWeight, OnlineWeight, Reweighting
from napari_uncertainseg.training.randomness import Draw
from napari_uncertainseg.training.subjects import brain_box, find_image, place_mask, read_masks, read_scans
from napari_uncertainseg.uncertainty.retention import auroc

STAGES = ("encoder.2", "encoder.3", "encoder.4", "decoder.1")
TIMES = 6
"""How often each patient is planted."""
LIMIT_ML = 15.0
FEW_ML = 10.0
LARGE_MM3 = 1000.0
MEMBERS = 1
LEFT_OUT = ("a fifth of the patients", "hospital")
KEYS = ("label", "left", "task", "seed")
MEASURES = {
    "label_auc": "AUC of the label",
    "lesion_auc": "AUC of planted lesions",
    "share": "attention in planted lesions",
    "large_share": "in those above 1 ml",
}
SCORES = [f"{name}{end}" for name in MEASURES for end in ("", "_low", "_high")]
HEALTHY = "-healthy.npz"
"""Ending of the file of a patient without any lesion."""
LESION, CANDIDATE, FEWEST = 0.5, 0.1, 3
"""Probabilities of lesions and of candidates, and their fewest voxels of 1 mm."""
HOSPITAL = {"MS3SEG": "Toshiba", "Sim-Vent": "Toshiba"}


def main() -> None:
    """Make bags, or score them."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("what", choices=("make", "score", "tell"))
    parser.add_argument("--bags", type=Path, required=True)
    parser.add_argument("--results", type=Path)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--model", default="bundled")
    parser.add_argument("--only")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--scores", type=Path, default=Path("scores.tsv"))
    parser.add_argument("--one", action="store_true")
    parser.add_argument("--stage", choices=STAGES, default="encoder.3")
    arguments = parser.parse_args()
    {"make": make, "score": score, "tell": tell}[arguments.what](arguments)


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
        if arguments.only not in (None, patient):
            continue
        without = arguments.bags / f"{patient}{HEALTHY}"
        if not without.exists():
            np.savez_compressed(without, **healthy_bag(scans[patient], number, arguments))
        file = arguments.bags / f"{patient}.npz"
        if file.exists():
            continue
        # No mask goes into two patients, and none into the patient whose lesions it outlines.
        pair = masks[number], masks[-1 - (number + 3) % len(patients)]
        bags = planted_bags(scans[patient], number, pair, arguments)
        np.savez_compressed(file, source=scans[patient].source, **bags)
        print(
            patient, [f"{bags[f'ml{k}']:.1f} ml, {len(bags[f'sizes{k}'])}" for k in range(TIMES)], flush=True
        )


def healthy_bag(scan: Scan, number: int, arguments: argparse.Namespace) -> dict[str, np.ndarray]:
    """The bag of one patient whose lesions are filled, without any planted."""
    scene, healthy, brain, _ = without_lesions(scan, number, arguments)
    return bag_of(replace(scene, image=healthy.numpy()), np.zeros(scene.shape, bool), brain.numpy())


def without_lesions(
    scan: Scan, number: int, arguments: argparse.Namespace
) -> tuple[Scene, Tensor, Tensor, Draw]:
    """A patient's scene, scans with the lesions filled, brain, and randomness that goes on."""
    name = scan.prefix.strip("/").split("/")[1]
    case = open_case(arguments.results / f"{scan.source}_{name}")
    scene = scene_of(case, arguments.model)
    image, brain = torch.from_numpy(scene.image), torch.from_numpy(case.voxels.source.brain)
    reference = read_labels(find_image(arguments.data, scan.prefix, "lesion"), case.grid).data > 0
    own = torch.from_numpy(case.voxels.to_network(reference))
    draw = Draw.seeded(1000 + number)
    return scene, planting.fill_lesions(image, own, brain, draw), brain, draw


def planted_bags(
    scan: Scan, number: int, masks: Sequence[Tensor], arguments: argparse.Namespace
) -> dict[str, np.ndarray]:
    """The bags of one patient: for each planting features by stage, sizes, probabilities, truth, ml."""
    scene, healthy, brain, draw = without_lesions(scan, number, arguments)
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
    """Train what is not yet in the file of scores, a row each; with --one only the next one."""
    file = arguments.scores
    known = pd.read_csv(file, sep="\t", keep_default_na=False) if file.exists() else pd.DataFrame()
    done = set(map(tuple, known[list(KEYS)].to_numpy())) if len(known) else set()
    for title, study in studies(arguments).items():
        for left, name, seed in product(LEFT_OUT, second_tasks(study), range(arguments.seeds)):
            key = title, left, name, seed
            if key in done or (left == "hospital" and seed > 0):
                continue
            found = [x for one in scored(run_one(study, left, name, seed), study) for x in one]
            row = pd.DataFrame([[*key, *found]], columns=[*KEYS, *SCORES])
            row.to_csv(file, sep="\t", index=False, mode="a", header=not file.exists())
            if arguments.one:
                return


def tell(arguments: argparse.Namespace) -> None:
    """Print the tables of the scores that there are."""
    known = pd.read_csv(arguments.scores, sep="\t")
    for title, study in studies(arguments).items():
        print(f"## {title}\n\n{study.described()}\n\n{plain(study)}\n")
        for left in LEFT_OUT:
            own = known[(known["label"] == title) & (known["left"] == left)]
            lines = [
                [str(name), *(over_seeds(rows, measure) for measure in MEASURES)]
                for name, rows in own.groupby("task", sort=False)
            ]
            print(f"Left out: {left}\n\n{table(['second task', *MEASURES.values()], lines)}\n")


def studies(arguments: argparse.Namespace) -> dict[str, Study]:
    """Bags with one label, and with the other."""
    rows = read(arguments.bags, arguments.stage)
    return {
        f"more than {LIMIT_ML:g} ml planted": Study.of([row for row in rows if row.ml > 0], LIMIT_ML),
        f"any lesion planted, at most {FEW_ML:g} ml": Study.of([r for r in rows if r.ml <= FEW_ML], 0.0),
    }


def run_one(study: Study, left: str, name: str, seed: int) -> LeftOutBags:
    """Leave patients or hospitals out, with one second task and seed."""
    task, rule = second_tasks(study)[name]
    folds = patient_folds(study.labels, study.patients.tolist(), seed)
    groups = study.hospitals if left == "hospital" else folds
    setting = FitSetting(seed=100 * seed, rule=rule, members=MEMBERS)
    return left_out_bags([row.bag for row in study.rows], study.labels, groups, setting, task)


@dataclass(frozen=True, eq=False)
class Row:
    """One bag: whose, how much was planted, and of each instance its mm3, probability and truth."""

    patient: str
    source: str
    ml: float
    bag: Bag
    probability: np.ndarray
    true: np.ndarray


@dataclass(frozen=True, eq=False)
class Study:
    """Bags with a label."""

    rows: Sequence[Row]
    labels: np.ndarray
    patients: np.ndarray
    hospitals: np.ndarray

    @classmethod
    def of(cls, rows: Sequence[Row], limit: float) -> Study:
        """With the label where more was planted than the limit, ml."""
        return cls(
            rows,
            np.array([row.ml > limit for row in rows]),
            np.array([row.patient for row in rows]),
            np.array([HOSPITAL.get(row.source, row.source) for row in rows]),
        )

    def described(self) -> str:
        """How much there is."""
        return (
            f"{len(self.rows)} bags of {len(set(self.patients))} patients, {self.labels.sum()} with the "
            f"label; {sum(len(row.bag) for row in self.rows)} instances, "
            f"{sum(int(row.true.sum()) for row in self.rows)} of them planted lesions"
        )

    def with_label(self, measure: Callable[[int], float]) -> tuple[float, float, float]:
        """Mean of a measure over the bags with the label: of patients, with an interval."""
        at = np.flatnonzero(self.labels)
        return over_patients([measure(int(i)) for i in at], self.patients[at])


def read(folder: Path, stage: str) -> list[Row]:
    """A row for each bag."""
    rows = []
    for file in sorted(folder.glob("*.npz")):
        with np.load(file, allow_pickle=False) as held:
            if file.name.endswith(HEALTHY):
                patient = file.name.removesuffix(HEALTHY)
                with np.load(folder / f"{patient}.npz", allow_pickle=False) as beside:
                    rows.append(_row(held, "", patient, str(beside["source"]), 0.0, stage))
                continue
            for k in map(str, range(TIMES)):
                rows.append(_row(held, k, file.stem, str(held["source"]), float(held[f"ml{k}"]), stage))
    return rows


def _row(held: Mapping[str, np.ndarray], k: str, patient: str, source: str, ml: float, stage: str) -> Row:
    bag = Bag(held[f"{stage}{k}"], held[f"sizes{k}"])
    return Row(patient, source, ml, bag, held[f"probability{k}"], held[f"true{k}"])


def plain(study: Study) -> str:
    """How well size and probability tell the label, and planted lesions in bags with the label."""
    rows = study.rows
    volume = np.array([row.bag.sizes[row.probability >= LESION].sum() for row in rows])
    lines = [
        ["AUC of the label by the segmented volume", of_label(volume, study.labels, study.patients)],
        ["AUC of planted lesions by size", study.with_label(lambda i: told(rows[i].bag.sizes, rows[i].true))],
        [
            "AUC of planted lesions by mean probability",
            study.with_label(lambda i: told(rows[i].probability, rows[i].true)),
        ],
        ["planted lesions, share of the instances", study.with_label(lambda i: rows[i].true.mean())],
        [f"those above {LARGE_MM3 / 1000:g} ml", study.with_label(lambda i: large(rows[i]).mean())],
    ]
    return table(
        ["measure", "value (95 % interval over patients)"],
        [[name, interval(found)] for name, found in lines],
    )


def second_tasks(study: Study) -> dict[str, tuple[AuxiliaryTask | None, Callable[[], Reweighting]]]:
    """Second tasks and rules, by name."""
    bags = [row.bag for row in study.rows]
    size, source = size_task(bags), column_task("source", [row.source for row in study.rows])
    return {
        "none": (None, CosineGate),
        "size, cosine": (size, CosineGate),
        "size, online": (size, OnlineWeight),
        "size, weight 1": (size, lambda: FixedWeight(1.0)),
        "source, cosine": (source, CosineGate),
        "source, weight 1": (source, lambda: FixedWeight(1.0)),
    }


def scored(said: LeftOutBags, study: Study) -> list[tuple[float, float, float]]:
    """The label's area; of bags with the label the attention's area, and its shares."""
    known, rows, attention = np.isfinite(said.probabilities), study.rows, said.attention

    def share(i: int, which: np.ndarray) -> float:
        return float(attention[i][which].sum()) if len(attention[i]) else np.nan

    return [
        of_label(said.probabilities[known], study.labels[known], study.patients[known]),
        study.with_label(lambda i: told(attention[i], rows[i].true) if len(attention[i]) else np.nan),
        study.with_label(lambda i: share(i, rows[i].true)),
        study.with_label(lambda i: share(i, large(rows[i]))),
    ]


def large(row: Row) -> np.ndarray:
    """Planted lesions that are large."""
    return row.true & (row.bag.sizes > LARGE_MM3)


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
    low, high = np.nanpercentile(areas, (2.5, 97.5))
    return auroc(said, labels), float(low), float(high)


def over_patients(values: Sequence[float], patients: np.ndarray) -> tuple[float, float, float]:
    """Mean of the patients' means, and a 95 % interval from drawing patients anew."""
    means = pd.Series(np.asarray(values, float)).groupby(patients).mean().dropna().to_numpy()
    if not len(means):
        return np.nan, np.nan, np.nan
    drawn = np.random.default_rng(0).choice(means, (1000, len(means))).mean(axis=1)
    low, high = np.percentile(drawn, (2.5, 97.5))
    return float(means.mean()), float(low), float(high)


def interval(found: tuple[float, float, float]) -> str:
    """Value and interval."""
    return f"{found[0]:.2f} ({found[1]:.2f} to {found[2]:.2f})"


def over_seeds(rows: pd.DataFrame, measure: str) -> str:
    """Mean over seeds, the mean interval over patients, and the range over seeds."""
    value, low, high = (rows[f"{measure}{end}"] for end in ("", "_low", "_high"))
    text = interval((value.mean(), low.mean(), high.mean()))
    return text if len(rows) < 2 else f"{text}; seeds {value.min():.2f} to {value.max():.2f}"


if __name__ == "__main__":
    main()
