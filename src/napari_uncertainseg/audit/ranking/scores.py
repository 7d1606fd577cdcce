"""The scores that are ranked: one metric in one task, a row per model and a column per case."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from napari_uncertainseg._base import InputError, pluralised

Missing = float | Literal["worst", "drop"] | None
"""What stands for a score that is missing: a number, the worst score there is, nothing, or not told."""


@dataclass(frozen=True, eq=False)
class Scores:
    """Scores of models on cases.

    Attributes
    ----------
    task, metric
        What was done, empty where there is one task only, and what was measured.
    high
        Whether high values are good.
    models
        Their names, at least two.
    cases, patients
        Names of the cases, and whose they are; the same as the cases where that is not told.
    values
        float64 (models, cases); NaN is missing.
    """

    task: str
    metric: str
    high: bool
    models: tuple[str, ...]
    cases: tuple[str, ...]
    patients: tuple[str, ...]
    values: np.ndarray

    def __post_init__(self) -> None:
        if len(self.models) < 2:
            raise InputError(
                f"{self.title}: there is only one model, {self.models[0]!r}; a ranking needs at least two."
                if self.models
                else f"{self.title}: there is no model to rank."
            )
        if self.values.shape != (len(self.models), len(self.cases)) or len(self.patients) != len(self.cases):
            raise ValueError("scores do not fit their models and cases")

    @property
    def title(self) -> str:
        """Metric and task, as a heading says them."""
        return f"{self.metric}, {self.task}" if self.task else self.metric

    @property
    def patient_of(self) -> np.ndarray:
        """Number of each case's patient, int (cases,)."""
        return np.unique(self.patients, return_inverse=True)[1]

    @property
    def visits(self) -> np.ndarray:
        """Cases of each patient, int (patients,)."""
        return np.bincount(self.patient_of)

    @property
    def oriented(self) -> np.ndarray:
        """The scores with high values good."""
        return self.values if self.high else -self.values


def with_missing(scores: Scores, missing: Missing) -> Scores:
    """Scores in which what is missing is treated as the user says.

    Raises
    ------
    InputError
        If scores are missing and nothing is said of them, or a model has none.
    """
    lacking = np.isnan(scores.values)
    if not lacking.any():
        return scores
    if missing is None:
        model, case = (int(i) for i in np.argwhere(lacking)[0])
        raise InputError(
            f"{scores.title}: {pluralised(int(lacking.sum()), 'score')} missing, such as that of "
            f"{scores.models[model]!r} for {scores.cases[case]!r}. Say what stands for it: --missing worst "
            "(the worst score of all), a number, or drop (left out, which favours a model that fails on hard "
            "cases)."
        )
    empty = lacking.all(1)
    if empty.any():
        raise InputError(
            f"{scores.title}: the model {scores.models[int(empty.argmax())]!r} has no score; leave it out."
        )
    if missing == "drop":
        return scores
    worst = np.nanmin if scores.high else np.nanmax
    number = worst(scores.values) if missing == "worst" else float(missing)
    return replace(scores, values=np.where(lacking, number, scores.values))
