"""What a network of several classes says of each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Classes:
    """Probability and doubt of each class, in the part of the scan that the network was given.

    Attributes
    ----------
    names
        Of the classes, in the network's order.
    target
        Numbers of those that are segmented.
    box
        Of the scan's grid, within which the arrays lie.
    inside
        bool, shape of the box: the voxels that the network was given.
    probability
        Mean over the members, float16 (classes, z, y, x of the box), 0 outside.
    entropy, mutual_information
        Over the classes, of the mean, and of it less the members' mean entropy: nats, float32, shape of the
        box. None where classes overlap, so that each has a probability of its own.
    """

    names: tuple[str, ...]
    target: tuple[int, ...]
    box: tuple[slice, slice, slice]
    inside: np.ndarray
    probability: np.ndarray
    entropy: np.ndarray | None
    mutual_information: np.ndarray | None

    @property
    def overlapping(self) -> bool:
        """Whether each class has a probability of its own; otherwise they sum to 1."""
        return self.entropy is None

    def on_grid(self, array: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
        """An array of the box as float32 on the scan's grid, 0 around it."""
        out = np.zeros(shape, np.float32)
        out[self.box] = array
        return out
