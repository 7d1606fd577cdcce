"""Trained attention on a folder of results: the patient's probability, a map, and a row for each lesion."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from napari_uncertainseg._base import InputError, Progress, silent
from napari_uncertainseg.disk.new_folder import new_folder
from napari_uncertainseg.explain.attention.case_bags import BagSetting, bag_of_case
from napari_uncertainseg.explain.attention.files import ABOUT, MAP, TABLE
from napari_uncertainseg.explain.explained_case import ExplainedCase, open_case
from napari_uncertainseg.export import write_table
from napari_uncertainseg.images.files import write_volume
from napari_uncertainseg.images.volume import Grid
from napari_uncertainseg.training.mil.fit import read_bags
from napari_uncertainseg.training.mil.model import TrainedAttention


@dataclass(frozen=True, eq=False)
class CaseAttention:
    """What trained attention says of one visit.

    Attributes
    ----------
    probability
        That the patient has the label: the mean over the members.
    lowest, highest
        Of the members.
    table
        A row for each instance, the one with most attention first: ``kind``, ``label``, ``volume_mm3``,
        ``mean_probability``, ``attention`` (the sum is 1) and ``times_even`` (attention as a multiple of what
        each would have if all had the same).
    map
        float32 on the scan's grid: the attention of the instance at each voxel, 0 elsewhere.
    grid
        The scan's.
    information
        What was read, and by what; JSON-serialisable.
    """

    probability: float
    lowest: float
    highest: float
    table: pd.DataFrame
    map: np.ndarray
    grid: Grid
    information: Mapping[str, Any]


def attention_of_results(
    trained: TrainedAttention,
    folder: Path,
    *,
    model: str | None = None,
    device: str = "auto",
    progress: Progress = silent,
) -> CaseAttention:
    """Read the scans of a folder of results again, and say where the attention is.

    Raises
    ------
    InputError
        If the results cannot be read, or were made by another network than the one whose features the
        attention was trained on.
    """
    needs = trained.about.needs
    case = open_case(folder, model=model, network=needs.network, device=device, progress=progress)
    return attention_of_case(trained, case, progress)


def attention_of_case(
    trained: TrainedAttention, case: ExplainedCase, progress: Progress = silent
) -> CaseAttention:
    """As `attention_of_results`, for a case that is open."""
    about = trained.about
    needs, kind = about.needs, about.instances
    if case.information["weights_sha256"] != needs.weights_sha256:
        raise InputError(
            f"This was trained on features of network {needs.network} of the model '{needs.model}', and "
            f"these results are of '{case.information['model']}' with other weights: train it on "
            "results of that model, or segment again."
        )
    setting = BagSetting(kind.kind, needs.stage, needs.network, kind.patch_mm)
    made, found = bag_of_case(case, setting, progress)
    if len(made.bag) and made.bag.features.shape[1] != about.features:
        raise InputError(
            f"The stage '{needs.stage}' gives {made.bag.features.shape[1]} features, not {about.features}."
        )
    said, (attention,) = read_bags(trained.networks, [made.bag])
    n = len(found)
    values = np.concatenate([[0.0], attention]).astype(np.float32)
    table = found.table.assign(attention=attention, times_even=attention * n)
    return CaseAttention(
        float(said.mean()),
        float(said.min()),
        float(said.max()),
        table.sort_values("attention", ascending=False, kind="stable", ignore_index=True),
        values[found.labels],
        case.grid,
        {
            "results": case.information["results"],
            "case": case.information["case"],
            "inputs": case.information["inputs"],
            "label": about.learned.label,
            "model": case.information["model"],
            "weights_sha256": needs.weights_sha256,
            "stage": needs.stage,
            "attention_sha256": about.weights_sha256,
            "instances": kind.kind,
        },
    )


def write_attention(folder: Path, found: CaseAttention) -> None:
    """Write `attention.nii.gz`, `attention.tsv` and `attention.json` into a new folder, whole or not at all.

    Where there is no instance, there is no map.

    Raises
    ------
    InputError
        If the folder is there and not empty, or cannot be written.
    """
    about = {
        **found.information,
        "probability": found.probability,
        "lowest_of_members": found.lowest,
        "highest_of_members": found.highest,
        "number_of_instances": len(found.table),
    }
    with new_folder(folder) as whole:
        if len(found.table):  # a map of nothing is refused by every reader
            write_volume(whole / MAP, found.map, found.grid)
        write_table(whole / TABLE, found.table)
        text = json.dumps(about, indent=2, allow_nan=False, ensure_ascii=False)
        (whole / ABOUT).write_text(text + "\n", encoding="utf-8")
