"""Numbers that lesions keep while the threshold moves and the reviewer paints."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from napari_uncertainseg.lesions.matching import pairs_in_common

MOST = int(np.iinfo(np.uint16).max)
"""Numbers are 16-bit."""


class ComponentNumbers:
    """Remembers which lesion each voxel was first part of, and numbers lesions by it.

    A component keeps the number with which it shares most voxels; where several want one number,
    the one with most of it has it, and the others take the next free one, which is theirs from then on: parts
    of a lesion that was cut keep their numbers too. Otherwise a voxel stays with its first lesion, so that
    lesions which grew together and part again get their own numbers back.

    Parameters
    ----------
    shape
        Of the grid.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._owner = np.zeros(int(np.prod(shape)), np.uint16)
        self._shape = shape
        self._last = 0

    def know(self, where: np.ndarray, numbers: np.ndarray, *, last: int = 0) -> None:
        """Take over numbers that were given before; numbers of 0 say nothing.

        Parameters
        ----------
        where
            Voxels: flat positions on the grid, or indices of shape (voxels, 3).
        numbers
            Of the lesion at each of them, 0 to `MOST`.
        last
            The last that was given.
        """
        where, numbers = np.asarray(where, np.intp), np.asarray(numbers)
        flat = where if where.ndim == 1 else np.ravel_multi_index(tuple(where.T), self._shape)
        known = numbers > 0
        self._owner[flat[known]] = numbers[known]
        self._last = max(self._last, int(numbers.max(initial=0)), last)

    @property
    def known(self) -> tuple[np.ndarray, int]:
        """The first lesion of each voxel, uint16 on the grid, and the last number that was given."""
        return self._owner.reshape(self._shape), self._last

    def number(self, flat: np.ndarray, label: np.ndarray, order: np.ndarray) -> np.ndarray:
        """Number components, and remember them.

        Parameters
        ----------
        flat
            Flat positions on the grid of the components' voxels.
        label
            The component of each of them, 1 to n, int64.
        order
            The components in the order in which new ones are numbered, shape (n,); at most `MOST`.

        Returns
        -------
        uint16, shape (n,): 1 up, all different.
        """
        owner = self._owner[flat]
        found = self._kept(owner, label, len(order))
        new = order[found[order] == 0]
        found[new] = self._next(len(new), found)
        parted = np.zeros(len(order) + 1, bool)
        parted[new + 1] = True
        mine = np.flatnonzero((owner == 0) | parted[label])
        self._owner[flat[mine]] = found[label[mine] - 1]
        return found

    def _kept(self, owner: np.ndarray, label: np.ndarray, n: int) -> np.ndarray:
        """Known numbers of components, by their largest overlap; 0 where there is none left."""
        component, number, common = pairs_in_common(label, owner)
        found, taken = np.zeros(n, np.uint16), np.zeros(MOST + 1, bool)
        for i in np.lexsort([component, number, -common]).tolist():
            if not found[component[i] - 1] and not taken[number[i]]:
                found[component[i] - 1], taken[number[i]] = number[i], True
        return found

    def _next(self, count: int, used: np.ndarray) -> np.ndarray:
        """Numbers that nobody had; those that nobody has now where 16 bits are used up."""
        fresh = np.arange(self._last + 1, min(self._last + count, MOST) + 1)
        self._last += len(fresh)
        if len(fresh) < count:
            again = np.setdiff1d(np.arange(1, MOST + 1), np.concatenate([used, fresh]))
            fresh = np.concatenate([fresh, again[: count - len(fresh)]])
        return fresh.astype(np.uint16)


class LesionNumbers:
    """Numbers of a review's lesions, and of its candidates.

    Parameters
    ----------
    shape
        Of the grid.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.lesions, self.candidates = ComponentNumbers(shape), ComponentNumbers(shape)

    def know(self, known: Sequence[tuple[tuple[int, int, int], int]]) -> None:
        """Take over numbers as they were seen before, by voxel: > 0 of lesions, < 0 of candidates."""
        where = np.array([voxel for voxel, _ in known], np.intp).reshape(-1, 3)
        numbers = np.array([number for _, number in known], np.int64)
        self.lesions.know(where, np.clip(numbers, 0, MOST))
        self.candidates.know(where, np.clip(-numbers, 0, MOST))


def in_rows(labels: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Label image with 1 for the first of the numbers, 2 for the second and so on; others become 0.

    Parameters
    ----------
    labels
        Any numbers up to `MOST`, 0 is background.
    numbers
        Such as the column of a table, all different.
    """
    row = np.zeros(max(int(labels.max(initial=0)), int(np.max(numbers, initial=0))) + 1, np.uint16)
    row[np.asarray(numbers, np.intp)] = np.arange(1, len(numbers) + 1)
    return row[labels]


def worth_a_number(sizes: np.ndarray, min_voxels: int) -> np.ndarray:
    """Which components are large enough, and among the largest that 16 bits can number; bool (n,).

    Parameters
    ----------
    sizes
        Voxels of each component, its number as index, shape (n + 1,).
    min_voxels
        Fewest that count.
    """
    kept: np.ndarray = sizes[1:] >= min_voxels
    if np.count_nonzero(kept) > MOST:
        kept[np.argsort(-sizes[1:], kind="stable")[MOST:]] = False
    return kept
