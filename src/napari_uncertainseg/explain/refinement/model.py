"""A fitted refinement: plain numbers in a file, nothing of which is executed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
import scipy
from pydantic import ConfigDict, Field

from napari_uncertainseg._base import InputError
from napari_uncertainseg.disk.checked_json import read_json
from napari_uncertainseg.disk.replaced_file import write_numbers
from napari_uncertainseg.disk.validation import Strict, validated
from napari_uncertainseg.explain.radiomics.grey_levels import MOST_LEVELS, GreyLevels

if TYPE_CHECKING:
    import pandas as pd

P_TRUE, KEPT = "p_true", "kept"
"""The columns that a refinement adds: how probable it is that a lesion is real, and whether it is kept."""
CUT_OFF = 0.5
"""Lesions below it are taken away."""
FARTHEST = 4.0
"""Values count as at most so many deviations from the mean of the lesions that it was fitted on."""
LARGEST = 1e6
_MOST_BYTES = 1 << 20
_Number = Annotated[float, Field(ge=-LARGEST, le=LARGEST, description="a number, -1000000 to 1000000")]
_Count = Annotated[int, Field(ge=0, le=10**9, description="a whole number of 0 or more")]
_Name = Annotated[str, Field(min_length=1, max_length=100, description="a name")]


class _Table(Strict):
    model_config = ConfigDict(strict=True, frozen=True, allow_inf_nan=False, extra="forbid")


class FeatureWeight(_Table):
    """What a feature is worth: `weight` for each `unit` that a value lies above `centre`."""

    weight: _Number
    centre: float = Field(description="a number")
    unit: float = Field(gt=0, description="a number above 0")


class Measuring(_Table):
    """How the features were measured, so that those of other scans are measured alike."""

    images: tuple[_Name, ...] = Field(
        min_length=1, max_length=20, strict=False, description="a list of 1 to 20 names of images"
    )
    bin_width: float = Field(default=25.0, gt=0, description="a number above 0")
    bin_count: int | None = Field(
        default=None, ge=1, le=MOST_LEVELS, description=f"a whole number, 1 to {MOST_LEVELS}"
    )
    margin: int = Field(default=0, ge=0, le=20, description="a whole number, 0 to 20")

    @property
    def levels(self) -> GreyLevels:
        """Of the features of texture."""
        return GreyLevels(self.bin_width, self.bin_count)


class Maker(_Table):
    """Who outlined the lesions that a refinement was learned from.

    Attributes
    ----------
    model, model_sha256, method
        Of inference.
    inputs
        The scans, by modality.
    thresholds
        The lowest and the highest at which they were outlined. Of others the refinement says nothing.
    gain
        What it added to F1 on patients left out, with the 95 % interval; None where that is not known.
    """

    model: str = Field(max_length=200, description="text")
    model_sha256: _Name
    method: _Name
    inputs: tuple[_Name, ...] = Field(max_length=20, strict=False, description="a list of names of scans")
    thresholds: tuple[_Number, _Number] = Field(strict=False, description="a list of two numbers")
    gain: tuple[_Number, _Number, _Number] | None = Field(
        default=None, strict=False, description="a list of three numbers, or null"
    )


class Refinement(_Table):
    """What a refinement file holds.

    Attributes
    ----------
    version
        Of the file's format.
    measuring
        How its features are measured; None where they were given as a table.
    constant
        Of the logit.
    weights
        By the names of the features; all others are worth nothing.
    lesions, real
        How many lesions it was fitted on, and how many of them were real.
    maker
        Whose lesions they are, where it is kept for a model; None elsewhere.
    """

    version: Literal[1] = Field(description="1, the only version that this program knows")
    measuring: Measuring | None = None
    constant: _Number
    weights: dict[str, FeatureWeight] = Field(max_length=5000, description="a table of at most 5000 features")
    lesions: _Count
    real: _Count
    maker: Maker | None = None

    def probability(self, rows: pd.DataFrame) -> np.ndarray:
        """Of being real, of each lesion.

        Parameters
        ----------
        rows
            A row for each lesion, with the features; one that is NaN counts as the mean of the lesions that
            this was fitted on.

        Returns
        -------
        np.ndarray
            float64 (rows,).

        Raises
        ------
        InputError
            If a feature is missing.
        """
        logit = np.full(len(rows), self.constant)
        for name, one in self.weights.items():
            if name not in rows:
                raise InputError(f"The refinement goes by '{name}', and the table of lesions lacks it.")
            value = (rows[name].to_numpy(float) - one.centre) / one.unit
            logit += one.weight * np.clip(np.nan_to_num(value, posinf=0, neginf=0), -FARTHEST, FARTHEST)
        return np.asarray(scipy.special.expit(logit))


def save_refinement(refinement: Refinement, path: Path) -> None:
    """Write it as JSON; an existing file is replaced whole or not at all.

    Raises
    ------
    InputError
        If it cannot be written, or the ending is another one than ``.json``.
    """
    write_numbers(refinement, path)


def load_refinement(path: Path) -> Refinement:
    """Read what `save_refinement` wrote.

    Raises
    ------
    InputError
        If it cannot be read, or holds something else.
    """
    return validated(Refinement, read_json(path, most_bytes=_MOST_BYTES), str(path))
