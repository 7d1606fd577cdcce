"""What `segment` wrote, against a reference and against raters."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from napari_uncertainseg._base import InputError
from napari_uncertainseg.calibration.reliability import Reliability, reliability
from napari_uncertainseg.evaluate.agreement import Agreement, ErrorsFound, agreement, errors_found
from napari_uncertainseg.export import SUMMARY
from napari_uncertainseg.images.files import read_image, read_labels, replaced_file
from napari_uncertainseg.images.resample import onto
from napari_uncertainseg.images.volume import Grid
from napari_uncertainseg.lesions.matching import dice, touched
from napari_uncertainseg.raters.consensus import Doubt
from napari_uncertainseg.raters.report import RaterReport, report_raters
from napari_uncertainseg.uncertainty.against_raters import AgainstRaters, against_raters
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
        The table that `segment` wrote, with a column ``true``: whether the reference has a voxel there.
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
    """

    folder: Path
    reference: Agreement
    errors: ErrorsFound
    reliability: Reliability
    retention: RetentionCurve | None
    lesions: pd.DataFrame
    patient_doubt: float | None
    raters: dict[str, Agreement]
    between: dict[tuple[str, str], float]
    experts: RaterReport | None = None
    doubt: AgainstRaters | None = None
    name: str = ""

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
        return found


def evaluate_folder(
    folder: Path, reference: Path, raters: Sequence[Path] = (), *, resample: bool = False
) -> Evaluation:
    """Compare what `segment` wrote into a folder with a reference and with raters.

    Parameters
    ----------
    folder
        Holds what `segment` wrote, with ``summary.json`` as a sign that it belongs together.
    reference, raters
        Label images on the scan's grid, nonzero is lesion.
    resample
        Bring masks on other grids onto the scan's, by the nearest voxel; otherwise they are refused.

    Raises
    ------
    InputError
        If a file is missing or does not lie on the grid of the results, or if writing the results
        was cut short.
    """
    folder = Path(folder)
    _check_complete(folder)
    probability = read_image(result_file(folder, "probability"))
    grid = probability.grid
    lesions = read_labels(result_file(folder, "lesions"), grid).data
    brain = read_labels(result_file(folder, "brain"), grid).data != 0
    entropy = read_image(result_file(folder, "entropy")).data
    table, summary = read_table(folder, int(lesions.max(initial=0))), read_summary(folder)
    masks = {"reference": _mask(reference, grid, resample)}
    for name, path in zip(_names(raters), raters, strict=True):
        masks[name] = _mask(path, grid, resample)
    compared = {
        name: agreement(probability.data, lesions, mask, brain=brain, grid=grid)
        for name, mask in masks.items()
    }
    truth, doubt = masks["reference"] != 0, table["lsu"].to_numpy(float)
    curve = voxel_retention((lesions > 0)[brain], truth[brain], entropy[brain]).ndsc if brain.any() else None
    drawn = [mask for name, mask in masks.items() if name != "reference"]
    experts = model = None
    if len(drawn) > 1:
        experts = report_raters(drawn, [n for n in masks if n != "reference"], grid.spacing)
        model = against_raters(
            probability.data, entropy, lesions, doubt, drawn, grid.spacing, threshold=summary["threshold"]
        )
    return Evaluation(
        folder=folder,
        reference=compared.pop("reference"),
        errors=errors_found(entropy, lesions, doubt, truth, brain=brain, curve=curve),
        reliability=reliability(probability.data, truth, region=brain),
        retention=curve,
        lesions=table.assign(true=touched(lesions, truth, len(table))),
        patient_doubt=summary["psu"],
        raters=compared,
        between=_between(masks),
        experts=experts,
        doubt=model,
        name=_name_of(folder),
    )


def _mask(path: Path, grid: Grid, resample: bool) -> np.ndarray:
    if not resample:
        return read_labels(path, grid).data
    labels = read_labels(path)
    found = onto(labels, grid, nearest=True)
    if labels.data.any() and not found.any():
        raise InputError(f"{path}: no labelled voxel lies within the scan; is it a mask of another scan?")
    return found


def write_json(content: dict[str, Any], path: Path) -> None:
    """Write an evaluation; an existing file is replaced whole or not at all."""
    text = json.dumps(content, indent=2, allow_nan=False)
    with replaced_file(path) as file:
        file.write(f"{text}\n".encode())


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
    lesions = {kind.name.lower(): int(np.count_nonzero(found.lesion_kinds == kind)) for kind in Doubt}
    scores = asdict(found.curvas)
    return {
        "voxels": plain(asdict(found.voxels)),
        "lesions": plain(asdict(found.lesions)),
        "who_doubts_mm3": kinds,
        "who_doubts_lesions": lesions,
        "curvas": plain({k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in scores.items()}),
    }


def read_table(folder: Path, count: int) -> pd.DataFrame:
    """The table of a folder's lesions, of which there are so many."""
    path = folder / "lesions.tsv"
    try:
        table = pd.read_csv(path, sep="\t")
        fits = table["label"].tolist() == list(range(1, count + 1)) and bool(table["lsu"].notna().all())
    except (OSError, ValueError, KeyError, pd.errors.ParserError) as error:
        raise InputError(f"{path} is not the table that `uncertainseg segment` wrote ({error}).") from error
    if not fits:
        raise InputError(f"{path} does not belong to the lesions beside it: segment again with --overwrite.")
    return table


def read_summary(folder: Path) -> dict[str, float]:
    """Threshold, smallest volume (mm3) and PSU of a folder of results."""
    path = folder / SUMMARY
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return {
            "threshold": float(content["threshold"]),
            "min_volume": float(content["min_volume_mm3"]),
            "psu": content["patient_uncertainty"]["psu"],
        }
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path} is not the summary that `uncertainseg segment` wrote ({error!r})."
        ) from error


def _name_of(folder: Path) -> str:
    """What the case of a folder of results is called; by the folder where an older version wrote them."""
    case = json.loads((folder / SUMMARY).read_text(encoding="utf-8")).get("case")
    name = case.get("name") if isinstance(case, dict) else None
    return name if isinstance(name, str) and name else "/".join(folder.absolute().parts[-2:])


def _check_complete(folder: Path) -> None:
    """Refuse a folder in which files of two runs may be mixed: the summary is written last."""
    if (folder / "probability.nii.gz").is_file() and not (folder / SUMMARY).is_file():
        raise InputError(
            f"{folder}: there is no {SUMMARY}, so writing these results was cut short; run "
            "`uncertainseg segment` with --overwrite again."
        )


def result_file(folder: Path, name: str) -> Path:
    """One of the images that `segment` wrote; refuses a folder that lacks it."""
    path = folder / f"{name}.nii.gz"
    if not path.is_file():
        raise InputError(
            f"{folder}: there is no {path.name}; give a folder that `uncertainseg segment` wrote."
        )
    return path


def _names(raters: Sequence[Path]) -> list[str]:
    """File names where they tell the raters apart, else numbers."""
    names = [path.name.removesuffix(".gz").removesuffix(".nii") for path in raters]
    clash = len(set(names)) < len(names) or "reference" in names
    return [f"rater {i}" for i in range(1, len(raters) + 1)] if clash else names


def _between(masks: dict[str, np.ndarray]) -> dict[tuple[str, str], float]:
    names = list(masks)
    pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    return {(a, b): dice(masks[a], masks[b]) for a, b in pairs}
