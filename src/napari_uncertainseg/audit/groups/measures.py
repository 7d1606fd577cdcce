"""What is measured of each case: how good it is, how far the model doubts, and what is left to see."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

import numpy as np
import pandas as pd

from napari_uncertainseg._base import InputError, Progress, silent
from napari_uncertainseg.audit.cohort import AuditCase, AuditCohort
from napari_uncertainseg.audit.doubtful_references import ComparedReference, notes_on_references
from napari_uncertainseg.evaluate.agreement import ReferenceAgreement
from napari_uncertainseg.evaluate.case_folder import evaluate_folder
from napari_uncertainseg.evaluate.saved_results import read_saved_results
from napari_uncertainseg.evaluate.written_results import read_summary
from napari_uncertainseg.uncertainty.lesion_ranking import rank_lesions

REFERENCE_ML = "reference_ml"
"""A column beside the measures: the volume that covariates may go by."""
TO_SEE = 0.2
"""Doubt from which on a reader has to see a lesion or candidate."""


@dataclass(frozen=True)
class Measure:
    """A measure of a case.

    Attributes
    ----------
    title
        For a sentence.
    unit
        Empty for shares.
    better
        Which values are good; empty where neither is.
    """

    title: str
    unit: str = ""
    better: Literal["high", "low", ""] = ""

    @property
    def titled(self) -> str:
        """The title with its unit."""
        return f"{self.title}, {self.unit}" if self.unit else self.title


MEASURES: Mapping[str, Measure] = MappingProxyType(
    {
        "dice": Measure("Dice", better="high"),
        "lesion_f1": Measure("lesion F1", better="high"),
        "lesion_precision": Measure("lesion precision", better="high"),
        "lesion_recall": Measure("lesion recall", better="high"),
        "missed_ml": Measure("missed volume", "ml", "low"),
        "false_ml": Measure("false volume", "ml", "low"),
        "ace": Measure("average calibration error", better="low"),
        "mean_doubt": Measure("mean doubt of the lesions"),
        "psu": Measure("doubt of the whole segmentation (PSU)"),
        "to_see": Measure("lesions to see", "per scan", "low"),
        "to_see_per_ml": Measure("lesions to see", "per ml", "low"),
    }
)
"""By the names of their columns; docs/methods.md defines them."""


def measure_cohort(
    cohort: AuditCohort, *, to_see: float = TO_SEE, resample: bool = False, progress: Progress = silent
) -> pd.DataFrame:
    """Measure all cases of a cohort.

    Parameters
    ----------
    cohort
        Cases without a reference have doubt and what is left to see only.
    to_see
        Doubt from which on a reader has to see a lesion or candidate, above 0, up to 1.
    resample
        Bring references on other grids onto the scan's.
    progress
        Told before each case; may raise ``Cancelled``.

    Returns
    -------
    pandas.DataFrame
        A row for each case, in their order: `MEASURES` and `REFERENCE_ML`, NaN where one is not defined.

    Raises
    ------
    InputError
        If a folder or a reference cannot be read, or they do not belong together.
    """
    rows = []
    for number, case in enumerate(cohort.cases):
        progress(f"case {number + 1} of {len(cohort.cases)}", number / len(cohort.cases))
        rows.append(measure_case(case, to_see, resample=resample))
    return pd.DataFrame(rows, columns=[*MEASURES, REFERENCE_ML])


def with_notes(cohort: AuditCohort, measured: pd.DataFrame) -> AuditCohort:
    """The same cohort, whose notes say which references can hardly be right.

    Parameters
    ----------
    cohort
        The cases.
    measured
        By `measure_cohort`.
    """
    compared = []
    for case, row in zip(cohort.cases, measured.to_dict("records"), strict=True):
        shared = row[REFERENCE_ML] - row["missed_ml"]
        compared.append(
            ComparedReference(case.name, row["dice"], shared + row["false_ml"], row[REFERENCE_ML])
        )
    return replace(cohort, notes=(*cohort.notes, *notes_on_references(compared)))


def measure_case(case: AuditCase, to_see: float = TO_SEE, *, resample: bool = False) -> dict[str, float]:
    """Measure one case; by the names of `MEASURES` and `REFERENCE_ML`.

    Raises
    ------
    InputError
        As for `measure_cohort`.
    """
    if not 0 < to_see <= 1:
        raise InputError(f"The doubt from which on lesions have to be seen is {to_see:g}; give 0 to 1.")
    found = dict.fromkeys([*MEASURES, REFERENCE_ML], math.nan) | _doubts(case, to_see)
    if case.reference is not None:
        agreement = evaluate_folder(case.folder, case.reference, resample=resample).reference
        found |= _against_reference(agreement)
    return found


def _against_reference(found: ReferenceAgreement) -> dict[str, float]:
    missed, false = missed_and_false(found.dice, found.volume_ml, found.reference_ml)
    return {
        "dice": float(found.dice),
        "lesion_f1": float(found.lesion_f1),
        "lesion_precision": float(found.lesion_precision),
        "lesion_recall": float(found.lesion_recall),
        "missed_ml": missed,
        "false_ml": false,
        "ace": float(found.ace),
        REFERENCE_ML: float(found.reference_ml),
    }


def missed_and_false(dice: float, volume_ml: float, reference_ml: float) -> tuple[float, float]:
    """Volume of the reference outside the segmentation, and of the segmentation outside the reference, ml.

    Both follow from Dice, which is twice the shared volume divided by the sum of both.
    """
    shared = dice * (volume_ml + reference_ml) / 2
    return max(float(reference_ml - shared), 0.0), max(float(volume_ml - shared), 0.0)


def _doubts(case: AuditCase, to_see: float) -> dict[str, float]:
    """What the model says of its lesions and candidates; lesions that a human drew have no doubt."""
    saved = read_saved_results(case.folder)
    lesions = rank_lesions(saved.prediction, saved.threshold, saved.min_volume)
    doubts = lesions.table["doubt"].to_numpy(float)
    unclear = float((doubts >= to_see).sum() + (lesions.candidate_table["doubt"] >= to_see).sum())
    psu = read_summary(case.folder).patient_uncertainty.psu
    return {
        "mean_doubt": float(np.mean(doubts)) if len(doubts) else math.nan,
        "psu": math.nan if psu is None else psu,
        "to_see": unclear,
        "to_see_per_ml": unclear / lesions.volume_ml if lesions.volume_ml > 0 else math.nan,
    }
