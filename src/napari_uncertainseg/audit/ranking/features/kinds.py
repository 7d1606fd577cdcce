"""What a table of features is, by its columns. Nothing heavy is imported here."""

from __future__ import annotations

from enum import Enum, auto
from pathlib import Path

from napari_uncertainseg._base import InputError
from napari_uncertainseg.disk.tables import read_rows
from napari_uncertainseg.evaluate.worklist import RESULTS

CASE = "case"
_LABEL = "label"  # of a lesion, in what `uncertainseg drivers` writes


class FeatureTable(Enum):
    """Kinds of tables: lesions that were measured, features by case, or folders of results."""

    LESIONS = auto()
    CASES = auto()
    RESULTS = auto()


def kind_of_features(path: Path) -> FeatureTable:
    """What a table of features is.

    Raises
    ------
    InputError
        If it is no table, or none of these.
    """
    columns = read_rows(path)
    if _LABEL in columns and RESULTS in columns:
        return FeatureTable.LESIONS
    if CASE in columns:
        return FeatureTable.CASES
    if RESULTS in columns:
        return FeatureTable.RESULTS
    raise InputError(
        f"{path} should have the column {CASE} and one for each feature, or the column {RESULTS} with "
        "folders of results."
    )
