"""How well an attribute is told from one input: areas under the curve, intervals, and a permutation test."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from napari_uncertainseg.audit.attributes.statistics.cross_validation import Told, repeats_for, tell
from napari_uncertainseg.audit.attributes.statistics.delong import delong_interval, score_interval
from napari_uncertainseg.audit.attributes.statistics.permutations import permutation_test

FEWEST = 5
"""Patients of a class, and of the others, for a test."""
_NAN = float("nan")
_RESAMPLES = 2000
Interval = tuple[float, float]
NO_INTERVAL: Interval = (_NAN, _NAN)


@dataclass(frozen=True, eq=False)
class ClassTold:
    """One class against all others.

    Attributes
    ----------
    name
        Of the class.
    patients, others
        How many have it, and have another.
    told
        What classifiers said of patients left out; None where fewer than two patients have it.
    tested
        Whether there are enough for a test.
    """

    name: str
    patients: int
    others: int
    told: Told | None
    tested: bool

    @property
    def auc(self) -> float:
        """Area under the curve; NaN where nobody could be left out."""
        return _NAN if self.told is None else self.told.components.auc

    @property
    def delong(self) -> Interval:
        """Its 95 % interval by DeLong, for whom other patients would not have changed the weights."""
        return NO_INTERVAL if self.told is None else delong_interval(self.told.components)


@dataclass(frozen=True, eq=False)
class InputTold:
    """How well an attribute is told from an input.

    Attributes
    ----------
    input
        Its name.
    patients
        Numbers of the patients who have it, int (n,).
    labels
        Number of each one's class, int (n,).
    classes
        One for each class; where there are two, only the second, as the first is its mirror image.
    auc
        Mean over the tested classes, or over all that could be told where none could be tested.
    interval
        95 %, from the variance that permuted labels show; NaN where nothing was tested.
    drawn
        95 %, from patients drawn anew without new classifiers.
    p, p_holm
        Of the permutation test, and corrected for the number of inputs; NaN where nothing was tested.
    permutations
        How many were made.
    same
        Whether all patients have the same features.
    """

    input: str
    patients: np.ndarray
    labels: np.ndarray
    classes: tuple[ClassTold, ...]
    auc: float = _NAN
    interval: Interval = NO_INTERVAL
    drawn: Interval = NO_INTERVAL
    p: float = _NAN
    p_holm: float = _NAN
    permutations: int = 0
    same: bool = False

    @property
    def tested(self) -> tuple[ClassTold, ...]:
        """Classes with enough patients."""
        return tuple(one for one in self.classes if one.tested)

    @property
    def shown(self) -> bool:
        """Whether it is shown, after correction, that the attribute can be told."""
        return self.p_holm <= 0.05


def tell_input(
    name: str,
    rows: np.ndarray,
    patients: np.ndarray,
    labels: np.ndarray,
    names: Sequence[str],
    *,
    permutations: int,
    seed: int,
    done: Callable[[float], object] = lambda share: None,
) -> InputTold:
    """Tell an attribute from features, of patients who were left out.

    Parameters
    ----------
    name
        Of the input.
    rows
        float64 (patients, features).
    patients
        Their numbers, which are handed on.
    labels
        Number of each one's class, int (patients,).
    names
        Of the classes.
    permutations
        At most.
    seed
        Of all that is drawn.
    done
        Called with the share that is done; what it raises ends the work.
    """
    rng = np.random.default_rng(seed)
    same = len(rows) > 0 and bool((np.ptp(rows, axis=0) <= 1e-6 * np.abs(rows).max(initial=0)).all())
    classes = tuple(_class(rows, labels == number, names[number], rng) for number in _asked(labels, names))
    found = InputTold(name, patients, labels, classes, same=same)
    tested = found.tested
    areas = [one.auc for one in (tested or classes) if one.told is not None]
    auc = float(np.mean(areas)) if areas else _NAN
    if not tested:
        return InputTold(name, patients, labels, classes, auc, same=same)
    asked = [names.index(one.name) for one in tested]
    repeats = repeats_for(len(rows))

    def statistic(permuted: np.ndarray, draws: np.random.Generator) -> float:
        return float(
            np.mean([tell(rows, permuted == number, draws, repeats).components.auc for number in asked])
        )

    chance = permutation_test(auc, statistic, labels, permutations, rng, done)
    sizes = [(one.patients, one.others) for one in tested]
    interval = score_interval(auc, sizes, chance.variance if chance.made > 1 else None)
    drawn = _drawn(tested, labels, names, rng)
    return InputTold(
        name, patients, labels, classes, auc, interval, drawn, chance.p, chance.p, chance.made, same
    )


def _asked(labels: np.ndarray, names: Sequence[str]) -> Sequence[int]:
    """Classes to be told from all others."""
    there = [number for number in range(len(names)) if (labels == number).any()]
    return there[1:] if len(there) == 2 else there if len(there) > 2 else []


def _class(rows: np.ndarray, positive: np.ndarray, name: str, rng: np.random.Generator) -> ClassTold:
    own, others = int(positive.sum()), int((~positive).sum())
    told = tell(rows, positive, rng) if min(own, others) >= 2 else None
    return ClassTold(name, own, others, told, min(own, others) >= FEWEST)


def _drawn(
    tested: Sequence[ClassTold], labels: np.ndarray, names: Sequence[str], rng: np.random.Generator
) -> Interval:
    """Percentiles of the mean area where patients are drawn anew, each class as often as it is there.

    Each area is the mean over its positives plus the mean over its negatives of what each adds to it.
    """
    adds = np.zeros(len(labels))
    for one in tested:
        assert one.told is not None
        positive, parts = labels == names.index(one.name), one.told.components
        adds[positive] += (parts.of_positive - one.auc) / one.patients
        adds[~positive] += (parts.of_negative - one.auc) / one.others
    total = np.zeros(_RESAMPLES)
    for number in np.unique(labels):
        at = np.flatnonzero(labels == number)
        total += adds[rng.choice(at, (_RESAMPLES, len(at)))].sum(1)
    auc = float(np.mean([one.auc for one in tested]))
    low, high = np.percentile(auc + total / len(tested), (2.5, 97.5))
    return max(0.0, float(low)), min(1.0, float(high))
