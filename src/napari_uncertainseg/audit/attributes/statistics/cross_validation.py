"""How well a class is told of patients who were left out, without the bias of left-out scores."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from napari_uncertainseg.audit.attributes.statistics.delong import Components, components
from napari_uncertainseg.audit.attributes.statistics.logistic import fit_many, log_losses
from napari_uncertainseg.audit.attributes.statistics.reduction import reductions

FOLDS = 5
STRENGTHS = 10.0 ** np.arange(1, -4, -1)
"""Penalties that are tried, the strongest first; features are scaled to a variance of 1 together."""
_MOST_CELLS = 8_000_000
"""Numbers that are worked on at once."""
_USUAL = 2
"""Which of them is taken where two patients of a class are too few to choose by."""


@dataclass(frozen=True, eq=False)
class Told:
    """What classifiers said of patients whom they had not seen.

    Attributes
    ----------
    fold
        In which part each patient was left out, int (repeats, patients).
    weights
        Of the features, as fitted without each part, float64 (repeats, folds, features); scaled so that the
        scores of the patients of the fit have a deviation of 1.
    components
        Of the area under the curve; each compares patients of one part only.
    """

    fold: np.ndarray
    weights: np.ndarray
    components: Components


def repeats_for(patients: int) -> int:
    """How often patients are divided anew: less where there are many, whose parts hold many pairs."""
    return 5 if patients <= 200 else 2


def folds_for(positive: np.ndarray) -> int:
    """Parts into which patients are divided: each holds one of either class at least."""
    return int(min(FOLDS, positive.sum(), (~positive).sum()))


def divided(positive: np.ndarray, repeats: int, rng: np.random.Generator) -> np.ndarray:
    """Divide patients at random, each class as evenly as can be, int (repeats, patients)."""
    count = folds_for(positive)
    fold = np.zeros((repeats, len(positive)), int)
    for own in fold:
        first = 0
        for which in (positive, ~positive):  # the second class goes on where the first one ended
            at = rng.permutation(np.flatnonzero(which))
            own[at] = (first + np.arange(len(at))) % count
            first += len(at)
    return fold


def tell(features: np.ndarray, positive: np.ndarray, rng: np.random.Generator, repeats: int = 0) -> Told:
    """Leave out parts of the patients, and say how well the class of those left out is told.

    A patient's score is compared with those of the same part only. Scores of different parts are of different
    classifiers, each of which has seen the others' patients: compared with each other they give an area below
    one half where nothing can be told (Parker et al., BMC Bioinformatics 8:326, 2007). Two patients who are
    left out together are exchangeable there, so that the expected area is exactly one half.

    Everything is learned without the part: means, deviations, principal axes, weights, and the penalty, by
    leaving out each further part (nested).

    Parameters
    ----------
    features
        float64 (patients, features), a row for each patient.
    positive
        bool (patients,); two of either at least.
    rng
        Divides the patients.
    repeats
        How often; `repeats_for` if 0.
    """
    fold = divided(positive, repeats or repeats_for(len(positive)), rng)
    count = folds_for(positive)
    together = max(1, _MOST_CELLS // (count**2 * features.size))
    parts = [
        _divisions(features, positive, fold[first : first + together], count)
        for first in range(0, len(fold), together)
    ]
    scores, weights = (np.concatenate(one) for one in zip(*parts, strict=True))
    return Told(fold, weights, _mean_components(scores, fold, positive, count))


def _divisions(
    features: np.ndarray, positive: np.ndarray, fold: np.ndarray, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """The score of each patient by the classifier that was fitted without its part, and the weights."""
    repeats, patients = fold.shape
    out = fold[:, None] == np.arange(count)[:, None]
    used = ~out.reshape(-1, patients)
    reduced = reductions(features, used)
    fitted = fit_many(reduced.rows, positive, used, STRENGTHS[_chosen(features, positive, out)].ravel())
    scores = (reduced.rows @ fitted[:, :-1, None])[:, :, 0]
    middle = (scores * used).sum(1) / used.sum(1)
    spread = np.sqrt(((scores - middle[:, None]) ** 2 * used).sum(1) / used.sum(1))
    unit = np.where(spread > 0, spread, 1.0)[:, None]
    weights = (reduced.back @ fitted[:, :-1, None])[:, :, 0] / unit
    said = (scores / unit).reshape(repeats, count, patients)
    own = np.take_along_axis(said, fold[:, None], axis=1)[:, 0]
    return own, weights.reshape(repeats, count, -1)


def _chosen(features: np.ndarray, positive: np.ndarray, out: np.ndarray) -> np.ndarray:
    """Which penalty tells best, by log loss, of parts left out of each fit, int (repeats, folds)."""
    repeats, count, patients = out.shape
    if count < 3:  # without two parts nobody would be left
        return np.full((repeats, count), _USUAL)
    first, second = np.triu_indices(count, 1)
    one, two = out[:, first].reshape(-1, patients), out[:, second].reshape(-1, patients)
    used = ~(one | two)
    rows = reductions(features, used).rows
    losses, fitted = np.zeros((len(STRENGTHS), repeats, count)), None
    for number, strength in enumerate(STRENGTHS):
        fitted = fit_many(rows, positive, used, np.full(len(used), strength), fitted)
        loss = log_losses((rows @ fitted[:, :-1, None])[:, :, 0] + fitted[:, -1:], positive)
        losses[number] = (loss * two).sum(1).reshape(repeats, -1) @ np.eye(count)[first]
        losses[number] += (loss * one).sum(1).reshape(repeats, -1) @ np.eye(count)[second]
    return np.asarray(losses.argmin(0))  # of equal ones the strongest


def _mean_components(scores: np.ndarray, fold: np.ndarray, positive: np.ndarray, count: int) -> Components:
    """Of each patient the mean over the divisions; every part counts by its pairs."""
    total = np.zeros(len(positive))
    others = np.zeros(len(positive))
    for own, said in zip(fold, scores, strict=True):
        for part in range(count):
            at = np.flatnonzero(own == part)
            found = components(said[at], positive[at])
            yes, no = at[positive[at]], at[~positive[at]]
            total[yes] += found.of_positive * len(no)
            total[no] += found.of_negative * len(yes)
            others[yes] += len(no)
            others[no] += len(yes)
    each = total / others
    return Components(each[positive], each[~positive])
