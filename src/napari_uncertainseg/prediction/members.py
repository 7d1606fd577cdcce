"""The members of a prediction, kept small."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from napari_uncertainseg._base import InputError
from napari_uncertainseg._checks import as_probabilities

SEEN = 0.05
"""Members are kept in the bounding box of what reaches this."""
_NORMAL_HALF = np.float32(2**-14)
"""Smaller half floats are counted in steps of 2**-24."""
_AT_A_TIME = 1 << 18
"""Numbers that become half floats in one step: with fewer, threads wait for each other."""


@dataclass(frozen=True, eq=False)
class Members:
    """Member probabilities, kept only where some member saw something.

    Attributes
    ----------
    box
        The part of the grid that they cover; everything outside counts as 0.
    values
        Shape ``(members, *shape of the box)``, floating (float16 as predictions keep them), 0 to 1.

    Raises
    ------
    InputError
        If the values are no probabilities, or do not fill the box.
    """

    box: tuple[slice, slice, slice]
    values: np.ndarray

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", as_probabilities(self.values, "The members"))
        shape = tuple(part.stop - (part.start or 0) for part in self.box)
        if self.values.shape[1:] != shape or self.values.ndim != 4:
            raise InputError(
                f"The members have the shape {self.values.shape}: it should be (members, *{shape})."
            )

    def __len__(self) -> int:
        return len(self.values)

    def told_from(self, mean: np.ndarray) -> Members:
        """These members; or, where each of them is the mean but for rounding, the mean in place of each.

        A single member is the mean, and so are members that are all alike. Kept in half precision, and one
        only where something is seen, they would seem to differ from what they say together.

        Parameters
        ----------
        mean
            Their mean on the whole grid, float32, 0 to 1.
        """
        inside = mean[self.box]
        half = self.values.dtype == np.float16 and inside.dtype == np.float32
        rounded = as_half(inside) if half else inside.astype(self.values.dtype)
        if not len(self) or not all(np.array_equal(values, rounded) for values in self.values):
            return self
        if np.count_nonzero(mean >= SEEN) > np.count_nonzero(inside >= SEEN):
            return self
        if len(self) == 1:  # there is nothing else that it could be, beyond its box too
            return Members(
                (slice(0, mean.shape[0]), slice(0, mean.shape[1]), slice(0, mean.shape[2])), mean[None]
            )
        return Members(self.box, np.broadcast_to(inside, self.values.shape))


def as_half(p: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """Probabilities as half floats, as numpy rounds them, in a fraction of its time.

    Parameters
    ----------
    p
        float32, 0 to 1, two axes or more.
    out
        float16 of that shape, where they are put; the last axis without gaps.
    """
    found = np.empty(p.shape, np.float16) if out is None else out
    slices = max(1, _AT_A_TIME // max(1, p[:1].size))
    sizes = (min(slices, len(p)), *p.shape[1:])
    scratch = np.empty(sizes, np.uint32), np.empty(sizes, np.float32), np.empty(sizes, bool)
    for first in range(0, len(p), slices):
        values = np.ascontiguousarray(p[first : first + slices])
        bits, steps, small = (each[: len(values)] for each in scratch)
        np.right_shift(values.view(np.uint32), 13, out=bits)
        bits &= 1  # to the even one where two are as near
        bits += values.view(np.uint32)
        bits += np.uint32((0xFFF - ((127 - 15) << 23)) % 2**32)  # the exponents begin elsewhere
        bits >>= 13
        np.less(values, _NORMAL_HALF, out=small)
        np.rint(np.multiply(values, np.float32(2**24), out=steps), out=steps)
        np.copyto(bits, steps, where=small, casting="unsafe")
        found[first : first + slices].view(np.uint16)[...] = bits
    return found
