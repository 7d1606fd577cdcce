"""What the model outlines at a place, at any threshold: one look into the hierarchy for each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from napari_uncertainseg._base import InputError
from napari_uncertainseg._boxes import Box
from napari_uncertainseg.lesions.editing.boxes import Change
from napari_uncertainseg.lesions.hierarchy import Hierarchy

STEP = 0.2
"""Of the threshold, in log odds: thirty steps from the lowest threshold to 0.96."""


def moved(threshold: float, steps: float, lowest: float, highest: float) -> float:
    """A threshold moved by steps that are even in log odds, so that they are fine near 0 and near 1.

    Parameters
    ----------
    threshold, lowest, highest
        0 to 1.
    steps
        Above 0 for a higher threshold; parts of a step are allowed.
    """
    inside = float(np.clip(threshold, 1e-6, 1 - 1e-6))
    odds = np.log(inside / (1 - inside)) + STEP * steps
    return float(np.clip(1 / (1 + np.exp(-odds)), lowest, highest))


@dataclass(frozen=True, eq=False)
class ClickedPlace:
    """The components of a probability map that hold one voxel, by threshold.

    Attributes
    ----------
    hierarchy
        Of the map within the box.
    box
        Where the hierarchy lies on the grid.
    highest
        The voxel's own probability: no higher threshold leaves it in a component.
    """

    hierarchy: Hierarchy
    box: Box
    highest: float
    _peak: int

    @classmethod
    def at(cls, hierarchy: Hierarchy, box: Box, voxel: tuple[int, int, int]) -> ClickedPlace:
        """Look a voxel of the grid up.

        Raises
        ------
        InputError
            If its probability is below the lowest threshold that the hierarchy knows.
        """
        inside = all(part.start <= i < part.stop for part, i in zip(box, voxel, strict=True))
        at, flat = 0, 0
        if inside:
            index = tuple(i - part.start for part, i in zip(box, voxel, strict=True))
            flat = int(np.ravel_multi_index(index, hierarchy.shape))
            at = int(np.searchsorted(hierarchy.where, flat))
        if not inside or at >= len(hierarchy.where) or hierarchy.where[at] != flat:
            raise InputError(
                f"The model sees nothing here (probability below {hierarchy.floor:g}): "
                "click where it sees something, or use the brush."
            )
        return cls(hierarchy, box, float(hierarchy.value[at]), int(hierarchy.peak[at]))

    @property
    def lowest(self) -> float:
        """The lowest threshold."""
        return self.hierarchy.floor

    def component(self, threshold: float) -> Change:
        """The component at a threshold, which is brought between `lowest` and `highest` first.

        Returns
        -------
        Change
            With the component alone, in its own box on the grid.
        """
        flat = self._flat(min(max(threshold, self.lowest), self.highest))
        index = np.unravel_index(flat, self.hierarchy.shape)
        own = tuple(slice(int(i.min()), int(i.max()) + 1) for i in index)
        mask = np.zeros([part.stop - part.start for part in own], bool)
        mask[tuple(i - part.start for i, part in zip(index, own, strict=True))] = True
        a, b, c = (
            slice(part.start + start.start, part.stop + start.start)
            for part, start in zip(own, self.box, strict=True)
        )
        return Change((a, b, c), mask)

    def _flat(self, threshold: float) -> np.ndarray:
        least, component = self.hierarchy.components(threshold)
        mine = component == component[self._peak]
        # A threshold is compared in single precision: the clicked voxel itself always belongs to it.
        least = min(least, self.hierarchy.value.dtype.type(self.highest))
        return self.hierarchy.where[mine.take(self.hierarchy.peak) & (self.hierarchy.value >= least)]
