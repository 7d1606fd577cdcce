"""The probability that a lesion is real, as plain numbers in a model's folder.

``real_probability.json`` says how much each feature of a lesion weighs: the logit of the probability is a
constant plus, for each feature, its weight times how far the lesion's value lies from a centre. What is not
known, such as the contrast on a T1 that there is not, counts as the centre, and so as nothing.

`uncertainty.real_probability.lesion_features` measures the values, ``experiments/real_lesions.py`` fits
the weights.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
import scipy
from pydantic import ConfigDict, Field, model_validator

from napari_uncertainseg._threshold import LOWEST_CANDIDATES
from napari_uncertainseg.disk.checked_json import read_json_if_there
from napari_uncertainseg.disk.validation import Strict, validated
from napari_uncertainseg.networks.recalibration import LogitLine

REAL_PROBABILITY = "real_probability.json"
"""The file in a model's folder; a model without it says no such probability."""
P_REAL = "p_real"
"""The name of what it says, among the columns of tables and in what it is measured by."""
VERSION = 1
MAX_BYTES = 1 << 16


class Feature(NamedTuple):
    """A feature of a lesion: the range that values are clipped to, and what they are."""

    low: float
    high: float
    sign: int
    """1 where more of it can only speak for a lesion, -1 where only against one, 0 where either."""
    definition: str


FEATURES: Mapping[str, Feature] = MappingProxyType(
    {
        "largest_probability": Feature(-4, 6, 1, "logit of the largest probability"),
        "mean_probability": Feature(-4, 6, 1, "logit of the mean probability"),
        "mean_entropy": Feature(0, 0.7, -1, "mean entropy, nats"),
        "seen": Feature(0, 1, 1, "share of the members that see any of it at the threshold"),
        "volume": Feature(0, 5, 1, "log10 of the volume in mm3"),
        "voxels": Feature(0, 5, 1, "log10 of the volume in voxels of the scan"),
        "slices": Feature(0, 5, 0, "log2 of the number of slices that it reaches over"),
        "thickness": Feature(-0.5, 1.2, 0, "log10 of the voxels' largest side in mm"),
        "brightness": Feature(-2, 4, 0, "mean FLAIR, in units of 30 % of tissue"),
        "over_grey": Feature(-3, 4, 0, "mean FLAIR less the brightest tenth of healthy tissue, same unit"),
        "over_lesions": Feature(-3, 3, 0, "mean FLAIR less that of all that may be lesion here, same unit"),
        "contrast": Feature(-2, 4, 1, "mean FLAIR less healthy tissue nearby, same unit"),
        "contrast_t1": Feature(-3, 3, 0, "mean T1 less healthy tissue nearby, standard deviations"),
        "contrast_t2": Feature(-3, 5, 0, "mean T2 less healthy tissue nearby, standard deviations"),
        "depth": Feature(0, 8, 1, "distance of its deepest voxel to dark fluid or the brain's edge, mm"),
        "edge": Feature(0, 30, 0, "mean distance to the brain's edge, mm"),
        "ventricle": Feature(0, 30, 0, "mean distance to fluid deep in the brain, mm"),
        "mirrored": Feature(0, 0.6, 0, "mean probability at the same place on the other side"),
        "asymmetry": Feature(-1.5, 1.5, 0, "mean FLAIR less that on the other side, same unit"),
    }
)
"""By the names that files have for them."""

_PEAK = "largest_probability"
_OF_PROBABILITIES = {"mean_probability", "mean_entropy", "mirrored", "seen"}
"""Kinds that follow from many probabilities: what they were before a recalibration is not known."""

_SAME = 1e-6
"""Thresholds that differ by less are one."""
LARGEST = 1000
_Number = Annotated[float, Field(ge=-LARGEST, le=LARGEST, description="a number, -1000 to 1000")]
_Share = Annotated[float, Field(ge=0, le=1, description="a number from 0 to 1")]
_Name = Annotated[str, Field(min_length=1, max_length=100, description="a name")]
_Count = Annotated[int, Field(ge=0, le=10**9, description="a whole number of 0 or more")]


class _Table(Strict):
    model_config = ConfigDict(strict=True, frozen=True, allow_inf_nan=False, extra="forbid")


class Weight(_Table):
    """What one feature is worth; values are clipped to its own range, or else to that of `FEATURES`."""

    weight: _Number
    centre: _Number
    low: _Number | None = None
    high: _Number | None = None

    def clips(self, feature: Feature) -> tuple[float, float]:
        """The range that values of its feature are clipped to."""
        return feature.low if self.low is None else self.low, feature.high if self.high is None else self.high

    def after(self, line: LogitLine, feature: Feature) -> Weight | None:
        """The same worth for logits that were moved; None where its numbers would be too large to keep."""
        moved = [value / line.temperature + line.shift for value in (self.centre, *self.clips(feature))]
        weight = self.weight * line.temperature
        if max(map(abs, (weight, *moved))) > LARGEST:
            return None
        return Weight(weight=weight, centre=moved[0], low=moved[1], high=moved[2])


class Source(_Table):
    """One of the sources that it was fitted on, and AUROCs there: `P_REAL` is that of a fit without it.

    ``lesions`` counts candidates, too, and twice what was read with FLAIR alone and with all scans.
    The AUROCs are of lesions alone.
    """

    name: _Name
    model: str = Field(max_length=200, description="text")
    patients: _Count
    lesions: _Count
    auroc: dict[str, _Share] = Field(default={}, max_length=20, description="a table of numbers from 0 to 1")


class RealProbability(_Table):
    """What ``real_probability.json`` holds.

    Attributes
    ----------
    version
        Of the file's format.
    methods
        Of inference whose probabilities it was fitted on; it says nothing about those of others.
    thresholds
        The lowest and the highest at which lesions may be outlined. Of others it says nothing.
    candidate_threshold
        At which candidates were outlined. Of others it says nothing.
    orders
        Whether it told false from real lesions better than the simple measures on every source left out: then
        lists and sessions go by it.
    constant
        Of the logit.
    weights
        By the names of `FEATURES`.
    lesions, real
        How many lesions and candidates it was fitted on, and how many of them experts had marked.
    brier, brier_of_share
        Mean squared error on sources left out of the fit, and that of always saying the share that is real.
    sources
        What it was fitted on.
    """

    version: Literal[1] = Field(description=f"{VERSION}, the only version that this program knows")
    methods: tuple[_Name, ...] = Field(
        min_length=1, max_length=10, strict=False, description="a list of 1 to 10 methods"
    )
    thresholds: tuple[_Share, _Share] = Field(strict=False, description="a list of two numbers")
    candidate_threshold: _Share
    orders: bool = Field(description="true or false")
    constant: _Number
    weights: dict[str, Weight] = Field(min_length=1, max_length=7, description="a table of 1 to 7 features")
    lesions: _Count
    real: _Count
    brier: _Share
    brier_of_share: _Share
    sources: tuple[Source, ...] = Field(
        default=(), max_length=100, strict=False, description="a list of at most 100 tables"
    )

    @model_validator(mode="after")
    def _fits_together(self) -> RealProbability:
        unknown = [name for name in self.weights if name not in FEATURES]
        if unknown:
            raise ValueError(f"'weights' names '{unknown[0]}'; known are {', '.join(FEATURES)}")
        if self.real > self.lesions:
            raise ValueError("'real' should be at most 'lesions'")
        if self.thresholds[0] > self.thresholds[1]:
            raise ValueError("'thresholds' should begin with the lower one")
        return self

    def covers(self, threshold: float, candidate_threshold: float) -> bool:
        """Whether it says something of lesions and candidates that are outlined at these thresholds."""
        low, high = self.thresholds
        within = low - _SAME <= threshold <= high + _SAME
        return within and abs(candidate_threshold - self.candidate_threshold) <= _SAME

    def probability(self, values: Mapping[str, np.ndarray], count: int) -> np.ndarray:
        """Of being real, float64 (count,), from what `uncertainty.real_probability.lesion_features` measures.

        Parameters
        ----------
        values
            By feature, float64 (count,); NaN where not known.
        count
            How many lesions and candidates there are.
        """
        logit = np.full(count, self.constant, float)
        for name, one in self.weights.items():
            value = np.clip(values[name], *one.clips(FEATURES[name]))
            logit += one.weight * np.where(np.isnan(value), 0.0, value - one.centre)
        return np.asarray(scipy.special.expit(logit))

    def moved(self, line: LogitLine) -> RealProbability | None:
        """The same numbers for probabilities whose logits a model's recalibration has moved.

        Candidates are never outlined below `LOWEST_CANDIDATES`: they may be a little smaller than in the fit.

        Parameters
        ----------
        line
            How they were moved since these numbers were fitted.

        Returns
        -------
        RealProbability or None
            None where it weighs what cannot be told from moved probabilities, such as their mean entropy, or
            where its numbers would be too large to keep.
        """
        if line == LogitLine():
            return self
        if _OF_PROBABILITIES & self.weights.keys():
            return None
        weights = dict(self.weights)
        if _PEAK in weights:
            moved = weights[_PEAK].after(line, FEATURES[_PEAK])
            if moved is None:
                return None
            weights[_PEAK] = moved
        return self.model_copy(
            update={
                "weights": weights,
                "thresholds": tuple(map(line.move, self.thresholds)),
                "candidate_threshold": max(LOWEST_CANDIDATES, line.move(self.candidate_threshold)),
            }
        )

    def as_json(self) -> dict[str, Any]:
        """What `parse_real_probability` reads back."""
        found: dict[str, Any] = self.model_dump(mode="json", exclude_none=True)
        return found

    def to_text(self) -> str:
        """The content of the file."""
        return json.dumps(self.as_json(), indent=2, allow_nan=False) + "\n"


def parse_real_probability(content: object, name: str) -> RealProbability:
    """Numbers from JSON, or `InputError` with the first that cannot be right.

    Parameters
    ----------
    content
        As `json.loads` gives it.
    name
        Of the file, for the sentence.
    """
    return validated(RealProbability, content, name)


def read_real_probability(folder: Path) -> RealProbability | None:
    """The numbers in a model's folder; None where there are none.

    Raises
    ------
    InputError
        If the file is there and cannot be read, or holds anything else.
    """
    path = folder / REAL_PROBABILITY
    content = read_json_if_there(path, most_bytes=MAX_BYTES)
    return None if content is None else parse_real_probability(content, str(path))
