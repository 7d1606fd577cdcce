"""What a reviewer did: verdicts and strokes, which one undo takes back in order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_uncertainseg._boxes import Box
from napari_uncertainseg.review.correction import Correction
from napari_uncertainseg.review.open_case.reviewed_case import component_name
from napari_uncertainseg.review.verdicts import Verdict, Voxel


@dataclass(frozen=True, eq=False)
class Judgement:
    """A change of the verdicts.

    Attributes
    ----------
    what
        In words, such as "rejected lesion 7".
    voxel
        Where.
    before, after
        The verdicts that held.
    """

    what: str
    voxel: Voxel
    before: tuple[Verdict, ...]
    after: tuple[Verdict, ...]


@dataclass(frozen=True, eq=False)
class Stroke:
    """A change of the painting.

    Attributes
    ----------
    what
        In words, such as "a stroke on lesion 3".
    voxel
        Some voxel of it.
    flat
        Flat positions of its voxels on the grid.
    before, after
        The painting there: -1 removed, 0 untouched, 1 added.
    correction
        With which of our tools; None for napari's brush.
    number
        Of the lesion (> 0) or candidate (< 0) that ``what`` names; 0 for none.
    """

    what: str
    voxel: Voxel
    flat: np.ndarray
    before: np.ndarray
    after: np.ndarray
    correction: Correction | None = None
    number: int = 0

    @classmethod
    def between(
        cls,
        before: np.ndarray | None,
        after: np.ndarray | None,
        flat: np.ndarray,
        correction: Correction | None,
        number_at: Callable[[Voxel], int],
    ) -> Stroke | None:
        """What changed one painting into another; None where nothing did.

        Parameters
        ----------
        before, after
            int8 on the grid; None for no painting.
        flat
            Where they differ, see `changed`.
        correction
            With which tool.
        number_at
            The lesion (> 0) or candidate (< 0) that is painted on there; 0 for none.
        """
        edit = before if after is None else after
        if not len(flat) or edit is None:
            return None
        s, a, r = (int(i) for i in np.unravel_index(flat[len(flat) // 2], edit.shape))
        what = "a stroke" if correction is None else correction.in_words()
        values = values_at(before, flat), values_at(after, flat)
        number = number_at((s, a, r))
        return cls(f"{what} on {component_name(number)}", (s, a, r), flat, *values, correction, number)

    def step(self, *, back: bool) -> dict[str, Any]:
        """What a journal says of its undo or redo."""
        tool = {} if self.correction is None else self.correction.written()
        return {**tool, "step": "undo" if back else "redo"}

    def on(self, edit: np.ndarray | None, shape: tuple[int, ...], *, back: bool) -> np.ndarray | None:
        """A painting with the stroke taken back, or painted again; None where nothing is left."""
        found = np.zeros(shape, np.int8) if edit is None else edit.copy()
        found.ravel()[self.flat] = self.before if back else self.after
        return found if found.any() else None


Change = Judgement | Stroke


def changed(before: np.ndarray | None, after: np.ndarray | None, within: Box | None = None) -> np.ndarray:
    """Flat positions in which two paintings differ, ascending.

    Parameters
    ----------
    before, after
        int8, of one shape; None is an empty one.
    within
        A box outside of which they are known not to differ: only there they are compared.
    """
    if before is after:
        return np.empty(0, np.intp)
    one, other = (after, before) if before is None else (before, after)
    assert one is not None
    if within is None:
        return np.flatnonzero(one != (0 if other is None else other))
    inside = np.nonzero(one[within] != (0 if other is None else other[within]))
    starts = (part.start for part in within)
    index = tuple(i + start for i, start in zip(inside, starts, strict=True))
    return np.ravel_multi_index(index, one.shape)


def values_at(edit: np.ndarray | None, flat: np.ndarray) -> np.ndarray:
    """A painting at flat positions, int8."""
    return np.zeros(len(flat), np.int8) if edit is None else edit.ravel()[flat].astype(np.int8)


class History:
    """What was done, and what was taken back and can be done again."""

    def __init__(self) -> None:
        self._done: list[Change] = []
        self._undone: list[Change] = []

    def add(self, change: Change) -> None:
        """Something was done: what was taken back before cannot be done again."""
        self._done.append(change)
        self._undone.clear()

    def last(self, *, back: bool) -> Change | None:
        """What is taken back, or done again, next."""
        source = self._done if back else self._undone
        return source[-1] if source else None

    def step(self, *, back: bool) -> None:
        """Note that it was."""
        source, sink = (self._done, self._undone) if back else (self._undone, self._done)
        sink.append(source.pop())
