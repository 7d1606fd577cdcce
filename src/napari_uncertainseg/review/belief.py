"""Live recalibration: how often what the model gave some probability is a lesion, by the verdicts so far.

What was judged counts as it was judged. What was not is drawn from a Bayesian logistic regression of
*lesion* on the largest probability, the doubt, and whether it is a candidate (see `live`). Each bin therefore
speaks of all of the case's lesions and candidates in it, and not of those that the queue showed first: that
the doubtful come first does not bias it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.special import expit, logit

from napari_uncertainseg.calibration.reliability import Reliability, bins_of
from napari_uncertainseg.review.live import posterior
from napari_uncertainseg.review.rows import Task
from napari_uncertainseg.review.standing import Standing

_BINS = 5
"""Tens of lesions fill no more."""
_DRAWS, _FEWEST_DRAWS, _NUMBERS = 400, 100, 1_000_000
"""Draws of the coefficients: fewer where there are so many tasks that a verdict would have to wait."""
_IS_LESION: Mapping[str, bool] = {"accepted": True, "edited": True, "rejected": False}
"""What a verdict says; undecided says nothing."""


def lesion_calibration(
    tasks: Sequence[Task], standing: Mapping[int, Standing], *, bins: int = _BINS, seed: int = 0
) -> Reliability:
    """Reliability of the model on a case's lesions and candidates, by the verdicts on some of them.

    Parameters
    ----------
    tasks
        Of a session; those without a probability do not count.
    standing
        The verdicts, by task.
    bins
        Of equal width, over the largest probability.
    seed
        Of the draws.

    Returns
    -------
    Reliability
        ``count`` is the number of lesions and candidates, ``fraction`` the share of them that are lesions,
        and ``low``, ``high`` its 95 % band: over what the coefficients may be and over how the unjudged may
        turn out. Where all are judged it has no width.
    """
    known = [t for t in tasks if t.probability is not None and t.uncertainty is not None]
    peak = np.clip(np.array([t.probability for t in known], float), 0, 1)
    said = [_IS_LESION.get(standing[t.id].decision) if t.id in standing else None for t in known]
    judged = np.array([one is not None for one in said], bool)
    lesion = np.array([bool(one) for one in said], bool)
    features = _features(peak, known)
    rng = np.random.default_rng(seed)
    found = posterior(features[judged], lesion[judged])
    draws = int(np.clip(_NUMBERS // max(len(known), 1), _FEWEST_DRAWS, _DRAWS))
    chance = expit(features @ rng.multivariate_normal(found.mean, found.covariance, draws).T)
    drawn = np.where(judged[:, None], lesion[:, None], rng.random(chance.shape) < chance)
    likely = np.where(judged, lesion, chance.mean(axis=1))
    edges = np.linspace(0, 1, bins + 1)
    where = bins_of(peak.astype(np.float32), edges)
    count = np.bincount(where, minlength=bins)
    member = where[None] == np.arange(bins)[:, None]
    with np.errstate(invalid="ignore"):
        mean, fraction, share = ((member @ x).T / count for x in (peak, likely, drawn.astype(float)))
        low, high = np.quantile(share, [0.025, 0.975], axis=0)
    return Reliability(edges, mean, fraction, count, np.minimum(low, fraction), np.maximum(high, fraction))


def _features(peak: np.ndarray, tasks: Sequence[Task]) -> np.ndarray:
    p = np.clip(peak, 1e-4, 1 - 1e-4)
    doubt = np.array([t.uncertainty for t in tasks], float)
    candidate = np.array([t.target == "candidate" for t in tasks], float)
    return np.column_stack([np.ones_like(p), logit(p) / 2, 2 * doubt - 1, candidate])
