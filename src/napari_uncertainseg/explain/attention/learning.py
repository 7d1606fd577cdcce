"""From a table of labelled visits to trained attention, and what it says of patients it has not seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd

from napari_uncertainseg._base import InputError, Progress, silent
from napari_uncertainseg.explain.attention.case_bags import BagSetting, CaseBag
from napari_uncertainseg.explain.attention.cohort import make_bags, task_of
from napari_uncertainseg.explain.attention.labelled_visits import (
    LABEL,
    LabelledVisits,
    read_labelled_visits,
)
from napari_uncertainseg.export import write_table
from napari_uncertainseg.progress.parts import part_of
from napari_uncertainseg.training.mil.fit import FitSetting, fit
from napari_uncertainseg.training.mil.left_out import left_out_bags, patient_folds
from napari_uncertainseg.training.mil.model import (
    DESCRIPTION,
    Group,
    InstanceKind,
    Learned,
    LeftOutScore,
    Needs,
    TrainedAttention,
    save_attention,
)
from napari_uncertainseg.training.mil.reweighting import COSINE, rule_named
from napari_uncertainseg.training.mil.table_rules import SIZE
from napari_uncertainseg.uncertainty.retention import auroc

BAGS, VISITS_TABLE = "bags", "patients.tsv"
BEGUN = frozenset({BAGS, "run", "cohort.tsv"})
"""What a command that was stopped leaves in the folder, to go on from."""
_RESAMPLES = 2000
_READING, _CHECKING = 0.6, 0.9
"""Share of the work after which the bags are made, and after which what was left out is known."""


@dataclass(frozen=True)
class LearningSetting:
    """What is learned, and how.

    Attributes
    ----------
    label
        Name of the column.
    auxiliary
        ``"size"``, ``"none"``, or the name of a column.
    rule
        Of reweighting, ``"cosine"`` or ``"online"``.
    bags
        How bags are made.
    fit
        How networks are trained; its rule is replaced.
    """

    label: str = LABEL
    auxiliary: str = SIZE
    rule: str = COSINE
    bags: BagSetting = field(default_factory=BagSetting)
    fit: FitSetting = field(default_factory=FitSetting)


def check_place(folder: Path, *, overwrite: bool = False) -> None:
    """Refuse, before long work, a folder that holds something else than bags that were made before.

    Raises
    ------
    InputError
        With what may be done.
    """
    try:
        found = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
        if folder.exists() and not folder.is_dir():
            raise InputError(f"{folder} is a file; name a folder.")
    except OSError as error:
        raise InputError(f"{folder}: cannot be looked at ({error.strerror or error}).") from error
    if DESCRIPTION in found and not overwrite:
        raise InputError(f"{folder} holds a trained one: name a new folder, or add --overwrite.")
    if found and DESCRIPTION not in found and not found <= BEGUN:
        raise InputError(f"{folder} is there and holds other things; name a new folder.")


def learn_attention(
    table: Path,
    folder: Path,
    setting: LearningSetting | None = None,
    *,
    model: str | None = None,
    device: str = "auto",
    progress: Progress = silent,
) -> TrainedAttention:
    """Make the bags, leave out patients and sources, train on all, and write the folder.

    Parameters
    ----------
    table
        See `read_labelled_visits`.
    folder
        Gets `mil.json`, `mil.safetensors`, `patients.tsv` (what was said of each visit when its patient was
        left out) and `bags`, from which the same command goes on after it was stopped.
    setting
        See there.
    model, device
        As for `open_case`.
    progress
        What it raises ends the work.

    Raises
    ------
    InputError
        As `read_labelled_visits`, `make_bags` and `fit`.
    """
    setting = setting or LearningSetting()
    visits = read_labelled_visits(table, setting.label, setting.auxiliary)
    made = make_bags(
        table, visits, setting.bags, folder / BAGS, model=model, device=device,
        progress=part_of(progress, 0, _READING),
    )  # fmt: skip
    return learn_from_bags(visits, made, folder, setting, part_of(progress, _READING, 1))


def learn_from_bags(
    visits: LabelledVisits,
    made: list[CaseBag],
    folder: Path,
    setting: LearningSetting,
    progress: Progress = silent,
) -> TrainedAttention:
    """As `learn_attention`, from bags that are made."""
    bags = [one.bag for one in made]
    task = task_of(visits, made, setting.auxiliary)
    own = replace(setting.fit, rule=lambda: rule_named(setting.rule))
    fitted = fit(bags, visits.labels, own, task, part_of(progress, 0, 0.2))
    groups: dict[Group, np.ndarray] = {"patient": patient_folds(visits.labels, visits.patients, own.seed)}
    if len(set(visits.sources)) > 1:
        groups["source"] = np.array(visits.sources)
    said: dict[Group, np.ndarray] = {}
    for number, (name, group) in enumerate(groups.items()):
        start = 0.2 + 0.8 * number / len(groups)
        part = part_of(progress, start, start + 0.8 / len(groups))
        left_out = left_out_bags(bags, visits.labels, group, own, task, part, patients=visits.patients)
        said[name] = left_out.probabilities
    progress("writing", 1.0)
    write_patients(folder / VISITS_TABLE, visits, bags_of=[len(bag) for bag in bags], said=said)
    return save_attention(
        folder,
        fitted.networks,
        needs=Needs(**vars(made[0].encoder)),
        instances=InstanceKind(kind=setting.bags.kind, patch_mm=setting.bags.patch_mm),
        learned=Learned(
            label=setting.label,
            patients=len(set(visits.patients)),
            visits=len(bags),
            with_label=int(visits.labels.sum()),
            instances=sum(len(bag) for bag in bags),
            auxiliary=setting.auxiliary,
            rule=setting.rule,
            auxiliary_weight=float(fitted.weights.mean()) if fitted.weights.size else None,
            steps=own.steps,
            seed=own.seed,
            left_out=tuple(left_out_score(name, one, visits) for name, one in said.items()),
        ),
    )


def left_out_score(group: Group, said: np.ndarray, visits: LabelledVisits) -> LeftOutScore:
    """The area under the curve of those of whom something is said."""
    known = np.isfinite(said)
    patients = np.array(visits.patients)[known]
    auc, low, high = auc_with_interval(said[known], visits.labels[known], patients)
    return LeftOutScore(group=group, patients=len(set(patients)), auc=auc, low=low, high=high)


def auc_with_interval(
    said: np.ndarray, labels: np.ndarray, patients: np.ndarray, seed: int = 0
) -> tuple[float | None, float | None, float | None]:
    """Area under the ROC curve, and a 95 % interval from drawing patients anew.

    Parameters
    ----------
    said
        Of each visit, higher where the label is more probable.
    labels
        bool (visits,).
    patients
        Whose visit it is.
    seed
        Of the draws. Those with one label only are left out.

    Returns
    -------
    tuple
        Area, low, high; None where not defined.
    """
    area = auroc(said, labels) if len(said) else np.nan
    if not np.isfinite(area):
        return None, None, None
    rows = [np.flatnonzero(patients == name) for name in dict.fromkeys(patients.tolist())]
    draws = np.random.default_rng(seed).integers(len(rows), size=(_RESAMPLES, len(rows)))
    drawn = (np.concatenate([rows[i] for i in draw]) for draw in draws)
    areas = np.array([auroc(said[at], labels[at]) for at in drawn if 0 < labels[at].sum() < len(at)])
    low, high = np.percentile(areas, (2.5, 97.5))
    return float(area), float(low), float(high)


def write_patients(
    path: Path, visits: LabelledVisits, *, bags_of: list[int], said: Mapping[Group, np.ndarray]
) -> None:
    """Write what was said of each visit when its patient, and its source, was left out."""
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pd.DataFrame({
        "patient": visits.patients,
        "source": visits.sources,
        "folder": [str(folder) for folder in visits.folders],
        "label": visits.labels.astype(int),
        "instances": bags_of,
    })  # fmt: skip
    for name, values in said.items():
        table[f"probability_{name}_left_out"] = values
    write_table(path, table)
