"""The lesions of a case, and what each tool would make of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce

import numpy as np

from napari_uncertainseg._base import InputError
from napari_uncertainseg._boxes import Box, union_box
from napari_uncertainseg.images.volume import Grid
from napari_uncertainseg.lesions.components import voxels_of
from napari_uncertainseg.lesions.editing.at_click import ClickedPlace
from napari_uncertainseg.lesions.editing.boxes import Change, parts_of, widened
from napari_uncertainseg.lesions.editing.dividing import Place, split_by_line, split_by_seeds
from napari_uncertainseg.lesions.editing.interpolation import interpolated
from napari_uncertainseg.lesions.editing.joining import joined
from napari_uncertainseg.lesions.editing.morphology import filled, grown, shrunk
from napari_uncertainseg.review.correction import Correction
from napari_uncertainseg.review.verdicts import Voxel
from napari_uncertainseg.uncertainty.lesion_ranking import Lesions

Tool = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, eq=False)
class Corrected:
    """What a tool makes of the outlines, not yet applied.

    Attributes
    ----------
    change
        Where, and what is lesion there then.
    correction
        The tool, and how it was set.
    of
        The lesion's number; 0 where there was none.
    before_mm3, after_mm3
        Volume of all lesions in the box of the change.
    """

    change: Change
    correction: Correction
    of: int
    before_mm3: float
    after_mm3: float

    def in_words(self) -> str:
        """For the reader, such as ``Lesion 3: grow by 1 mm. 0.12 ml more.``."""
        more = (self.after_mm3 - self.before_mm3) / 1000
        what = self.correction.in_words()
        said = f"Lesion {self.of}: {what}." if self.of else f"{what[0].upper()}{what[1:]}."
        return f"{said} {abs(more):.3g} ml {'more' if more >= 0 else 'less'}."


@dataclass(frozen=True, eq=False)
class Outlines:
    """The lesions as they are outlined now.

    Each method raises InputError, with one sentence for the reader, where its tool cannot do what it is
    asked, or would change nothing.

    Attributes
    ----------
    lesions
        Numbers and table.
    grid
        Where they lie.
    """

    lesions: Lesions
    grid: Grid

    def number_at(self, voxel: Voxel) -> int:
        """Number of the lesion at a voxel; 0 where there is none."""
        return int(self.lesions.labels[voxel])

    # -- tools on one lesion ------------------------------------------------------------------

    def grow(self, number: int, distance: float) -> Corrected:
        """Grow a lesion by a distance in mm, but into no other."""
        box = self._box([number], distance + max(self.grid.spacing))
        labels = self.lesions.labels[box]
        others = (labels > 0) & (labels != number)
        tool = lambda own: grown(own, self.grid.spacing, distance, others)  # noqa: E731
        return self._with(number, box, tool, Correction("grow", {"distance_mm": float(distance)}))

    def shrink(self, number: int, distance: float) -> Corrected:
        """Shrink a lesion by a distance in mm."""
        tool = lambda own: shrunk(own, self.grid.spacing, distance)  # noqa: E731
        correction = Correction("shrink", {"distance_mm": float(distance)})
        found = self._with(number, self._box([number], distance), tool, correction)
        own = found.change.wanted & (self.lesions.labels[found.change.box] == number)
        if self._largest(own) < self._fewest:
            raise InputError(
                f"Of lesion {number} nothing would be left that is large enough for the list "
                f"({self.lesions.min_volume:g} mm³): reject it instead, or shrink it by less."
            )
        return found

    def fill(self, number: int, axis: int | None) -> Corrected:
        """Fill the holes of a lesion, in each slice across an axis, or (None) those closed in 3-D."""
        correction = Correction("fill", {"holes": "3-D" if axis is None else "slices"})
        try:
            return self._with(number, self._box([number], 0.0), lambda own: filled(own, axis), correction)
        except _Unchanged:
            where = "in 3-D" if axis is None else "in these slices"
            raise InputError(f"Lesion {number} has no hole {where}.") from None

    def split_between(self, first: Voxel, second: Voxel) -> Corrected:
        """Cut a lesion between two places in it."""
        number = self.number_at(first)
        if not number or self.number_at(second) != number:
            raise InputError("Click on two different places of one lesion to cut it between them.")
        box = self._box([number], 0.0)
        one, other = _within(box, first), _within(box, second)
        tool = lambda own: split_by_seeds(own, self.grid.spacing, one, other)  # noqa: E731
        return self._parted(number, self._with(number, box, tool, Correction("split", {"by": "places"})))

    def split_along(self, start: Place, stop: Place, axis: int, number: int = 0) -> Corrected:
        """Cut a lesion by a line drawn in a slice across an axis.

        Parameters
        ----------
        start, stop
            Ends of the line, indices on the grid.
        axis
            Across the slice.
        number
            Which lesion; 0 for the one through which most of the line goes.
        """
        number = number or self._most_on(start, stop)
        box = self._box([number], 0.0)
        one, other = _within(box, start), _within(box, stop)
        tool = lambda own: split_by_line(own, self.grid.spacing, one, other, axis)  # noqa: E731
        return self._parted(number, self._with(number, box, tool, Correction("split", {"by": "line"})))

    # -- tools on two lesions, and the model's outline ------------------------------------------

    def merge(self, first: int, second: int, farthest: float) -> Corrected:
        """Make one of two lesions that lie at most so many mm apart."""
        self._check_two(first, second)
        box = self._box([first, second], 2 * farthest)
        labels = self.lesions.labels[box]
        one, other = labels == first, labels == second
        others = (labels > 0) & ~one & ~other
        wanted = joined(one, other, self.grid.spacing, farthest, others)
        correction = Correction("merge", {"farthest_mm": float(farthest)})
        return self._made(first, box, labels, wanted | others, correction)

    def interpolate(self, first: int, second: int, axis: int) -> Corrected:
        """Fill in the slices across an axis between two lesions."""
        self._check_two(first, second)
        box = self._box([first, second], 0.0)
        labels = self.lesions.labels[box]
        found = interpolated(np.isin(labels, (first, second)), self.grid.spacing, axis)
        return self._made(first, box, labels, found | (labels > 0), Correction("interpolate"))

    def take(self, place: ClickedPlace, threshold: float, voxel: Voxel) -> Corrected:
        """Give the lesion at a voxel, or a new one, the model's outline at a threshold."""
        number, component = self.number_at(voxel), place.component(threshold)
        box = union_box(component.box, self._box([number], 0.0)) if number else component.box
        labels = self.lesions.labels[box]
        wanted = (labels > 0) & (labels != number)
        inner = tuple(
            slice(a.start - b.start, a.stop - b.start) for a, b in zip(component.box, box, strict=True)
        )
        wanted[inner] |= component.wanted
        if np.count_nonzero(component.wanted) < self._fewest:
            raise InputError(
                f"This outline is smaller than what the list shows ({self.lesions.min_volume:g} mm³): "
                "lower its threshold."
            )
        return self._made(number, box, labels, wanted, Correction("click", {"threshold": float(threshold)}))

    def painted(self, box: Box, stroke: np.ndarray, *, erase: bool, correction: Correction) -> Corrected:
        """Make what a brush covered lesion, or none.

        Parameters
        ----------
        box
            On the grid.
        stroke
            bool, what was covered in it.
        erase
            Whether it is lesion no more.
        correction
            The brush, and how it was set.
        """
        labels = self.lesions.labels[box]
        wanted = (labels > 0) & ~stroke if erase else (labels > 0) | stroke
        at = labels[stroke & (labels > 0)]
        return self._made(int(np.bincount(at).argmax()) if len(at) else 0, box, labels, wanted, correction)

    # -- what they share ----------------------------------------------------------------------

    def _with(self, number: int, box: Box, tool: Tool, correction: Correction) -> Corrected:
        labels = self.lesions.labels[box]
        wanted = tool(labels == number) | ((labels > 0) & (labels != number))
        return self._made(number, box, labels, wanted, correction)

    def _made(
        self, number: int, box: Box, labels: np.ndarray, wanted: np.ndarray, correction: Correction
    ) -> Corrected:
        before = labels > 0
        if np.array_equal(before, wanted):
            raise _Unchanged("This would change nothing here.")
        volumes = [float(np.count_nonzero(mask) * self.grid.voxel_volume) for mask in (before, wanted)]
        return Corrected(Change(box, wanted), correction, number, *volumes)

    def _parted(self, number: int, found: Corrected) -> Corrected:
        """The same, if each part of a lesion that was cut is large enough for the list."""
        box = found.change.box
        parts = np.bincount(parts_of(found.change.wanted & (self.lesions.labels[box] == number)).ravel())[1:]
        if np.count_nonzero(parts >= self._fewest) < 2:
            raise InputError(
                "One of the two parts would be smaller than what the list shows "
                f"({self.lesions.min_volume:g} mm³): cut elsewhere, or erase it with the brush."
            )
        return found

    def _most_on(self, start: Place, stop: Place) -> int:
        steps = 2 * int(max(abs(b - a) for a, b in zip(start, stop, strict=True))) + 1
        line = np.rint(np.linspace(start, stop, steps)).astype(int)
        line = line[((line >= 0) & (line < self.grid.shape)).all(axis=1)]
        met = np.bincount(self.lesions.labels[tuple(line.T)], minlength=1)
        met[0] = 0
        if not met.any():
            raise InputError("The line meets no lesion: draw it across one.")
        return int(met.argmax())

    def _check_two(self, first: int, second: int) -> None:
        if not first or not second or first == second:
            raise InputError("Choose two different lesions: select one in the list, then click on another.")

    def _box(self, numbers: list[int], margin: float) -> Box:
        """A box around lesions, from their table: the image itself is not searched."""
        rows = self.lesions.table.set_index("label")
        boxes = []
        for number in numbers:
            if number not in rows.index:
                raise InputError("There is no lesion here: select one in the list, or click on one.")
            row = rows.loc[number]
            s, a, r = (slice(int(row[f"start_{name}"]), int(row[f"stop_{name}"])) for name in "sar")
            boxes.append((s, a, r))
        return widened(reduce(union_box, boxes), margin, self.grid.spacing, self.grid.shape)

    @property
    def _fewest(self) -> int:
        """Voxels of the smallest lesion in the list."""
        return voxels_of(self.lesions.min_volume, self.grid.voxel_volume)

    def _largest(self, mask: np.ndarray) -> int:
        return int(np.bincount(parts_of(mask).ravel())[1:].max(initial=0))


class _Unchanged(InputError):
    """A tool would change nothing."""


def _within(box: Box, place: tuple[float, float, float]) -> tuple:
    return tuple(i - part.start for i, part in zip(place, box, strict=True))
