"""HTML of what comes from anywhere: escaped where it goes in, and of one piece with its style."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Collection, Iterable, Sequence

from napari_uncertainseg.review.reports.report_data import finite


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Characters that steer a terminal or turn the reading direction: nothing that a name needs."""

STYLE = """
:root { color-scheme: light dark; --ink: #1c1c1c; --paper: #fff; --line: #c8c8c8; --soft: #f2f2f2;
  --bad: #a40000; --good: #1b5e20; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e4e4; --paper: #17191c; --line: #474b50;
  --soft: #23262a; --bad: #ff8a80; --good: #a5d6a7; } }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.45 system-ui, sans-serif; }
main { max-width: 72rem; margin: 0 auto; padding: 1rem 1.5rem 3rem; overflow-wrap: anywhere; }
h1 { margin-bottom: .2em; } h2 { margin-top: 1.8em; border-bottom: 1px solid var(--line); }
h2, h3 { break-after: avoid; }
.notice { border: 1px solid var(--line); background: var(--soft); padding: .6em .9em; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; margin: .6em 0 1em; }
thead { display: table-header-group; } tr, figure { break-inside: avoid; }
th, td { border-bottom: 1px solid var(--line); padding: .25em .6em; text-align: left; vertical-align: top;
  overflow-wrap: normal; }
th { background: var(--soft); vertical-align: bottom; } th.n { text-align: right; }
td.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.name, .words { display: inline-block; max-width: 22em; overflow-wrap: anywhere; }
td .name, th .name { min-width: 6em; } .words { min-width: 12em; white-space: pre-wrap; }
p .name, h3 .name, figcaption .name { display: inline; }
code { font-size: .9em; } code.hash { overflow-wrap: anywhere; }
.bad { color: var(--bad); font-weight: bold; } .good { color: var(--good); }
.pictures { display: flex; flex-wrap: wrap; gap: 1em; margin: .8em 0; }
figure { margin: 0; width: 15rem; } figure img { width: 100%; background: #000; display: block; }
figcaption { font-size: .85em; padding-top: .3em; overflow-wrap: anywhere; }
dt { font-weight: bold; } dd { margin: 0 0 .4em 1.5em; }
@page { margin: 14mm; }
@media print {
  :root { color-scheme: light; --ink: #000; --paper: #fff; --line: #999; --soft: #eee; --bad: #a40000;
    --good: #1b5e20; }
  body { font-size: 8pt; } main { max-width: none; padding: 0; } .wide { overflow: visible; }
  th, td { padding: .2em .4em; } figure { width: 56mm; } .pictures { gap: 4mm; }
}
"""
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def escaped(value: object) -> Markup:
    """Text as HTML, in which nothing is markup; what is HTML already stays."""
    if isinstance(value, Markup):
        return value
    # A lone surrogate, which JSON can hold, is no text that a file could.
    plain = str(value).encode("utf-8", "replace").decode("utf-8")
    return Markup(html.escape(_UNSEEN.sub("\N{REPLACEMENT CHARACTER}", plain), quote=True))


def element(name: str, *content: object, **attributes: str) -> Markup:
    """An element; ``class_`` gives its class."""
    given = "".join(f' {k.rstrip("_")}="{escaped(v)}"' for k, v in attributes.items())
    return Markup(f"<{name}{given}>{''.join(escaped(one) for one in content)}</{name}>")


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
    classes = [{"class_": "n"} if i in right else {} for i in range(len(head))]
    top = element("tr", *(element("th", h, **c) for h, c in zip(head, classes, strict=True)))
    body = [
        element("tr", *(element("td", cell, **c) for cell, c in zip(row, classes, strict=True)))
        for row in rows
    ]
    return element("div", element("table", element("thead", top), element("tbody", *body)), class_="wide")


def picture(png: bytes, alt: str, caption: object) -> Markup:
    """A PNG within the page, with what it shows."""
    data = base64.b64encode(png).decode("ascii")
    image = Markup(f'<img alt="{escaped(alt)}" src="data:image/png;base64,{data}">')
    return element("figure", image, element("figcaption", caption))


def name_span(value: object) -> Markup:
    """What somebody chose to call something: it may be of any length, without a space."""
    return element("span", value, class_="name")


def format_number(value: object, digits: int = 2) -> str:
    """A number for the eye; a dash where there is none."""
    known = finite(value)
    return "–" if known is None else f"{round(known, digits) + 0.0:.{digits}f}"  # noqa: RUF001


def pluralised(n: int, what: str) -> str:
    """A number of things in words."""
    return f"{n} {what}{'' if n == 1 else 's'}"


def short_id(session_id: str) -> Markup:
    """The first eight digits of a session, by which the report names it."""
    return element("code", session_id[:8])


def whole_page(title: str, content: Iterable[Markup]) -> str:
    """A page that needs nothing else: no script, no other file, and a policy that forbids both."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escaped(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(content)
        + "\n</main>\n</body>\n</html>\n"
    )
