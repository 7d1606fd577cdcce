"""An annotator against the consensus: what was seen, what was imagined, and how much the confidence meant."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from napari_uncertainseg._checks import check_same_shape
from napari_uncertainseg.calibration.reliability import Reliability, reliability

_BINS = 10


@dataclass(frozen=True, eq=False)
class Score:
    """What came of yes-or-no answers.

    Attributes
    ----------
    answers
        How many.
    hits, misses, false_alarms, correct_rejections
        Lesions called lesions, lesions not, others called lesions, others not.
    sensitivity
        d', how well lesions are told from others; 0 is chance. A half is added to each count, so that it is
        finite (Hautus, Behav Res Methods 27:46, 1995).
    criterion
        c: above 0 the annotator is slow to call a lesion, below 0 quick.
    brier
        Mean squared difference of the stated probability of a lesion from the truth; 0 is best, a coin's
        is 0.25.
    confidence
        Reliability of the stated probability, 10 bins.
    """

    answers: int
    hits: int
    misses: int
    false_alarms: int
    correct_rejections: int
    sensitivity: float
    criterion: float
    brier: float
    confidence: Reliability

    @property
    def accuracy(self) -> float:
        """Share of answers that are right; NaN without any."""
        return (self.hits + self.correct_rejections) / self.answers if self.answers else math.nan


def score(exists: np.ndarray, says: np.ndarray, confidence: np.ndarray) -> Score:
    """Score answers.

    Parameters
    ----------
    exists
        bool: whether each is a lesion in the consensus.
    says
        bool: whether the annotator called it one.
    confidence
        That the answer is right, 0.5 to 1.

    Raises
    ------
    InputError
        If the arrays differ in length, or a confidence is no probability.
    """
    check_same_shape("The answers", says.shape, "the truth", exists.shape)
    check_same_shape("The confidence", confidence.shape, "the truth", exists.shape)
    truth, called = exists.astype(bool), says.astype(bool)
    hits, misses = int((truth & called).sum()), int((truth & ~called).sum())
    false, right = int((~truth & called).sum()), int((~truth & ~called).sum())
    probability = np.where(called, confidence, 1 - confidence).astype(float)
    curve = reliability(probability, truth, bins=_BINS)
    hit_rate, false_rate = (hits + 0.5) / (hits + misses + 1), (false + 0.5) / (false + right + 1)
    z_hit, z_false = norm.ppf(hit_rate), norm.ppf(false_rate)
    return Score(
        answers=len(truth),
        hits=hits,
        misses=misses,
        false_alarms=false,
        correct_rejections=right,
        sensitivity=float(z_hit - z_false),
        criterion=float(-(z_hit + z_false) / 2),
        brier=float(np.mean((probability - truth) ** 2)) if len(truth) else math.nan,
        confidence=curve,
    )


def by_depth(
    exists: np.ndarray, says: np.ndarray, confidence: np.ndarray, depth: np.ndarray
) -> dict[str, Score]:
    """The same near the edge of the brain and farther in: below 15 mm, and from there; NaN is left out."""
    groups = {"< 15 mm deep": depth < 15, "deeper": depth >= 15}
    return {name: score(exists[g], says[g], confidence[g]) for name, g in groups.items() if g.any()}


def by_size(
    exists: np.ndarray, says: np.ndarray, confidence: np.ndarray, volume: np.ndarray
) -> dict[str, Score]:
    """The same for small, middling and large ones: below 10 mm3, to 100, and above."""
    groups = {
        "< 10 mm³": volume < 10,
        "10 to 100": (volume >= 10) & (volume <= 100),
        "> 100": volume > 100,
    }
    return {name: score(exists[g], says[g], confidence[g]) for name, g in groups.items() if g.any()}
