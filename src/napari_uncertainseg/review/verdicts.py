"""Verdicts on lesions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from napari_uncertainseg._base import InputError

Voxel = tuple[int, int, int]
"""Index (s, a, r) on the prediction's grid."""

Decision = Literal["accepted", "rejected", "unsure"]
DECISIONS: tuple[str, ...] = get_args(Decision)
"""What a reviewer may decide about a lesion or candidate."""


@dataclass(frozen=True)
class Verdict:
    """A reviewer's decision on one lesion.

    It is bound to a voxel, not to a number: numbers change with the threshold,
    and the verdict then belongs to the lesion that holds the voxel.
    """

    voxel: Voxel
    decision: Decision


def check_inside(voxels: Iterable[Sequence[int]], shape: Sequence[int]) -> None:
    """Check that the locations of a session lie on the grid of the current scan.

    Raises
    ------
    InputError
        If one does not.
    """
    if not all(0 <= i < n for voxel in voxels for i, n in zip(voxel, shape, strict=True)):
        raise InputError("This session belongs to another scan: its locations lie outside of this one.")
