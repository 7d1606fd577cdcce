"""From cases to patients, who are the unit of every test and draw."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from napari_uncertainseg._base import InputError
from napari_uncertainseg.audit.cohort import AuditCohort
from napari_uncertainseg.audit.groups.bands import VOLUME
from napari_uncertainseg.audit.groups.measures import REFERENCE_ML

_LEAST_ML = 0.1


@dataclass(frozen=True, eq=False)
class Covariate:
    """What patients may differ in beside their group.

    Attributes
    ----------
    name
        The column, or `VOLUME`.
    values
        Of each patient: numbers, NaN where missing, or words, "" where missing.
    """

    name: str
    values: np.ndarray

    @property
    def is_number(self) -> bool:
        """Whether values are numbers."""
        return self.values.dtype.kind == "f"

    @property
    def known(self) -> np.ndarray:
        """Of which patients it is known, bool (patients,)."""
        return np.isfinite(self.values) if self.is_number else self.values != ""


@dataclass(frozen=True, eq=False)
class Patients:
    """What is known of each patient.

    Attributes
    ----------
    names
        Of the patients.
    values
        A row for each, the mean of the visits' defined measures; NaN where none is defined.
    groups
        By attribute, the group of each patient, "" where missing.
    covariates
        In the order in which they were asked for.
    """

    names: tuple[str, ...]
    values: pd.DataFrame
    groups: Mapping[str, np.ndarray]
    covariates: tuple[Covariate, ...] = ()


def patients_of(
    cohort: AuditCohort,
    measured: pd.DataFrame,
    attributes: Sequence[str],
    covariates: Sequence[Covariate] = (),
) -> Patients:
    """Put the visits of each patient together.

    Parameters
    ----------
    cohort
        Read with these attributes.
    measured
        A row for each case, numbers.
    attributes
        Columns of groups.
    covariates
        As `covariates_of` reads them.
    """
    names = cohort.patients
    values = _by_patient(cohort, measured)
    groups = {}
    for attribute in attributes:
        said = cohort.group_of(attribute)
        groups[attribute] = np.array([said.get(name, "") for name in names], dtype=object)
    return Patients(names, values, groups, tuple(covariates))


def covariates_of(cohort: AuditCohort, measured: pd.DataFrame, names: Sequence[str]) -> tuple[Covariate, ...]:
    """Covariates of the patients.

    Parameters
    ----------
    cohort
        Read with these columns.
    measured
        A row for each case, numbers.
    names
        Columns; `VOLUME` is the logarithm (base 10) of the reference's volume in ml, at least 0.1, where
        there is no column of this name. Numbers are averaged over visits; words that differ are all listed.

    Raises
    ------
    InputError
        If one has no value at all.
    """
    return tuple(_covariate(cohort, measured, name) for name in names)


def _by_patient(cohort: AuditCohort, values: pd.DataFrame) -> pd.DataFrame:
    """Means of the visits, a row for each patient."""
    of = pd.Series([case.patient for case in cohort.cases])
    return values.reset_index(drop=True).groupby(of).mean().reindex(list(cohort.patients))


def _covariate(cohort: AuditCohort, measured: pd.DataFrame, name: str) -> Covariate:
    patients = list(cohort.patients)
    texts = [case.attributes.get(name, "") for case in cohort.cases]
    if name == VOLUME and not any(texts):
        ml = _by_patient(cohort, measured[[REFERENCE_ML]])[REFERENCE_ML].to_numpy(float)
        found = np.log10(np.maximum(ml, _LEAST_ML))
        if not np.isfinite(found).any():
            raise InputError(
                f"The covariate '{VOLUME}' is the reference's volume, and no case has a reference."
            )
        return Covariate(name, found)
    if not any(texts):
        raise InputError(f"{cohort.source}: the covariate '{name}' has no value in any row.")
    numbers = [_number(text) for text in texts]
    if all(math.isfinite(n) for n, text in zip(numbers, texts, strict=True) if text):
        mean = _by_patient(cohort, pd.DataFrame({name: numbers}))
        return Covariate(name, mean[name].to_numpy(float))
    words: dict[str, list[str]] = {patient: [] for patient in patients}
    for case, text in zip(cohort.cases, texts, strict=True):
        if text and text not in words[case.patient]:
            words[case.patient].append(text)
    return Covariate(name, np.array([", ".join(sorted(words[p])) for p in patients], dtype=object))


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
