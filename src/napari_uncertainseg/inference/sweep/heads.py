"""Heads of a network in, statistics over members out: each logit is read once, in pieces that stay in cache.

For networks on the CPU whose voxels are the scan's own. For all others `MapAccumulator` and
`sampling.mean_pass` do the same step by step; here the steps follow each other on a few rows of a slice, and
what lies outside the brain is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from napari_uncertainseg._boxes import Box, bounding_slices
from napari_uncertainseg._parallel import in_parallel, thread_count
from napari_uncertainseg._threshold import at_least
from napari_uncertainseg.networks.recalibration import LogitLine
from napari_uncertainseg.prediction.members import SEEN
from napari_uncertainseg.voxel_maps import MapSources, MemberStatistics

_CACHED = 1 << 16
"""Numbers of all heads that are handled at a time: three arrays of so many stay in the cache."""
_SHARES = 4
"""Parts of the work for each thread, so that none waits long for another."""
_SMALLEST = np.finfo(np.float32).smallest_normal
Cut = tuple[Box, np.ndarray]
"""The part of a box in which a member saw something, and the member in it as half floats."""


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


class HeadsSweep:
    """Statistics over the members of passes that come one by one, in the brain's box.

    Means and squares of a pass join those before as Chan, Golub and LeVeque do ("Updating formulae and a
    pairwise algorithm for computing sample variances", 1979), which does not cancel where members agree.

    Parameters
    ----------
    inside
        bool (z, y, x): the brain in its box.
    """

    def __init__(self, inside: np.ndarray) -> None:
        self._inside = inside
        self._members = self._passes = 0
        self._mean, self._squares, self._entropy, self._disagreement = (
            np.zeros(inside.shape, np.float32) for _ in range(4)
        )

    def add(self, logits: np.ndarray, line: LogitLine, opinions: Opinions) -> list[Cut | None]:
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
        list
            Each member where it saw something, None where nowhere.
        """
        mean = np.zeros(self._inside.shape, np.float32) if opinions.averaged else None
        _over_slices(len(self._inside), partial(self._add_slices, logits, line, opinions, mean))
        self._members += opinions.members
        self._passes += 1
        members = [logits[head] for head in opinions.heads] if mean is None else [mean]
        return in_parallel([partial(_cut, member) for member in members])

    def _add_slices(
        self,
        logits: np.ndarray,
        line: LogitLine,
        opinions: Opinions,
        mean: np.ndarray | None,
        slices: range,
    ) -> None:
        heads, width = len(logits), logits.shape[-1]
        rows = max(1, _CACHED // (heads * width))
        scratch = np.empty((3, heads * rows * width), np.float32)
        chosen = None if len(opinions.heads) == heads else list(opinions.heads)
        for whole, shown in _pieces(self._inside, slices, rows):
            found = logits[:, *whole]
            if shown is None:
                found[...] = 0
                continue
            p, *spare = (each[: _size(found, shown)].reshape(heads, *_sides(shown)) for each in scratch)
            _probabilities(logits[:, *shown], line, p)
            p *= self._inside[shown]
            joined, squares = _moments(p, spare[0])
            disagreement = squares / np.float32(heads)
            if opinions.averaged:
                one = joined if chosen is None else p[chosen].mean(axis=0)
                mean[shown] = one
                self._join(shown, 1, one, np.zeros_like(one), _entropies(one[None], *(s[:1] for s in spare)))
            else:
                of_members = p
                if chosen is not None:
                    of_members, spare = p[chosen], [each[: len(chosen)] for each in spare]
                    joined, squares = _moments(of_members, spare[0])
                self._join(shown, len(of_members), joined, squares, _entropies(of_members, *spare))
                found[...] = 0
                logits[:, *shown] = p
            self._disagreement[shown] += (disagreement - self._disagreement[shown]) / np.float32(
                self._passes + 1
            )

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

    def result(self, box: Box, shape: tuple[int, int, int]) -> MapSources:
        """What maps are made of, on the scan's grid.

        Parameters
        ----------
        box
            Where the brain's box lies on that grid.
        shape
            Of the grid.
        """
        full = [np.zeros(shape, np.float32) for _ in range(6)]
        placed = [array[box] for array in full]
        _over_slices(len(self._inside), partial(self._finish_slices, placed))
        return MapSources(MemberStatistics(*full[:5]), full[5])

    def _finish_slices(self, placed: list[np.ndarray], slices: range) -> None:
        count = np.float32(self._members)
        for z in slices:
            p = np.clip(self._mean[z], 0, 1)  # a mean of ones may exceed 1 by rounding
            entropy = _entropies(p[None], *np.empty((2, 1, *p.shape), np.float32))
            expected = self._entropy[z] / count
            mutual = np.clip(entropy - expected, 0, None)
            found = (p, entropy, expected, mutual, self._squares[z] / count, self._disagreement[z])
            for target, values in zip(placed, found, strict=True):
                target[z] = values


def _over_slices(count: int, work: Callable[[range], None]) -> None:
    """Hand out the slices of a box to the threads."""
    step = max(1, -(-count // (_SHARES * thread_count())))
    in_parallel([partial(work, range(z, min(z + step, count))) for z in range(0, count, step)])


def _pieces(inside: np.ndarray, slices: range, rows: int) -> Iterator[tuple[Box, Box | None]]:
    """Rows of slices, and the part of them that holds brain; None where there is none."""
    for z in slices:
        for y in range(0, inside.shape[1], rows):
            whole = (slice(z, z + 1), slice(y, min(y + rows, inside.shape[1])), slice(0, inside.shape[2]))
            _, high, wide = bounding_slices(inside[whole])
            if high.start == high.stop:
                yield whole, None
            else:
                yield whole, (whole[0], slice(y + high.start, y + high.stop), wide)


def _sides(box: Box) -> tuple[int, ...]:
    return tuple(side.stop - side.start for side in box)


def _size(found: np.ndarray, shown: Box) -> int:
    return len(found) * int(np.prod(_sides(shown)))


def _probabilities(logits: np.ndarray, line: LogitLine, out: np.ndarray) -> None:
    """The sigmoid of moved logits."""
    moved = logits
    if line.temperature != 1:
        moved = np.divide(moved, np.float32(line.temperature), out=out)
    if line.shift:
        moved = np.add(moved, np.float32(line.shift), out=out)
    np.negative(moved, out=out)
    with np.errstate(over="ignore"):  # 1 / infinity is right: 0
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


def _cut(member: np.ndarray) -> Cut | None:
    box = bounding_slices(at_least(member, SEEN))
    if any(side.start == side.stop for side in box):
        return None
    z, y, x = box
    return (z, y, x), member[z, y, x].astype(np.float16)
