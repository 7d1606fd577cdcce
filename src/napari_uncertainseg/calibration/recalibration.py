"""Make probabilities mean what they say: temperature, Platt, beta and isotonic calibration.

Fit on cases that the model has not seen, in the brain or around lesions, never on the whole volume,
whose plain background outweighs everything; then `Recalibration.apply` to other cases.

A fit looks at `Evidence`, a histogram, instead of voxels, so that cohorts of any size cost the same. Its
bins split each octave of p (below 0.5) and of 1 - p (above) into 1024, and each keeps its voxels' mean
p, lesion and background apart. Where a bin's probabilities differ, that costs at most half the
greatest curvature of the loss in p times their variance, which is at most a quarter of the bin's width
squared. For logit scale a that is 1.2e-7 (a^2 + a) nats a voxel; for `Beta`,
1.2e-7 ((a + b)^2 / 4 + max(a, b)). `Isotonic` is constant in a bin: nothing is lost.

Applying looks up a table on the same bins, linear within each. So it is fast, and never decreases,
not even by rounding.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from functools import cache
from typing import Any, ClassVar, Literal

import numpy as np
from scipy.optimize import isotonic_regression
from scipy.special import expit, logit

from napari_uncertainseg._base import InputError
from napari_uncertainseg.calibration.scores import EPSILON, paired

Kind = Literal["temperature", "platt", "beta", "isotonic"]

_SHIFT = 13
"""Low bits of a float32 that do not choose the bin."""

_FIRST = int(np.float32(EPSILON).view(np.int32)) >> _SHIFT
_HALF = (int(np.float32(0.5).view(np.int32)) >> _SHIFT) - _FIRST
"""Bins on each side of 0.5."""

_CHUNK = 1 << 16
"""Voxels at a time: they stay in the processor's cache."""

_STEEPEST, _FARTHEST = 64.0, 1000.0
"""Bounds of slopes and of shifts: where lesion and background part without overlap, no finite fit is best."""

_LONGEST = 10_000_000
"""Characters of JSON that are read."""


@dataclass(frozen=True, eq=False)
class Evidence:
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
    def of(
        cls, probability: np.ndarray, reference: np.ndarray, *, region: np.ndarray | None = None
    ) -> Evidence:
        """Count the voxels of one case.

        Parameters
        ----------
        probability
            0 to 1, any shape; taken as float32, and as no closer to 0 and 1 than `EPSILON`.
        reference
            The same shape; nonzero is lesion.
        region
            bool, the same shape: where to look; everywhere if None.

        Raises
        ------
        InputError
            If shapes differ, or a probability is not a number from 0 to 1.
        """
        p, y = paired(probability, reference, region)
        q, key = _locate(p.astype(np.float32, copy=False))
        hits = np.flatnonzero(y)
        both, lesion = _count(q, key), _count(q[hits], key[hits])
        background = both[0] - lesion[0]
        # What remains of sums where no voxel does is rounding.
        total = np.where(background > 0, both[1] - lesion[1], 0.0)
        return cls(lesion[0], background, lesion[1], total)

    def __add__(self, other: Evidence) -> Evidence:
        """Voxels of both."""
        return Evidence(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    def _nodes(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Log p, log (1 - p), whether lesion, and number of voxels, for each bin and kind that has one."""
        count = np.concatenate([self.lesion, self.background])
        some = count > 0
        bin_ = np.tile(np.arange(2 * _HALF), 2)[some]
        q = np.concatenate([self.lesion_total, self.background_total])[some] / count[some]
        q = np.clip(q, EPSILON, 0.5)
        near, far = np.log(q), np.log1p(-q)
        upper = bin_ >= _HALF
        is_lesion = (np.arange(len(count)) < len(self.lesion))[some]
        return np.where(upper, far, near), np.where(upper, near, far), is_lesion, count[some]


@dataclass(frozen=True)
class Recalibration:
    """A function of the probability that never decreases; see its kinds below.

    Attributes
    ----------
    nll_before, nll_after
        Negative log-likelihood (nats per voxel, as `scores.nll`) of the voxels that it was fitted on, to
        what the histogram costs (see the module). On other voxels it gains less.
    """

    nll_before: float
    nll_after: float

    kind: ClassVar[str] = ""

    def apply(self, probability: np.ndarray, *, region: np.ndarray | None = None) -> np.ndarray:
        """Recalibrate a probability map.

        Parameters
        ----------
        probability
            0 to 1, any shape.
        region
            bool, the same shape: where to; elsewhere values stay as they are. Without it, the zeros
            outside of a brain become what the fit makes of a very small probability.

        Returns
        -------
        np.ndarray
            float32, the same shape; at least `EPSILON` away from 0 and 1, so that its logit is finite.

        Raises
        ------
        InputError
            If shapes differ, or a probability is not a number from 0 to 1.
        """
        p = np.asarray(probability, np.float32)
        if p.size and not (p.min() >= 0 and p.max() <= 1):
            raise InputError("Probabilities must be numbers from 0 to 1; these hold others, or NaN.")
        if region is not None:
            if region.shape != p.shape:
                raise InputError(f"The region has shape {region.shape}, the probability {p.shape}.")
            result, inside = p.copy(), region.astype(bool)
            result[inside] = self.apply(p[inside])
            return result
        order: Literal["C", "F"] = "F" if p.flags.f_contiguous else "C"
        return _look_up(p.ravel(order), *_table(*self._ends())).reshape(p.shape, order=order)

    def to_json(self) -> str:
        """The fit as JSON: its kind and plain numbers, which `from_json` reads back exactly."""
        return json.dumps({"kind": self.kind, **asdict(self)}, allow_nan=False)

    def _ends(self) -> tuple[np.ndarray, np.ndarray]:
        """Results at the left and the right end of each bin, (bins,) each."""
        raise NotImplementedError


class _Linear(Recalibration):
    """Those whose logit is a sum of features of the probability, each with a bounded coefficient."""

    bounds: ClassVar[dict[str, tuple[float, float]]]

    def __post_init__(self) -> None:
        for name, (low, high) in self.bounds.items():
            number = getattr(self, name)
            if not low <= number <= high:
                raise InputError(
                    f"The {name} of a recalibration lies from {low:g} to {high:g}, not at {number:g}."
                )

    @staticmethod
    def _features(log_p: np.ndarray, log_not: np.ndarray) -> np.ndarray:
        """Shape (probabilities, coefficients); for Platt's, as here, logit p and 1."""
        return np.column_stack([log_p - log_not, np.ones_like(log_p)])

    def _coefficients(self) -> list[float]:
        return [getattr(self, name) for name in self.bounds]

    def _ends(self) -> tuple[np.ndarray, np.ndarray]:
        found = expit(self._features(*_edges()[1:]) @ self._coefficients())
        return found[:-1], found[1:]


@dataclass(frozen=True)
class Temperature(_Linear):
    """``logit q = logit p / temperature`` (Guo et al. 2017); decisions at 0.5 stay. From 1/64 to 64."""

    temperature: float

    kind: ClassVar[str] = "temperature"
    bounds: ClassVar[dict[str, tuple[float, float]]] = {"temperature": (1 / _STEEPEST, _STEEPEST)}

    @staticmethod
    def _features(log_p: np.ndarray, log_not: np.ndarray) -> np.ndarray:
        return (log_p - log_not)[:, None]

    def _coefficients(self) -> list[float]:
        return [1 / self.temperature]


@dataclass(frozen=True)
class Platt(_Linear):
    """``logit q = scale logit p + shift`` (Platt 1999; vector scaling of two classes). Scale 0 to 64."""

    scale: float
    shift: float

    kind: ClassVar[str] = "platt"
    bounds: ClassVar[dict[str, tuple[float, float]]] = {
        "scale": (0, _STEEPEST),
        "shift": (-_FARTHEST, _FARTHEST),
    }


@dataclass(frozen=True)
class Beta(_Linear):
    """``logit q = a log p - b log(1 - p) + c`` (Kull et al. 2017). a and b from 0 to 64."""

    a: float
    b: float
    c: float

    kind: ClassVar[str] = "beta"
    bounds: ClassVar[dict[str, tuple[float, float]]] = {
        "a": (0, _STEEPEST),
        "b": (0, _STEEPEST),
        "c": (-_FARTHEST, _FARTHEST),
    }

    @staticmethod
    def _features(log_p: np.ndarray, log_not: np.ndarray) -> np.ndarray:
        return np.column_stack([log_p, -log_not, np.ones_like(log_p)])


@dataclass(frozen=True)
class Isotonic(Recalibration):
    """The best of all functions that never decrease (least squares; the same is best by likelihood).

    Attributes
    ----------
    left, right, value
        Constant from ``left`` to ``right``, increasing blocks; linear between blocks, where the fit
        had no voxel; constant before the first and after the last.
    """

    left: tuple[float, ...]
    right: tuple[float, ...]
    value: tuple[float, ...]

    kind: ClassVar[str] = "isotonic"

    def __post_init__(self) -> None:
        if not len(self.left) == len(self.right) == len(self.value) > 0:
            raise InputError(
                "An isotonic calibration needs a left end, a right end and a value for each block."
            )
        knots, value = self._knots()
        for name, numbers in (("ends", knots), ("values", value)):
            if not (np.isfinite(numbers).all() and numbers.min() >= 0 and numbers.max() <= 1):
                raise InputError(f"The {name} of an isotonic calibration must be numbers from 0 to 1.")
            if (np.diff(numbers) < 0).any():
                raise InputError(f"The {name} of an isotonic calibration must not decrease.")

    def _knots(self) -> tuple[np.ndarray, np.ndarray]:
        return np.column_stack([self.left, self.right]).ravel(), np.repeat(self.value, 2)

    def _ends(self) -> tuple[np.ndarray, np.ndarray]:
        edges, (knots, value) = _edges()[0], self._knots()
        middle = (edges[:-1] + edges[1:]) / 2
        block = np.clip(np.searchsorted(self.left, middle, side="right") - 1, 0, None)
        inside = (np.take(self.left, block) <= middle) & (middle <= np.take(self.right, block))
        found = np.interp(edges, knots, value)
        flat = np.take(self.value, block)
        return np.where(inside, flat, found[:-1]), np.where(inside, flat, found[1:])


_LINEAR: dict[str, type[_Linear]] = {one.kind: one for one in (Temperature, Platt, Beta)}
_KINDS: dict[str, type[Recalibration]] = {**_LINEAR, Isotonic.kind: Isotonic}


def fit(evidence: Evidence, kind: Kind = "temperature") -> Recalibration:
    """Fit a recalibration; by likelihood, isotonic by least squares (pool adjacent violators).

    Parameters
    ----------
    evidence
        `Evidence.of` one case, or the sum of several: every voxel counts the same.
    kind
        ``"temperature"``, ``"platt"``, ``"beta"`` or ``"isotonic"``: from the stiffest to the most
        supple, which needs the most voxels of lesion.

    Returns
    -------
    Recalibration
        Of the kind asked for. Slopes are never negative: where lower probability means lesion more
        often, the result is constant. Where lesion and background part without overlap, slopes stop
        at 64.

    Raises
    ------
    InputError
        If the voxels are all lesion, or none is; or there is no such kind.
    """
    if kind not in _KINDS:
        raise InputError(f"Recalibration is by {', '.join(_KINDS)}, not by {kind!r}.")
    if not (evidence.lesion.any() and evidence.background.any()):
        raise InputError(
            "Recalibration needs voxels of lesion and of background in the region; one is missing."
        )
    log_p, log_not, is_lesion, count = evidence._nodes()
    before = _loss(log_p - log_not, is_lesion, count)
    if kind == "isotonic":
        return _fit_isotonic(evidence, before)
    cls = _LINEAR[kind]
    features = cls._features(log_p, log_not)
    # 1 / temperature has the bounds of the temperature itself.
    low, high = np.array(list(cls.bounds.values())).T
    found = _newton(features, is_lesion, count, low, high)
    numbers = 1 / found if kind == "temperature" else found
    return cls(before, _loss(features @ found, is_lesion, count), *map(float, numbers))


def from_json(text: str) -> Recalibration:
    """Read what `Recalibration.to_json` wrote.

    Raises
    ------
    InputError
        If the text is anything else: in its form, in its names, or in a number.
    """
    try:
        found = json.loads(text) if len(text) <= _LONGEST else None
    except (ValueError, RecursionError) as error:
        raise InputError("This is not a recalibration: it is not valid JSON.") from error
    if not (isinstance(found, dict) and isinstance(found.get("kind"), str) and found["kind"] in _KINDS):
        raise InputError(f"This is not a recalibration: its kind is none of {', '.join(_KINDS)}.")
    cls = _KINDS[found.pop("kind")]
    names = {f.name for f in fields(cls)}
    if found.keys() != names:
        raise InputError(
            f"A recalibration of kind {cls.kind} holds {', '.join(sorted(names))}, no more or less."
        )
    lists = ("left", "right", "value")
    numbers = {k: _floats(k, v) if k in lists else _floats(k, [v])[0] for k, v in found.items()}
    return cls(**numbers)  # type: ignore[arg-type]


def _floats(name: str, values: Any) -> tuple[float, ...]:
    if not isinstance(values, list) or not all(type(v) in (int, float) for v in values):
        raise InputError(f"The recalibration's {name} must be plain numbers.")
    try:
        numbers = tuple(map(float, values))
    except OverflowError:
        numbers = (np.inf,)
    if not np.isfinite(numbers).all():
        raise InputError(f"The recalibration's {name} must be finite.")
    return numbers


def _locate(p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The lesser of p and 1 - p, at least `EPSILON`, and the bin; float32 and int32, as `_table` has them."""
    other = 1 - p
    q = np.minimum(p, other)
    np.maximum(q, np.float32(EPSILON), out=q)
    key = q.view(np.int32) >> _SHIFT
    key -= _FIRST
    # Below 0.5 from 0 on; 0.5 itself is alone in bin _HALF; above, downwards from 1, after it.
    key += (p > other) * np.int32(_HALF + 1)
    return q, key


def _count(q: np.ndarray, key: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Voxels and sums of q per bin, in order of probability."""
    results = []
    for weights in (None, q):
        found = np.bincount(key, weights, minlength=2 * _HALF + 1)
        found[_HALF - 1] += found[_HALF]
        results.append(np.concatenate([found[:_HALF], found[:_HALF:-1]]))
    return results[0], results[1]


@cache
def _edges() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Edges of the bins in order: p, log p, log (1 - p), each (bins + 1,)."""
    bits = (np.arange(_HALF + 1, dtype=np.int32) + _FIRST) << _SHIFT
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


def _table(left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Start and rise of each bin of `_locate`, float32; q grows through the bin from 0 to just below 1.

    Start and rise are rounded, yet the end of a bin cannot pass the start of the next: the share of the
    way is at most 1 - 2^-13, and rounding is much less.
    """
    low, high = (np.clip(end, EPSILON, 1 - EPSILON).astype(np.float32) for end in (left, right))
    half = high[_HALF - 1 : _HALF]
    # Above 0.5 q falls as p grows: each bin starts at its right end.
    start = np.concatenate([low[:_HALF], half, high[: _HALF - 1 : -1]])
    end = np.concatenate([high[:_HALF], half, low[: _HALF - 1 : -1]])
    return start, end - start


def _look_up(p: np.ndarray, start: np.ndarray, rise: np.ndarray) -> np.ndarray:
    out = np.empty(p.shape, np.float32)
    for i in range(0, p.size, _CHUNK):
        q, key = _locate(p[i : i + _CHUNK])
        share = (q.view(np.int32) & ((1 << _SHIFT) - 1)).astype(np.float32)
        share *= np.float32(2.0**-_SHIFT)
        # Keys are in range: "clip" only spares take() the check.
        share *= rise.take(key, mode="clip")
        np.add(start.take(key, mode="clip"), share, out=out[i : i + _CHUNK])
    return out


def _loss(z: np.ndarray, is_lesion: np.ndarray, count: np.ndarray) -> float:
    """Mean negative log-likelihood of logits, kept as far from 0 and 1 as what is applied."""
    limit = logit(1 - EPSILON)
    wrong = np.clip(np.where(is_lesion, -z, z), -limit, limit)
    return float(np.average(np.logaddexp(0, wrong), weights=count))


def _newton(
    features: np.ndarray,
    is_lesion: np.ndarray,
    count: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
) -> np.ndarray:
    """Coefficients of a logistic regression within bounds, by Newton's method where no bound holds them."""
    weight = count / count.sum()
    theta = np.where(low < -1, 0.0, 1.0)  # the identity

    def loss(at: np.ndarray) -> float:
        z = features @ at
        return float(weight @ np.logaddexp(0, np.where(is_lesion, -z, z)))

    now = loss(theta)
    for _ in range(200):
        p = expit(features @ theta)
        gradient = features.T @ (weight * (p - is_lesion))
        curvature = features.T @ (features * (weight * p * (1 - p))[:, None])
        step = _step(gradient, curvature, theta, low, high)
        expected = -gradient @ step
        if expected <= 1e-13 * now:
            break
        theta, now, moved = _shorten(loss, theta, now, step, expected, low, high)
        if not moved:
            break
    return theta


def _step(
    gradient: np.ndarray, curvature: np.ndarray, theta: np.ndarray, low: np.ndarray, high: np.ndarray
) -> np.ndarray:
    """Newton's step that leaves at its bound what would leave the bounds."""
    held = (theta <= low) & (gradient >= 0) | (theta >= high) & (gradient <= 0)
    step = np.zeros_like(theta)
    ridge = 1e-10 * np.trace(curvature) + 1e-300
    while not held.all():
        free = np.flatnonzero(~held)
        step[:] = 0
        step[free] = -np.linalg.solve(
            curvature[np.ix_(free, free)] + ridge * np.eye(len(free)), gradient[free]
        )
        out = (theta <= low) & (step < 0) | (theta >= high) & (step > 0)
        if not out.any():
            return step
        held |= out
    return np.zeros_like(theta)


def _shorten(
    loss: Callable[[np.ndarray], float],
    theta: np.ndarray,
    now: float,
    step: np.ndarray,
    expected: float,
    low: np.ndarray,
    high: np.ndarray,
) -> tuple[np.ndarray, float, bool]:
    """Go as far along the step, up to the first bound, as the loss truly falls; at least halving 40 times."""
    with np.errstate(divide="ignore", invalid="ignore"):
        room = np.where(step > 0, (high - theta) / step, np.where(step < 0, (low - theta) / step, np.inf))
    length = min(1.0, float(room.min()))
    for _ in range(40):
        tried = np.clip(theta + length * step, low, high)
        value = loss(tried)
        if value <= now - 1e-4 * length * expected:
            return tried, value, True
        length /= 2
    return theta, now, False


def _fit_isotonic(evidence: Evidence, before: float) -> Isotonic:
    count = evidence.lesion + evidence.background
    filled = np.flatnonzero(count)
    fraction = evidence.lesion[filled] / count[filled]
    found = isotonic_regression(fraction, weights=count[filled])
    # Blocks of equal value are one; scipy may leave them apart.
    first = np.flatnonzero(np.diff(found.x, prepend=-1.0) > 0)
    last = np.append(first[1:], len(filled)) - 1
    edges, value = _edges()[0], np.clip(found.x, EPSILON, 1 - EPSILON)
    hits = np.add.reduceat(evidence.lesion[filled], first)
    voxels = np.add.reduceat(count[filled], first)
    v = value[first]
    after = -(hits @ np.log(v) + (voxels - hits) @ np.log1p(-v)) / voxels.sum()
    ends = edges[filled[first]], edges[filled[last] + 1]
    return Isotonic(before, float(after), *(tuple(map(float, x)) for x in (*ends, v)))
