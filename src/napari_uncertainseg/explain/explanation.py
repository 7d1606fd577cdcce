"""All that is said of one region of a case, and the files of it."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from napari_uncertainseg._base import InputError, Progress, silent
from napari_uncertainseg.disk.errors import why_not
from napari_uncertainseg.disk.folder_lock import scratch_beside
from napari_uncertainseg.explain.context import ContextNeed, context_curve, context_need
from napari_uncertainseg.explain.counterfactual import counterfactuals, missed_sentence
from napari_uncertainseg.explain.explained_case import ExplainedCase, difference_note
from napari_uncertainseg.explain.gradcam import ClassActivation, grad_cam_pp
from napari_uncertainseg.explain.saliency import Saliency, SmoothGradSetting, smoothgrad
from napari_uncertainseg.export import write_table
from napari_uncertainseg.images.files import write_volume

SALIENCY, CAM, CONTEXT, CHANGES = "saliency", "gradcam", "context", "counterfactuals"
PARTS = (SALIENCY, CAM, CONTEXT, CHANGES)
"""What can be asked for."""
UNIT = "logits of the region per unit of the network's normalised scan"


@dataclass(frozen=True, eq=False)
class Explanation:
    """What is said of one region; None where it was not asked for.

    Attributes
    ----------
    name
        Such as ``"lesion3"``: files begin with it.
    region
        bool, on the network's voxels.
    saliency, activation
        Maps on the network's voxels.
    curve, need
        Of the context.
    changes, sentence
        Of the counterfactuals.
    notes
        What the user should know, one sentence each.
    """

    name: str
    region: np.ndarray
    saliency: Saliency | None = None
    activation: ClassActivation | None = None
    curve: pd.DataFrame | None = None
    need: ContextNeed | None = None
    changes: pd.DataFrame | None = None
    sentence: str = ""
    notes: tuple[str, ...] = field(default=())


def explain_region(
    case: ExplainedCase,
    region: np.ndarray,
    name: str,
    *,
    parts: Collection[str] = PARTS,
    setting: SmoothGradSetting | None = None,
    stage: str | None = None,
    progress: Progress = silent,
) -> Explanation:
    """Explain one region.

    Parameters
    ----------
    case
        The network and the scans.
    region
        bool, on the network's voxels, as `ExplainedCase.lesion` or `VoxelMap.to_network` give it.
    name
        Of the region, for its files.
    parts
        Which of `PARTS`.
    setting
        Of the saliency.
    stage
        Of Grad-CAM++.
    progress
        Called while it works; what it raises ends the work.

    Raises
    ------
    InputError
        If the region is empty, a setting makes no sense, or memory does not suffice.
    """
    setting = setting or SmoothGradSetting()
    order = [part for part in PARTS if part in parts]
    found: dict[str, Any] = {}
    notes: list[str] = []
    for i, part in enumerate(order):
        share = _share(progress, name, i, len(order))
        if part == SALIENCY:
            for found["saliency"] in smoothgrad(case.scene, region, setting, share):
                pass
            notes += _margin_note(found["saliency"].margin_mm, setting.margin_mm)
        elif part == CAM:
            found["activation"] = grad_cam_pp(
                case.scene, region, stage, margin_mm=setting.margin_mm, progress=share
            )
        else:
            try:
                found |= _context(case, region, share) if part == CONTEXT else _changes(case, region, share)
            except InputError as error:
                if len(order) == 1:
                    raise
                notes.append(f"No {part}: {error}")  # what else was asked for is not lost
    if "need" in found:
        notes.append(difference_note(case, region, found["need"].whole))
    return Explanation(name, region, **found, notes=tuple(note for note in notes if note))


def _context(case: ExplainedCase, region: np.ndarray, progress: Progress) -> dict[str, Any]:
    curve = context_curve(case.scene, region, progress=progress)
    return {"curve": curve, "need": context_need(curve)}


def _changes(case: ExplainedCase, region: np.ndarray, progress: Progress) -> dict[str, Any]:
    table = counterfactuals(case.scene, region, case.others(region), progress=progress)
    return {"changes": table, "sentence": missed_sentence(table)}


def write_explanations(
    folder: Path, case: ExplainedCase, found: list[Explanation], settings: dict[str, Any]
) -> None:
    """Write explanations into a new folder, whole or not at all.

    For each region: ``NAME_saliency_MODALITY.nii.gz``, ``NAME_gradcam.nii.gz`` (on the scan's grid),
    ``NAME_context.tsv``, ``NAME_counterfactuals.tsv``; and ``explanation.json``.

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


def _write_one(folder: Path, case: ExplainedCase, one: Explanation) -> None:
    if one.saliency is not None:
        maps = one.saliency.maps()
        for modality, given, array in zip(case.scene.modalities, case.scene.given, maps, strict=True):
            if given:
                on_scan = case.voxels.to_scan(array)
                write_volume(folder / f"{one.name}_saliency_{modality}.nii.gz", on_scan, case.grid)
    if one.activation is not None:
        on_scan = case.voxels.to_scan(one.activation.map)
        write_volume(folder / f"{one.name}_gradcam.nii.gz", on_scan, case.grid)
    if one.curve is not None:
        write_table(folder / f"{one.name}_context.tsv", one.curve)
    if one.changes is not None:
        write_table(folder / f"{one.name}_counterfactuals.tsv", one.changes)


def _about(case: ExplainedCase, found: list[Explanation], settings: dict[str, Any]) -> dict[str, Any]:
    return {
        **case.information,
        "notes": list(case.notes),
        "settings": settings,
        "saliency_unit": UNIT,
        "regions": [_about_one(one) for one in found],
    }


def _about_one(one: Explanation) -> dict[str, Any]:
    about: dict[str, Any] = {"name": one.name, "voxels": int(one.region.sum()), "notes": list(one.notes)}
    if one.saliency is not None:
        about["saliency"] = {
            "passes": one.saliency.passes,
            "noise_sigma": one.saliency.sigma,
            "margin_mm": one.saliency.margin_mm,
        }
    if one.activation is not None:
        about["gradcam"] = {"stage": one.activation.stage, "margin_mm": one.activation.margin_mm}
    if one.need is not None:
        about["context"] = {key: _or_none(value) for key, value in asdict(one.need).items()}
    if one.sentence:
        about["sentence"] = one.sentence
    return about


def _or_none(value: float | bool) -> float | bool | None:
    return value if np.isfinite(value) else None


def _margin_note(margin: float, wished: float) -> list[str]:
    if margin == wished:
        return []
    return [f"Memory was short: only {margin:g} mm around the region were shown to the network."]


def _share(progress: Progress, name: str, done: int, count: int) -> Progress:
    def report(stage: str, fraction: float) -> None:
        progress(f"{name}: {stage}", (done + fraction) / count)

    return report
