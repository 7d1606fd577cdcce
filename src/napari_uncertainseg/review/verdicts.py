"""Verdicts on lesions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Voxel = tuple[int, int, int]
"""Index (s, a, r) on the prediction's grid."""

Decision = Literal["accepted", "rejected", "unsure"]


@dataclass(frozen=True)
class Verdict:
    """A reviewer's decision on one lesion.

    It is bound to a voxel, not to a number: numbers change with the threshold,
    and the verdict then belongs to the lesion that holds the voxel.
    """

    voxel: Voxel
    decision: Decision
