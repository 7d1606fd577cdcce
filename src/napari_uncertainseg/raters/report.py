"""Everything about several raters of one image, in one call: what the Raters dock and its table show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from napari_uncertainseg._base import InputError, Progress, silent
from napari_uncertainseg.raters.agreement import (
    Deviations,
    SurfaceDistances,
    check_spacing,
    cohen_kappa,
    deviations,
    fleiss_kappa,
    mean_agreement,
    pairwise_dice,
)
from napari_uncertainseg.raters.consensus import (
    Raters,
    Staple,
    as_masks,
    disagreement,
    joint_box,
    majority,
    staple,
)

Consensus = Literal["majority", "staple"]
_MARGIN = 5.0
"""Kappas and STAPLE look at the box of all marks and this much around it, mm."""
_TOLERANCE = 1.0


class Measure(NamedTuple):
    """What a pairwise number is."""

    title: str
    unit: str
    definition: str


PAIRWISE: Mapping[str, Measure] = MappingProxyType(
    {
        "dice": Measure("Dice", "", "Overlap: twice the common voxels by the sum of both. 1 is best."),
        "surface_dice": Measure(
            f"Surface Dice, {_TOLERANCE:g} mm",
            "",
            f"Share of both boundaries that lies within {_TOLERANCE:g} mm of the other's. 1 is best.",
        ),
        "hd95": Measure(
            "HD95",
            "mm",
            "95th percentile of the distances between boundaries, the larger of both directions. 0 is best.",
        ),
        "distance": Measure("Mean distance", "mm", "Mean distance between the boundaries. 0 is best."),
        "kappa": Measure(
            "Cohen's kappa",
            "",
            "Agreement beyond chance over the voxels of the box around all marks, with "
            f"{_MARGIN:g} mm on each side. 1 is best.",
        ),
    }
)


@dataclass(frozen=True, eq=False)
class RaterReport:
    """Several raters of one image.

    Attributes
    ----------
    names
        Of the raters.
    spacing
        Voxel size along each axis, mm.
    volumes
        What each rater marked, mm3; in 2-D mm2.
    pairwise
        By name (see `PAIRWISE`), each of shape (r, r).
    fleiss
        Fleiss' kappa of all raters, over the box that `PAIRWISE` names.
    consensus
        bool, of a mask's shape.
    performance
        What STAPLE estimated of each rater, whichever consensus was chosen.
    habits
        Bias and noise of each rater against the consensus.
    disagreement
        Population variance of the raters' marks, float32, of a mask's shape.
    mean_disagreement
        Its mean over the voxels that anybody marked; 0 where nobody did.
    """

    names: tuple[str, ...]
    spacing: tuple[float, ...]
    volumes: np.ndarray
    pairwise: Mapping[str, np.ndarray]
    fleiss: float
    consensus: np.ndarray
    performance: Staple
    habits: Deviations
    disagreement: np.ndarray
    mean_disagreement: float

    def mean(self, name: str) -> float:
        """Mean of a pairwise measure over all pairs."""
        return mean_agreement(self.pairwise[name])

    def pairs(self) -> pd.DataFrame:
        """One row per pair of raters."""
        n = len(self.names)
        rows = [(i, j) for i in range(n) for j in range(i + 1, n)]
        found = {"rater": [self.names[i] for i, _ in rows], "other": [self.names[j] for _, j in rows]}
        return pd.DataFrame(found | {k: [float(v[i, j]) for i, j in rows] for k, v in self.pairwise.items()})


def report_raters(
    raters: Raters,
    names: Sequence[str],
    spacing: Sequence[float],
    *,
    consensus: Consensus = "majority",
    progress: Progress = silent,
) -> RaterReport:
    """Compare raters with each other and with their consensus.

    Parameters
    ----------
    raters
        Shape (r, ...), 2-D or 3-D masks, at least two; nonzero is lesion.
    names
        One per rater.
    spacing
        Voxel size along each axis, mm.
    consensus
        ``"majority"`` (more than half) or ``"staple"`` (at least as probable as not).
    progress
        Told before each step; what it raises ends the work.

    Raises
    ------
    InputError
        If masks, names or spacing do not fit.
    """
    masks = as_masks(raters, least=2)
    if len(names) != len(masks):
        raise InputError(f"There are {len(masks)} masks and {len(names)} names of raters.")
    steps = check_spacing(spacing, masks.ndim - 1)
    region = _surroundings(masks, steps)
    progress("overlap", 0.0)
    pairwise = {"dice": pairwise_dice(masks), "kappa": cohen_kappa(masks, region=region)}
    progress("consensus", 0.2)
    performance = staple(masks, region=region)
    agreed = majority(masks) if consensus == "majority" else performance.mask
    progress("distances between boundaries", 0.4)
    distances = SurfaceDistances.between(masks, steps)
    pairwise |= {
        "surface_dice": distances.surface_dice(_TOLERANCE),
        "hd95": distances.hausdorff(),
        "distance": distances.mean(),
    }
    progress("habits", 0.8)
    variance, marked = disagreement(masks).variance, masks.any(axis=0)
    return RaterReport(
        names=tuple(names),
        spacing=steps,
        volumes=np.count_nonzero(masks.reshape(len(masks), -1), axis=1) * float(np.prod(steps)),
        pairwise={name: pairwise[name] for name in PAIRWISE},
        fleiss=fleiss_kappa(masks, region=region),
        consensus=agreed,
        performance=performance,
        habits=deviations(masks, steps, consensus=agreed),
        disagreement=variance,
        mean_disagreement=float(variance.sum(dtype=float) / max(1, int(marked.sum()))),
    )


def _surroundings(masks: np.ndarray, spacing: tuple[float, ...]) -> np.ndarray:
    """The box of all marks and some millimetres around it; everything where there is none."""
    region = np.zeros(masks.shape[1:], bool)
    box = joint_box(masks)
    if any(s.stop <= s.start for s in box):
        return ~region
    margins = [int(np.ceil(_MARGIN / step)) for step in spacing]
    region[tuple(slice(max(0, s.start - m), s.stop + m) for s, m in zip(box, margins, strict=True))] = True
    return region
