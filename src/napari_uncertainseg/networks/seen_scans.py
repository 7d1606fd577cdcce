"""What kind of scans a model has seen, as plain numbers, and in what another scan is unlike them.

A few numbers say what a prepared scan is like (`images.preparation.appearance` measures them). A model
folder may hold the range of each over the scans that it learnt from. A scan is unlike them if one number lies
so far outside its range that scans of one source do not differ so much; how far that is, is fitted by leaving
sources out (`experiments/unlike.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from pydantic import ConfigDict, Field, model_validator

from napari_uncertainseg.disk.validation import Strict


class Measure(NamedTuple):
    """A number that says what a scan is like.

    Attributes
    ----------
    what
        Begins the sentence about a scan that is unlike those seen.
    unit
        After the numbers.
    digits
        After the point.
    tolerance
        Smaller differences never count, in the measure's unit.
    """

    what: str
    unit: str
    digits: int
    tolerance: float


MEASURES: Mapping[str, Measure] = MappingProxyType(
    {
        "slice_mm": Measure("slices are {} thick", " mm", 1, 0.5),
        "in_plane_mm": Measure("voxels are {} wide in their slices", " mm", 2, 0.15),
        "brain_ml": Measure("the brain has {}", " ml", 0, 100.0),
        "dark_share": Measure("{} of the brain is dark", " %", 1, 3.0),
        "bright_share": Measure("{} of the brain is very bright", " %", 1, 1.0),
        "spread": Measure("the contrast within the brain is {}", "", 2, 0.1),
        "noise": Measure("noise and fine detail are {} of the brightness", " %", 1, 1.0),
    }
)
"""All measures by their names in ``model.json``."""


class SeenRange(Strict):
    """Least and greatest value of a measure over the scans seen, and how much scans of one source differ."""

    model_config = ConfigDict(extra="forbid")

    low: float = Field(description="a number")
    high: float = Field(description="a number")
    spread: float = Field(ge=0, description="a number of 0 or more")


class SeenScans(Strict):
    """What the scans that a model learnt from were like.

    Attributes
    ----------
    sources, scans
        From where they are, and how many.
    cut
        A scan is unlike them if a measure lies more than this many spreads outside its range.
    measures
        By the names of `MEASURES`; one that is missing is not compared.
    """

    model_config = ConfigDict(extra="forbid")

    sources: tuple[str, ...] = Field(max_length=64, strict=False, description="a list of up to 64 names")
    scans: int = Field(ge=1, description="a whole number of at least 1")
    cut: float = Field(gt=0, lt=1000, description="a number above 0")
    measures: dict[str, SeenRange] = Field(description="an object with a range for each measure")

    @model_validator(mode="after")
    def _knows_its_measures(self) -> SeenScans:
        for name, found in self.measures.items():
            if name not in MEASURES:
                raise ValueError(f"'measures' should be of {list(MEASURES)}, not '{name}'")
            if found.low > found.high:
                raise ValueError(f"'low' of the measure '{name}' is above its 'high'")
        return self

    def distances(self, values: Mapping[str, float]) -> dict[str, float]:
        """How far each measure of a scan lies outside its range, in spreads; 0 inside.

        Parameters
        ----------
        values
            By the names of `MEASURES`; one that is missing is not compared.
        """
        found = {}
        for name, known in self.measures.items():
            if name in values:
                outside = max(known.low - values[name], values[name] - known.high, 0.0)
                found[name] = outside / max(known.spread, MEASURES[name].tolerance)
        return found

    def unlike(self, values: Mapping[str, float]) -> list[str]:
        """In what a scan is unlike those seen, the most unlike first: a part of a sentence each."""
        found = sorted(self.distances(values).items(), key=lambda item: -item[1])
        return [self._sentence(name, values[name]) for name, distance in found if distance > self.cut]

    def _sentence(self, name: str, value: float) -> str:
        known, measure = self.measures[name], MEASURES[name]
        number, low, high = (f"{x:.{measure.digits}f}" for x in (value, known.low, known.high))
        seen = low if low == high else f"{low} to {high}"
        return f"{measure.what.format(number + measure.unit)}, the model has seen {seen}{measure.unit}"
