"""The intervals that results have for volume and number of lesions, against a reference."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import Field

from napari_uncertainseg._base import InputError
from napari_uncertainseg.calibration.patients.intervals import QUANTITIES
from napari_uncertainseg.disk.result_folder import SUMMARY
from napari_uncertainseg.disk.validation import Strict, validated
from napari_uncertainseg.uncertainty.patient import mask_load

_Ends = list[float | int]


class _Interval(Strict):
    level: float = Field(gt=0, lt=1, description="a number between 0 and 1")
    patients: int = Field(ge=1, description="a whole number")
    volume_ml: _Ends = Field(min_length=2, max_length=2, description="two numbers")
    lesions: _Ends = Field(min_length=2, max_length=2, description="two numbers")


@dataclass(frozen=True)
class CheckedLoad:
    """Intervals that were given before the reference was known, and what it says.

    Attributes
    ----------
    level, patients
        What was promised, and by how many patients.
    ends, true
        By the names of `QUANTITIES`.
    """

    level: float
    patients: int
    ends: Mapping[str, tuple[float, float]]
    true: Mapping[str, float]

    def holds(self, quantity: str) -> bool:
        """Whether the reference lies in the interval."""
        low, high = self.ends[quantity]
        return low <= self.true[quantity] <= high

    def as_json(self) -> dict[str, Any]:
        """JSON-serialisable."""
        each = {
            name: {"low": low, "high": high, "reference": self.true[name], "holds": self.holds(name)}
            for name, (low, high) in self.ends.items()
        }
        return {"level": self.level, "patients": self.patients, **each}

    @property
    def lines(self) -> list[str]:
        """For display, one of each quantity."""
        said = []
        for name, (low, high) in self.ends.items():
            about = QUANTITIES[name]
            digits = 0 if about.whole else 2
            inside = "inside" if self.holds(name) else "OUTSIDE"
            between = f"{low:.{digits}f} to {high:.{digits}f}{about.unit}"
            said.append(
                f"{about.title}, {self.level:.0%} interval: {between}; the reference, "
                f"{self.true[name]:.{digits}f}{about.unit}, is {inside}"
            )
        return said


def checked_load(
    summary: Mapping[str, Any], truth: np.ndarray, min_volume: float, voxel_volume: float
) -> CheckedLoad | None:
    """Compare the intervals of a summary with a reference; None where it has none.

    Parameters
    ----------
    summary
        Of a folder of results.
    truth
        bool, on its grid.
    min_volume, voxel_volume
        mm3; smaller components do not count. Intervals are of what their calibration cases counted, which can
        differ from what the results count: then that is said beside them, and counts.

    Raises
    ------
    InputError
        If they are not what this program wrote.
    """
    load = summary.get("load")
    if load is None or (isinstance(load, Mapping) and load.get("interval") is None):
        return None
    content = load.get("interval") if isinstance(load, Mapping) else None
    if not isinstance(content, Mapping):
        raise InputError(f"{SUMMARY}: 'load' is not as this program writes it.")
    said = load.get("min_volume_mm3")
    least = min_volume if said is None else said
    if isinstance(least, bool) or not isinstance(least, int | float) or not 0 <= least < math.inf:
        raise InputError(f"{SUMMARY}: the smallest volume of 'load' is not one that this program writes.")
    read = validated(_Interval, dict(content), f"{SUMMARY}: 'interval'")
    true = dict(zip(QUANTITIES, map(float, mask_load(truth, float(least), voxel_volume)), strict=True))
    ends = {"volume_ml": tuple(read.volume_ml), "lesions": tuple(read.lesions)}
    return CheckedLoad(read.level, read.patients, ends, true)  # type: ignore[arg-type]
