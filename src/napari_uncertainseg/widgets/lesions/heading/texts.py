"""Words of the line about volume and number in the Lesions dock."""

from __future__ import annotations

from html import escape

WHAT_HOLDS = (
    "It is the reader of the calibration cases who is meant, and the model's own threshold, wherever yours "
    "is. Each of both holds on average over such patients: not for another scanner or other patients."
)


def interval(volume: str, count: str, things: str) -> str:
    """What a reader would outline, each with its interval, as HTML; `things` is a plural."""
    volume, count = (escape(text).replace(" ", "&nbsp;") for text in (volume, f"{count} {things}"))
    return f"In 9 of 10 such patients a reader outlines <b>{volume}</b>, <b>{count}</b>"


def members(volume: str, count: str, things: str) -> str:
    """What the members outline where nothing is promised, as HTML; `things` is a plural."""
    return f"Members: {volume} · {count} {escape(things)}; no interval"
