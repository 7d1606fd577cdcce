"""Words of the line about volume and number in the Lesions dock."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

WHAT_HOLDS = (
    "It is the reader of the calibration cases who is meant, and the model's own threshold, wherever yours "
    "is. Each of both holds on average over such patients: not for another scanner or other patients."
)
BEFORE_RECALIBRATION = "before recalibration"


def interval(volume: str, count: str, things: str, counted: str = "") -> str:
    """What a reader would outline, each with its interval, as HTML.

    Parameters
    ----------
    volume, count
        From low to high.
    things
        What is counted, a plural.
    counted
        From which volume on, where the list has another.
    """
    volume, count = (escape(text).replace(" ", "&nbsp;") for text in (volume, f"{count} {things}"))
    said = f"In 9 of 10 such patients a reader outlines <b>{volume}</b>, <b>{count}</b>"
    return f"{said} {escape(counted)}" if counted else said


def members(volume: str, count: str, things: str, counted: str = "", where: Sequence[str] = ()) -> str:
    """What the members outline where nothing is promised, as HTML.

    Parameters
    ----------
    volume, count, things, counted
        As of `interval`.
    where
        In what these numbers differ from the list beside them: "at 0.50".
    """
    head = f"Members {escape(', '.join(where))}".rstrip()
    things = f"{things} {counted}" if counted else things
    return f"{head}: {volume} · {count} {escape(things)}; no interval"
