"""How well raters agree: overlap, boundaries, chance-corrected agreement, and each rater's own habits.

Pairwise measures are symmetric arrays of shape (r, r). Two raters who both marked nothing agree
entirely (overlap 1, distance 0); one who marked nothing and one who marked something do not agree
at all (overlap 0, distance infinite).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy

from napari_uncertainseg._base import InputError
from napari_uncertainseg._checks import as_numbers
from napari_uncertainseg.raters.consensus import Raters, as_masks, flat_within, joint_box, majority
from napari_uncertainseg.raters.kappa import kappa_of_counts


def pairwise_dice(raters: Raters) -> np.ndarray:
    """Dice coefficient of each pair of raters, shape (r, r), 1 on the diagonal.

    1 for two empty masks, 0 where one of the two is empty.

    Parameters
    ----------
    raters
        Masks, shape (r, ...), or one after the other.
    """
    common = _in_common(as_masks(raters))
    sizes = np.diag(common)
    total = sizes[:, None] + sizes
    return np.divide(2 * common, total, out=np.ones_like(common), where=total > 0)


@dataclass(frozen=True, eq=False)
class SurfaceDistances:
    """Distances between the boundaries of several raters; made by `between`.

    A boundary voxel belongs to the mask and touches, by a face, one that does not; outside of the
    image nothing belongs to it. Distances are between voxel centres.

    Attributes
    ----------
    directed
        ``directed[i][j]``: distance, mm, from each boundary voxel of rater i to the nearest of
        rater j; infinite where j has none, and without an element where i has none.
    """

    directed: tuple[tuple[np.ndarray, ...], ...]

    @classmethod
    def between(cls, raters: Raters, spacing: Sequence[float]) -> SurfaceDistances:
        """Measure the distances between all boundaries.

        Parameters
        ----------
        raters
            Shape (r, ...).
        spacing
            Voxel size along each axis, mm.

        Raises
        ------
        InputError
            If masks or spacing cannot be used.
        """
        masks = as_masks(raters)
        steps = check_spacing(spacing, masks.ndim - 1)
        masks = masks[(slice(None), *joint_box(masks))]
        surfaces = [mask & ~scipy.ndimage.binary_erosion(mask) if mask.any() else mask for mask in masks]
        columns = [_distances_to(surface, surfaces, steps) for surface in surfaces]
        return cls(tuple(zip(*columns, strict=True)))

    def hausdorff(self, percentile: float = 95.0) -> np.ndarray:
        """Hausdorff distance, mm, of each pair, shape (r, r): of both directions the larger percentile.

        HD95 by default; 100 gives the largest distance. 0 for two empty masks, infinite where one is empty.
        """
        if not 0 <= percentile <= 100:
            raise InputError(f"A percentile is a number from 0 to 100, not {percentile}.")

        def larger(there: np.ndarray, back: np.ndarray) -> float:
            return float(max(np.percentile(there, percentile), np.percentile(back, percentile)))

        return self._of_pairs(larger, empty=0.0, one_empty=np.inf)

    def surface_dice(self, tolerance: float) -> np.ndarray:
        """Share of both boundaries within a tolerance of the other, shape (r, r).

        Nikolov et al., arXiv 1809.04430, over boundary voxels (as MONAI's ``compute_surface_dice`` by
        default), not areas. 1 for two empty masks, 0 where one is empty.

        Parameters
        ----------
        tolerance
            Distance, mm, that still counts as the same boundary; 0 or more.
        """
        if not (np.isfinite(tolerance) and tolerance >= 0):
            raise InputError(f"A tolerance is a distance of 0 mm or more, not {tolerance}.")

        def share(there: np.ndarray, back: np.ndarray) -> float:
            return float((np.concatenate([there, back]) <= tolerance).mean())

        return self._of_pairs(share, empty=1.0, one_empty=0.0)

    def mean(self) -> np.ndarray:
        """Mean distance, mm, over the boundary voxels of both, shape (r, r).

        0 for two empty masks, infinite where one is empty.
        """

        def average(there: np.ndarray, back: np.ndarray) -> float:
            return float(np.concatenate([there, back]).mean())

        return self._of_pairs(average, empty=0.0, one_empty=np.inf)

    def _of_pairs(
        self, measure: Callable[[np.ndarray, np.ndarray], float], *, empty: float, one_empty: float
    ) -> np.ndarray:
        r = len(self.directed)
        found = np.full((r, r), one_empty)
        for i in range(r):
            for j in range(i, r):
                there, back = self.directed[i][j], self.directed[j][i]
                if there.size and back.size:
                    found[i, j] = found[j, i] = measure(there, back)
                elif not there.size and not back.size:
                    found[i, j] = found[j, i] = empty
        return found


def _distances_to(
    target: np.ndarray, surfaces: Sequence[np.ndarray], spacing: tuple[float, ...]
) -> list[np.ndarray]:
    """Distance from each voxel of each surface to the target."""
    if not target.any():
        return [np.full(np.count_nonzero(surface), np.inf) for surface in surfaces]
    distance = scipy.ndimage.distance_transform_edt(~target, sampling=spacing)
    return [distance[surface] for surface in surfaces]


def cohen_kappa(raters: Raters, *, region: np.ndarray | None = None) -> np.ndarray:
    """Cohen's kappa of each pair of raters over voxels, shape (r, r), 1 on the diagonal.

    Cohen, Educ. Psychol. Meas. 20:37, 1960. The more plain background takes part, the nearer to Dice.
    Where both raters gave every voxel the same one label, expected and found disagreement are both 0
    and kappa is 1.

    Parameters
    ----------
    raters
        Shape (r, ...).
    region
        bool, of a mask's shape: the voxels that take part; all if None.
    """
    within = flat_within(as_masks(raters), region)
    both, n = _in_common(within), within.shape[1]
    size = np.diag(both)
    first, second = size[:, None] - both, size - both  # voxels that only one of a pair has
    counts = np.array([[n - both - first - second, second], [first, both]])
    return kappa_of_counts(np.moveaxis(counts, (0, 1), (-2, -1)), undefined=1.0)


def fleiss_kappa(raters: Raters, *, region: np.ndarray | None = None) -> float:
    """Fleiss' kappa of all raters over voxels.

    Fleiss, Psychol. Bull. 76:378, 1971. 1 where all raters gave every voxel the same one label.

    Parameters
    ----------
    raters
        Shape (r, ...), at least two.
    region
        bool, of a mask's shape: the voxels that take part; all if None.
    """
    within = flat_within(as_masks(raters, least=2), region)
    r, n = within.shape
    count = np.bincount(within.sum(0, dtype=np.intp), minlength=r + 1)
    votes = np.arange(r + 1)
    share = float(count @ votes) / (n * r)
    expected = 2 * share * (1 - share)
    found = float(count @ (2 * votes * (r - votes))) / (n * r * (r - 1))
    return 1 - found / expected if expected else 1.0


def intraclass_correlation(scores: np.ndarray, kind: Literal["ICC(2,1)", "ICC(3,1)"] = "ICC(2,1)") -> float:
    """Share of the scores' variance that is the targets': intraclass correlation of a single rater.

    Shrout and Fleiss, Psychol. Bull. 86:420, 1979. ICC(2,1) is absolute agreement of raters drawn from
    many; ICC(3,1) is consistency of just these raters, whose constant differences do not count.

    Parameters
    ----------
    scores
        Shape (targets, raters), at least two of each: say, volumes of patients by raters.
    kind
        ``"ICC(2,1)"`` or ``"ICC(3,1)"``.

    Returns
    -------
    At most 1, may be below 0; NaN where nothing varies that could be shared out.

    Raises
    ------
    InputError
        If the scores are not such a table of finite numbers.
    """
    x = as_numbers(scores, "Scores", unknown=True).astype(float)
    if x.ndim != 2 or min(x.shape) < 2:
        raise InputError(f"Scores are a table of 2 or more targets by 2 or more raters, not {x.shape}.")
    if not np.isfinite(x).all():
        raise InputError("Every rater needs a score of every target; some are missing or infinite.")
    if kind not in ("ICC(2,1)", "ICC(3,1)"):
        raise InputError(f'The intraclass correlation is "ICC(2,1)" or "ICC(3,1)", not {kind!r}.')
    n, k = x.shape
    targets, raters, error = _mean_squares(x)
    whole = targets + (k - 1) * error
    if kind == "ICC(2,1)":
        whole += k * (raters - error) / n
    return (targets - error) / whole if whole else np.nan


def _mean_squares(x: np.ndarray) -> tuple[float, float, float]:
    """Mean squares of targets, raters and what is left, in a two-way table; rounding errors count as 0."""
    n, k = x.shape
    tiny = (16 * np.finfo(float).eps * np.abs(x).max()) ** 2
    x = x - x.mean()
    rows, columns = x.mean(1), x.mean(0)
    rest = x - rows[:, None] - columns
    squares = (
        k * float(rows @ rows) / (n - 1),
        n * float(columns @ columns) / (k - 1),
        float((rest**2).sum()) / ((n - 1) * (k - 1)),
    )
    targets, raters, error = (s if s > tiny else 0.0 for s in squares)
    return targets, raters, error


def mean_agreement(pairwise: np.ndarray) -> float:
    """Mean of a pairwise measure over all pairs of different raters.

    Parameters
    ----------
    pairwise
        Shape (r, r), symmetric, at least two raters. An infinite element makes the mean infinite.
    """
    return float(mean_with_others(pairwise).mean())


def mean_with_others(pairwise: np.ndarray) -> np.ndarray:
    """Each rater's mean of a pairwise measure with all other raters, shape (r,).

    Parameters
    ----------
    pairwise
        Shape (r, r), such as `pairwise_dice`; NaN where a pair has no value.
    """
    pairwise = as_numbers(pairwise, "A pairwise measure", unknown=True)
    if pairwise.ndim != 2 or pairwise.shape[0] != pairwise.shape[1] or len(pairwise) < 2:
        raise InputError(f"A pairwise measure is a square of 2 or more raters, not {pairwise.shape}.")
    others = ~np.eye(len(pairwise), dtype=bool)
    return np.asarray(pairwise[others].reshape(len(pairwise), -1).mean(1))


@dataclass(frozen=True, eq=False)
class Deviations:
    """How each rater departs from a consensus, each of shape (r,).

    Attributes
    ----------
    volume_mm3
        Bias: the rater's volume less the consensus', mm3; above 0 the rater outlines generously.
    volume_share
        That as a share of the consensus' volume. Where the consensus is empty it is 0 for an empty
        mask and infinite for another.
    distance_mm
        Noise: mean distance of both boundaries, mm, as `SurfaceDistances.mean`. Being unsigned, it
        also grows with bias.
    """

    volume_mm3: np.ndarray
    volume_share: np.ndarray
    distance_mm: np.ndarray


def deviations(
    raters: Raters, spacing: Sequence[float], *, consensus: np.ndarray | None = None
) -> Deviations:
    """Bias and noise of each rater against a consensus.

    Parameters
    ----------
    raters
        Shape (r, ...).
    spacing
        Voxel size along each axis, mm.
    consensus
        A mask, nonzero is lesion; the raters' `majority` if None. Each rater has a vote in that, so it
        flatters them when they are few.
    """
    masks = as_masks(raters)
    steps = check_spacing(spacing, masks.ndim - 1)
    everyone = as_masks([*masks, majority(masks) if consensus is None else consensus])
    voxels = np.array([np.count_nonzero(mask) for mask in everyone], float)
    more = voxels[:-1] - voxels[-1]
    unbounded = np.where(more == 0, 0.0, np.inf)
    share = more / voxels[-1] if voxels[-1] else unbounded
    distance = SurfaceDistances.between(everyone, steps).mean()[:-1, -1]
    return Deviations(more * float(np.prod(steps)), share, distance)


def check_spacing(spacing: Sequence[float], dimensions: int) -> tuple[float, ...]:
    """The spacing as numbers; refuses another number of axes, and sizes that are not above 0."""
    steps = tuple(float(s) for s in spacing)
    if len(steps) != dimensions or not all(np.isfinite(s) and s > 0 for s in steps):
        raise InputError(f"The spacing must be {dimensions} sizes above 0 mm, not {steps}.")
    return steps


def _in_common(masks: np.ndarray) -> np.ndarray:
    """How many voxels each pair of raters both marked, shape (r, r), float64."""
    flat = masks.reshape(len(masks), -1)
    marked = flat[:, flat.any(0)].astype(float)
    return np.asarray(marked @ marked.T)
