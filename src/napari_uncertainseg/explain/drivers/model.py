"""A fitted model of doubt: plain numbers in a file, nothing of which is executed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from pydantic import ConfigDict, Field, field_validator

from napari_uncertainseg._base import one_line
from napari_uncertainseg.disk.checked_json import read_json
from napari_uncertainseg.disk.replaced_file import write_numbers
from napari_uncertainseg.disk.validation import Strict, validated
from napari_uncertainseg.explain.drivers.definitions import GROUPS
from napari_uncertainseg.explain.drivers.design import design, group_of_number, is_number

FILE = "drivers.json"
"""Its name, in the folder of a model and where `uncertainseg drivers` writes."""
FARTHEST = 4.0
"""Values count as at most so many deviations from the mean of the lesions that the model was fitted on."""
_MOST_BYTES = 1 << 20
_Name = Annotated[str, Field(min_length=1, max_length=100, description="a name")]
_Count = Annotated[int, Field(ge=0, le=10**9, description="a whole number of 0 or more")]
_Number = Annotated[float, Field(ge=-1e6, le=1e6, description="a number, -1000000 to 1000000")]


class _Table(Strict):
    model_config = ConfigDict(strict=True, frozen=True, allow_inf_nan=False, extra="forbid")


class Weight(_Table):
    """What a column of `design` is worth: `weight` of doubt for each `unit` above `centre`.

    `leads` is its correlation with what its whole group adds, over the lesions of the fit. Of columns that
    say much the same, such as volume and surface, single weights may have any sign; this tells which way the
    group goes.
    """

    weight: _Number
    centre: _Number
    unit: float = Field(gt=0, le=1e6, description="a number above 0")
    leads: float = Field(ge=-1, le=1, description="a number, -1 to 1")


class DoubtModel(_Table):
    """Doubt as a sum over the drivers of a lesion.

    Attributes
    ----------
    constant
        Doubt of a lesion that is average in everything.
    weights
        By the columns of `design`; others are worth nothing.
    lesions, patients, sources
        What it was fitted on.
    r2_patients, r2_sources
        Share of the doubt's variance that models explained which were fitted without the patient, or without
        the source; below 0: worse than saying the mean. None where that was not tried.
    """

    constant: _Number
    weights: dict[_Name, Weight] = Field(max_length=100, description="a table of at most 100 columns")
    lesions: _Count
    patients: _Count
    sources: tuple[_Name, ...] = Field(max_length=100, strict=False, description="a list of names")
    r2_patients: float | None = Field(default=None, le=1, description="a number of at most 1, or null")
    r2_sources: float | None = Field(default=None, le=1, description="a number of at most 1, or null")

    @field_validator("weights")
    @classmethod
    def _check_names(cls, weights: dict[str, Weight]) -> dict[str, Weight]:
        for name in weights:
            if not is_number(name):
                raise ValueError(f"names '{one_line(name)}', which is no driver that this program knows")
        return weights

    def values(self, table: pd.DataFrame) -> pd.DataFrame:
        """The lesions' numbers in deviations from the mean, of the columns with a weight; 0 where unknown."""
        numbers = design(table)
        found = {}
        for name, own in self.weights.items():
            column = numbers[name].to_numpy() if name in numbers else np.zeros(len(table)) * np.nan
            found[name] = np.clip(np.nan_to_num((column - own.centre) / own.unit), -FARTHEST, FARTHEST)
        return pd.DataFrame(found, index=table.index)

    def contributions(self, table: pd.DataFrame) -> pd.DataFrame:
        """What each column adds to the doubt of each lesion, against an average one.

        For a sum that is the Shapley value of a column, if columns are taken as independent.
        """
        values = self.values(table)
        return values * np.array([self.weights[name].weight for name in values.columns])

    def doubt(self, table: pd.DataFrame) -> np.ndarray:
        """The doubt that the drivers tell, float64 (lesions,)."""
        return np.asarray(self.constant + self.contributions(table).to_numpy().sum(1))


class DriversFile(_Table):
    """What a file of drivers holds.

    Attributes
    ----------
    version
        Of the format.
    model_sha256
        Of the model about whose doubt this speaks; empty if of any. It may be fitted on the doubt of networks
        of the same kind that had not seen the patients, as `about` says.
    methods
        By which its members came, such as ``one-pass``; empty if by any.
    about
        How it was made, a sentence or two.
    measures
        By the column of the list of lesions, such as ``doubt`` and ``lsu``.
    """

    version: Literal[1] = Field(description="1, the only version that this program knows")
    model_sha256: str = Field(default="", max_length=64, description="a hash, or an empty text")
    methods: tuple[_Name, ...] = Field(default=(), max_length=20, strict=False, description="a list of names")
    about: str = Field(default="", max_length=2000, description="a text")
    measures: dict[_Name, DoubtModel] = Field(max_length=50, description="a table of at most 50 measures")

    def fits(self, information: Mapping[str, Any]) -> bool:
        """Whether it is of the doubt of the model and the method that made a prediction."""
        model, method = information.get("model_sha256"), information.get("method")
        return self.model_sha256 in ("", model) and (not self.methods or method in self.methods)


def grouped(contributions: pd.DataFrame) -> pd.DataFrame:
    """Contributions added up within each group, the groups in their usual order."""
    groups = [group_of_number(name) for name in contributions.columns]
    found: Mapping[str, pd.Series] = {
        one: contributions.loc[:, [group == one for group in groups]].sum(axis=1)
        for one in GROUPS
        if one in groups
    }
    return pd.DataFrame(found, index=contributions.index)


def save_drivers(found: DriversFile, path: Path) -> None:
    """Write it as JSON; an existing file is replaced whole or not at all.

    Raises
    ------
    InputError
        If it cannot be written, or the ending is another one than ``.json``.
    """
    write_numbers(found, path)


def load_drivers(path: Path) -> DriversFile:
    """Read what `save_drivers` wrote.

    Raises
    ------
    InputError
        If it cannot be read, or holds something else.
    """
    return validated(DriversFile, read_json(path, most_bytes=_MOST_BYTES), str(path))
