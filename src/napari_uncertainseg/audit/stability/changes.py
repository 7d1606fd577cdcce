"""Which acquisition moves which measure: changes against the first acquisition, over people."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import t

from napari_uncertainseg.audit.stability.measures import Measure
from napari_uncertainseg.audit.stability.reliability import Estimate


@dataclass(frozen=True)
class Change:
    """What an acquisition does to a measure.

    Attributes
    ----------
    acquisition
        Compared with the first one of each person.
    measure
        Which.
    signed
        Mean over people of the difference, in the unit of the measure; 95 % by Student's t, NaN of one
        person.
    relative
        Mean over people of the difference as a share of the first acquisition's size; people of whom that
        is 0
        are left out.
    size
        Mean over people of the share without its sign: ups and downs do not cancel.
    people
        Of whom there are both.
    """

    acquisition: str
    measure: Measure
    signed: Estimate
    relative: Estimate
    size: float
    people: int

    @property
    def shown(self) -> bool:
        """Whether the interval of the difference leaves 0 out."""
        low, high = self.signed.low, self.signed.high
        return math.isfinite(low) and (low > 0 or high < 0)


def mean_change(values: np.ndarray) -> Estimate:
    """Mean with Student's 95 % interval, which of one value is not known; NaN values are left out."""
    known = values[np.isfinite(values)]
    if not known.size:
        return Estimate()
    mean = float(known.mean())
    if known.size < 2:
        return Estimate(mean)
    half = float(t.ppf(0.975, known.size - 1) * known.std(ddof=1) / math.sqrt(known.size))
    return Estimate(mean, mean - half, mean + half)


def changes_of(rows: pd.DataFrame, measures: Sequence[Measure], names: Sequence[str]) -> Iterator[Change]:
    """Changes of all acquisitions but the first.

    Parameters
    ----------
    rows
        A row for each person and acquisition: ``patient``, ``acquisition``, measures.
    measures
        Which.
    names
        Acquisitions; those of people who lack the first are compared with nothing, and left out.
    """
    for measure in measures:
        if measure.name not in rows or rows[measure.name].isna().all():
            continue
        wide = rows.pivot(index="patient", columns="acquisition", values=measure.name)
        first = wide[names[0]].to_numpy(float)
        for name in names[1:]:
            difference = wide[name].to_numpy(float) - first
            with np.errstate(divide="ignore", invalid="ignore"):
                share = np.where(first != 0, difference / np.abs(first), math.nan)
            sizes = np.abs(share[np.isfinite(share)])
            yield Change(
                name,
                measure,
                mean_change(difference),
                mean_change(share),
                float(sizes.mean()) if sizes.size else math.nan,
                int(np.isfinite(difference).sum()),
            )
