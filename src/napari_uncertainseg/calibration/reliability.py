"""Whether probabilities mean what they say: reliability over bins, ECE, ACE, MCE.

Definitions as in Barfoot et al., "Average calibration error", MICCAI 2024, arXiv
2403.06759, and MONAI's ``calibration_binning``: a bin holds its right edge, the first
also 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from napari_uncertainseg._base import InputError
from napari_uncertainseg._checks import as_mask, as_numbers, as_probabilities

Scheme = Literal["width", "mass"]

_OUTSIDE = 255
"""Bin number of voxels outside of the region."""

_Z = 1.959963984540054
"""97.5 % quantile of the normal distribution."""


@dataclass(frozen=True, eq=False)
class Reliability:
    """Predicted probability against the observed fraction of lesion, bin by bin.

    Attributes
    ----------
    edges
        Shape (bins + 1,), from 0 to 1.
    mean_probability
        Mean predicted probability per bin; NaN where the bin is empty, as below.
    fraction
        Share of the bin's voxels that are lesion in the reference.
    count
        Voxels per bin, int64.
    low, high
        95 % Wilson band of ``fraction``. It takes voxels as independent; neighbours are
        not, so the band is too narrow.
    """

    edges: np.ndarray
    mean_probability: np.ndarray
    fraction: np.ndarray
    count: np.ndarray
    low: np.ndarray
    high: np.ndarray

    @property
    def gap(self) -> np.ndarray:
        """Absolute difference of fraction and mean probability per bin."""
        return np.abs(self.fraction - self.mean_probability)

    @property
    def ece(self) -> float:
        """Expected calibration error: gaps weighted by count; NaN without a voxel.

        Where nearly all voxels are plainly background it is small whatever the lesions do.
        """
        filled = self.count > 0
        return float(np.average(self.gap[filled], weights=self.count[filled])) if filled.any() else np.nan

    @property
    def ace(self) -> float:
        """Average calibration error: the mean gap of the bins that hold a voxel; NaN without one."""
        filled = self.count > 0
        return float(self.gap[filled].mean()) if filled.any() else np.nan

    @property
    def mce(self) -> float:
        """Maximum calibration error: the largest gap; NaN without a voxel."""
        filled = self.count > 0
        return float(self.gap[filled].max()) if filled.any() else np.nan


def reliability(
    probability: np.ndarray,
    reference: np.ndarray,
    *,
    region: np.ndarray | None = None,
    bins: int = 20,
    scheme: Scheme = "width",
) -> Reliability:
    """Compare probabilities with a reference mask.

    For several references of one prediction, keep a `Binned`.

    Parameters
    ----------
    probability
        0 to 1, any shape.
    reference
        A mask of the same shape; nonzero is lesion.
    region
        A mask of the same shape: where to compare; everywhere if None. In an empty region all
        bins are empty and ECE, ACE and MCE are NaN.
    bins
        1 to 254.
    scheme
        ``"width"``: bins of equal width; ``"mass"``: bins of equally many voxels. Voxels of
        one value stay in one bin, so where many are alike (at 0) there are fewer bins.

    Raises
    ------
    InputError
        If shapes differ, a probability is not a number from 0 to 1, or a mask is none.
    """
    return Binned.from_probability(probability, region=region, bins=bins, scheme=scheme).against(reference)


@dataclass(frozen=True, eq=False)
class Binned:
    """Probabilities put into bins once, to be compared with references that change.

    Attributes
    ----------
    edges
        Of the bins, 0 to 1.
    index
        Bin of every voxel, uint8, 255 outside of the region.
    count, total
        Number of voxels and sum of their probabilities per bin.
    """

    edges: np.ndarray
    index: np.ndarray
    count: np.ndarray
    total: np.ndarray

    @classmethod
    def from_probability(
        cls,
        probability: np.ndarray,
        *,
        region: np.ndarray | None = None,
        bins: int = 20,
        scheme: Scheme = "width",
    ) -> Binned:
        """Put probabilities into bins; parameters as for `reliability`."""
        if not 1 <= bins < _OUTSIDE:
            raise InputError(f"A reliability diagram has 1 to 254 bins, not {bins}.")
        probability = as_probabilities(probability)
        region = None if region is None else as_mask(region, "The region")
        if region is not None and region.shape != probability.shape:
            raise InputError(f"The region has shape {region.shape}, the probability {probability.shape}.")
        where = None if region is None else np.flatnonzero(region)
        p = probability.reshape(-1) if where is None else probability.reshape(-1)[where]
        edges = _edges(p, bins, scheme)
        inside = bins_of(p, edges, scheme)
        count = np.bincount(inside, minlength=len(edges) - 1)
        total = np.bincount(inside, weights=p, minlength=len(edges) - 1)
        index = inside
        if where is not None:
            index = np.full(probability.size, _OUTSIDE, np.uint8)
            index[where] = inside
        return cls(edges, index.reshape(probability.shape), count, total)

    def against(self, reference: np.ndarray) -> Reliability:
        """Compare with a reference mask: nonzero is lesion.

        Raises
        ------
        InputError
            If it is no mask, or of another shape.
        """
        reference = as_mask(reference, "The reference")
        if reference.shape != self.index.shape:
            raise InputError(
                f"The reference has shape {reference.shape}, the prediction {self.index.shape}: "
                f"both must lie on the same grid."
            )
        # Lesions are a small part of an image: only their voxels are looked at.
        hits = self.index.reshape(-1)[np.flatnonzero(reference)]
        positive = np.bincount(hits, minlength=_OUTSIDE + 1)[: len(self.count)]
        with np.errstate(invalid="ignore"):
            mean, fraction = self.total / self.count, positive / self.count
        low, high = wilson_band(positive, self.count)
        return Reliability(self.edges, mean, fraction, self.count, low, high)


def wilson_band(positive: np.ndarray, count: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """95 % Wilson score interval of a proportion; NaN where the count is 0.

    Parameters
    ----------
    positive, count
        Successes and trials, numbers of the same shape.

    Returns
    -------
    low, high : np.ndarray
        float64, the same shape, 0 to 1.

    Raises
    ------
    InputError
        If these are not finite, or there are more successes than trials.
    """
    positive, count = as_numbers(positive, "Successes"), as_numbers(count, "Trials")
    if (positive < 0).any() or (positive > count).any():
        raise InputError("There must be from 0 to as many successes as there are trials.")
    with np.errstate(invalid="ignore", divide="ignore"):
        centre = positive + _Z**2 / 2
        half = _Z * np.sqrt(positive * (count - positive) / count + _Z**2 / 4)
        low, high = (centre - half) / (count + _Z**2), (centre + half) / (count + _Z**2)
    # Exact at the ends, where rounding could leave the unit interval.
    return np.where(positive == 0, low * 0, low), np.where(positive == count, high * 0 + 1, high)


def _edges(p: np.ndarray, bins: int, scheme: Scheme) -> np.ndarray:
    even = np.linspace(0, 1, bins + 1)
    if scheme == "width" or not p.size:
        return even
    if scheme != "mass":
        raise InputError(f'Bins are of equal "width" or of equal "mass", not {scheme!r}.')
    # Observed values as inner edges: interpolated ones would split equal voxels by rounding.
    inner = np.unique(np.quantile(p, even[1:-1], method="inverted_cdf").astype(float))
    return np.concatenate([[0.0], inner[(inner > 0) & (inner < p.max())], [1.0]])


def bins_of(p: np.ndarray, edges: np.ndarray, scheme: Scheme = "width") -> np.ndarray:
    """Bin of each probability; a bin holds its right edge.

    Of whatever type, a probability goes where its single precision does.

    Parameters
    ----------
    p
        0 to 1, (n,).
    edges
        Of the bins, 0 to 1, (bins + 1,).
    scheme
        "width" if they are equally wide, "mass" if not.

    Returns
    -------
    np.ndarray
        uint8, (n,).
    """
    p = p.astype(np.float32, copy=False)
    if scheme == "mass":
        return np.searchsorted(edges[1:-1], p, side="left").astype(np.uint8)
    # As in MONAI, edges are a rounding error of float32 higher, or 0.15 would be above 0.15.
    scale = np.float32((len(edges) - 1) / (1 + np.finfo(np.float32).eps))
    return np.maximum(np.ceil(p * scale) - 1, 0).astype(np.uint8)
