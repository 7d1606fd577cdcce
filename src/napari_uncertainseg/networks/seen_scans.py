"""What kind of scans a model has seen, as plain numbers, and in what another scan is unlike them.

A few numbers say what a prepared scan is like (`images.preparation.appearance` measures them). A model
folder may hold the range of each for every source that it learnt from. A scan is unlike all of them if from
each it differs in some number by more than scans of one source differ; by how much more, is fitted by leaving
sources out (`experiments/unlike.py`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, NamedTuple

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
        "slice_mm": Measure("slices are {} thick", " mm", 1, 0.3),
        "in_plane_mm": Measure("voxels are {} wide in their slices", " mm", 2, 0.15),
        "brain_ml": Measure("the brain has {}", " ml", 0, 100.0),
        "dark_share": Measure("{} of the brain is dark", " %", 1, 3.0),
        "bright_share": Measure("{} of the brain is very bright", " %", 1, 1.0),
        "spread": Measure("the contrast within the brain is {}", "", 2, 0.1),
        "noise": Measure("noise and fine detail are {} of the brightness", " %", 1, 1.0),
    }
)
"""All measures by their names in ``model.json``."""


Numbers = dict[str, float]
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._+-]{0,63}")
PlainName = Annotated[
    str, Field(pattern=f"^{_PLAIN.pattern}$", description="a plain name, like 'my-hospital'")
]
"""Names that are shown to the user: no line breaks, no codes for a terminal."""


class SeenSource(Strict):
    """A source that a model learnt from: how many scans, and the range of each measure over them."""

    model_config = ConfigDict(extra="forbid")

    scans: int = Field(ge=1, description="a whole number of at least 1")
    low: Numbers = Field(description="an object with a number for each measure")
    high: Numbers = Field(description="an object with a number for each measure")


class SeenScans(Strict):
    """What the scans that a model learnt from were like, source by source.

    Attributes
    ----------
    cut
        A scan is unlike a source if a measure lies more than this many spreads outside its range.
    spread
        How much a measure differs between patients of one source, standard deviation.
    sources
        By their names.
    """

    model_config = ConfigDict(extra="forbid")

    cut: float = Field(gt=0, lt=1000, description="a number above 0")
    spread: Numbers = Field(description="an object with a number for each measure")
    sources: dict[str, SeenSource] = Field(
        min_length=1, max_length=64, description="an object with 1 to 64 sources"
    )

    @model_validator(mode="after")
    def _knows_its_measures(self) -> SeenScans:
        if not self.spread or not set(self.spread) <= set(MEASURES):
            raise ValueError(f"'spread' should have some of {list(MEASURES)}, not {list(self.spread)}")
        if min(self.spread.values()) < 0:
            raise ValueError("'spread' should not be below 0")
        for name, source in self.sources.items():
            if not _PLAIN.fullmatch(name):
                raise ValueError(f"'sources' should have plain names, not {name!r}")
            if not set(source.low) == set(source.high) == set(self.spread):
                raise ValueError(f"'low' and 'high' of '{name}' should have the measures of 'spread'")
            if any(source.low[measure] > source.high[measure] for measure in self.spread):
                raise ValueError(f"'low' of '{name}' is above its 'high'")
        return self

    def distances(self, values: Mapping[str, float]) -> dict[str, dict[str, float]]:
        """How far each measure of a scan lies outside each source's range, in spreads; 0 inside.

        Parameters
        ----------
        values
            By the names of `MEASURES`, at least those of `spread`.
        """
        return {name: self._from(source, values) for name, source in self.sources.items()}

    def _from(self, source: SeenSource, values: Mapping[str, float]) -> dict[str, float]:
        found = {}
        for name, spread in self.spread.items():
            outside = max(source.low[name] - values[name], values[name] - source.high[name], 0.0)
            found[name] = outside / max(spread, MEASURES[name].tolerance)
        return found

    def distance(self, values: Mapping[str, float]) -> float:
        """How unlike a scan is: the greatest distance in any measure from the most similar source."""
        return min(max(own.values()) for own in self.distances(values).values())

    def unlike(self, values: Mapping[str, float]) -> list[str]:
        """In what a scan is unlike all sources seen, the most unlike first: a part of a sentence each.

        It is compared with the most similar source. Nothing where it is like that one.
        """
        found = self.distances(values)
        name = min(found, key=lambda one: max(found[one].values()))
        beyond = sorted((-d, measure) for measure, d in found[name].items() if d > self.cut)
        return [self._words(measure, values[measure], name, found) for _, measure in beyond]

    def _words(
        self, name: str, value: float, nearest: str, distances: Mapping[str, Mapping[str, float]]
    ) -> str:
        measure = MEASURES[name]
        what = measure.what.format(f"{value:.{measure.digits}f}{measure.unit}")
        if all(own[name] > self.cut for own in distances.values()):
            rising = sorted(self.sources, key=lambda source: self.sources[source].low[name])
            seen = " or ".join(dict.fromkeys(self._range(name, source) for source in rising))
            return f"{what}, the model has seen {seen}{measure.unit}"
        return f"{what}, in {nearest}, which is most similar, {self._range(name, nearest)}{measure.unit}"

    def _range(self, name: str, source: str) -> str:
        digits, known = MEASURES[name].digits, self.sources[source]
        low, high = f"{known.low[name]:.{digits}f}", f"{known.high[name]:.{digits}f}"
        return low if low == high else f"{low} to {high}"
