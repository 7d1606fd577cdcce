"""HTML of what comes from anywhere: templates that escape, and a page that needs no other file.

Text that a file of sessions holds is escaped where it goes in, by jinja2. Only what is made here is `Markup`.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from napari_uncertainseg.nouns import LESION, Noun
from napari_uncertainseg.review.reports.report_data import finite

_KEPT = re.compile(r'<span class="(?:name|words)"[^>]*>.*?</span>|<code[^>]*>.*?</code>|<[^>]*>', re.DOTALL)
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Characters that steer a terminal or turn the reading direction: nothing that a name needs."""


def _printable(value: object) -> object:
    """Text without what cannot be shown; HTML of this module as it is."""
    if isinstance(value, Markup):
        return value
    # A lone surrogate, which JSON can hold, is no text that a file could.
    plain = str(value).encode("utf-8", "replace").decode("utf-8")
    return _UNSEEN.sub("\N{REPLACEMENT CHARACTER}", plain)


_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).with_name("templates")),
    autoescape=True,
    finalize=_printable,
    undefined=StrictUndefined,
    keep_trailing_newline=True,
)


def escaped(value: object) -> Markup:
    """Text as HTML, in which nothing is markup; what is HTML already stays."""
    return escape(_printable(value))


def in_words_of(part: Markup, noun: Noun) -> Markup:
    """A part of a page that speaks of lesions, made to speak of something else.

    Tags, and what somebody chose to call something (`name_span`, comments, codes), stay as they are.
    """
    if noun.one == LESION:
        return part
    shown, text, at = Noun(str(escaped(noun.one))), "", 0
    for kept in _KEPT.finditer(part):
        text, at = f"{text}{shown.fit(str(part[at : kept.start()]))}{kept[0]}", kept.end()
    return Markup(text + shown.fit(str(part[at:])))


def element(name: str, *content: object, **attributes: str) -> Markup:
    """An element; ``class_`` gives its class."""
    given = Markup("").join(Markup(' {}="{}"').format(k.rstrip("_"), v) for k, v in attributes.items())
    inner = Markup("").join(escaped(part) for part in content)
    return Markup("<{0}{1}>{2}</{0}>").format(name, given, inner)


def table(head: Sequence[str], rows: Iterable[Sequence[object]], right: Collection[int] = ()) -> Markup:
    """A table that scrolls where it is too wide.

    Parameters
    ----------
    head
        Titles of the columns.
    rows
        Cells, as many as titles.
    right
        Indices of columns that hold numbers.
    """
    return _macro("table", head, rows, right)


def picture(png: bytes, alt: str, caption: object) -> Markup:
    """A PNG within the page, with what it shows."""
    return _macro("picture", base64.b64encode(png).decode("ascii"), alt, caption)


def name_span(value: object) -> Markup:
    """What somebody chose to call something: it may be of any length, without a space."""
    return element("span", value, class_="name")


def format_number(value: object, digits: int = 2) -> str:
    """A number for display; a dash where there is none."""
    known = finite(value)
    return "–" if known is None else f"{round(known, digits) + 0.0:.{digits}f}"  # noqa: RUF001


def short_id(session_id: str) -> Markup:
    """The first eight digits of a session, by which the report names it."""
    return element("code", session_id[:8])


def whole_page(title: str, content: Iterable[Markup]) -> str:
    """A page that needs nothing else: no script, no other file, and a policy that forbids both."""
    return _TEMPLATES.get_template("page.html").render(title=title, content=Markup("\n").join(content))


def _macro(name: str, *values: object) -> Markup:
    return Markup(getattr(_TEMPLATES.get_template("parts.html").module, name)(*values))
