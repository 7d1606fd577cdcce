"""Heads of a network in, statistics over members out: each logit is read once, in pieces that stay in cache.

For networks on the CPU whose voxels are the scan's own. For all others `MapAccumulator` and
`sampling.mean_pass` do the same step by step; here the steps follow each other on a few rows of a slice, and
what lies outside the brain is left out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np

from napari_uncertainseg._boxes import Box
from napari_uncertainseg._parallel import in_parallel, thread_count
from napari_uncertainseg._threshold import limit
from napari_uncertainseg.inference.sweep.kept import Kept, Sides
from napari_uncertainseg.networks.recalibration import LogitLine
from napari_uncertainseg.prediction.members import SEEN
from napari_uncertainseg.voxel_maps import MapSources, MemberStatistics

T = TypeVar("T")

_CACHED = 1 << 19
"""Numbers of all heads handled at a time: three arrays of so many stay near the processor. With fewer
(a smaller cache) threads mostly wait for each other's turn in Python."""
_SHARES = 4
"""Parts of the work for each thread, so that none waits long for another."""
_SMALLEST = np.finfo(np.float32).smallest_normal
_SEEN = limit(SEEN, np.dtype(np.float32))


@dataclass(frozen=True)
class Opinions:
    """Which heads of a pass its members come from.

    Attributes
    ----------
    heads
        Their numbers.
    averaged
        Whether they make one member, their mean; otherwise each is a member.
    """

    heads: tuple[int, ...]
    averaged: bool = False

    @property
    def members(self) -> int:
        """How many members they make."""
        return 1 if self.averaged else len(self.heads)


@dataclass(frozen=True, eq=False)
class _Task:
    """One pass under way; `mean` takes the only member where it is a mean, otherwise the logits do."""

    logits: np.ndarray
    line: LogitLine
    opinions: Opinions
    mean: np.ndarray | None


class HeadsSweep:
    """Statistics over the members of passes that come one by one, added up where they lie on the scan's grid.

    Means and squares of a pass join those before as Chan, Golub and LeVeque do ("Updating formulae and a
    pairwise algorithm for computing sample variances", 1979), which does not cancel where members agree.

    Parameters
    ----------
    inside
        bool (z, y, x): the brain in its box.
    box
        Where that box lies on the scan's grid.
    shape
        Of the grid.
    """

    def __init__(self, inside: np.ndarray, box: Box, shape: tuple[int, int, int]) -> None:
        self._inside = inside
        self._pieces: _Pieces | None = None
        self._members = self._passes = 0
        self._full = [np.zeros(shape, np.float32) for _ in range(6)]
        (
            self._mean,
            self._entropy_of_mean,
            self._entropy,
            self._mutual,
            self._squares,
            self._disagreement,
        ) = (array[box] for array in self._full)

    def add(self, logits: np.ndarray, line: LogitLine, opinions: Opinions) -> Kept:
        """Take one pass.

        Parameters
        ----------
        logits
            float32 (heads, z, y, x), finite. They are overwritten.
        line
            How they are moved before they become probabilities.
        opinions
            Which of them are members.

        Returns
        -------
        Kept
            Its members, where they saw something.
        """
        mean = np.zeros(self._inside.shape, np.float32) if opinions.averaged else None
        rows = max(1, _CACHED // (len(logits) * self._inside.shape[2]))
        if self._pieces is None or self._pieces.rows != rows:
            self._pieces = _Pieces(self._inside, rows)
        task = _Task(logits, line, opinions, mean)
        found = _over_slices(len(self._inside), partial(self._add_slices, task, self._pieces))
        self._members += opinions.members
        self._passes += 1
        members = [logits[head] for head in opinions.heads] if mean is None else [mean]
        return Kept.of(members, Sides.together(found).boxes())

    def _add_slices(self, task: _Task, pieces: _Pieces, slices: range) -> Sides:
        heads = len(task.logits)
        scratch = np.empty((3, heads * pieces.most), np.float32)
        seen = Sides.nothing(task.opinions.members, self._inside.shape)
        for whole, shown in (piece for z in slices for piece in pieces.of(z)):
            if shown is not None:
                sides = _sides(shown)
                voxels = heads * math.prod(sides)
                p, *spare = (each[:voxels].reshape(heads, *sides) for each in scratch)
                _probabilities(task.logits[:, *shown], task.line, p)
                p *= self._inside[shown]
                members = self._take(shown, p, spare, task)
                if members.max() >= _SEEN:  # of most of a brain nobody says anything
                    seen.add(members >= _SEEN, shown)
            if task.mean is None:
                task.logits[:, *whole] = 0
                if shown is not None:
                    task.logits[:, *shown] = p
        return seen

    def _take(self, shown: Box, p: np.ndarray, spare: list[np.ndarray], task: _Task) -> np.ndarray:
        """Add the heads' probabilities of a piece; its members."""
        mean, squares = _moments(p, spare[0])
        disagreement = squares / np.float32(len(p))
        self._disagreement[shown] += (disagreement - self._disagreement[shown]) / np.float32(self._passes + 1)
        if len(task.opinions.heads) < len(p):
            p = p[list(task.opinions.heads)]
            spare = [each[: len(p)] for each in spare]
            mean, squares = _moments(p, spare[0])
        if task.mean is not None:
            task.mean[shown] = mean
            p, squares = mean[None], np.zeros_like(squares)
            spare = [each[:1] for each in spare]
        self._join(shown, len(p), mean, squares, _entropies(p, *spare))
        return p

    def _join(
        self,
        where: Box,
        count: int,
        mean: np.ndarray,
        squares: np.ndarray,
        entropy: np.ndarray,
    ) -> None:
        total = self._members + count
        apart = mean - self._mean[where]
        self._mean[where] += apart * np.float32(count / total)
        self._squares[where] += squares + apart * apart * np.float32(self._members * count / total)
        self._entropy[where] += entropy

    def result(self) -> MapSources:
        """What maps are made of, on the scan's grid; the sweep is used up by it."""
        if self._pieces is not None:
            _over_slices(len(self._inside), partial(self._finish_slices, self._pieces))
        mean, entropy, expected, mutual, variance, disagreement = self._full
        return MapSources(MemberStatistics(mean, entropy, expected, mutual, variance), disagreement)

    def _finish_slices(self, pieces: _Pieces, slices: range) -> None:
        """Make of sums what they are for; around the brain all is 0 and stays so."""
        count = np.float32(self._members)
        scratch = np.empty((2, pieces.most), np.float32)
        for shown in (piece[1] for z in slices for piece in pieces.of(z)):
            if shown is None:
                continue
            p, expected, squares = (each[shown] for each in (self._mean, self._entropy, self._squares))
            np.clip(p, 0, 1, out=p)  # a mean of ones may exceed 1 by rounding
            entropy = _entropies(p[None], *(each[: p.size].reshape(1, *p.shape) for each in scratch))
            expected /= count
            squares /= count
            self._entropy_of_mean[shown] = entropy
            entropy -= expected
            np.clip(entropy, 0, None, out=self._mutual[shown])


def _over_slices(count: int, work: Callable[[range], T]) -> list[T]:
    """Hand out the slices of a box to the threads."""
    step = max(1, -(-count // (_SHARES * thread_count())))
    return in_parallel([partial(work, range(z, min(z + step, count))) for z in range(0, count, step)])


class _Pieces:
    """Rows of each slice, and the part of them that holds brain.

    Parameters
    ----------
    inside
        bool (z, y, x).
    rows
        Of a piece.

    Attributes
    ----------
    rows
        The same.
    most
        Voxels of the largest piece.
    """

    def __init__(self, inside: np.ndarray, rows: int) -> None:
        depth, height, self._width = inside.shape
        count = -(-height // rows)
        blank = ((0, 0), (0, count * rows - height))
        first = np.where(inside.any(axis=2), inside.argmax(axis=2), self._width)
        last = np.where(inside.any(axis=2), self._width - inside[..., ::-1].argmax(axis=2), 0)
        filled = np.pad(last > 0, blank).reshape(depth, count, rows)
        self._low = np.pad(first, blank, constant_values=self._width).reshape(depth, count, rows).min(axis=2)
        self._high = np.pad(last, blank).reshape(depth, count, rows).max(axis=2)
        self._top, self._bottom = filled.argmax(axis=2), rows - filled[..., ::-1].argmax(axis=2)
        self._height, self.rows = height, rows
        self.most = rows * self._width

    def of(self, z: int) -> Iterator[tuple[Box, Box | None]]:
        """All rows of a slice in pieces, and the box of the brain in each; None where there is none."""
        at, everywhere = slice(z, z + 1), slice(0, self._width)
        numbers = (each[z].tolist() for each in (self._low, self._high, self._top, self._bottom))
        for piece, (low, high, top, bottom) in enumerate(zip(*numbers, strict=True)):
            y = piece * self.rows
            whole = (at, slice(y, min(y + self.rows, self._height)), everywhere)
            yield whole, (at, slice(y + top, y + bottom), slice(low, high)) if high else None


def _sides(box: Box) -> tuple[int, int, int]:
    z, y, x = (side.stop - side.start for side in box)
    return z, y, x


def _probabilities(logits: np.ndarray, line: LogitLine, out: np.ndarray) -> None:
    """The sigmoid of moved logits."""
    moved = logits
    with np.errstate(over="ignore"):  # 1 / infinity is right: 0
        if line.temperature != 1:
            moved = np.divide(moved, np.float32(line.temperature), out=out)
        if line.shift:
            moved = np.add(moved, np.float32(line.shift), out=out)
        np.negative(moved, out=out)
        np.exp(out, out=out)
    out += 1
    np.reciprocal(out, out=out)


def _moments(p: np.ndarray, spare: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean over the first axis, and the sum of squares about it."""
    mean = p.sum(axis=0) / np.float32(len(p))
    np.subtract(p, mean, out=spare)
    np.square(spare, out=spare)
    return mean, spare.sum(axis=0)


def _entropies(p: np.ndarray, q: np.ndarray, spare: np.ndarray) -> np.ndarray:
    """Sum over the first axis of what `binary_entropy` is of each; `q` and `spare` are overwritten."""
    np.subtract(1, p, out=q)
    total = np.zeros(p.shape[1:], np.float32)
    for part in (p, q):
        np.maximum(part, _SMALLEST, out=spare)
        np.log(spare, out=spare)
        spare *= part
        total -= spare.sum(axis=0)
    return total
