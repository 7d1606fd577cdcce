"""The members of a prediction, kept small."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Members:
    """Member probabilities, kept only where some member saw something.

    Attributes
    ----------
    box
        The part of the grid that they cover; everything outside counts as 0.
    values
        Shape (members, *box shape), float16, 0 to 1.
    """

    box: tuple[slice, slice, slice]
    values: np.ndarray

    def __len__(self) -> int:
        return len(self.values)
