"""Temperature and shift that a model's logits need, fitted on scans of sources that it has not seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from left_out import LeftOut, rest_logits
from scipy.optimize import minimize
from scipy.special import expit

from napari_uncertainseg.calibration.probability_histogram import ProbabilityHistogram, edges_of_bins
from napari_uncertainseg.calibration.recalibration import Kind, Recalibration, fit
from napari_uncertainseg.calibration.reliability import bins_of
from napari_uncertainseg.calibration.scores import EPSILON

BINS = 20
_WIDTHS = np.linspace(0, 1, BINS + 1)
REGIONS = ("brain", "near", "seen", "bins")
"""Where a fit counts: every voxel of the brain; those at most 5 mm from a lesion; those of at least `SEEN`;
or all of the brain, so weighted that each of 20 bins of the probability counts alike, as in the ACE."""
SEEN = 0.01
_VOXELS = 1e6
"""All evidence together counts as so many voxels."""
_STEEPEST, _FARTHEST = 10.0, 5.0
"""Bounds of slope and shift."""


class Line(NamedTuple):
    """``slope logit + shift``."""

    slope: float = 1.0
    shift: float = 0.0

    @property
    def temperature(self) -> float:
        """One by the slope."""
        return 1 / self.slope


UNCHANGED = Line()


def weights_of(found: Sequence[LeftOut]) -> np.ndarray:
    """Weight of each scan: hospitals alike, in each its patients, of each patient the visits; sum 1."""
    hospitals = {one.hospital: set[str]() for one in found}
    for one in found:
        hospitals[one.hospital].add(one.scan.patient)
    visits = Counter((one.hospital, one.scan.patient) for one in found)
    weights = [
        1 / len(hospitals) / len(hospitals[one.hospital]) / visits[one.hospital, one.scan.patient]
        for one in found
    ]
    return np.array(weights)


class _Evidence(NamedTuple):
    """Voxels of a scan that a fit looks at: logits (members, n), lesion (n,) and weight (n,), sum 1."""

    logits: np.ndarray
    truth: np.ndarray
    weight: np.ndarray


def _evidence(found: LeftOut, region: str) -> _Evidence:
    """The kept voxels of a region, and one for each bin of the rest."""
    mean, members = found.mean(), len(found.members)
    inside = found.inside.copy()
    if region == "near":
        inside &= found.near
    if region == "seen":
        inside &= mean >= SEEN
    rest = {"near": found.rest_near, "seen": np.zeros_like(found.rest)}.get(region, found.rest)
    filled = np.flatnonzero(rest)
    logits = np.concatenate(
        [found.members[:, inside], np.tile(rest_logits()[filled].astype(np.float32), (members, 1))], axis=1
    )
    truth = np.concatenate([found.truth[inside], np.zeros(len(filled), bool)])
    count = np.concatenate([np.ones(np.count_nonzero(inside)), rest[filled]])
    if region == "bins":
        own = bins_of(np.concatenate([mean[inside], expit(rest_logits()[filled])]), _WIDTHS)
        count /= np.bincount(own, weights=count, minlength=BINS)[own]
    return _Evidence(logits, truth, count / count.sum())


def fit_line(found: Sequence[LeftOut], region: str = "bins", *, shifted: bool = True) -> Line:
    """The line under which the mean of the members is most likely.

    Parameters
    ----------
    found
        Scans, weighted as by `weights_of`.
    region
        One of `REGIONS`.
    shifted
        Whether a shift is fitted, too, or the temperature alone.
    """
    evidence = [_evidence(one, region) for one in found]
    shares = weights_of(found)

    def loss(x: np.ndarray) -> tuple[float, np.ndarray]:
        slope, shift = float(x[0]), float(x[1]) if shifted else 0.0
        total, gradient = 0.0, np.zeros(2)
        for share, (logits, truth, weight) in zip(shares, evidence, strict=True):
            own = expit(slope * logits + np.float32(shift))
            p = np.clip(own.mean(0, dtype=np.float64), EPSILON, 1 - EPSILON)
            total -= share * float(weight @ np.log(np.where(truth, p, 1 - p)))
            by_p = share * weight * np.where(truth, -1 / p, 1 / (1 - p))
            own *= 1 - own
            gradient += by_p @ (own * logits).mean(0), by_p @ own.mean(0)
        return total, gradient if shifted else gradient[:1]

    start, bounds = [1.0], [(1 / _STEEPEST, _STEEPEST)]
    if shifted:
        start, bounds = [1.0, 0.0], [*bounds, (-_FARTHEST, _FARTHEST)]
    x = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x
    return Line(float(x[0]), float(x[1]) if shifted else 0.0)


def fit_map(found: Sequence[LeftOut], kind: Kind, region: str = "bins") -> Recalibration:
    """A more supple function of the mean, to compare with: beta or isotonic, weighted as in `fit_line`."""
    edges = edges_of_bins()[0]
    sums = np.zeros((4, len(edges) - 1))
    for share, one in zip(weights_of(found), found, strict=True):
        logits, truth, weight = _evidence(one, region)
        p = np.clip(expit(logits.astype(float)).mean(0), EPSILON, 1 - EPSILON)
        own = np.clip(np.searchsorted(edges, p, side="right") - 1, 0, len(edges) - 2)
        for row, inside in ((0, truth), (1, ~truth)):
            q = np.minimum(p, 1 - p)[inside]
            counted = share * weight[inside] * _VOXELS
            sums[row] += np.bincount(own[inside], counted, len(edges) - 1)
            sums[2 + row] += np.bincount(own[inside], counted * q, len(edges) - 1)
    return fit(ProbabilityHistogram(*sums), kind)


def ace(found: LeftOut, line: Line = UNCHANGED) -> float:
    """ACE over the brain, 20 bins of equal width, of the recalibrated members' mean."""
    return _ace(found, found.mean(*line)[found.inside], expit(line.slope * rest_logits() + line.shift))


def ace_of_map(found: LeftOut, by: Recalibration) -> float:
    """Likewise of a function of the members' mean."""
    return _ace(found, by.apply(found.mean()[found.inside]), by.apply(expit(rest_logits())))


def _ace(found: LeftOut, inside: np.ndarray, rest: np.ndarray) -> float:
    """From the probabilities of kept voxels in the brain, and of the bins of the rest."""
    p = np.concatenate([inside, rest]).astype(float)
    count = np.concatenate([np.ones(len(inside)), found.rest])
    own = bins_of(p, _WIDTHS)
    voxels = np.bincount(own, weights=count, minlength=BINS)
    total = np.bincount(own, weights=count * p, minlength=BINS)
    lesion = np.bincount(own[: len(inside)], weights=found.truth[found.inside], minlength=BINS)
    filled = voxels > 0
    return float(np.mean(np.abs(lesion[filled] - total[filled]) / voxels[filled]))
