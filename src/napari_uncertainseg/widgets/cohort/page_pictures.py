"""The charts of a page of an audit, taken out of its HTML so that the window can draw them."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from html import unescape

_PIECES = re.compile(
    r"<h[23](?:\s[^>]*)?>(?P<heading>.*?)</h[23]>"
    r"|<p(?:\s[^>]*)?>(?P<paragraph>.*?)</p>"
    r"|(?P<svg><svg\b.*?</svg>)"
    r'|<img\b[^>]*?src="data:image/png;base64,(?P<png>[^"]*)"[^>]*>',
    re.DOTALL,
)
_TAG = re.compile(r"<[^>]*>")
_RGBA = re.compile(r'(fill|stroke)="rgba\((\d+),\s*(\d+),\s*(\d+),\s*([\d.]+)\)"')
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
_SAID = re.compile(
    r"<(?P<kind>rect|circle|text)\b(?P<where>[^>]*)><title>(?P<said>.*?)</title>(?P<shown>[^<]*)", re.DOTALL
)
_NUMBER = re.compile(r'\b(x|y|cx|cy|r|width|height)="(-?[\d.]+)"')
_LETTER, _LINE = 7.2, 14.0
"""Pixels of a letter and of a line of text."""


@dataclass(frozen=True)
class Mark:
    """A part of a chart that says something where the mouse rests on it: a box, in the chart's pixels."""

    x: float
    y: float
    width: float
    height: float
    said: str


@dataclass(frozen=True)
class PagePicture:
    """A chart or picture of a page.

    Attributes
    ----------
    title, about
        The heading above it, and the paragraph between heading and picture; empty where there is none.
    svg
        XML in which ``currentColor`` is left to whoever draws; empty where it is a PNG.
    png
        A PNG file; empty where it is SVG.
    marks
        Of the chart, those drawn last at the end.
    """

    title: str
    about: str
    svg: str = ""
    png: bytes = b""
    marks: tuple[Mark, ...] = ()

    def coloured(self, colour: str) -> bytes:
        """The chart as a file of its own, with its texts and lines in a colour such as ``#ffffff``."""
        start = f'<svg xmlns="http://www.w3.org/2000/svg" color="{colour}"'
        return self.svg.replace("<svg", start, 1).encode("utf-8")


def pictures_of(page: str) -> tuple[PagePicture, ...]:
    """The pictures of a page that this program wrote, in their order.

    Parameters
    ----------
    page
        Its HTML.
    """
    above, title, about, found = "", "", "", []
    for piece in _PIECES.finditer(page):
        if (heading := piece["heading"]) is not None:
            if piece[0].startswith("<h2"):
                above = _plain(heading)
            title, about = _plain(heading), ""
        elif (paragraph := piece["paragraph"]) is not None:
            about = _plain(paragraph)
        else:
            where = title if not above or title == above else f"{above}: {title}"
            picture = _picture(piece, where, about)
            found += [] if picture is None else [picture]
            about = ""
    return tuple(found)


def _picture(piece: re.Match[str], title: str, about: str) -> PagePicture | None:
    if piece["png"] is not None:
        try:
            return PagePicture(title, about, png=base64.b64decode(piece["png"], validate=True))
        except binascii.Error:
            return None
    svg = _NO_XML.sub("\N{REPLACEMENT CHARACTER}", piece["svg"])
    # SVG Tiny, which Qt draws, knows no rgba.
    plain = _RGBA.sub(r'\1="rgb(\2,\3,\4)" \1-opacity="\5"', svg)
    return PagePicture(
        title, about, plain, marks=tuple(_mark(one) for one in _SAID.finditer(svg) if one["said"])
    )


def _plain(html: str) -> str:
    return " ".join(unescape(_TAG.sub("", html)).split())


def _mark(found: re.Match[str]) -> Mark:
    at = {name: float(value) for name, value in _NUMBER.findall(found["where"])}
    said = unescape(found["said"])
    if found["kind"] == "circle":
        r = max(at.get("r", 0.0), 4.0)
        return Mark(at.get("cx", 0.0) - r, at.get("cy", 0.0) - r, 2 * r, 2 * r, said)
    x, y = at.get("x", 0.0), at.get("y", 0.0)
    if found["kind"] == "rect":
        return Mark(x, y, at.get("width", 0.0), at.get("height", 0.0), said)
    wide = _LETTER * len(unescape(found["shown"]))
    left = {"end": wide, "middle": wide / 2}.get(_anchor(found["where"]), 0.0)
    return Mark(x - left, y - _LINE + 3, wide, _LINE, said)


def _anchor(where: str) -> str:
    found = re.search(r'text-anchor="(\w+)"', where)
    return "" if found is None else found[1]
