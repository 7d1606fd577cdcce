"""What `segment` and the window wrote into a folder of results: its summary, images and table of lesions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import Field

from napari_uncertainseg._base import InputError
from napari_uncertainseg.disk import result_folder as results
from napari_uncertainseg.disk.columns import Column, Layout, a_number, read_frame
from napari_uncertainseg.disk.validation import Strict, validated

TABLE, LABEL = "lesions.tsv", "label"
_MEASURES = ("lsu", "max_probability", "volume_mm3")


class _PatientUncertainty(Strict):
    psu: float | None = Field(ge=0, le=1, description="a number from 0 to 1, or null")


class Summary(Strict):
    """What the readers of a folder of results need of its summary; of its numbers, only such as can be right.

    Attributes
    ----------
    threshold
        Of its lesions.
    min_volume_mm3
        Smaller components were left out.
    patient_uncertainty
        Structural uncertainty (PSU); None in results of older versions.
    model, model_sha256, method
        What segmented it, None where it does not say.
    target
        What was segmented, a noun; None where it does not say.
    inputs
        The scans by modality.
    recalibration
        Of its probabilities, where there was one.
    """

    threshold: float = Field(gt=0, le=1, description="a number above 0, up to 1")
    min_volume_mm3: float = Field(ge=0, description="a volume in mm3, 0 or more")
    patient_uncertainty: _PatientUncertainty = Field(description="a table")
    model: str | None = Field(default=None, description="text")
    model_sha256: str | None = Field(default=None, description="text")
    method: str | None = Field(default=None, description="text")
    target: str | None = Field(default=None, description="text")
    inputs: Mapping[str, Any] = Field(default_factory=dict, description="a table")
    recalibration: Any = None


def read_summary(folder: Path) -> Summary:
    """What the results of a folder were made with.

    Raises
    ------
    InputError
        If there is no summary, or it is not what this program wrote.
    """
    file = f"{folder / results.SUMMARY} is not the summary that `segment` wrote"
    return validated(Summary, results.load_summary(folder), file)


def result_file(folder: Path, name: str) -> Path:
    """One of the images that `segment` wrote, as it was written; see `disk.results.result_file`."""
    return results.result_file(folder, f"{name}.nii.gz")


def measured_lesions(folder: Path, measures: Sequence[str]) -> pd.DataFrame:
    """The table as it is.

    Parameters
    ----------
    folder
        Of results.
    measures
        Columns that it must have; not known, as `tables.read_tsv` gives them, of a lesion that a human drew.

    Raises
    ------
    InputError
        If it cannot be read, lacks one of them, or a cell is no number; or if a lesion is there twice.
    """
    columns = tuple(Column(name, a_number(), filled=False) for name in measures)
    label = Column(LABEL, a_number(1, whole=True), unique=True)
    layout = Layout(
        "the table that `uncertainseg segment` writes", "lesion", (label, *columns), may_be_empty=True
    )
    return read_frame(results.result_file(folder, TABLE), layout)


def table_of_lesions(folder: Path, count: int) -> pd.DataFrame:
    """The table with what older ones lack; ``drawn`` is bool.

    Parameters
    ----------
    folder
        Of results.
    count
        The largest number of its lesions.

    Raises
    ------
    InputError
        As `measured_lesions`, or if it is of other lesions.
    """
    table = measured_lesions(folder, _MEASURES)
    drawn = table["drawn"] if "drawn" in table else pd.Series(False, table.index)  # not in older ones
    table["drawn"] = drawn.astype(str).eq("True")
    if "doubt" not in table:  # not in older ones
        table["doubt"] = 1 - pd.to_numeric(table["max_probability"], errors="coerce")
    if not _fits(table, count):
        raise InputError(
            f"{folder / TABLE} does not belong to the lesions beside it: segment again with --overwrite."
        )
    return table


def _fits(table: pd.DataFrame, count: int) -> bool:
    """Whether numbers and measures can be those of lesions; what a human drew has no doubt by the model."""
    largest = table[LABEL].max() if len(table) else 0
    of_model = table[~table["drawn"]]
    measured = all(_is_finite(of_model[name]) for name in ("doubt", "lsu", "max_probability"))
    return bool(largest == count and measured and _is_finite(table["volume_mm3"]))


def _is_finite(column: pd.Series) -> bool:
    return bool(np.isfinite(pd.to_numeric(column, errors="coerce").to_numpy(float)).all())
