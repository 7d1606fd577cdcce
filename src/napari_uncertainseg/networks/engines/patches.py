"""The windows that a network made elsewhere runs in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Patches:
    """The windows that a network made elsewhere runs in: those that it was trained with.

    Attributes
    ----------
    size
        Of a window, voxels; a box that is smaller is padded with zeros on both sides.
    overlap
        Share of a side that a window has in common with its neighbour.
    spread
        Whether windows lie ``"even"`` over a side, as in nnU-Net, or ``"regular"``, at one distance but the
        last, as in MONAI.
    weights
        With which windows are averaged: Gaussian, or all the same.
    sigma
        Standard deviation of the Gaussian, as a share of the side.
    """

    size: tuple[int, int, int]
    overlap: float = 0.25
    spread: Literal["even", "regular"] = "regular"
    weights: Literal["gaussian", "constant"] = "constant"
    sigma: float = 0.125
