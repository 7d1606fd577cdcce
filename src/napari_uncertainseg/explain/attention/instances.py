"""What of a visit is an instance: its lesions and candidates, or patches of the brain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from napari_uncertainseg._boxes import bounding_box
from napari_uncertainseg.evaluate.saved_results import SavedResults
from napari_uncertainseg.explain.explained_case import ExplainedCase
from napari_uncertainseg.training.mil.model import Kind
from napari_uncertainseg.uncertainty.lesion_ranking import rank_lesions

CANDIDATES: Kind = "candidates"
PATCHES: Kind = "patches"
LESION, CANDIDATE, PATCH = "lesion", "candidate", "patch"
PATCH_MM = 24.0
_FULL = 0.25
"""A patch with less brain in it, as a share of its cube, is none."""


@dataclass(frozen=True, eq=False)
class Instances:
    """The instances of a visit.

    Attributes
    ----------
    labels
        int32 on the scan's grid; 0 is none, k + 1 is row k of the table.
    table
        A row each: ``kind`` (lesion, candidate or patch), ``label`` (its number among those of its kind),
        ``volume_mm3`` and ``mean_probability``.
    """

    labels: np.ndarray
    table: pd.DataFrame

    def __len__(self) -> int:
        """Number of instances."""
        return len(self.table)


def instances_of(case: ExplainedCase, kind: Kind, patch_mm: float = PATCH_MM) -> Instances:
    """Find the instances of a folder of results.

    Parameters
    ----------
    case
        The results. Lesions and candidates have the numbers that they have there.
    kind
        ``"candidates"`` (lesions, and candidates below the threshold) or ``"patches"``.
    patch_mm
        Edge of a patch.
    """
    return _patches(case.saved, patch_mm) if kind == PATCHES else _candidates(case)


def _candidates(case: ExplainedCase) -> Instances:
    saved = case.saved
    ranked = rank_lesions(saved.prediction, saved.threshold, saved.min_volume, edit=saved.edit)
    labels = np.zeros(case.grid.shape, np.int32)
    parts: list[pd.DataFrame] = []
    for name, image in ((LESION, case.lesions), (CANDIDATE, ranked.candidates)):
        where = (image > 0) & (labels == 0)
        numbers, at = np.unique(image[where], return_inverse=True)
        labels[where] = at + 1 + sum(len(part) for part in parts)
        parts.append(pd.DataFrame({"kind": name, "label": numbers.astype(int)}))
    return Instances(labels, _measured(pd.concat(parts, ignore_index=True), labels, saved))


def _patches(saved: SavedResults, patch_mm: float) -> Instances:
    grid, brain = saved.prediction.grid, saved.prediction.brain
    labels = np.zeros(grid.shape, np.int32)
    box = bounding_box(brain)
    steps = [
        (np.arange(one.stop - one.start) * size / patch_mm).astype(int)
        for one, size in zip(box, grid.spacing, strict=True)
    ]
    counts = [int(step.max(initial=0)) + 1 for step in steps]
    number = np.ravel_multi_index(np.ix_(*steps), counts)
    inside = brain[box]
    voxels = np.bincount(number[inside], minlength=int(np.prod(counts)))
    kept = voxels * np.prod(grid.spacing) >= _FULL * patch_mm**3
    new = np.where(kept, np.cumsum(kept), 0)
    labels[box] = np.where(inside, new[number], 0)
    table = pd.DataFrame({"kind": PATCH, "label": np.arange(1, int(kept.sum()) + 1)})
    return Instances(labels, _measured(table, labels, saved))


def _measured(table: pd.DataFrame, labels: np.ndarray, saved: SavedResults) -> pd.DataFrame:
    inside = labels > 0
    own, n = labels[inside], len(table)
    voxels = np.bincount(own, minlength=n + 1)[1:]
    p = np.bincount(own, saved.prediction.probability[inside], minlength=n + 1)[1:]
    volume = voxels * float(np.prod(saved.prediction.grid.spacing))
    return table.assign(volume_mm3=volume, mean_probability=p / np.maximum(voxels, 1))
