"""The table of lesions in a folder of results, as `segment` and the window write it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from napari_uncertainseg._base import InputError
from napari_uncertainseg.disk.columns import Column, Layout, a_number, read_frame
from napari_uncertainseg.disk.result_folder import result_file

FILE, LABEL = "lesions.tsv", "label"
_MEASURES = ("lsu", "max_probability", "volume_mm3")


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
    return read_frame(result_file(folder, FILE), layout)


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
            f"{folder / FILE} does not belong to the lesions beside it: segment again with --overwrite."
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
