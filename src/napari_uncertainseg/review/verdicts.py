"""Verdicts on lesions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from napari_uncertainseg._base import InputError

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


def check_inside(voxels: Iterable[Sequence[int]], shape: Sequence[int]) -> None:
    """See that the places of a session lie on the grid of the scan at hand.

    Raises
    ------
    InputError
        If one does not.
    """
    if not all(0 <= i < n for voxel in voxels for i, n in zip(voxel, shape, strict=True)):
        raise InputError("This session is of another scan: its places lie outside of this one.")
