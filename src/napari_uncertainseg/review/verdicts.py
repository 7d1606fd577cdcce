"""Verdicts on lesions, in the order in which they were given, with undo."""

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


class Verdicts:
    """The verdicts that hold, and those before and after them.

    Parameters
    ----------
    given
        Those to begin with, in the order in which they were given.
    """

    def __init__(self, given: tuple[Verdict, ...] = ()) -> None:
        self.given = given
        self._before: list[tuple[Verdict, ...]] = []
        self._after: list[tuple[Verdict, ...]] = []

    def change(self, given: tuple[Verdict, ...]) -> None:
        """Take other verdicts; what was undone cannot be done again."""
        self._before.append(self.given)
        self._after.clear()
        self.given = given

    def undo(self) -> bool:
        """Go one change back; False when there is none."""
        return self._step(self._before, self._after)

    def redo(self) -> bool:
        """Go one change forth again; False when there is none."""
        return self._step(self._after, self._before)

    def _step(self, source: list[tuple[Verdict, ...]], sink: list[tuple[Verdict, ...]]) -> bool:
        if not source:
            return False
        sink.append(self.given)
        self.given = source.pop()
        return True
