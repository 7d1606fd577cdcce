"""Simulated readers go through a queue: after how many seconds how much is still wrong, by order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from napari_uncertainseg.review.session.queue import CHECKS, EVERY, ORDERS, ranking
from napari_uncertainseg.review.session.stopping import draw_checks, mixed
from napari_uncertainseg.review.store.reading_speed import ReadingSpeed


@dataclass(frozen=True)
class SimulatedReader:
    """How somebody reads; simulated, and to be labelled so.

    Attributes
    ----------
    speed
        How long a lesion takes, in the median.
    spread
        Standard deviation of the logarithm of the time.
    skill
        Share of the verdicts that are right when fresh, 0.5 to 1.
    fatigue
        Share of the skill above 0.5 that is lost in an hour of reading.
    """

    speed: ReadingSpeed = field(default_factory=ReadingSpeed)
    spread: float = 0.4
    skill: float = 0.95
    fatigue: float = 0.1


@dataclass(frozen=True, eq=False)
class SimulatedReading:
    """What came of one reading.

    Attributes
    ----------
    seconds
        At which each verdict was given, ascending.
    errors
        What is still wrong after each: false lesions that are kept, missed ones that are not taken, and
        what the reader got wrong.
    before
        What was wrong at first.
    """

    seconds: np.ndarray
    errors: np.ndarray
    before: int

    def seconds_to(self, share: float) -> float:
        """Seconds until no more than a share of the errors is left; infinite where that is not reached."""
        reached = np.flatnonzero(self.errors <= share * self.before)
        if self.before == 0:
            return 0.0
        return float(self.seconds[reached[0]]) if len(reached) else np.inf


def read(
    table: pd.DataFrame, shown: Sequence[int] | np.ndarray, reader: SimulatedReader, rng: np.random.Generator
) -> SimulatedReading:
    """Let a reader go through a table.

    Parameters
    ----------
    table
        As for `ranking`, with ``exists`` (bool): whether it is a lesion in the reference.
    shown
        Rows in the order in which they are shown.
    reader
        Who reads.
    rng
        For the times and the mistakes.
    """
    at = np.asarray(shown, int)
    exists = table["exists"].to_numpy(bool)[at]
    candidate = table["candidate"].to_numpy(bool)[at]
    times = reader.speed.seconds_for(table["volume_mm3"].to_numpy()[at]) * np.exp(
        rng.normal(0, reader.spread, len(at))
    )
    seconds = np.cumsum(times)
    right = 0.5 + (reader.skill - 0.5) * np.clip(1 - reader.fatigue * seconds / 3600, 0, 1)
    says = np.where(rng.random(len(at)) < right, exists, ~exists)
    wrong_before = exists == candidate  # a false lesion, or a candidate that is one
    before = int(wrong_before.sum())
    change = (says != exists).astype(int) - wrong_before
    return SimulatedReading(seconds, before + np.cumsum(change), before)


def compare(
    tables: Sequence[pd.DataFrame],
    *,
    reader: SimulatedReader | None = None,
    repeats: int = 50,
    checks: float = CHECKS,
    every: int = EVERY,
    seed: int = 0,
) -> pd.DataFrame:
    """Compare the orders on cases.

    Parameters
    ----------
    tables
        One per case, see `read`.
    reader
        Who reads; the default one if None.
    repeats
        Readings of each case in each order.
    checks, every
        Share of the tasks drawn at random, and how often one is mixed in; as in sessions.
    seed
        Of everything random.

    Returns
    -------
    One row per order: means over cases and readings of ``half`` and ``fifth`` (seconds until no more than
    that share of the errors is left; a reading that never gets there counts with its whole length),
    ``reached`` (share that got to a fifth), ``all`` (seconds for everything), ``before`` and
    ``left`` (errors before and then).
    """
    reader = reader or SimulatedReader()
    rows = []
    for order in ORDERS:
        found = []
        for number, table in enumerate(tables):
            for repeat in range(repeats):
                rng = np.random.default_rng([seed, number, repeat])
                ranked = ranking(table, order, reader.speed, rng)
                drawn = draw_checks(len(table), checks, int(rng.integers(2**31)))
                reading = read(table, ranked[mixed(len(table), drawn, every)], reader, rng)
                whole = float(reading.seconds[-1]) if len(reading.seconds) else 0.0
                half, fifth = reading.seconds_to(0.5), reading.seconds_to(0.2)
                left = int(reading.errors[-1]) if len(reading.errors) else 0
                reached = np.isfinite(fifth)
                found.append((min(half, whole), min(fifth, whole), reached, whole, reading.before, left))
        rows.append((order, *np.mean(found, axis=0)))
    return pd.DataFrame(rows, columns=["order", "half", "fifth", "reached", "all", "before", "left"])
