"""Members as they are kept: half floats, each 0 beyond the box of what it saw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from napari_uncertainseg._boxes import Box, union_box
from napari_uncertainseg._parallel import in_parallel
from napari_uncertainseg.prediction.members import as_half

NOTHING: Box = (slice(0, 0), slice(0, 0), slice(0, 0))


@dataclass(frozen=True, eq=False)
class Sides:
    """Which slices along each axis hold what members saw: bool (members, length), three of them."""

    axes: tuple[np.ndarray, np.ndarray, np.ndarray]

    @classmethod
    def nothing(cls, members: int, shape: Sequence[int]) -> Sides:
        """Of members that saw nothing yet in a box of a shape."""
        z, y, x = (np.zeros((members, length), bool) for length in shape)
        return cls((z, y, x))

    @classmethod
    def together(cls, parts: Sequence[Sides]) -> Sides:
        """Of parts of a box."""
        z, y, x = (np.any([part.axes[axis] for part in parts], axis=0) for axis in range(3))
        return cls((z, y, x))

    def add(self, seen: np.ndarray, where: Box) -> None:
        """Take what is seen in a piece of the box, bool (members, z, y, x)."""
        rows, columns = np.asarray(seen.any(axis=3)), np.asarray(seen.any(axis=2))
        parts = (rows.any(axis=2), rows.any(axis=1), columns.any(axis=1))
        for known, part, side in zip(self.axes, parts, where, strict=True):
            known[:, side] |= part

    def boxes(self) -> list[Box]:
        """The box of what each member saw; empty where it saw nothing."""
        return [_box(*sides) for sides in zip(*self.axes, strict=True)]


def _box(*sides: np.ndarray) -> Box:
    if not sides[0].any():
        return NOTHING
    z, y, x = (slice(int(side.argmax()), len(side) - int(side[::-1].argmax())) for side in sides)
    return z, y, x


@dataclass(frozen=True, eq=False)
class Kept:
    """Some members in one array.

    Attributes
    ----------
    box
        That holds all they saw; empty where that is nothing.
    values
        float16 (members, z, y, x) in that box.
    """

    box: Box
    values: np.ndarray

    def __len__(self) -> int:
        return len(self.values)

    @classmethod
    def of(cls, members: Sequence[np.ndarray], boxes: Sequence[Box]) -> Kept:
        """Members, float32 (z, y, x), each in its own box."""
        kept = cls._empty(boxes, len(members))
        in_parallel(
            [
                partial(as_half, member[box], kept._part(number, box))
                for number, (member, box) in enumerate(zip(members, boxes, strict=True))
                if box != NOTHING
            ]
        )
        return kept

    @classmethod
    def together(cls, parts: Sequence[Kept]) -> Kept:
        """All members of several in one array, which is that of the only one if there is one."""
        if len(parts) == 1:
            return parts[0]
        kept, first = cls._empty([part.box for part in parts], sum(map(len, parts))), 0
        for part in parts:
            if part.box != NOTHING:
                kept._part(slice(first, first + len(part)), part.box)[...] = part.values
            first += len(part)
        return kept

    @classmethod
    def _empty(cls, boxes: Sequence[Box], members: int) -> Kept:
        box = NOTHING
        for one in boxes:
            box = union_box(box, one)
        return cls(box, np.zeros((members, *(side.stop - side.start for side in box)), np.float16))

    def _part(self, members: int | slice, box: Box) -> np.ndarray:
        """The part of the values in a box within this one."""
        z, y, x = (
            slice(inner.start - outer.start, inner.stop - outer.start)
            for inner, outer in zip(box, self.box, strict=True)
        )
        return self.values[members, z, y, x]
