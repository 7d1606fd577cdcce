"""One lesion or candidate of a list: its row, where it lies, and its voxels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_uncertainseg._boxes import Box

if TYPE_CHECKING:
    import pandas as pd

    from napari_uncertainseg.uncertainty.lesion_ranking import Lesions


@dataclass(frozen=True, eq=False)
class ListedLesion:
    """A lesion or candidate as it is listed.

    Attributes
    ----------
    number
        Above 0 of a lesion, below 0 of a candidate.
    row
        Of its table.
    box
        Around it, on the grid.
    inside
        bool, its voxels in that box.
    """

    number: int
    row: pd.Series
    box: Box
    inside: np.ndarray


def listed_lesion(lesions: Lesions, number: int) -> ListedLesion | None:
    """A lesion by its number, or a candidate by minus its number; None where there is no such one."""
    row = row_in_table(lesions, number)
    if row is None:
        return None
    box, labels = box_in_table(row), lesions.labels if number > 0 else lesions.candidates
    return ListedLesion(number, row, box, labels[box] == abs(number))


def row_in_table(lesions: Lesions, number: int) -> pd.Series | None:
    """The row of a lesion, or of a candidate by minus its number; None where there is no such one."""
    table = lesions.table if number > 0 else lesions.candidate_table
    found = table[table["label"] == abs(number)]
    return found.iloc[0] if len(found) else None


def voxel_in_table(row: Mapping[str, Any] | pd.Series) -> tuple[int, int, int]:
    """The voxel by which a lesion is known, and which is gone to, (s, a, r), from its row in the table."""
    return int(row["slice_s"]), int(row["slice_a"]), int(row["slice_r"])


def box_in_table(row: Mapping[str, Any] | pd.Series) -> Box:
    """The bounding box of a lesion, from its row in the table."""
    s, a, r = (slice(int(row[f"start_{axis}"]), int(row[f"stop_{axis}"])) for axis in "sar")
    return s, a, r
