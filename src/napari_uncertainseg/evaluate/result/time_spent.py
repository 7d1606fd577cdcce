"""How long a reader was at work, by the times of a journal's entries."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise

from napari_uncertainseg.evaluate.result.case_result import TimeSpent
from napari_uncertainseg.review.store.entry_details import PaintedDetails
from napari_uncertainseg.review.store.journal import Entry, details_of
from napari_uncertainseg.review.store.reading_speed import LONGEST_S, SINCE_OPENED


def time_spent(entries: Sequence[Entry]) -> TimeSpent:
    """Add up the time between entries; what is longer than `LONGEST_S` was a pause.

    So was what passed before the program was opened again. The same rule holds for the time that one verdict
    took (`reading_speed.reading_time`). Time before the first entry, and after the last, is not seen.

    Parameters
    ----------
    entries
        In the order in which they were written; a clock that was set back counts for nothing.
    """
    times = [datetime.fromisoformat(entry.at) for entry in entries]
    gaps = [max((later - one).total_seconds(), 0.0) for one, later in pairwise(times)]
    read = [_within(gap, entry) for gap, entry in zip(gaps, entries[1:], strict=True)]
    paused = [gap - counted for gap, counted in zip(gaps, read, strict=True) if counted < gap]
    return TimeSpent(sum(read), len(paused), sum(paused))


def _within(gap: float, entry: Entry) -> float:
    """Seconds of a gap before an entry that count: not while the program was not open."""
    since = (entry.details.model_extra or {}).get(SINCE_OPENED)
    if isinstance(since, int | float) and since >= 0:  # False for what is no number
        gap = min(gap, float(since))
    return gap if gap <= LONGEST_S else 0.0


def strokes_of(entries: Sequence[Entry]) -> int:
    """How many strokes stand: one that was taken back, or all of them, do not count."""
    stand: list[tuple[object, object]] = [(None, None)]
    for _, painted in details_of(entries, PaintedDetails):
        now = (painted.mask, painted.start) if painted.mask is not None else (None, None)
        if now in stand:  # the painting is again as it was
            del stand[stand.index(now) + 1 :]
        elif painted.step == "undo" and len(stand) > 1:
            stand.pop()
        else:
            stand.append(now)
    return len(stand) - 1
