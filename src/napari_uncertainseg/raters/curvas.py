"""A prediction against several raters, by the scores of the CURVAS challenges (arXiv 2505.08685).

Of the 2025 challenge the vascular invasion part is left out: it is about one organ. Where a score is not
what the challenges print, its function says so.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import ndtr, ndtri

from napari_uncertainseg._base import InputError
from napari_uncertainseg._checks import as_exact, as_mask, as_numbers, as_probabilities
from napari_uncertainseg._threshold import at_least
from napari_uncertainseg.raters.agreement import check_spacing
from napari_uncertainseg.raters.consensus import Raters, as_masks, consensus_regions, flat_within, soft_mean

CrpsMode = Literal["closed_form", "curvas"]

THRESHOLDS = (0.1, 0.24, 0.38, 0.52, 0.66, 0.8)
"""Six, evenly from 0.1 to 0.8, at which the soft Dice compares."""


def consensus_dice(predicted: np.ndarray, raters: Raters) -> float:
    """Dice of a mask with the raters' consensus, where they agree; dissensus is left out.

    Parameters
    ----------
    predicted
        A mask, nonzero is lesion.
    raters
        Shape (r, ...).

    Returns
    -------
    0 to 1; NaN where no voxel is marked by all raters, as in the challenge, which leaves such out.
    """
    masks = as_masks(raters)
    _check_shape(predicted, masks)
    predicted = as_mask(predicted, "The prediction")
    regions = consensus_regions(masks)
    if not regions.foreground.any():
        return math.nan
    return _dice(predicted & ~regions.dissensus, regions.foreground)


def consensus_confidence(probability: np.ndarray, raters: Raters) -> float:
    """How sure a prediction is where the raters agree, 0 to 1.

    Half of the mean probability over the consensus foreground plus half of one minus that over the
    consensus background; NaN where either is empty.

    Parameters
    ----------
    probability
        0 to 1.
    raters
        Shape (r, ...).
    """
    masks = as_masks(raters)
    probability = _probabilities(probability, masks)
    regions = consensus_regions(masks)
    if not (regions.foreground.any() and regions.background.any()):
        return math.nan
    lesion = probability[regions.foreground].mean(dtype=float)
    background = probability[regions.background].mean(dtype=float)
    return float((1 - background + lesion) / 2)


def top_label_ece(
    probability: np.ndarray, raters: Raters, *, region: np.ndarray | None = None, bins: int = 50
) -> np.ndarray:
    """Expected calibration error of the likelier label, against each rater: shape (r,), 0 to 1.

    As torchmetrics' ``MulticlassCalibrationError`` (l1) of background and lesion: the confidence is the
    larger of p and 1 - p (background at 0.5), a bin holds its left edge, and certainty (1) is a bin of
    its own. Plain background drives it to 0: give a region. The 2025 challenge takes the box of all raters'
    marks and a margin of 20 voxels on each side; `joint_box` is that box without the margin, with less plain
    background, so its numbers are not the challenge's.

    Parameters
    ----------
    probability
        0 to 1.
    raters
        Shape (r, ...).
    region
        bool, of a mask's shape: where to compare; everywhere if None.
    bins
        At least 1, from 0 to 1.
    """
    masks = as_masks(raters)
    probability = _probabilities(probability, masks)
    if bins < 1:
        raise InputError(f"Calibration needs at least one bin, not {bins}.")
    marked = flat_within(masks, region)
    p = flat_within(as_exact(probability)[None], region)[0]
    predicted, confidence = p.astype(np.float32, copy=False) > 0.5, np.maximum(p, 1 - p)
    # Of whatever type, a confidence goes where its single precision does.
    edges = np.linspace(0, 1, bins + 1).astype(np.float32)
    index = np.searchsorted(edges, confidence.astype(np.float32, copy=False), side="right") - 1
    total = np.bincount(index, weights=confidence, minlength=bins + 1)
    right = [np.bincount(index[predicted == mask], minlength=bins + 1) for mask in marked]
    return np.asarray(np.abs(np.array(right) - total).sum(1) / p.size)


def volume_crps(volume: float, rater_volumes: np.ndarray, *, mode: CrpsMode = "closed_form") -> float:
    """Continuous ranked probability score of a volume against the raters' volumes, in their unit.

    The raters' volumes are taken as a normal distribution with their mean and population standard
    deviation; 0 is best.

    Parameters
    ----------
    volume
        Predicted volume: in the challenge the sum of the probabilities times a voxel's volume.
    rater_volumes
        Shape (r,), in the same unit.
    mode
        ``"closed_form"``: the score of that distribution (Gneiting and Raftery, JASA 102:359, 2007);
        where all raters' volumes are alike, the absolute difference. ``"curvas"``: as published, for
        comparison. It integrates, within 3 standard deviations only, so it is the same for all volumes
        beyond, and 0 for any volume where the raters' are alike; the integral is accurate to about
        0.1 %.
    """
    volumes = _finite("A rater's volume", rater_volumes)
    (predicted,) = _finite("The predicted volume", volume)
    mean, deviation = float(volumes.mean()), float(volumes.std())
    if np.ptp(volumes) == 0:  # rounding of the mean could leave a deviation
        mean, deviation = float(volumes[0]), 0.0
    if mode == "closed_form":
        return _normal_crps(float(predicted), mean, deviation)
    if mode == "curvas":
        return _published_crps(float(predicted), mean, deviation)
    raise InputError(f'The CRPS is "closed_form" or "curvas", not {mode!r}.')


def _normal_crps(volume: float, mean: float, deviation: float) -> float:
    if deviation == 0:
        return abs(volume - mean)
    z = (volume - mean) / deviation
    density = math.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
    return float(deviation * (z * (2 * ndtr(z) - 1) + 2 * density - 1 / math.sqrt(math.pi)))


def _published_crps(volume: float, mean: float, deviation: float) -> float:
    """Squared difference of distribution and step, over 3 deviations.

    The distribution is a line through 100 points between its 1st and 99th percentile, 0 and 1 beyond.
    """
    if deviation == 0:
        return 0.0
    points = mean + deviation * np.linspace(ndtri(0.01), ndtri(0.99), 100)
    heights = ndtr((points - mean) / deviation)

    def squared(y: float) -> float:
        step = 0.5 if y == volume else float(y > volume)
        return float(np.interp(y, points, heights, left=0, right=1) - step) ** 2

    from scipy.integrate import IntegrationWarning, quad  # here: it takes long, and a run does without it

    with warnings.catch_warnings():
        # Told of the jump at the volume it would be exact, but not what was published.
        warnings.simplefilter("ignore", IntegrationWarning)
        return float(quad(squared, mean - 3 * deviation, mean + 3 * deviation)[0])


def member_crps(member_volumes: np.ndarray, observed: np.ndarray | float) -> np.ndarray:
    """Continuous ranked probability score of the members' volumes for each observed volume.

    The energy form: mean distance from the members less half of the members' mean distance from each
    other, themselves included (Gneiting and Raftery, JASA 102:359, 2007).

    Parameters
    ----------
    member_volumes
        Shape (m,): what each member says.
    observed
        Shape (n,) or one number, in the same unit: say, each rater's volume.

    Returns
    -------
    Shape (n,), in that unit; 0 is best.
    """
    members, seen = np.sort(_finite("A member's volume", member_volumes)), _finite("A volume", observed)
    m = len(members)
    # Sum over ordered pairs of distances, from the sorted members.
    spread = 2 * float((2 * np.arange(m) - (m - 1)) @ members) / m**2
    return np.asarray(np.abs(members - seen[:, None]).mean(1) - spread / 2)


def member_rank(member_volumes: np.ndarray, observed: np.ndarray | float) -> np.ndarray:
    """Share of the members' volumes below each observed volume, equal ones by half (PIT).

    Over many cases it is spread evenly from 0 to 1 where the members' spread is right.

    Parameters
    ----------
    member_volumes
        Shape (m,).
    observed
        Shape (n,) or one number, in the same unit.

    Returns
    -------
    Shape (n,), 0 to 1.
    """
    members, seen = _finite("A member's volume", member_volumes), _finite("A volume", observed)
    return np.asarray(((members < seen[:, None]) + 0.5 * (members == seen[:, None])).mean(1))


def thresholded_soft_dice(
    probability: np.ndarray, raters: Raters, *, thresholds: Sequence[float] = THRESHOLDS
) -> float:
    """Mean over thresholds of the Dice between probability and raters' mean, both above the threshold.

    Where both are empty at a threshold its Dice is 1 (2025 challenge).

    Parameters
    ----------
    probability
        0 to 1.
    raters
        Shape (r, ...).
    thresholds
        At least one.
    """
    masks = as_masks(raters)
    probability = _probabilities(probability, masks)
    if not len(thresholds):
        raise InputError("The soft Dice needs at least one threshold.")
    # All in single precision, as for `_threshold`; here what equals a threshold is not above it.
    p, mean = probability.astype(np.float32, copy=False), soft_mean(masks)
    return float(np.mean([_dice(p > np.float32(t), mean > np.float32(t)) for t in thresholds]))


@dataclass(frozen=True, eq=False)
class CurvasScores:
    """Scores of one prediction against several raters.

    Attributes
    ----------
    consensus_dice
        See `consensus_dice`; NaN without a consensus foreground.
    confidence
        See `consensus_confidence`; NaN without a consensus foreground or background.
    ece
        See `top_label_ece`, shape (r,).
    crps
        See `volume_crps`, mm3.
    soft_dice
        See `thresholded_soft_dice`.
    """

    consensus_dice: float
    confidence: float
    ece: np.ndarray
    crps: float
    soft_dice: float


def score(
    probability: np.ndarray,
    raters: Raters,
    spacing: Sequence[float],
    *,
    threshold: float = 0.5,
    region: np.ndarray | None = None,
    crps_mode: CrpsMode = "closed_form",
) -> CurvasScores:
    """All scores of a prediction.

    Parameters
    ----------
    probability
        0 to 1, of a mask's shape.
    raters
        Shape (r, ...).
    spacing
        Voxel size along each axis, mm; in 2-D the volume is an area, mm2.
    threshold
        Probability at and above which a voxel is lesion, for the consensus Dice.
    region
        bool: where calibration is compared; everywhere if None.
    crps_mode
        See `volume_crps`.

    Raises
    ------
    InputError
        If shapes differ, or a probability is not a number from 0 to 1.
    """
    masks = as_masks(raters)
    probability = _probabilities(probability, masks)
    voxel = math.prod(check_spacing(spacing, masks.ndim - 1))
    volumes = np.array([np.count_nonzero(mask) for mask in masks]) * voxel
    predicted = float(probability.sum(dtype=float)) * voxel
    return CurvasScores(
        consensus_dice(at_least(probability, threshold), masks),
        consensus_confidence(probability, masks),
        top_label_ece(probability, masks, region=region),
        volume_crps(predicted, volumes, mode=crps_mode),
        thresholded_soft_dice(probability, masks),
    )


def _dice(a: np.ndarray, b: np.ndarray) -> float:
    """Dice of two bool arrays; 1 where both are empty."""
    total = np.count_nonzero(a) + np.count_nonzero(b)
    return 2 * np.count_nonzero(a & b) / total if total else 1.0


def _finite(what: str, values: np.ndarray | float) -> np.ndarray:
    """One or more numbers as a 1-D array."""
    found = np.atleast_1d(as_numbers(values, what)).astype(float)
    if found.ndim != 1 or not found.size:
        raise InputError(f"{what} must be a finite number, and there must be at least one.")
    return found


def _check_shape(predicted: np.ndarray, masks: np.ndarray) -> None:
    if np.shape(predicted) != masks.shape[1:]:
        raise InputError(
            f"The prediction has shape {np.shape(predicted)}, the raters' masks {masks.shape[1:]}."
        )


def _probabilities(probability: np.ndarray, masks: np.ndarray) -> np.ndarray:
    _check_shape(probability, masks)
    return as_probabilities(probability)
