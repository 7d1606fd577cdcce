"""How long a reader was at work, by the times of a journal's entries."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise

from napari_uncertainseg.evaluate.result.case_result import TimeSpent
from napari_uncertainseg.review.store.entry_details import PaintedDetails
from napari_uncertainseg.review.store.journal import Entry, details_of
from napari_uncertainseg.review.store.reading_speed import LONGEST_S


def time_spent(entries: Sequence[Entry]) -> TimeSpent:
    """Add up the time between entries; what is longer than `LONGEST_S` was a pause.

    The same rule holds for the time that one verdict took (`reading_speed.reading_time`). Time before the
    first entry, and after the last, is not seen.

    Parameters
    ----------
    entries
        In the order in which they were written; a clock that was set back counts for nothing.
    """
    times = [datetime.fromisoformat(entry.at) for entry in entries]
    gaps = [max((later - one).total_seconds(), 0.0) for one, later in pairwise(times)]
    pauses = [gap for gap in gaps if gap > LONGEST_S]
    return TimeSpent(sum(gaps) - sum(pauses), len(pauses), sum(pauses))


def strokes_of(entries: Sequence[Entry]) -> int:
    """How often the painting was changed: each stroke, and each step back or forth in them."""
    return len(details_of(entries, PaintedDetails))
