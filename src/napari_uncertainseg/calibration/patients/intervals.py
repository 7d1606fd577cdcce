"""Intervals for the volume and the number of lesions that a reader would outline in a further patient.

Cases with a reference say how far the model's volume and count lie from a reader's, in units of how far
the model's own members differ (conformal prediction with normalised residuals, Papadopoulos et al., ECML
2002; Lei et al., JASA 2018). Patients are what is exchangeable, not scans: the visits of a patient share its
weight (hierarchical conformal prediction, Lee, Barber and Willett, arXiv 2306.06342). The promise holds for
a scan of a further patient like these, on average over such patients, whatever the model is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any, NamedTuple

import numpy as np
from pydantic import Field

from napari_uncertainseg._base import InputError, pluralised
from napari_uncertainseg._checks import as_numbers
from napari_uncertainseg.disk.validation import Strict, validated

LEVEL = 0.9
"""Share of further patients whose value lies in its interval."""
_ROUNDING = 1e-9


class Quantity(NamedTuple):
    """Something that is said of a whole scan, and on which scale its errors are alike.

    Attributes
    ----------
    title
        In words.
    unit
        After the numbers.
    whole
        Whether its values are whole numbers.
    scale, back
        To the scale on which errors are compared, and from there.
    floor
        Added to the members' spread on that scale: members that all agree are not right because of that.
    """

    title: str
    unit: str
    whole: bool
    scale: Callable[[np.ndarray], np.ndarray]
    back: Callable[[float], float]
    floor: float


_OFFSET_ML, _ANSCOMBE = 0.1, 3 / 8
QUANTITIES: Mapping[str, Quantity] = MappingProxyType(
    {
        # Errors of volumes are shares of them; of a tenth of a millilitre, 0 is as near as 0.2.
        "volume_ml": Quantity(
            "volume of the lesions",
            " ml",
            False,
            lambda v: np.log(np.asarray(v, float) + _OFFSET_ML),
            lambda y: math.exp(min(y, 700.0)) - _OFFSET_ML,
            0.2,
        ),
        # The root makes the spread of counts alike; 0.5 is that of a Poisson's.
        "lesions": Quantity(
            "number of lesions",
            "",
            True,
            lambda n: np.sqrt(np.asarray(n, float) + _ANSCOMBE),
            lambda y: max(y, 0.0) ** 2 - _ANSCOMBE,
            0.5,
        ),
    }
)


@dataclass(frozen=True)
class Interval:
    """Where a reader's value lies in a share of further patients, or why nothing can be said.

    Attributes
    ----------
    low, high
        Both None where there is none; whole numbers of lesions.
    level
        The share of patients.
    patients
        With a reference.
    needed
        With fewer of them there is no interval at this level.
    """

    low: float | None
    high: float | None
    level: float
    patients: int
    needed: int

    @property
    def reason(self) -> str:
        """Why there is none; empty where there is one."""
        if self.low is not None:
            return ""
        have = pluralised(self.patients, "patient")
        return f"{have} with a reference cannot support an interval: it needs at least {self.needed}."

    def holds(self, value: float) -> bool:
        """Whether a value lies in it; never where there is none."""
        return self.low is not None and self.high is not None and self.low <= value <= self.high


class SaidAndTrue(NamedTuple):
    """One quantity in all cases.

    Attributes
    ----------
    said
        By the model, float (cases,), 0 or more.
    spread
        Standard deviation over the members on the quantity's scale, float (cases,).
    true
        By the reader, float (cases,), 0 or more.
    """

    said: np.ndarray
    spread: np.ndarray
    true: np.ndarray


@dataclass(frozen=True, eq=False)
class PatientLoads:
    """What the model said of the loads of cases with a reference.

    Attributes
    ----------
    patients
        Numbers that say which cases are of one patient, int (cases,); no names.
    quantities
        By the names of `QUANTITIES`.
    """

    patients: np.ndarray
    quantities: Mapping[str, SaidAndTrue]

    @property
    def count(self) -> int:
        """Number of patients."""
        return len(np.unique(self.patients))

    def without(self, patient: int) -> PatientLoads:
        """All but the cases of one patient."""
        kept = self.patients != patient
        others = {
            name: SaidAndTrue(*(values[kept] for values in own)) for name, own in self.quantities.items()
        }
        return PatientLoads(self.patients[kept], others)

    def interval(self, quantity: str, said: float, spread: float, level: float = LEVEL) -> Interval:
        """Where a reader's value lies in a share of further patients like these.

        Parameters
        ----------
        quantity
            One of `QUANTITIES`.
        said
            What the model says of the scan, 0 or more.
        spread
            Of its members, see `spread_of`.
        level
            Above 0, below 1.

        Raises
        ------
        InputError
            If there is no such quantity, or a number is unusable.
        """
        if quantity not in QUANTITIES:
            raise InputError(f"There is no quantity {quantity!r}: choose one of {', '.join(QUANTITIES)}.")
        if not (math.isfinite(said) and math.isfinite(spread) and said >= 0 and spread >= 0):
            raise InputError("What a model says of a scan, and its members' spread, should be 0 or more.")
        about, own = QUANTITIES[quantity], self.quantities[quantity]
        scores = np.abs(about.scale(own.true) - about.scale(own.said)) / (own.spread + about.floor)
        reach = hierarchical_quantile(scores, self.patients, level)
        needed = patients_needed(level)
        if not math.isfinite(reach):
            return Interval(None, None, level, self.count, needed)
        # A little more: values that are equal must not be told apart by rounding on the way to the scale.
        middle, width = float(about.scale(np.array(said))), reach * (spread + about.floor) + _ROUNDING
        low, high = max(about.back(middle - width), 0.0), max(about.back(middle + width), 0.0)
        if about.whole:  # the same whole numbers lie between the rounded ends
            low, high = float(math.ceil(low - _ROUNDING)), float(math.floor(high + _ROUNDING))
        return Interval(low, high, level, self.count, needed)

    def as_json(self) -> dict[str, Any]:
        """JSON-serialisable, which `parse_loads` reads back."""
        return {"patients": self.patients.tolist()} | {
            name: {part: values.tolist() for part, values in own._asdict().items()}
            for name, own in self.quantities.items()
        }


def spread_of(members: Sequence[float] | np.ndarray, quantity: str) -> float:
    """Standard deviation of what members say, on the quantity's scale; 0 for none or one."""
    values = as_numbers(np.asarray(members, float), "What members say")
    return float(QUANTITIES[quantity].scale(values).std()) if values.size else 0.0


def patients_needed(level: float) -> int:
    """Fewest patients with which an interval at a level can exist: 9 for 90 %.

    Raises
    ------
    InputError
        If the level does not lie between 0 and 1.
    """
    if not 0 < level < 1:
        raise InputError(f"The level should lie between 0 and 1, not be {level}.")
    return max(1, math.ceil(level / (1 - level) - _ROUNDING))


def hierarchical_quantile(scores: np.ndarray, patients: np.ndarray, level: float) -> float:
    """The score that a scan of a further patient stays at or below with a probability of at least `level`.

    Each patient has the weight 1 / (patients + 1), which its scans share; the rest is the further patient's
    own, who may be beyond all of them. With one scan each it is the usual rank of conformal prediction.

    Parameters
    ----------
    scores
        float (cases,).
    patients
        Whose each is, int (cases,).
    level
        Above 0, below 1.

    Returns
    -------
    Infinite where there are too few patients.
    """
    _, number, times = np.unique(patients, return_inverse=True, return_counts=True)
    weights = 1 / ((len(times) + 1) * times[number])
    order = np.argsort(scores, kind="stable")
    reached = np.cumsum(weights[order]) >= level - _ROUNDING
    return float(scores[order][np.argmax(reached)]) if reached.any() else math.inf


_Amount = Annotated[float, Field(ge=0, le=1e9)]


class _OfQuantity(Strict):
    said: list[_Amount] = Field(description="a list of numbers of 0 or more")
    spread: list[_Amount] = Field(description="a list of numbers of 0 or more")
    true: list[_Amount] = Field(description="a list of numbers of 0 or more")


class _Loads(Strict):
    patients: list[int] = Field(min_length=1, description="a list of whole numbers")
    volume_ml: _OfQuantity = Field(description="an object")
    lesions: _OfQuantity = Field(description="an object")


def parse_loads(content: Any, cases: int, what: str) -> PatientLoads:
    """Read what `PatientLoads.as_json` gave.

    Parameters
    ----------
    content
        From elsewhere.
    cases
        How many there should be.
    what
        Begins the sentence where something is wrong.

    Raises
    ------
    InputError
        If it is anything else.
    """
    if not isinstance(content, dict):
        raise InputError(f"{what}: 'loads' should be a table.")
    read = validated(_Loads, content, f"{what}: 'loads'")
    found = {}
    for name in QUANTITIES:
        own = getattr(read, name)
        found[name] = SaidAndTrue(*(np.array(getattr(own, part), float) for part in SaidAndTrue._fields))
    lengths = {len(read.patients), *(len(values) for own in found.values() for values in own)}
    if lengths != {cases}:
        raise InputError(f"{what}: 'loads' should have a number for each of {cases} cases.")
    return PatientLoads(np.array(read.patients, np.int64), found)
