"""Explanations as files: maps on the scan's grid, tables, and what was explained."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from napari_uncertainseg._base import InputError
from napari_uncertainseg.disk.checked_json import read_json
from napari_uncertainseg.disk.new_folder import new_folder
from napari_uncertainseg.disk.tables import read_tsv
from napari_uncertainseg.explain.context import context_need
from napari_uncertainseg.explain.explained_case import Explained
from napari_uncertainseg.explain.explanation import CAM, SALIENCY, UNIT, Explanation
from napari_uncertainseg.explain.kept import Region, prediction_sha256
from napari_uncertainseg.explain.region_facts import (
    columns_of_facts,
    facts_as_json,
    facts_from_json,
    facts_table,
)
from napari_uncertainseg.explain.voxels import ScanMap
from napari_uncertainseg.export import write_table
from napari_uncertainseg.images.files import read_labels, read_volume, write_volume
from napari_uncertainseg.images.volume import Grid
from napari_uncertainseg.prediction.prediction import Prediction

ABOUT, TABLE = "explanation.json", "drivers.tsv"
_MOST_BYTES = 16 << 20


@dataclass(frozen=True, eq=False)
class SavedExplanations:
    """A folder of explanations, read again.

    Attributes
    ----------
    case
        What was explained.
    found
        The explanations.
    settings
        With which they were made.
    """

    case: Explained
    found: tuple[Explanation, ...]
    settings: dict[str, Any]


def write_explanations(
    folder: Path, case: Explained, found: list[Explanation], settings: dict[str, Any]
) -> None:
    """Write explanations into a new folder, whole or not at all.

    For each region: ``NAME_saliency_MODALITY.nii.gz``, ``NAME_gradcam.nii.gz`` (on the scan's grid),
    ``NAME_region.nii.gz``, ``NAME_context.tsv``, ``NAME_counterfactuals.tsv``; and of all ``drivers.tsv``
    with place, distances and drivers of doubt, and ``explanation.json``.

    Parameters
    ----------
    folder
        New, or empty.
    case
        What was explained.
    found
        The explanations.
    settings
        With which they were made, JSON-serialisable.

    Raises
    ------
    InputError
        If the folder is there and not empty, or cannot be written.
    """
    with new_folder(folder) as whole:
        for one in found:
            _write_one(whole, case, one)
        facts = {one.name: one.facts for one in found if one.facts is not None}
        if facts:
            write_table(whole / TABLE, facts_table(facts))
        text = json.dumps(_about(case, found, settings), indent=2, allow_nan=False, ensure_ascii=False)
        (whole / ABOUT).write_text(text + "\n", encoding="utf-8")


def read_explanations(folder: Path, prediction: Prediction) -> SavedExplanations:
    """Read what `write_explanations` wrote, for the results that were explained.

    Parameters
    ----------
    folder
        With ``explanation.json``.
    prediction
        Of those results.

    Raises
    ------
    InputError
        If it is no such folder, a file in it cannot be read, or other results were explained.
    """
    about = read_json(folder / ABOUT, most_bytes=_MOST_BYTES)
    try:
        settings = dict(about["settings"])
        if settings.get("prediction_sha256") != prediction_sha256(prediction):
            raise InputError(f"{folder}: it explains other results than those that are open.")
        found = tuple(_read_one(folder, prediction.grid, one) for one in about["regions"])
        case = Explained(prediction.grid, tuple(map(str, about["notes"])), about)
    except InputError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{folder / ABOUT} is not what 'uncertainseg explain' writes.") from error
    return SavedExplanations(case, found, settings)


def _read_one(folder: Path, grid: Grid, about: dict[str, Any]) -> Explanation:
    name = str(about["name"])
    if Path(name).name != name:
        raise ValueError(name)
    mask = read_labels(folder / f"{name}_region.nii.gz", grid).data > 0
    if not mask.any():
        raise InputError(f"{folder / name}_region.nii.gz: it is empty.")
    maps = {}
    for path in sorted(folder.glob(f"{name}_*.nii.gz")):
        part = path.name.removesuffix(".nii.gz").removeprefix(f"{name}_")
        if part.startswith(SALIENCY) or part == CAM:
            maps[part] = ScanMap.cut(_on(grid, path))
    facts, saliency = about.get("facts"), about.get(SALIENCY)
    if saliency is not None:
        saliency = {**saliency, "passes": int(saliency["passes"])}
    tables = [folder / f"{name}_{part}.tsv" for part in ("context", "counterfactuals")]
    curve, changes = (read_tsv(path) if path.is_file() else None for path in tables)
    return Explanation(
        name,
        int(about["voxels"]),
        dict(sorted(maps.items(), key=lambda one: one[0] == CAM)),
        saliency,
        about.get(CAM),
        curve,
        None if curve is None else context_need(curve),
        changes,
        str(about.get("sentence", "")),
        tuple(map(str, about["notes"])),
        Region.cut(mask),
        None if facts is None else facts_from_json(facts),
    )


def _on(grid: Grid, path: Path) -> np.ndarray:
    found = read_volume(path)
    if not found.grid.same_as(grid):
        raise InputError(f"{path}: it does not lie on the scan that was explained.")
    return found.data


def _write_one(folder: Path, case: Explained, one: Explanation) -> None:
    for name, array in one.maps.items():
        write_volume(folder / f"{one.name}_{name}.nii.gz", array.whole(case.grid.shape), case.grid)
    if one.region is not None:
        mask = one.region.whole(case.grid.shape)
        write_volume(folder / f"{one.name}_region.nii.gz", mask, case.grid)
    if one.curve is not None:
        write_table(folder / f"{one.name}_context.tsv", one.curve)
    if one.changes is not None:
        write_table(folder / f"{one.name}_counterfactuals.tsv", one.changes)


def _about(case: Explained, found: list[Explanation], settings: dict[str, Any]) -> dict[str, Any]:
    return {
        **case.information,
        "notes": list(case.notes),
        "settings": settings,
        "saliency_unit": UNIT,
        "columns": columns_of_facts([one.facts for one in found if one.facts is not None]),
        "regions": [_about_one(one) for one in found],
    }


def _about_one(one: Explanation) -> dict[str, Any]:
    about: dict[str, Any] = {"name": one.name, "voxels": one.voxels, "notes": list(one.notes)}
    about |= {
        part: dict(made) for part, made in ((SALIENCY, one.saliency), (CAM, one.gradcam)) if made is not None
    }
    if one.need is not None:
        about["context"] = {key: _or_none(value) for key, value in asdict(one.need).items()}
    if one.sentence:
        about["sentence"] = one.sentence
    if one.facts is not None:
        about["facts"] = facts_as_json(one.facts)
    return about


def _or_none(value: float | bool) -> float | bool | None:
    return value if np.isfinite(value) else None
