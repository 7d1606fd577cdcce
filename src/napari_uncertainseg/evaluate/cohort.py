"""Many cases: a row for each, means with intervals, calibration of all together, what doubt foretells."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from napari_uncertainseg._base import InputError, Progress, silent
from napari_uncertainseg.calibration.dataset import dataset_calibration, reliability_histogram
from napari_uncertainseg.evaluate.case_folder import Evaluation, evaluate_folder, plain
from napari_uncertainseg.evaluate.listed_cases import read_cases
from napari_uncertainseg.raters.correspondence import Correspondence, correspondence
from napari_uncertainseg.uncertainty.referral import risk_coverage
from napari_uncertainseg.uncertainty.retention import auroc, patient_retention

T = TypeVar("T")

_RESAMPLES = 2000
_FEWEST = 3
"""Cases below which a rank correlation over cases is -1 or 1, and says nothing."""
_MEANS = ("dice", "lesion_f1", "ace", "mce", "ece", "brier", "nll", "surface_dice", "volume_difference_ml")


@dataclass(frozen=True, eq=False)
class Cohort:
    """Several evaluated cases, at least one."""

    cases: tuple[Evaluation, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """What the cases are called, no two alike: where names are, the folder says more."""
        often = Counter(case.name for case in self.cases)
        return tuple(c.name if often[c.name] == 1 else f"{c.name} ({c.folder})" for c in self.cases)

    def table(self) -> pd.DataFrame:
        """One row per case."""
        return pd.DataFrame([
            {
                "case": name,
                "folder": str(case.folder),
                **asdict(case.reference),
                **asdict(case.errors),
                "patient_uncertainty": case.patient_doubt,
            }
            for name, case in zip(self.names, self.cases, strict=True)
        ])  # fmt: skip

    def as_json(self) -> dict[str, Any]:
        """JSON-serialisable: each case, and all of them together."""
        cases = [case.as_json() | {"case": name} for name, case in zip(self.names, self.cases, strict=True)]
        return {"cases": cases, "together": self.together()}

    def together(self) -> dict[str, Any]:
        """What only several cases can say; None where it is not defined.

        Means have 95 % percentile bootstrap intervals over cases, which are rough with few of them.
        Over cases, doubt is the patient's structural uncertainty (PSU), and disagreement the mean of
        the raters' variance where anybody marked something.
        """
        table = self.table()
        lesions = pd.concat([case.lesions for case in self.cases])
        calibration = dataset_calibration([case.reliability for case in self.cases])
        micro = calibration.micro
        return {
            "number_of_cases": len(self.cases),
            "mean": {name: mean_with_interval(table[name].to_numpy(float)) for name in _MEANS},
            "calibration": plain({
                "macro_ace": calibration.macro_ace,
                "macro_mce": calibration.macro_mce,
                "macro_ece": calibration.macro_ece,
                "micro_ace": micro.ace,
                "micro_mce": micro.mce,
                "micro_ece": micro.ece,
            }),
            "dataset_reliability_histogram": reliability_histogram(
                [case.reliability for case in self.cases]
            ).cases.tolist(),
            "lesion_auroc": _auroc(lesions),
            "patient_uncertainty": self._patients(),
            "disagreement": self._images(),
        }  # fmt: skip

    def _patients(self) -> dict[str, Any]:
        """Whether a patient's doubt foretells the quality of the segmentation."""
        known = [case for case in self.cases if case.patient_doubt is not None]
        doubt = np.array([case.patient_doubt for case in known], float)
        quality = np.array([case.reference.dice for case in known])
        found = correspondence(doubt, quality)
        if not known:
            return {"rank_correlation_with_dice": None, "cases": 0}
        risk = risk_coverage(doubt, 1 - quality)
        return plain({
            "rank_correlation_with_dice": _rank(found),
            "retention_above": patient_retention(doubt, quality).above,
            "aurc": risk.area,
            "aurc_excess": risk.excess,
            "cases": len(known),
        })  # fmt: skip

    def _images(self) -> dict[str, Any]:
        """Whether the model doubts images more in which raters differ more."""
        several = [c for c in self.cases if c.experts is not None and c.patient_doubt is not None]
        means = [c.experts.mean_disagreement for c in several if c.experts is not None]
        found = correspondence(np.array([c.patient_doubt for c in several], float), np.array(means))
        return plain({"rank_correlation": _rank(found), "cases": found.count})


def evaluate_cases(path: Path, *, resample: bool = False, progress: Progress = silent) -> Cohort:
    """Evaluate the cases that a table lists.

    Parameters
    ----------
    path
        Tab-separated, with the columns ``folder`` (what `segment` wrote) and ``reference``, and perhaps
        ``raters``: label images with semicolons between. Relative paths count from the table's folder.
    resample
        As for `evaluate_folder`.
    progress
        Told before each case.

    Raises
    ------
    InputError
        If the table or one of its cases cannot be used; the message names the row.
    """
    return Cohort(tuple(for_each_case(path, partial(evaluate_folder, resample=resample), progress)))


def for_each_case(path: Path, look: Callable[[Path, Path, Sequence[Path]], T], progress: Progress) -> list[T]:
    """What `look` makes of folder, reference and raters of each row of a table, see `evaluate_cases`.

    Raises
    ------
    InputError
        If the table cannot be used; or what `look` raises, with the row.
    """
    cases, found = read_cases(Path(path)), []
    for i, case in enumerate(cases):
        progress(f"case {i + 1} of {len(cases)}", i / len(cases))
        try:
            found.append(look(case.folder, case.reference, case.raters))
        except InputError as error:
            raise InputError(f"{path}, row {case.line}: {error}") from error
    return found


def mean_with_interval(values: np.ndarray) -> dict[str, Any]:
    """Mean over the cases that have a value, with a percentile bootstrap interval."""
    values = values[np.isfinite(values)]
    if not len(values):
        return {"mean": None, "low": None, "high": None, "cases": 0}
    drawn = np.random.default_rng(0).integers(len(values), size=(_RESAMPLES, len(values)))
    low, high = np.percentile(values[drawn].mean(axis=1), (2.5, 97.5)) if len(values) > 1 else (None, None)
    return {
        "mean": float(values.mean()),
        "low": None if low is None else float(low),
        "high": None if high is None else float(high),
        "cases": len(values),
    }


def _rank(found: Correspondence) -> float:
    return found.rank if found.count >= _FEWEST else math.nan


def _auroc(lesions: pd.DataFrame) -> float | None:
    if lesions.empty:
        return None
    value = auroc(lesions["doubt"].to_numpy(float), ~lesions["true"].to_numpy(bool))
    return None if np.isnan(value) else value
