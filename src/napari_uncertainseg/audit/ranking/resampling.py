"""How stable a ranking is: patients drawn anew, and how far the ranks of such draws agree with all cases'."""

from __future__ import annotations

import numpy as np


def draw_cases(patient_of: np.ndarray, draws: int, seed: int = 0) -> np.ndarray:
    """How often each case is in each draw, int (draws, cases).

    Patients are drawn, as many as there are, with replacement; all visits of a patient come along.

    Parameters
    ----------
    patient_of
        Number of each case's patient, int (cases,).
    draws
        How many.
    seed
        Of the random numbers.
    """
    patients = int(patient_of.max()) + 1
    rng = np.random.default_rng(seed)
    return np.asarray(rng.multinomial(patients, np.full(patients, 1 / patients), draws)[:, patient_of])


def kendall(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Kendall's tau-b of one ranking with each of others, as R's ``cor`` gives it.

    Parameters
    ----------
    first
        float64 (models,).
    second
        float64 (models, draws).

    Returns
    -------
    ndarray
        float64 (draws,): 1 where both agree, -1 where they are opposite; NaN where one of them has all
        models equal.
    """
    upper = np.triu_indices(len(first), 1)
    a = np.sign(first[upper[0]] - first[upper[1]])[:, None]
    b = np.sign(second[upper[0]] - second[upper[1]])
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((a * b).sum(0) / np.sqrt((a**2).sum(0) * (b**2).sum(0)))


def rank_shares(drawn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The ranks that occur, and the share of the draws in which each model has each.

    Parameters
    ----------
    drawn
        Ranks, float64 (models, draws).

    Returns
    -------
    ranks
        float64 (ranks,), ascending.
    shares
        float64 (models, ranks); rows sum to 1.
    """
    there = np.unique(drawn)
    return there, np.stack([(drawn == rank).mean(1) for rank in there], axis=1)
