"""Live calibration: the share of lesions at each probability of the model, by the verdicts so far.

Each bin is about all lesions and candidates of the case in it. Its point is an estimate: reviewed ones count
by their verdict, the others by the regression in `error_model`. Its bar is guaranteed. It rests only on the
verdicts and on the random checks (see `stopping`). In sessions without random checks it reaches from where
none of the others is a lesion to where all of them are. So it holds in whatever order the lesions come, and
however good probability and uncertainty are; with few verdicts it is long.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from napari_uncertainseg.calibration.reliability import Reliability, bins_of
from napari_uncertainseg.review.session.error_model import chance_of_lesion, features_of
from napari_uncertainseg.review.session.stopping import bound_remaining_errors
from napari_uncertainseg.review.store.current_verdicts import CurrentVerdict
from napari_uncertainseg.review.store.records import Task
from napari_uncertainseg.review.verdicts import says_lesion

_BINS = 5
"""Tens of lesions fill no more."""
_EACH = 0.975
"""Confidence of each end of a bar: both together have 95 %."""


def lesion_calibration(
    tasks: Sequence[Task],
    verdicts: Mapping[int, CurrentVerdict],
    ranks: Sequence[int] = (),
    drawn: Collection[int] = (),
    *,
    bins: int = _BINS,
) -> Reliability:
    """Reliability of the model on a case's lesions and candidates, by the verdicts on some of them.

    Parameters
    ----------
    tasks
        Of a session, in the order in which they are shown; those without a probability do not count.
    verdicts
        The verdicts, by task.
    ranks, drawn
        Of the session's `Queue`; empty where it has none.
    bins
        Of equal width, over the largest probability.

    Returns
    -------
    Reliability
        ``count`` is the number of lesions and candidates, ``fraction`` the share of them that are lesions,
        and ``low``, ``high`` its 95 % limits. Where all are judged these are one.
    """
    # Tasks that came up later have no rank: without a rank for each, the order was not planned.
    known = [i for i, t in enumerate(tasks) if t.probability is not None and t.uncertainty is not None]
    planned = bool(ranks) and all(i < len(ranks) for i in known)
    shown, drawn = (ranks, drawn) if planned else (range(len(tasks)), ())
    rank = np.array([shown[i] for i in known], int)
    chosen = [tasks[i] for i in known]
    said = [says_lesion(verdicts[t.id].decision) if t.id in verdicts else None for t in chosen]
    judged = np.array([one is not None for one in said], bool)
    lesion = np.array([bool(one) for one in said], bool)
    peak = np.clip(np.array([t.probability for t in chosen], float), 0, 1)
    edges = np.linspace(0, 1, bins + 1)
    where = bins_of(peak.astype(np.float32), edges)
    count = np.bincount(where, minlength=bins)
    likely = np.where(judged, lesion, _chance(chosen, peak, judged, lesion))
    with np.errstate(invalid="ignore"):  # empty bins are NaN
        mean, fraction = (np.bincount(where, x, bins) / count for x in (peak, likely))
    # The upper limit of "is a lesion" is `high`; that of "is none" is 1 - `low`.
    high, none = (
        np.array([_most(shown, drawn, rank, judged, is_so, where == b) for b in range(bins)])
        for is_so in (lesion, ~lesion)
    )
    low = 1 - none
    return Reliability(edges, mean, np.clip(fraction, low, high), count, low, high)


def _chance(tasks: Sequence[Task], peak: np.ndarray, judged: np.ndarray, lesion: np.ndarray) -> np.ndarray:
    doubt = np.array([t.uncertainty for t in tasks], float)
    candidate = np.array([t.target == "candidate" for t in tasks], bool)
    return chance_of_lesion(features_of(peak, doubt, candidate), judged, lesion)


def _most(
    shown: Sequence[int],
    drawn: Collection[int],
    rank: np.ndarray,
    judged: np.ndarray,
    is_so: np.ndarray,
    member: np.ndarray,
) -> float:
    """Upper limit of the share of some tasks that is so; NaN where there are none.

    Parameters
    ----------
    shown, drawn
        As for `bound_remaining_errors`.
    rank
        int, shape (tasks,).
    judged, is_so, member
        bool, shape (tasks,): whether there is a verdict; whether it says so; whether the task is in the bin.
    """
    if not member.any():
        return np.nan
    seen = member & judged
    found = dict(zip(rank[seen].tolist(), is_so[seen].tolist(), strict=True))
    left = bound_remaining_errors(shown, drawn, found, confidence=_EACH, among=rank[member].tolist())
    return (sum(found.values()) + left.most) / int(member.sum())
