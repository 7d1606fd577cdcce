"""What a model did on cases with a reference: for guarantees, recalibration, and where they are valid.

A record holds no image: for each case the losses at every threshold and a few numbers that say what kind of
case it was, and one recalibration fitted on all of them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Annotated, Any, NamedTuple

import numpy as np
from pydantic import ConfigDict, Field, create_model

from napari_uncertainseg._base import InputError
from napari_uncertainseg._checks import as_mask, as_numbers, as_probabilities, check_same_shape
from napari_uncertainseg.calibration.conformal import (
    Guarantee,
    Safest,
    control_mean,
    control_with_confidence,
)
from napari_uncertainseg.calibration.patients.intervals import PatientLoads, parse_loads
from napari_uncertainseg.calibration.real_by_cases import RealByCases
from napari_uncertainseg.calibration.recalibration import Recalibration, from_json
from napari_uncertainseg.disk.checked_json import parse_json
from napari_uncertainseg.disk.validation import Strict, validated

GRID = np.arange(1, 100) / 100
"""Thresholds of the losses."""
_VERSION = 2
_LONGEST = 50_000_000
"""Characters of JSON that are read."""
_STRANGE = 0.9
"""A reference of which more than this share of the volume is missed at every threshold is suspicious."""
_HASHES = ("scan_sha256", "sha256")
"""Of an input of a prediction: of its voxels and grid, and of its file."""
_SAME = 1e-5
"""Share by which all measures of the same scan may differ."""
_MARGIN = 0.01
"""Share by which a measure may differ from rounding alone."""
_SPREADS = 4.0
"""A case is unlike others outside of their range and more than so many robust deviations away."""


class Loss(NamedTuple):
    """A loss that is guaranteed to stay small, and at which thresholds it is smallest."""

    title: str
    safest: Safest


LOSSES: Mapping[str, Loss] = MappingProxyType(
    {
        "missed_volume": Loss("lesion volume missed", "low"),
        "missed_lesions": Loss("lesions missed", "low"),
        "false_volume": Loss("outlined volume that is no lesion", "high"),
        "false_lesions": Loss("outlined lesions that are none", "high"),
    }
)
MEASURES: Mapping[str, str] = MappingProxyType(
    {
        "voxel_mm3": "volume of a voxel, mm3",
        "brain_ml": "volume of the brain mask, ml",
        "lesion_ml": "expected lesion volume (sum of the probabilities), ml",
        "doubtful_share": "share of that expected volume where the probability is from 0.1 to 0.9",
        "entropy": "mean entropy over the brain, nats",
    }
)
"""What tells kinds of cases apart, with no reference."""


def measures_of(
    probability: np.ndarray, entropy: np.ndarray, brain: np.ndarray, voxel_volume: float
) -> dict[str, float]:
    """Numbers that say what kind of case a prediction is, by the names of `MEASURES`.

    Parameters
    ----------
    probability
        Lesion probability, 0 to 1, any shape.
    entropy
        Of it, nats, same shape.
    brain
        A mask of the same shape.
    voxel_volume
        mm3.

    Raises
    ------
    InputError
        If the shapes differ, or an array is not of its kind.
    """
    probability, entropy = as_probabilities(probability), as_numbers(entropy, "The entropy")
    brain = as_mask(brain, "The brain")
    check_same_shape("The entropy", entropy.shape, "the prediction", probability.shape)
    check_same_shape("The brain", brain.shape, "the prediction", probability.shape)
    p = probability[brain].astype(float)
    expected = float(p.sum())
    doubtful = float(p[(p >= 0.1) & (p <= 0.9)].sum())
    return {
        "voxel_mm3": float(voxel_volume),
        "brain_ml": len(p) * voxel_volume / 1000,
        "lesion_ml": expected * voxel_volume / 1000,
        "doubtful_share": doubtful / expected if expected > 0 else 0.0,
        "entropy": float(entropy[brain].mean()) if len(p) else 0.0,
    }


class OutOfRangeMeasure(NamedTuple):
    """A measure in which a case is unlike the calibration cases: its value, and their range."""

    measure: str
    value: float
    low: float
    high: float


def out_of_range(known: Mapping[str, np.ndarray], measures: Mapping[str, float]) -> list[OutOfRangeMeasure]:
    """In what a case is unlike others, see `CalibrationRecord.unlike`.

    Parameters
    ----------
    known
        Of the others, by the names of `MEASURES`, each of shape (cases,), at least one.
    measures
        Of the case.
    """
    found = []
    for name in MEASURES:
        others, value = known[name], measures[name]
        median = float(np.median(others))
        margin = _MARGIN * abs(median)
        spread = 1.4826 * float(np.median(np.abs(others - median))) + margin
        low, high = float(others.min()), float(others.max())
        if not low - margin <= value <= high + margin and abs(value - median) > _SPREADS * spread:
            found.append(OutOfRangeMeasure(name, float(value), low, high))
    return found


@dataclass(frozen=True, eq=False)
class CalibrationRecord:
    """What a model did on cases with a reference.

    Attributes
    ----------
    model, model_sha256, method
        What segmented them. Nothing here holds for another model or method.
    inputs
        Kinds of scans that the cases had, such as ``("flair", "t1")``. Nothing here holds for others.
    min_volume
        Smaller components were not outlined, mm3.
    cases
        Their names.
    scans
        For each case the hashes that its scans are known by; empty where that was not kept.
    losses
        By the names of `LOSSES`, each of shape (cases, thresholds of `GRID`).
    measures
        By the names of `MEASURES`, each of shape (cases,).
    recalibration
        Fitted on all of them; None where lesion or background was missing.
    lesions, candidates
        How probable it is that what was outlined at a threshold is a lesion, and what lies above the
        candidates' threshold; None where there were too few.
    loads
        Volumes and numbers of lesions, said and true; None in older records, and where results lack members.
    """

    model: str
    model_sha256: str
    method: str
    inputs: tuple[str, ...]
    min_volume: float
    cases: tuple[str, ...]
    losses: Mapping[str, np.ndarray]
    measures: Mapping[str, np.ndarray]
    recalibration: Recalibration | None = None
    lesions: RealByCases | None = None
    candidates: RealByCases | None = None
    scans: tuple[tuple[str, ...], ...] = ()
    loads: PatientLoads | None = None

    def holds(self, information: Mapping[str, Any], measures: Mapping[str, float]) -> bool:
        """Whether a prediction is of one of these cases: a guarantee is for further cases only.

        Told by the hashes of the scans, and, for records without them and scans that were saved anew, by
        measures that are all the same to five digits.

        Parameters
        ----------
        information
            Of the prediction.
        measures
            Its `measures_of`.
        """
        known = set(scans_of(information))
        near = [np.isclose(self.measures[name], measures[name], rtol=_SAME, atol=0) for name in MEASURES]
        return any(known & set(own) for own in self.scans) or bool(np.all(near, axis=0).any())

    @property
    def suspicious_cases(self) -> tuple[str, ...]:
        """Cases of whose reference hardly anything is found at any threshold: it may be of another scan."""
        missed = self.losses["missed_volume"].min(axis=1)
        return tuple(name for name, share in zip(self.cases, missed, strict=True) if share > _STRANGE)

    def guarantee(self, loss: str, limit: float, *, confidence: float | None = None) -> Guarantee:
        """The least cautious threshold that keeps a loss below a limit.

        Parameters
        ----------
        loss
            One of `LOSSES`.
        limit
            Above 0, below 1.
        confidence
            Of the mean loss being below it (learn then test); None for a further case's loss on average
            (conformal risk control), which needs fewer cases.

        Raises
        ------
        InputError
            If there is no such loss, or a number is unusable.
        """
        if loss not in LOSSES:
            raise InputError(f"There is no loss {loss!r}: choose one of {', '.join(LOSSES)}.")
        safest = LOSSES[loss].safest
        if confidence is None:
            return control_mean(self.losses[loss], GRID, limit, safest=safest)
        return control_with_confidence(self.losses[loss], GRID, limit, confidence=confidence, safest=safest)

    def unlike(self, measures: Mapping[str, float]) -> list[OutOfRangeMeasure]:
        """In what a new case is unlike these: no guarantee holds for it then.

        A measure counts when it lies outside of the range of these cases and more than four robust
        standard deviations (1.4826 times the median absolute deviation) from their median.
        """
        return out_of_range(self.measures, measures)

    def to_json(self) -> str:
        """The record as JSON, which `read_record` reads back exactly."""
        fitted = None if self.recalibration is None else json.loads(self.recalibration.to_json())
        content = {
            "version": _VERSION,
            "model": self.model,
            "model_sha256": self.model_sha256,
            "method": self.method,
            "inputs": list(self.inputs),
            "min_volume": self.min_volume,
            "cases": list(self.cases),
            "scans": [list(own) for own in self.scans],
            "losses": {name: self.losses[name].tolist() for name in LOSSES},
            "measures": {name: self.measures[name].tolist() for name in MEASURES},
            "recalibration": fitted,
            "lesions": _plain(self.lesions),
            "candidates": _plain(self.candidates),
        }
        if self.loads is not None:
            content["loads"] = self.loads.as_json()
        return json.dumps(content, allow_nan=False)


_Texts = Annotated[tuple[str, ...], Field(strict=False)]


def _numbers_of(names: Mapping[str, Any], kind: Any, right: str) -> type[Strict]:
    """A table with numbers under each of these names."""
    made: Any = {name: (kind, Field(description=right)) for name in names}
    return create_model("Numbers", __base__=Strict, **made)


class _RealByCases(Strict):
    """`RealByCases` as JSON has it: null in place of NaN."""

    model_config = ConfigDict(extra="forbid")

    constant: float
    peak: float
    volume: float
    threshold: float
    components: int
    true: int
    brier: float | None
    brier_of_share: float | None


_Losses = _numbers_of(LOSSES, list[list[Annotated[float, Field(ge=0, le=1)]]], "lists of numbers from 0 to 1")
_Measures = _numbers_of(MEASURES, list[Annotated[float, Field(ge=0)]], "a list of numbers of 0 or more")


class _Content(Strict):
    """What a record's JSON holds."""

    model: str = Field(description="text")
    model_sha256: str = Field(description="text")
    method: str = Field(description="text")
    inputs: _Texts = Field(min_length=1, description="a list of one kind of scan or more")
    min_volume: float = Field(ge=0, description="a volume in mm3, 0 or more")
    cases: _Texts = Field(min_length=1, description="a list of one name or more")
    scans: tuple[_Texts, ...] = Field(default=(), strict=False, description="a list of hashes for each case")
    losses: _Losses = Field(description="a table of lists of numbers")  # type: ignore[valid-type]
    measures: _Measures = Field(description="a table of lists of numbers")  # type: ignore[valid-type]
    recalibration: dict[str, Any] | None = Field(default=None, description="a table, or null")
    lesions: _RealByCases | None = Field(default=None, description="a table, or null")
    candidates: _RealByCases | None = Field(default=None, description="a table, or null")
    loads: dict[str, Any] | None = Field(default=None, description="a table, or null")


def read_record(text: str) -> CalibrationRecord:
    """Read what `CalibrationRecord.to_json` wrote.

    Raises
    ------
    InputError
        If the text is anything else.
    """
    wrong = f"This is not a calibration record of version {_VERSION}"
    if len(text) > _LONGEST:
        raise InputError(f"{wrong}: it is too long.")
    try:
        content = parse_json(text, "It")
    except InputError as error:
        raise InputError(f"{wrong}. {error}") from error
    if content.get("version") != _VERSION:
        raise InputError(f"{wrong}.")
    read = validated(_Content, content, "This calibration record")
    n = len(read.cases)
    if len(read.scans) not in (0, n):
        raise InputError(f"This calibration record: 'scans' should have an entry for each of {n} cases.")
    return CalibrationRecord(
        read.model,
        read.model_sha256,
        read.method,
        read.inputs,
        read.min_volume,
        read.cases,
        {name: _array(getattr(read.losses, name), name, (n, len(GRID))) for name in LOSSES},
        {name: _array(getattr(read.measures, name), name, (n,)) for name in MEASURES},
        None if read.recalibration is None else from_json(json.dumps(read.recalibration)),
        _real_by_cases(read.lesions),
        _real_by_cases(read.candidates),
        read.scans,
        None if read.loads is None else parse_loads(read.loads, n, "This calibration record"),
    )


def scans_of(information: Mapping[str, Any]) -> tuple[str, ...]:
    """Hashes that the scans of a prediction are known by: of their voxels, and of their files."""
    inputs = information.get("inputs")
    abouts = inputs.values() if isinstance(inputs, Mapping) else ()
    found = [about.get(key) for about in abouts if isinstance(about, Mapping) for key in _HASHES]
    return tuple(sorted({text for text in found if isinstance(text, str) and text}))


def _plain(fitted: RealByCases | None) -> dict[str, float | None] | None:
    """JSON has no NaN."""
    if fitted is None:
        return None
    return {name: None if value != value else value for name, value in asdict(fitted).items()}


def _real_by_cases(content: _RealByCases | None) -> RealByCases | None:
    if content is None:
        return None
    numbers: dict[str, Any] = {
        name: np.nan if value is None else value for name, value in content.model_dump().items()
    }
    return RealByCases(**numbers)


def _array(values: list, name: str, shape: tuple[int, ...]) -> np.ndarray:
    try:
        array = np.array(values, dtype=float)
    except ValueError:  # rows of different lengths
        array = np.empty(0)
    if array.shape != shape:
        should = " x ".join(map(str, shape))
        raise InputError(f"This calibration record: '{name}' should be {should} numbers (cases, thresholds).")
    return array
