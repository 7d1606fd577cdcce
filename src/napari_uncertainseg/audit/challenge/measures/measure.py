"""What a measure of the sheet is: as published, with its faults mended, or both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Version = Literal["reference", "mended", "both"]
"""As the authors' code computes it; with its faults mended; no fault is known, so both are the same."""

RATERS = "Against several raters (CURVAS)"
BENCHMARK = "Detection and calibration (cortical-lesion benchmark)"
RETENTION = "Does doubt find errors? (retention and d-AUC)"
FAMILIES = (RATERS, BENCHMARK, RETENTION)


@dataclass(frozen=True)
class Measure:
    """A measure.

    Attributes
    ----------
    name
        Short; with the version it is unique.
    version
        See `Version`.
    family
        One of `FAMILIES`.
    title
        For people.
    definition
        A sentence.
    high
        Whether high values are good.
    ideal
        The best value that there is; NaN where it hangs on the cases.
    fault
        What is wrong with the published one (``reference``), or was mended; empty where nothing is known.
    unit
        Empty for a plain number.
    of_cohort
        Whether it is of all cases together, and no mean over cases.
    per_rater
        Whether each rater has an own value beside the mean over the raters.
    """

    name: str
    version: Version
    family: str
    title: str
    definition: str
    high: bool
    ideal: float
    fault: str = ""
    unit: str = ""
    of_cohort: bool = False
    per_rater: bool = False

    @property
    def key(self) -> str:
        """Name and version, as columns of tables have it."""
        return f"{self.name}_{self.version}"


DEFECT_IMAGE = "Plain background, of which there is as much as the image is large, drives it towards 0."
"""What is wrong with calibration errors that are taken over the whole image."""


def pair(
    name: str,
    family: str,
    title: str,
    definitions: tuple[str, str],
    *,
    high: bool,
    ideal: float,
    fault: str,
    unit: str = "",
    of_cohort: bool = False,
    per_rater: bool = False,
) -> tuple[Measure, Measure]:
    """A measure as published and mended, with a definition of each."""
    about = (high, ideal, fault, unit, of_cohort, per_rater)
    published, mended = definitions
    return (
        Measure(name, "reference", family, title, published, *about),
        Measure(name, "mended", family, title, mended, *about),
    )
