"""The time that is left, in words."""

from __future__ import annotations

from napari_uncertainseg.progress.times import TimeLeft

NEARLY_S = 1.5
"""What takes less is nearly done."""
SOON_S = 3.0
"""Before so many seconds of work of an unknown kind no time left is told: loading says little of the rest."""


_SURE = 1.5
"""A number is told where it is likely right within this factor, else the two ends."""


def format_time_left(left: TimeLeft | None, spent: float = 0.0) -> str:
    """Time left, for display: coarse, because it is an estimate.

    Parameters
    ----------
    left
        None while nothing is known of it.
    spent
        Seconds since the start: all that can be told then.
    """
    if left is None:
        return "estimating the time left" if spent < SOON_S else f"{spent:.0f} s so far"
    if left.seconds < NEARLY_S:
        return "nearly done"
    number = _amount(left.seconds)
    if is_sure(left):
        return f"about {number} left"
    least, most = _amount(max(left.least, 1.0)), _amount(left.most)
    if least == most:
        return f"about {number} left"
    (first, unit), (_, same) = least.split(), most.split()
    return f"about {first if unit == same else least} to {most} left"


def is_sure(left: TimeLeft) -> bool:
    """Whether one number is likely right, within `_SURE`."""
    least, most = max(left.least, NEARLY_S), max(left.most, NEARLY_S)
    return most <= _SURE * left.seconds and left.seconds <= _SURE * least


def _amount(seconds: float) -> str:
    if seconds < 20:
        return f"{round(seconds)} s"
    if seconds < 90:
        return f"{5 * round(seconds / 5)} s"
    return f"{round(seconds / 60)} min"
