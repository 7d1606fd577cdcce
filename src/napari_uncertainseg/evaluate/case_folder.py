"""What `segment` wrote, against a reference and against raters."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from napari_uncertainseg._base import InputError
from napari_uncertainseg.calibration.reliability import Reliability, reliability
from napari_uncertainseg.disk import result_folder as results
from napari_uncertainseg.disk.outputs import NUMBERS, check_output
from napari_uncertainseg.disk.replaced_file import replaced_file
from napari_uncertainseg.evaluate.agreement import (
    ErrorsFound,
    ReferenceAgreement,
    errors_found,
    reference_agreement,
)
from napari_uncertainseg.evaluate.class_agreement import ClassesAgreement, compare_classes
from napari_uncertainseg.evaluate.listed_cases import check_case
from napari_uncertainseg.evaluate.patients.checked import CheckedLoad, checked_load
from napari_uncertainseg.evaluate.saved_classes import read_classes
from napari_uncertainseg.evaluate.written_results import Summary, read_summary, result_file, table_of_lesions
from napari_uncertainseg.images.files import read_image, read_labels
from napari_uncertainseg.images.resample import resample_to
from napari_uncertainseg.images.volume import Grid
from napari_uncertainseg.lesions.matching import dice, lesions_touching
from napari_uncertainseg.nouns import LESION, Noun
from napari_uncertainseg.prediction.classes import Classes
from napari_uncertainseg.raters.consensus import UncertaintySource
from napari_uncertainseg.raters.report import RaterReport, report_raters
from napari_uncertainseg.uncertainty.against_raters import AgainstRaters, against_raters
from napari_uncertainseg.uncertainty.lesion_numbers import in_rows
from napari_uncertainseg.uncertainty.retention import RetentionCurve, voxel_retention


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A folder of results against a reference and raters.

    Attributes
    ----------
    folder
        What was evaluated.
    reference
        Against the reference.
    errors
        Whether the prediction's doubt finds what is wrong by the reference.
    reliability
        Of the probability against the reference over the brain.
    retention
        Of nDSC over the brain's voxels, by entropy; None where there is no brain.
    lesions
        The table that `segment` wrote, with a column ``true``: whether the reference has a voxel there;
        without what a human drew, of which the model says nothing.
    patient_doubt
        Structural uncertainty of the whole segmentation (PSU); None in results of older versions.
    raters
        Against each rater, by name.
    between
        Dice between each two of the masks, the reference among them, by their names.
    experts
        The raters among each other; None with fewer than two.
    doubt
        The prediction's doubt against their disagreement; likewise.
    name
        What the case is called: as its results say, else by the folder.
    classes
        Each class against a label map; None where that was not asked for.
    noun
        What was segmented, in words.
    load
        Intervals for volume and number that the results have, and whether the reference lies in them; None
        where they have none.
    """

    folder: Path
    reference: ReferenceAgreement
    errors: ErrorsFound
    reliability: Reliability
    retention: RetentionCurve | None
    lesions: pd.DataFrame
    patient_doubt: float | None
    raters: dict[str, ReferenceAgreement]
    between: dict[tuple[str, str], float]
    experts: RaterReport | None = None
    doubt: AgainstRaters | None = None
    name: str = ""
    classes: ClassesAgreement | None = None
    noun: Noun = Noun()  # noqa: RUF009 - frozen
    load: CheckedLoad | None = None

    def as_json(self) -> dict[str, Any]:
        """JSON-serialisable; what could not be computed is None."""
        found = {
            "case": self.name,
            "folder": str(self.folder),
            "reference": plain(asdict(self.reference)),
            "errors_found": plain(asdict(self.errors)),
            "patient_uncertainty": self.patient_doubt,
            "raters": {name: plain(asdict(agreement)) for name, agreement in self.raters.items()},
            "dice_between": [{"masks": list(pair), "dice": value} for pair, value in self.between.items()],
        }
        if self.experts is not None and self.doubt is not None:
            found["between_raters"] = _experts_as_json(self.experts)
            found["doubt_and_disagreement"] = _doubt_as_json(self.doubt)
        if self.load is not None:
            found["load"] = self.load.as_json()
        if self.classes is not None:
            found["classes"] = self.classes.as_json()
        return found


def evaluate_folder(
    folder: Path,
    reference: Path,
    raters: Sequence[Path] = (),
    *,
    resample: bool = False,
    label_maps: bool = False,
) -> Evaluation:
    """Compare what `segment` wrote into a folder with a reference and with raters.

    Parameters
    ----------
    folder
        Holds what `segment` wrote, with ``summary.json`` as a sign that it belongs together.
    reference, raters
        Label images on the scan's grid, nonzero is lesion.
    label_maps
        Of a model with several classes: whether they hold the classes' numbers. Each class is compared with
        the reference, and what has a number of the target is lesion.
    resample
        Bring masks on other grids onto the scan's, by the nearest voxel; otherwise they are refused.

    Raises
    ------
    InputError
        If a file is missing or does not lie on the grid of the results, or if writing the results
        was cut short.
    """
    folder = Path(folder)
    check_case(folder, (reference, *raters), resample=resample)
    found = _read(folder)
    masks = {
        name: _mask(path, found.grid, resample)
        for name, path in zip(("reference", *_names(raters)), (reference, *raters), strict=True)
    }
    by_class, masks = _of_target(folder, found.grid, masks) if label_maps else (None, masks)
    compared = {
        name: reference_agreement(found.probability, found.lesions, mask, brain=found.brain, grid=found.grid)
        for name, mask in masks.items()
    }
    truth = masks["reference"] != 0
    experts, doubt = _among_raters(found, masks)
    curve = _retention(found, truth)
    return Evaluation(
        folder=folder,
        reference=compared.pop("reference"),
        errors=_errors(found, truth, curve),
        reliability=reliability(found.probability, truth, region=found.brain),
        retention=curve,
        lesions=found.table.assign(true=lesions_touching(found.own, truth, len(found.table))),
        patient_doubt=found.summary.patient_uncertainty.psu,
        raters=compared,
        between=_between(masks),
        experts=experts,
        doubt=doubt,
        name=_name_of(folder),
        classes=by_class,
        noun=Noun(found.summary.target or LESION),
        load=_load(folder, found, truth),
    )


@dataclass(frozen=True, eq=False)
class _Found:
    """What `segment` wrote: maps and labels on a grid, and the table of the model's own lesions.

    ``own`` are those lesions by their rows, without what a human drew, of which the model says nothing.
    """

    grid: Grid
    probability: np.ndarray
    entropy: np.ndarray
    brain: np.ndarray
    lesions: np.ndarray
    table: pd.DataFrame
    own: np.ndarray
    summary: Summary


def _read(folder: Path) -> _Found:
    probability = read_image(result_file(folder, "probability"))
    grid = probability.grid
    lesions = read_labels(result_file(folder, "lesions"), grid).data
    table = table_of_lesions(folder, int(lesions.max(initial=0)))
    table = table[~table["drawn"]].reset_index(drop=True)
    return _Found(
        grid,
        probability.data,
        read_image(result_file(folder, "entropy")).data,
        read_labels(result_file(folder, "brain"), grid).data != 0,
        lesions,
        table,
        in_rows(lesions, table["label"].to_numpy()),
        read_summary(folder),
    )


def _of_target(
    folder: Path, grid: Grid, masks: Mapping[str, np.ndarray]
) -> tuple[ClassesAgreement, dict[str, np.ndarray]]:
    """Each class against the reference, of label maps; and what in them has a number of the target."""
    classes = _classes(folder, grid)
    target = {name: np.isin(mask, classes.target) for name, mask in masks.items()}
    return compare_classes(classes, masks["reference"]), target


def _load(folder: Path, found: _Found, truth: np.ndarray) -> CheckedLoad | None:
    said, least = results.load_summary(folder), found.summary.min_volume_mm3
    return checked_load(said, truth, least, found.grid.voxel_volume)


def _retention(found: _Found, truth: np.ndarray) -> RetentionCurve | None:
    """Of nDSC over the brain; None where there is none."""
    brain = found.brain
    if not brain.any():
        return None
    return voxel_retention((found.lesions > 0)[brain], truth[brain], found.entropy[brain]).ndsc


def _errors(found: _Found, truth: np.ndarray, curve: RetentionCurve | None) -> ErrorsFound:
    doubt = found.table["doubt"].to_numpy(float)
    return errors_found(found.entropy, found.own, doubt, truth, brain=found.brain, curve=curve)


def _among_raters(
    found: _Found, masks: Mapping[str, np.ndarray]
) -> tuple[RaterReport | None, AgainstRaters | None]:
    """The raters among each other, and the prediction's doubt against it; None with fewer than two."""
    drawn = {name: mask for name, mask in masks.items() if name != "reference"}
    if len(drawn) < 2:
        return None, None
    experts = report_raters(list(drawn.values()), list(drawn), found.grid.spacing)
    doubt = against_raters(
        found.probability,
        found.entropy,
        found.own,
        found.table["lsu"].to_numpy(float),
        list(drawn.values()),
        found.grid.spacing,
        threshold=found.summary.threshold,
    )
    return experts, doubt


def _classes(folder: Path, grid: Grid) -> Classes:
    results.check_has_classes(folder)
    classes = read_classes(folder, grid)
    if classes is None:
        raise InputError(f"{folder}: there is no brain in these results, and so no class.")
    return classes


def _mask(path: Path, grid: Grid, resample: bool) -> np.ndarray:
    if not resample:
        return read_labels(path, grid).data
    labels = read_labels(path)
    found = resample_to(labels, grid, nearest=True)
    if labels.data.any() and not found.any():
        raise InputError(f"{path}: no labelled voxel lies within the scan; is it a mask of another scan?")
    return found


def write_json(content: dict[str, Any], path: Path) -> None:
    """Write an evaluation; an existing file is replaced whole or not at all.

    Raises
    ------
    InputError
        If it cannot be written, or the ending is another one than ``.json``.
    """
    check_output(path, NUMBERS)
    text = json.dumps(content, indent=2, allow_nan=False, ensure_ascii=False)
    with replaced_file(path) as file:
        file.write(f"{text}\n".encode("utf-8", "replace"))


def plain(values: dict[str, Any]) -> dict[str, Any]:
    """Numbers as JSON has them: none that is not finite."""
    return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in values.items()}


def _experts_as_json(report: RaterReport) -> dict[str, Any]:
    means = plain({name: report.mean(name) for name in report.pairwise})
    pairs = [plain({str(k): v for k, v in row.items()}) for row in report.pairs().to_dict("records")]
    each = {
        name: plain({
            "volume_mm3": float(report.volumes[i]),
            "bias_share": float(report.habits.volume_share[i]),
            "distance_mm": float(report.habits.distance_mm[i]),
            "sensitivity": float(report.performance.sensitivity[i]),
            "specificity": float(report.performance.specificity[i]),
        })
        for i, name in enumerate(report.names)
    }  # fmt: skip
    return {"mean": means, "fleiss_kappa": plain({"k": report.fleiss})["k"], "pairs": pairs, "each": each}


def _doubt_as_json(found: AgainstRaters) -> dict[str, Any]:
    kinds = {kind.name.lower(): volume for kind, volume in found.volumes_mm3.items()}
    lesions = {
        kind.name.lower(): int(np.count_nonzero(found.lesion_kinds == kind)) for kind in UncertaintySource
    }
    scores = asdict(found.curvas)
    return {
        "voxels": plain(asdict(found.voxels)),
        "lesions": plain(asdict(found.lesions)),
        "who_doubts_mm3": kinds,
        "who_doubts_lesions": lesions,
        "curvas": plain({k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in scores.items()}),
    }


def _name_of(folder: Path) -> str:
    """What the case of a folder of results is called; by the folder where an older version wrote them."""
    case = results.load_summary(folder).get("case")
    name = case.get("name") if isinstance(case, dict) else None
    return name if isinstance(name, str) and name else "/".join(folder.absolute().parts[-2:])


def _names(raters: Sequence[Path]) -> list[str]:
    """File names where they tell the raters apart, else numbers."""
    names = [path.name.removesuffix(".gz").removesuffix(".nii") for path in raters]
    clash = len(set(names)) < len(names) or "reference" in names
    return [f"rater {i}" for i in range(1, len(raters) + 1)] if clash else names


def _between(masks: dict[str, np.ndarray]) -> dict[tuple[str, str], float]:
    names = list(masks)
    pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    return {(a, b): dice(masks[a], masks[b]) for a, b in pairs}
