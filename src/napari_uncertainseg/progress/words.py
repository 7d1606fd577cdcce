"""The time that is left, in words."""

from __future__ import annotations

SOON_S = 3.0
"""Before so many seconds of work of an unknown kind no time left is told: loading says little of the rest."""


def format_time_left(seconds: float | None, spent: float = 0.0) -> str:
    """Time left, for display: coarse, because it is an estimate.

    Parameters
    ----------
    seconds
        None while nothing is known of it.
    spent
        Seconds since the start: all that can be told then.
    """
    if seconds is None:
        return "estimating the time left" if spent < SOON_S else f"{spent:.0f} s so far"
    if seconds < 1.5:
        return "nearly done"
    if seconds < 20:
        return f"about {round(seconds)} s left"
    if seconds < 90:
        return f"about {5 * round(seconds / 5)} s left"
    return f"about {round(seconds / 60)} min left"
