"""Doubt in words: low, some or high, and how often lesions of each word are real."""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

import numpy as np

DoubtWord = Literal["low", "some", "high"]
WORDS: tuple[DoubtWord, ...] = get_args(DoubtWord)
CUTS = (0.2, 0.4)
"""Doubt from which it is *some*, and *high*.

Near the thirds (0.17 and 0.39) of 512 lesions of ten patients whose hospitals the model had not seen;
docs/methods.md has what is real of each.
"""


class Band(NamedTuple):
    """Lesions of one word."""

    word: DoubtWord
    lesions: int
    real: float
    """Share of them that touch the reference, 0 to 1; NaN where there is none."""


def doubt_word(doubt: float) -> DoubtWord | None:
    """The word for a doubt, 0 to 1; None for NaN, as that of what a human drew."""
    if np.isnan(doubt):
        return None
    return WORDS[int(np.searchsorted(CUTS, doubt, side="right"))]


def share_real(doubt: np.ndarray, real: np.ndarray) -> tuple[Band, ...]:
    """How often lesions of each word are real.

    Parameters
    ----------
    doubt
        Of each lesion, shape (n,), 0 to 1 or NaN.
    real
        bool, shape (n,).
    """
    words = np.array([doubt_word(float(one)) or "" for one in doubt], dtype=str)
    bands = []
    for word in WORDS:
        own = np.asarray(real, bool)[words == word]
        bands.append(Band(word, len(own), float(own.mean()) if len(own) else float("nan")))
    return tuple(bands)
