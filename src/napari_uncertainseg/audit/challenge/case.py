"""One case of a cohort: its results against reference and raters, by each measure that is of single cases."""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from napari_uncertainseg._base import InputError
from napari_uncertainseg.audit.challenge import against_raters as raters_
from napari_uncertainseg.audit.challenge.calibrated import in_region, of_whole_image
from napari_uncertainseg.audit.challenge.detection import LEAST, Detected, detected
from napari_uncertainseg.audit.challenge.retained import (
    Compared,
    d_auc,
    ideal_left,
    lesion_f1_retained,
    lesions_retained,
    voxels_retained,
)
from napari_uncertainseg.audit.doubtful_references import ComparedReference, compare_reference
from napari_uncertainseg.calibration.reliability import Reliability
from napari_uncertainseg.evaluate.written_results import read_summary, result_file, table_of_lesions
from napari_uncertainseg.images.files import read_image, read_labels
from napari_uncertainseg.lesions.matching import dice, match_lesions
from napari_uncertainseg.raters.curvas import (
    consensus_confidence,
    thresholded_soft_dice,
    top_label_ece,
    volume_crps,
)
from napari_uncertainseg.raters.simulate import draw_styles, simulate_raters
from napari_uncertainseg.uncertainty.lesion_numbers import in_rows

_AREAS = {"ndsc": "ndsc_aac", "dsc": "dsc_aac", "lppv": "lppv_aac", "f1": "lesion_f1_aac"}
"""Measures that are the area above a curve."""
REFERENCE = "reference"
"""What stands for the raters where a case has none."""


@dataclass(frozen=True)
class ChallengeCase:
    """What is compared.

    Attributes
    ----------
    name, patient
        What they are called.
    folder
        That `segment` wrote.
    reference
        Mask.
    raters
        Masks by the raters' names; may be empty.
    group
        Value of the column that tells the domain; empty where none was asked for.
    place
        File and line that list it, for messages.
    """

    name: str
    patient: str
    folder: Path
    reference: Path
    raters: Mapping[str, Path] = field(default_factory=dict)
    group: str = ""
    place: str = ""


@dataclass(frozen=True)
class Judged:
    """A value of a measure beside those of an ideal and a random order, NaN where there are none."""

    value: float
    ideal: float = math.nan
    random: float = math.nan


@dataclass(frozen=True, eq=False)
class CaseScores:
    """A case by each measure.

    Attributes
    ----------
    case
        What was compared.
    judged
        By `Measure.key`; of raters also ``key:rater``.
    raters
        Names of the raters; the reference alone where there are none.
    simulated
        Whether the raters were simulated.
    detected
        Counts of lesions.
    curves
        ``ndsc``, ``dsc``, ``lppv`` and ``f1``; those of lesions only where some are predicted.
    bins
        Of the probability in the brain.
    dice
        Of the whole segmentation.
    psu, entropy
        Doubt of the case: structural uncertainty, NaN where the results do not have it, and mean entropy
        of the brain, nats.
    compared
        The reference beside the result; None where nobody asked.
    """

    case: ChallengeCase
    judged: Mapping[str, Judged]
    raters: tuple[str, ...]
    simulated: bool
    detected: Detected
    curves: Mapping[str, Compared]
    bins: Reliability
    dice: float
    psu: float
    entropy: float
    compared: ComparedReference | None = None


@dataclass(frozen=True, eq=False)
class _Arrays:
    """The arrays of a case, on one grid; masks are bool."""

    probability: np.ndarray
    entropy: np.ndarray
    predicted: np.ndarray
    brain: np.ndarray
    truth: np.ndarray
    spacing: tuple[float, float, float]


def score_case(case: ChallengeCase, *, simulated: int = 0, seed: int = 0) -> CaseScores:
    """Measure a case.

    Parameters
    ----------
    case
        What to compare.
    simulated
        So many raters are simulated on the reference where the case has none; 0 for none.
    seed
        Of the simulated raters.

    Raises
    ------
    InputError
        If a file is missing, was changed or lies on another grid; the message begins with the case's place.
    """
    try:
        return _scored(case, simulated, seed)
    except InputError as error:
        raise InputError(f"{case.place}: {error}" if case.place else str(error)) from error


def _scored(case: ChallengeCase, simulated: int, seed: int) -> CaseScores:
    probability = read_image(result_file(case.folder, "probability"))
    grid = probability.grid
    labels = read_labels(result_file(case.folder, "lesions"), grid).data
    table = table_of_lesions(case.folder, int(labels.max(initial=0)))
    table = table[~table["drawn"]].reset_index(drop=True)
    own = in_rows(labels, table["label"].to_numpy())
    arrays = _Arrays(
        probability.data,
        read_image(result_file(case.folder, "entropy")).data,
        own > 0,
        read_labels(result_file(case.folder, "brain"), grid).data != 0,
        read_labels(case.reference, grid).data != 0,
        grid.spacing,
    )
    if not arrays.brain.any():
        raise InputError(f"{case.folder}: the brain mask is empty, so there is nothing to measure.")
    given = {name: read_labels(path, grid).data != 0 for name, path in case.raters.items()}
    made = not given and simulated > 0
    if made:
        given = _simulated(arrays, simulated, seed, case.name)
    judged = _of_raters(arrays, given or {REFERENCE: arrays.truth})
    found = detected(arrays.predicted, arrays.truth)
    calibration, bins = in_region(arrays.probability, arrays.truth, arrays.brain)
    for version, scores in (("reference", found.published), ("mended", found.mended)):
        judged |= {f"{k}_{version}": Judged(getattr(scores, k)) for k in ("f1", "precision", "recall")}
    whole = of_whole_image(arrays.probability, arrays.truth)
    for version, one in (("reference", whole), ("mended", calibration)):
        judged |= {f"{k}_{version}": Judged(getattr(one, k)) for k in ("ece", "mce", "brier")}
        judged[f"ce_{version}"] = Judged(one.ace)
    curves, discarded = _curves(arrays, own, table["lsu"].to_numpy(float))
    judged |= discarded
    for name, curve in curves.items():
        judged |= _areas(_AREAS[name], curve)
    summary = read_summary(case.folder)
    psu = summary.patient_uncertainty.psu
    return CaseScores(
        case,
        judged,
        tuple(given) or (REFERENCE,),
        made,
        found,
        curves,
        bins,
        dice(arrays.predicted, arrays.truth),
        math.nan if psu is None else psu,
        float(arrays.entropy[arrays.brain].mean(dtype=float)),
        compare_reference(
            case.name, arrays.predicted, arrays.truth, arrays.brain, grid.voxel_volume, summary.target
        ),
    )


def _simulated(arrays: _Arrays, number: int, seed: int, name: str) -> dict[str, np.ndarray]:
    """Raters who keep their styles over the cases, and wander anew on each."""
    styles = draw_styles(number, seed)
    own = zlib.crc32(f"{seed} {name}".encode())
    drawn = simulate_raters(arrays.truth, arrays.spacing, number, seed=own, styles=styles)
    return {f"simulated {i + 1}": mask != 0 for i, mask in enumerate(drawn)}


def _of_raters(arrays: _Arrays, raters: Mapping[str, np.ndarray]) -> dict[str, Judged]:
    masks, p, outlined = np.stack(list(raters.values())), arrays.probability, arrays.predicted
    voxel = math.prod(arrays.spacing) / 1000
    volumes, predicted = masks.reshape(len(masks), -1).sum(1) * voxel, float(p.sum(dtype=float)) * voxel
    found = {
        "consensus_dice_reference": raters_.consensus_dice_by_rows(outlined, masks),
        "consensus_dice_mended": raters_.consensus_dice_of_all(outlined, masks),
        "dissensus_dice_mended": raters_.dissensus_dice(outlined, masks),
        "dissensus_between_mended": raters_.dissensus_between(masks),
        "confidence_both": consensus_confidence(p, masks),
        "crps_reference": volume_crps(predicted, volumes, mode="curvas"),
        "crps_mended": volume_crps(predicted, volumes),
        "soft_dice_both": thresholded_soft_dice(p, masks),
    }
    errors = {
        "ece_2024_reference": top_label_ece(p, masks),
        "ece_2024_mended": raters_.ece_near_marks(p, outlined, masks, arrays.spacing),
        "ece_2025_reference": raters_.ece_in_box(p, masks, clipped=False),
        "ece_2025_mended": raters_.ece_in_box(p, masks, clipped=True),
    }
    for key, values in errors.items():
        found[key] = float(values.mean())
        found |= {f"{key}:{name}": float(value) for name, value in zip(raters, values, strict=True)}
    return {key: Judged(float(value)) for key, value in found.items()}


def _curves(
    arrays: _Arrays, own: np.ndarray, lsu: np.ndarray
) -> tuple[dict[str, Compared], dict[str, Judged]]:
    """The curves of voxels and lesions, and d-AUC of both."""
    p, truth, entropy = (one[arrays.brain] for one in (arrays.predicted, arrays.truth, arrays.entropy))
    whole, normalised = voxels_retained(p, truth, entropy)
    curves = {"ndsc": normalised, "dsc": whole}
    discarded = {"d_auc_voxels_mended": _discarded(entropy, p != truth)}
    if len(lsu):
        match = match_lesions(own, arrays.truth, rule="iou", least=LEAST)
        true = match.overlap >= LEAST
        curves["lppv"] = lesions_retained(lsu, true)
        curves["f1"] = lesion_f1_retained(lsu, true, match.fn)
        discarded["d_auc_lesions_mended"] = _discarded(lsu, ~true)
    return curves, discarded


def _discarded(doubt: np.ndarray, wrong: np.ndarray) -> Judged:
    value = d_auc(doubt, wrong)
    if math.isnan(value):
        return Judged(value)
    return Judged(value, 0.0, 0.5 - ideal_left(int(wrong.sum()), len(wrong)))


def _areas(name: str, compared: Compared) -> dict[str, Judged]:
    ideal, random = compared.ideal.above, compared.random.above
    versions = {"mended": compared.curve, "reference": compared.published}
    return {f"{name}_{version}": Judged(curve.above, ideal, random) for version, curve in versions.items()}
