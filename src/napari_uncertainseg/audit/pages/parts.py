"""Parts that the pages of all audits share."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from napari_uncertainseg import __version__
from napari_uncertainseg.review.reports.html import Markup, element, format_number, table

NOTICE = "For research only: this is not a medical device."


def head(title: str, rows: Sequence[tuple[str, object]], notice: str = "") -> list[Markup]:
    """The title, what the page is not, and how it was made.

    Parameters
    ----------
    title
        Of the page.
    rows
        Of the table that says how: what, and its value. When and by what is added.
    notice
        What is said after `NOTICE`.
    """
    made = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    about = [*rows, ("made", f"{made} by napari-uncertainseg {__version__}")]
    said = f"{NOTICE} {notice}".strip()
    return [element("h1", title), element("p", said, class_="notice"), table(("", ""), about)]


def paragraphs(sentences: Iterable[str]) -> list[Markup]:
    """Each sentence in a paragraph of its own."""
    return [element("p", one) for one in sentences]


def picture(title: str, about: str, svg: Markup) -> list[Markup]:
    """A chart with its title and how to read it; one that is too wide scrolls."""
    return [element("h3", title), element("p", about), element("div", svg, class_="wide")]


def interval(value: float, low: float, high: float, digits: int = 3) -> str:
    """A value with its bounds; without them where they are not known."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return format_number(value, digits)
    return f"{format_number(value, digits)} ({format_number(low, digits)} to {format_number(high, digits)})"
