"""What is said of a lesion that is drawn as a surface."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_uncertainseg.uncertainty.lesion_ranking import Lesions


@dataclass(frozen=True)
class Facts:
    """What is said of a lesion or candidate that is drawn, and the voxel to look at."""

    volume_mm3: float
    doubt: float
    voxel: tuple[int, int, int]


def facts_of(lesions: Lesions, number: int) -> Facts:
    """Of a lesion (> 0) or candidate (< 0)."""
    table = lesions.table if number > 0 else lesions.candidate_table
    row = table[table["label"] == abs(number)].iloc[0]
    voxel = int(row["slice_s"]), int(row["slice_a"]), int(row["slice_r"])
    return Facts(float(row["volume_mm3"]), float(row["doubt"]), voxel)
