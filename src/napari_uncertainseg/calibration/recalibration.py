"""Make probabilities mean what they say: temperature, Platt, beta and isotonic calibration.

Fit on cases that the model has not seen, in the brain or around lesions, never on the whole volume,
whose plain background outweighs everything; then `Recalibration.apply` to other cases.

A fit looks at a `ProbabilityHistogram` instead of voxels, so that cohorts of any size cost the same. Its
bins split each octave of p (below 0.5) and of 1 - p (above) into 1024, and each keeps its voxels' mean
p, lesion and background apart. Where a bin's probabilities differ, that costs at most half the
greatest curvature of the loss in p times their variance, which is at most a quarter of the bin's width
squared. For logit scale a that is 1.2e-7 (a^2 + a) nats a voxel; for `Beta`,
1.2e-7 ((a + b)^2 / 4 + max(a, b)). `Isotonic` is fitted to the bins, not to single voxels: it is the best
that is constant within each.

Applying looks up a table on the same bins, linear within each. So it is fast, and never decreases,
not even by rounding. It may make different probabilities equal: isotonic calibration does so throughout its
steps, where the order of voxels and with it some telling of lesion from background is lost.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from typing import ClassVar, Literal

import numpy as np
from pydantic import ConfigDict, TypeAdapter
from scipy.special import expit, logit

from napari_uncertainseg._base import InputError
from napari_uncertainseg._checks import as_mask, as_probabilities
from napari_uncertainseg.calibration.logistic import logistic_regression
from napari_uncertainseg.calibration.probability_histogram import (
    ProbabilityHistogram,
    edges_of_bins,
    look_up,
    table,
)
from napari_uncertainseg.calibration.scores import EPSILON
from napari_uncertainseg.disk.checked_json import parse_json
from napari_uncertainseg.disk.validation import validated_json

Kind = Literal["temperature", "platt", "beta", "isotonic"]

_STEEPEST, _FARTHEST = 64.0, 1000.0
"""Bounds of slopes and of shifts: where lesion and background part without overlap, no finite fit is best."""

_LONGEST = 10_000_000
"""Characters of JSON that are read."""


@dataclass(frozen=True)
class Recalibration(ABC):
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
    # What is read back from a file: plain finite numbers under these names, no more or less.
    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)

    def apply(self, probability: np.ndarray, *, region: np.ndarray | None = None) -> np.ndarray:
        """Recalibrate a probability map.

        Parameters
        ----------
        probability
            0 to 1, any shape.
        region
            A mask of the same shape: where to; elsewhere values stay as they are. Without it, the zeros
            outside of a brain become what the fit makes of a very small probability.

        Returns
        -------
        np.ndarray
            float32, the same shape; at least `EPSILON` away from 0 and 1, so that its logit is finite.

        Raises
        ------
        InputError
            If shapes differ, a probability is not a number from 0 to 1, or the region is no mask.
        """
        p = as_probabilities(probability).astype(np.float32, copy=False)
        if region is not None:
            inside = as_mask(region, "The region")
            if inside.shape != p.shape:
                raise InputError(f"The region has shape {inside.shape}, the probability {p.shape}.")
            result = p.copy()
            result[inside] = self.apply(p[inside])
            return result
        order: Literal["C", "F"] = "F" if p.flags.f_contiguous else "C"
        return look_up(p.ravel(order), *table(*self._ends())).reshape(p.shape, order=order)

    def at(self, log_p: np.ndarray, log_not: np.ndarray) -> np.ndarray:
        """Results at single probabilities.

        Parameters
        ----------
        log_p, log_not
            Logarithms of p and of 1 - p, (n,).
        """
        return self.apply(np.exp(log_p)).astype(float)

    def to_json(self) -> str:
        """The fit as JSON: its kind and plain numbers, which `from_json` reads back exactly."""
        return json.dumps({"kind": self.kind, **asdict(self)}, allow_nan=False)

    @abstractmethod
    def _ends(self) -> tuple[np.ndarray, np.ndarray]:
        """Results at the left and the right end of each bin, (bins,) each."""


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

    def at(self, log_p: np.ndarray, log_not: np.ndarray) -> np.ndarray:
        """Results at single probabilities, without the table that voxels need."""
        found = expit(self._features(log_p, log_not) @ self._coefficients())
        return np.clip(found, EPSILON, 1 - EPSILON)

    def _ends(self) -> tuple[np.ndarray, np.ndarray]:
        found = expit(self._features(*edges_of_bins()[1:]) @ self._coefficients())
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
    """The best of all functions of the bins that never decrease (least squares; the same by likelihood).

    What lies in one of its blocks becomes equal: ranks within it are lost.

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
        edges, (knots, value) = edges_of_bins()[0], self._knots()
        middle = (edges[:-1] + edges[1:]) / 2
        block = np.clip(np.searchsorted(self.left, middle, side="right") - 1, 0, None)
        inside = (np.take(self.left, block) <= middle) & (middle <= np.take(self.right, block))
        found = np.interp(edges, knots, value)
        flat = np.take(self.value, block)
        return np.where(inside, flat, found[:-1]), np.where(inside, flat, found[1:])


_LINEAR: dict[str, type[_Linear]] = {one.kind: one for one in (Temperature, Platt, Beta)}
_KINDS: dict[str, type[Recalibration]] = {**_LINEAR, Isotonic.kind: Isotonic}
_CHECKED = {kind: TypeAdapter(cls) for kind, cls in _KINDS.items()}


def fit(evidence: ProbabilityHistogram, kind: Kind = "temperature") -> Recalibration:
    """Fit a recalibration; by likelihood, isotonic by least squares (pool adjacent violators).

    Parameters
    ----------
    evidence
        `ProbabilityHistogram.from_probability` one case, or the sum of several: every voxel counts the same.
    kind
        ``"temperature"``, ``"platt"``, ``"beta"`` or ``"isotonic"``: from the stiffest to the most
        supple, which needs the most voxels of lesion.

    Returns
    -------
    Recalibration
        Of the kind asked for. Slopes are never negative: where lower probability means lesion more
        often, the result is constant. Where lesion and background part without overlap, slopes end
        at 64, or before that where the loss is next to nothing.

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
    log_p, log_not, is_lesion, count = evidence.nodes
    before = loss(log_p - log_not, is_lesion, count)
    if kind == "isotonic":
        return _fit_isotonic(evidence, before)
    cls = _LINEAR[kind]
    features = cls._features(log_p, log_not)
    # 1 / temperature has the bounds of the temperature itself.
    low, high = np.array(list(cls.bounds.values())).T
    found = logistic_regression(features, is_lesion, count, low, high)
    numbers = 1 / found if kind == "temperature" else found
    return cls(before, loss(features @ found, is_lesion, count), *map(float, numbers))


def from_json(text: str) -> Recalibration:
    """Read what `Recalibration.to_json` wrote.

    Raises
    ------
    InputError
        If the text is anything else: in its form, in its names, or in a number.
    """
    if len(text) > _LONGEST:
        raise InputError("This is not a recalibration: it is too long.")
    try:
        found = parse_json(text, "it")
    except InputError as error:
        raise InputError(f"This is not a recalibration: {error}") from error
    if not (isinstance(found.get("kind"), str) and found["kind"] in _KINDS):
        raise InputError(f"This is not a recalibration: its kind is none of {', '.join(_KINDS)}.")
    return validated_json(_CHECKED[found.pop("kind")], json.dumps(found), "This recalibration")


def loss(z: np.ndarray, is_lesion: np.ndarray, count: np.ndarray) -> float:
    """Mean negative log-likelihood of logits, nats, kept as far from 0 and 1 as what is applied.

    Parameters
    ----------
    z, is_lesion, count
        Logit, whether lesion, and number of voxels, (n,) each; n > 0.
    """
    limit = logit(1 - EPSILON)
    wrong = np.clip(np.where(is_lesion, -z, z), -limit, limit)
    return float(np.average(np.logaddexp(0, wrong), weights=count))


def _fit_isotonic(evidence: ProbabilityHistogram, before: float) -> Isotonic:
    count = evidence.lesion + evidence.background
    filled = np.flatnonzero(count)
    fraction = evidence.lesion[filled] / count[filled]
    from scipy.optimize import isotonic_regression  # here: it takes half a second, and a run does without it

    found = isotonic_regression(fraction, weights=count[filled])
    # Blocks of equal value are one; scipy may leave them apart.
    first = np.flatnonzero(np.diff(found.x, prepend=-1.0) > 0)
    last = np.append(first[1:], len(filled)) - 1
    edges, value = edges_of_bins()[0], np.clip(found.x, EPSILON, 1 - EPSILON)
    hits = np.add.reduceat(evidence.lesion[filled], first)
    voxels = np.add.reduceat(count[filled], first)
    v = value[first]
    after = -(hits @ np.log(v) + (voxels - hits) @ np.log1p(-v)) / voxels.sum()
    ends = edges[filled[first]], edges[filled[last] + 1]
    return Isotonic(before, float(after), *(tuple(map(float, x)) for x in (*ends, v)))
