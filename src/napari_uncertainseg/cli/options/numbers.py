"""Numbers on a command line, and what is said of those that do not fit."""

from __future__ import annotations

import argparse
import math


def count(text: str) -> int:
    """A whole number, 1 or more."""
    value = _number(text)
    if value < 1 or value != int(value):
        raise argparse.ArgumentTypeError(f"{text} should be a whole number, 1 or more")
    return int(value)


def index(text: str) -> int:
    """A whole number, 0 or more."""
    value = _number(text)
    if value < 0 or value != int(value):
        raise argparse.ArgumentTypeError(f"{text} should be a whole number, 0 or more")
    return int(value)


def probability(text: str) -> float:
    """A number between 0 and 1."""
    value = _number(text)
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"{text} should lie between 0 and 1")
    return value


def fraction(text: str) -> float:
    """A share: 0 or more, and at most 1."""
    value = _number(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} should lie between 0 and 1")
    return value


def volume(text: str) -> float:
    """A number of mm3, 0 or more."""
    value = _number(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text} should be 0 or more, in mm3")
    return value


def width(text: str) -> float:
    """A width, above 0."""
    value = _number(text)
    if value <= 0:
        raise argparse.ArgumentTypeError(f"{text} should be above 0")
    return value


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"'{text}' is not a number")
    return value


def seconds(text: str) -> float:
    """A number of seconds, above 0."""
    value = float(text)
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text} should be above 0, in seconds")
    return value
