"""Probabilities in fine bins: what a recalibration is fitted on, and a table to apply it by.

Bins split each octave of p (below 0.5) and of 1 - p (above) into 1024. So they are as fine near 1 as near 0,
where nearly all voxels are.

The bin of a voxel costs no logarithm. With q, the lesser of p and 1 - p, as a float32, its bits are read as
an integer: sign (0), 8 bits of exponent (the octave), 23 of mantissa (where in the octave, linear). Without
the 13 lowest bits, the exponent and the 10 highest bits of the mantissa remain: 1024 steps an octave, and
they count up as q does. The first bin in use is that of `EPSILON`.

There are two orders of bins:

- by *key*, as `locate` gives it and `table` is in: 0 to HALF - 1 for p below 0.5, HALF for 0.5 itself, then
  HALF + 1 and on for p above 0.5, beginning at p = 1 and going *down*: there the bits are those of 1 - p;
- by probability, as `ProbabilityHistogram` and `edges_of_bins` are in: 2 HALF bins, 0.5 in the last below.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cache, cached_property

import numpy as np

from napari_uncertainseg.calibration.scores import EPSILON, paired

_SHIFT = 13
"""Low bits of a float32 that do not choose the bin."""

_FIRST = int(np.float32(EPSILON).view(np.int32)) >> _SHIFT
HALF = (int(np.float32(0.5).view(np.int32)) >> _SHIFT) - _FIRST
"""Bins on each side of 0.5."""

_CHUNK = 1 << 16
"""Voxels at a time: they stay in the processor's cache."""


@dataclass(frozen=True, eq=False)
class ProbabilityHistogram:
    """What a fit needs to know of the voxels of one case or more; add them up with ``+``.

    Attributes
    ----------
    lesion, background
        Voxels per bin of probability, int64; bins in order of probability.
    lesion_total, background_total
        Sum of p over them in the bins below 0.5, of 1 - p in those above.
    """

    lesion: np.ndarray
    background: np.ndarray
    lesion_total: np.ndarray
    background_total: np.ndarray

    @classmethod
    def from_probability(
        cls, probability: np.ndarray, reference: np.ndarray, *, region: np.ndarray | None = None
    ) -> ProbabilityHistogram:
        """Count the voxels of one case.

        Parameters
        ----------
        probability
            0 to 1, any shape; taken as float32, and as no closer to 0 and 1 than `EPSILON`.
        reference
            A mask of the same shape; nonzero is lesion.
        region
            A mask of the same shape: where to look; everywhere if None.

        Raises
        ------
        InputError
            If shapes differ, a probability is not a number from 0 to 1, or a mask is none.
        """
        p, y = paired(probability, reference, region)  # (n,) each
        q, key = locate(p.astype(np.float32, copy=False))
        # Lesion is rare: count all, then the lesion alone, and subtract.
        hits = np.flatnonzero(y)
        both, lesion = _count(q, key), _count(q[hits], key[hits])
        background = both[0] - lesion[0]
        # What remains of sums where no voxel does is rounding.
        total = np.where(background > 0, both[1] - lesion[1], 0.0)
        return cls(lesion[0], background, lesion[1], total)

    def __add__(self, other: ProbabilityHistogram) -> ProbabilityHistogram:
        """Voxels of both."""
        return ProbabilityHistogram(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    @cached_property
    def nodes(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """One entry for the lesion and one for the background of each bin, where there is any.

        Returns
        -------
        log_p, log_not : np.ndarray
            Logarithms of p and of 1 - p at the voxels' mean, float64, (entries,).
        is_lesion : np.ndarray
            bool, (entries,).
        count : np.ndarray
            Voxels, int64, (entries,).
        """
        count = np.concatenate([self.lesion, self.background])
        some = count > 0
        bin_ = np.tile(np.arange(2 * HALF), 2)[some]
        q = np.concatenate([self.lesion_total, self.background_total])[some] / count[some]
        q = np.clip(q, EPSILON, 0.5)
        # q is p below 0.5 and 1 - p above: the logarithms change their places there.
        near, far = np.log(q), np.log1p(-q)
        upper = bin_ >= HALF
        is_lesion = (np.arange(len(count)) < len(self.lesion))[some]
        return np.where(upper, far, near), np.where(upper, near, far), is_lesion, count[some]


def locate(p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The lesser of p and 1 - p, and the key of the bin (see the module).

    Parameters
    ----------
    p
        Probabilities, float32, (n,).

    Returns
    -------
    q : np.ndarray
        float32, (n,), from `EPSILON` to 0.5.
    key : np.ndarray
        int32, (n,), 0 to 2 HALF.
    """
    other = 1 - p
    q = np.minimum(p, other)
    np.maximum(q, np.float32(EPSILON), out=q)
    key = q.view(np.int32) >> _SHIFT
    key -= _FIRST
    # Below 0.5 from 0 on; 0.5 itself is alone in bin HALF; above, downwards from 1, after it.
    key += (p > other) * np.int32(HALF + 1)
    return q, key


def _count(q: np.ndarray, key: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Voxels (int64) and sums of q (float64) per bin, (2 HALF,) each, in order of probability."""
    results = []
    for weights in (None, q):
        found = np.bincount(key, weights, minlength=2 * HALF + 1)
        found[HALF - 1] += found[HALF]  # 0.5 itself belongs to the last bin below
        # Keys above HALF go down from 1: turned round, they go up from 0.5.
        results.append(np.concatenate([found[:HALF], found[:HALF:-1]]))
    return results[0], results[1]


@cache
def edges_of_bins() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Edges of the bins in order: p, log p, log (1 - p), each (bins + 1,)."""
    bits = (np.arange(HALF + 1, dtype=np.int32) + _FIRST) << _SHIFT
    q = bits.view(np.float32).astype(float)
    near, far = np.log(q), np.log1p(-q)
    edges = (
        np.concatenate([q, 1 - q[-2::-1]]),
        np.concatenate([near, far[-2::-1]]),
        np.concatenate([far, near[-2::-1]]),
    )
    for one in edges:
        one.setflags(write=False)
    return edges


def table(left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Start and rise of each bin of `locate`, float32; q grows through the bin from 0 to just below 1.

    Start and rise are rounded, yet the end of a bin cannot pass the start of the next: the share of the
    way is at most 1 - 2^-13, and rounding is much less.

    Parameters
    ----------
    left, right
        Values at the ends of the bins in order of probability, (2 HALF,) each; they never decrease.

    Returns
    -------
    start, rise : np.ndarray
        float32, (2 HALF + 1,) each, by key.
    """
    low, high = (np.clip(end, EPSILON, 1 - EPSILON).astype(np.float32) for end in (left, right))
    half = high[HALF - 1 : HALF]
    # Above 0.5 q falls as p grows: each bin starts at its right end.
    start = np.concatenate([low[:HALF], half, high[: HALF - 1 : -1]])
    end = np.concatenate([high[:HALF], half, low[: HALF - 1 : -1]])
    return start, end - start


def look_up(p: np.ndarray, start: np.ndarray, rise: np.ndarray) -> np.ndarray:
    """Values of a `table` at probabilities, linear within each bin.

    Parameters
    ----------
    p
        Probabilities, float32, (n,).
    start, rise
        From `table`.

    Returns
    -------
    np.ndarray
        float32, (n,).
    """
    out = np.empty(p.shape, np.float32)
    for i in range(0, p.size, _CHUNK):
        q, key = locate(p[i : i + _CHUNK])
        # The 13 bits that did not choose the bin: the share of the way through it.
        share = (q.view(np.int32) & ((1 << _SHIFT) - 1)).astype(np.float32)
        share *= np.float32(2.0**-_SHIFT)
        # Keys are in range: "clip" only spares take() the check.
        share *= rise.take(key, mode="clip")
        np.add(start.take(key, mode="clip"), share, out=out[i : i + _CHUNK])
    return out
