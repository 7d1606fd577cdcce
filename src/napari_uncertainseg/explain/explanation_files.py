"""Explanations as files: maps on the scan's grid, tables, and what was explained."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from napari_uncertainseg._base import InputError
from napari_uncertainseg.disk.errors import why_not
from napari_uncertainseg.disk.folder_lock import scratch_beside
from napari_uncertainseg.explain.explained_case import Explained
from napari_uncertainseg.explain.explanation import CAM, SALIENCY, UNIT, Explanation
from napari_uncertainseg.export import write_table
from napari_uncertainseg.images.files import write_volume


def write_explanations(
    folder: Path, case: Explained, found: list[Explanation], settings: dict[str, Any]
) -> None:
    """Write explanations into a new folder, whole or not at all.

    For each region: ``NAME_saliency_MODALITY.nii.gz``, ``NAME_gradcam.nii.gz`` (on the scan's grid),
    ``NAME_context.tsv``, ``NAME_counterfactuals.tsv``; and ``explanation.json``.

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
    folder = folder.absolute()
    try:
        if folder.exists():
            folder.rmdir()  # an empty one
        folder.parent.mkdir(parents=True, exist_ok=True)
        with scratch_beside(folder) as scratch:
            whole = scratch / "whole"
            whole.mkdir()
            for one in found:
                _write_one(whole, case, one)
            text = json.dumps(_about(case, found, settings), indent=2, allow_nan=False, ensure_ascii=False)
            (whole / "explanation.json").write_text(text + "\n", encoding="utf-8")
            whole.rename(folder)
    except OSError as error:
        raise InputError(f"{folder}: cannot be written {why_not(error)}.") from error


def check_new(folder: Path) -> None:
    """Refuse, before long work, a folder that holds something."""
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise InputError(f"{folder} is there and not empty; name a new folder.")
    except OSError as error:
        raise InputError(f"{folder}: cannot be looked at ({error.strerror or error}).") from error


def _write_one(folder: Path, case: Explained, one: Explanation) -> None:
    for name, array in one.maps.items():
        write_volume(folder / f"{one.name}_{name}.nii.gz", array.whole(case.grid.shape), case.grid)
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
    return about


def _or_none(value: float | bool) -> float | bool | None:
    return value if np.isfinite(value) else None
