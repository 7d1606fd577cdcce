"""What is known of a region beside the network: where it lies, and what a lesion's doubt goes with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from math import isfinite
from typing import Any

import numpy as np
import pandas as pd

from napari_uncertainseg.explain.drivers.definitions import PLACE, driver_columns, driver_of
from napari_uncertainseg.explain.drivers.reasons import CaseDrivers, Reason
from napari_uncertainseg.explain.place.column import COLUMNS
from napari_uncertainseg.explain.place.lesions import DISTANCES, place_lesions
from napari_uncertainseg.explain.place.zones import BrainZones

_NAN = float("nan")
_NEAR = "ventricles", "cortex", "brain's edge"
"""To what the `DISTANCES` are."""


@dataclass(frozen=True)
class RegionFacts:
    """What is known of a region beside the network.

    Attributes
    ----------
    place
        One of `explain.place.lesions.PLACES`; empty where it was not found out.
    to_ventricle_mm, to_cortex_mm, to_edge_mm
        Shortest gaps, mm; NaN where unknown.
    drivers
        Of a lesion, the other numbers that its doubt may go with, by the columns of `driver_columns`.
    measure
        The doubt whose shares the reasons tell; empty where they are facts without shares.
    reasons
        What the lesion's doubt goes with; empty for what is no lesion.
    doubt
        The same as a sentence.
    basis
        What that rests on.
    problem
        Why the place or the doubt's drivers are not known, a sentence; empty where they are.
    """

    place: str = ""
    to_ventricle_mm: float = _NAN
    to_cortex_mm: float = _NAN
    to_edge_mm: float = _NAN
    drivers: Mapping[str, float] = field(default_factory=dict)
    measure: str = ""
    reasons: tuple[Reason, ...] = ()
    doubt: str = ""
    basis: str = ""
    problem: str = ""

    @property
    def row(self) -> dict[str, str | float]:
        """Place, distances and drivers, by their columns."""
        return {PLACE: self.place, **{name: getattr(self, name) for name in DISTANCES}, **self.drivers}

    @property
    def in_words(self) -> str:
        """Where the region lies, and what is not known of it."""
        gaps = [(name, getattr(self, column)) for name, column in zip(_NEAR, DISTANCES, strict=True)]
        known = [f"{mm:.0f} mm to the {name}" for name, mm in gaps if isfinite(mm)]
        place = "; ".join([f"Place: {self.place}", *known]) + "." if self.place else ""
        return " ".join(part for part in (place, self.problem) if part)


def facts_of_region(
    zones: BrainZones, region: np.ndarray, drivers: CaseDrivers | None = None, number: int = 0
) -> RegionFacts:
    """Read off what is known of a region; takes moments.

    Parameters
    ----------
    zones
        Of the brain.
    region
        bool, on the scan's grid, not empty.
    drivers
        Of the case; None for what is no lesion.
    number
        Of the lesion, in those drivers.
    """
    where = place_lesions(zones, region.astype(np.uint8)).loc[1]
    ventricle, cortex, edge = (float(where[name]) for name in DISTANCES)
    found = RegionFacts(str(where["place"]), ventricle, cortex, edge, problem=zones.problem)
    if drivers is None or number not in drivers.table.index:
        return found
    others = [x for x in driver_columns(list(drivers.table.columns)) if x not in (PLACE, *DISTANCES)]
    return replace(
        found,
        drivers={name: float(drivers.table.loc[number, name]) for name in others},
        measure=drivers.measure,
        reasons=drivers.reasons(number),
        doubt=drivers.sentence(number),
        basis=drivers.basis,
    )


def facts_table(facts: Mapping[str, RegionFacts]) -> pd.DataFrame:
    """Place, distances and drivers, a row for each region, by its name."""
    table = pd.DataFrame([{"region": name, **one.row} for name, one in facts.items()])
    return table[["region", *driver_columns(list(table.columns))]]


def columns_of_facts(facts: Sequence[RegionFacts]) -> dict[str, dict[str, str]]:
    """Title, unit and definition of each column of `facts_table`, JSON-serialisable."""
    told = {}
    for name in driver_columns(list({name: None for one in facts for name in one.row})):
        column = COLUMNS.get(name) or driver_of(name)
        told[name] = {"title": column.title, "unit": column.unit, "definition": column.definition}
    return told


def facts_as_json(facts: RegionFacts) -> dict[str, Any]:
    """All of it, JSON-serialisable; a number that is not known is None."""
    told = {key: _plain(value) for key, value in asdict(facts).items()}
    told["drivers"] = {name: _plain(value) for name, value in facts.drivers.items()}
    told["reasons"] = [{key: _plain(value) for key, value in asdict(one).items()} for one in facts.reasons]
    return told


def facts_from_json(told: Mapping[str, Any]) -> RegionFacts:
    """What `facts_as_json` made.

    Raises
    ------
    TypeError, AttributeError
        If it is something else.
    """
    reasons = tuple(Reason(**{**one, "share": _number(one.get("share"))}) for one in told["reasons"])
    drivers = {str(name): _number(value) for name, value in told["drivers"].items()}
    gaps = {name: _number(told.get(name)) for name in DISTANCES}
    return RegionFacts(**{**told, **gaps, "drivers": drivers, "reasons": reasons})


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not isfinite(value) else value


def _number(value: Any) -> float:
    return _NAN if value is None else float(value)
