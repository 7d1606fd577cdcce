"""How long a lesion takes to read: so many seconds, and more for each tenfold of its volume."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import scipy

FEWEST = 10
"""Verdicts from which a reading speed is learnt."""
LONGEST_S = 600.0
"""A lesion that was shown for longer was not read for so long."""

SINCE_OPENED = "since_opened"
"""In the first entry after a session was opened again: seconds since then."""


@dataclass(frozen=True)
class ReadingSpeed:
    """Seconds for a lesion of 10 mm3, and more for each tenfold of the volume."""

    seconds: float = 6.0
    per_tenfold: float = 2.0

    def seconds_for(self, volume: np.ndarray) -> np.ndarray:
        """Seconds for lesions of some volumes (float array, mm3); half a second at least."""
        tenfolds = np.log10(np.maximum(np.asarray(volume, float), 1.0) / 10)
        return np.maximum(self.seconds + self.per_tenfold * tenfolds, 0.5)


def reading_time(since: float) -> dict[str, float]:
    """``seconds`` since a moment of `time.monotonic`, for a verdict; nothing after a long pause."""
    seconds = time.monotonic() - since
    return {"seconds": round(seconds, 3)} if seconds <= LONGEST_S else {}


def fit_reading_speed(volume: np.ndarray, seconds: np.ndarray) -> ReadingSpeed:
    """The reading speed of verdicts that were given; the usual one where they are fewer than `FEWEST`.

    By the median of slopes (Theil and Sen), so that an interruption does not count.

    Parameters
    ----------
    volume
        float, shape (verdicts,), mm3.
    seconds
        float, shape (verdicts,): from when each lesion was shown to its verdict.
    """
    tenfolds = np.log10(np.maximum(np.asarray(volume, float), 1.0) / 10)
    if len(tenfolds) < FEWEST:
        return ReadingSpeed()
    if np.ptp(tenfolds) < 1e-9:
        return ReadingSpeed(float(np.median(seconds)), 0.0)
    slope, intercept, _, _ = scipy.stats.theilslopes(seconds, tenfolds)
    return ReadingSpeed(max(float(intercept), 0.5), max(float(slope), 0.0))
