"""The sheet as a text that is shown on screen, and drawn on one page of paper."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from qtpy.QtCore import QBuffer, QIODevice, QMarginsF, QRectF
from qtpy.QtGui import QFont, QPageLayout, QPageSize, QPainter, QPdfWriter, QTextDocument

from napari_uncertainseg.widgets.reading_bar.keys_sheet import texts
from napari_uncertainseg.widgets.reading_bar.keys_sheet.contents import ShownGroup, ShownLine

PAPER = ("#000000", "#e6e6e6")
"""Text on white paper, and the ground of keys there."""
_LARGEST, _SMALLEST = 10.0, 4.0
_MARGIN_MM = 12.0
_DPI = 600


def as_html(groups: Sequence[ShownGroup], columns: int, ink: str, ground: str) -> str:
    """The groups as HTML.

    Parameters
    ----------
    groups
        What is shown.
    columns
        Beside each other.
    ink, ground
        Colours of a key and of what is behind it.
    """
    cells = "".join(
        f"<td width='{100 // columns}%' style='padding-right: 12px'>{_tables(part, ink, ground)}</td>"
        for part in _balanced(groups, columns)
    )
    return f"<table width='100%' cellspacing='0' cellpadding='0'><tr>{cells}</tr></table>"


def _balanced(groups: Sequence[ShownGroup], columns: int) -> list[list[ShownGroup]]:
    """The groups in their order, so that no column is much longer than another."""
    whole = sum(map(_height, groups)) / columns
    parts: list[list[ShownGroup]] = [[] for _ in range(columns)]
    done = 0.0
    for group in groups:
        middle = done + _height(group) / 2
        parts[min(int(middle / whole), columns - 1)].append(group)
        done += _height(group)
    return parts


def _height(group: ShownGroup) -> float:
    """About so many lines of text."""
    return 2.0 + sum(1 + len(line.meaning + line.warning) // 48 for line in group.lines)


def _tables(groups: Iterable[ShownGroup], ink: str, ground: str) -> str:
    return "".join(
        f"<h3 style='margin: 6px 0 2px 0'>{escape(group.title)}</h3>"
        f"<table width='100%' cellspacing='0' cellpadding='2'>"
        f"{''.join(_row(line, ink, ground) for line in group.lines)}</table>"
        for group in groups
    )


def _row(line: ShownLine, ink: str, ground: str) -> str:
    style = f"background-color: {ground}; color: {ink}"
    caps = [f"<b style='{style}'>&nbsp;{_unbroken(key)}&nbsp;</b>" for key in line.keys]
    keys = " ".join(caps) or f"<i>{texts.NO_KEY}</i>"
    warning = f"<br><b>{escape(line.warning)}</b>" if line.warning else ""
    return f"<tr><td width='37%'>{keys}</td><td>{escape(line.meaning)}{warning}</td></tr>"


def _unbroken(key: str) -> str:
    """A key in one piece; several words, as of the mouse, may be broken."""
    return escape(key) if len(key) > 20 else escape(key).replace(" ", "&nbsp;").replace("-", "‑")  # noqa: RUF001


def draw_page(painter: QPainter, room: QRectF, groups: Sequence[ShownGroup]) -> float:
    """Draw all groups into a rectangle of a page, in the largest letters that fit.

    Parameters
    ----------
    painter
        Of a printer or a PDF.
    room
        In its units.
    groups
        What is drawn.

    Returns
    -------
    float
        Size of the letters in points.
    """
    document, points = QTextDocument(), _LARGEST
    layout = document.documentLayout()
    assert layout is not None
    layout.setPaintDevice(painter.device())
    document.setDocumentMargin(0)
    document.setHtml(f"<h2 style='margin: 0'>{texts.TITLE}</h2>{as_html(groups, 2, *PAPER)}")
    while points > _SMALLEST:
        font = QFont(document.defaultFont())
        font.setPointSizeF(points)
        document.setDefaultFont(font)
        document.setTextWidth(room.width())
        if document.size().height() <= room.height():
            break
        points -= 0.5
    painter.save()
    painter.translate(room.topLeft())
    document.drawContents(painter)
    painter.restore()
    return points


def as_pdf(groups: Sequence[ShownGroup]) -> bytes:
    """The sheet as a PDF of one A4 page."""
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    writer = QPdfWriter(buffer)
    writer.setTitle(texts.TITLE)
    writer.setResolution(_DPI)
    writer.setPageLayout(a4())
    painter = QPainter(writer)
    draw_page(painter, QRectF(0, 0, writer.width(), writer.height()), groups)
    painter.end()
    return bytes(buffer.data().data())


def a4() -> QPageLayout:
    """An upright A4 page."""
    margins = QMarginsF(_MARGIN_MM, _MARGIN_MM, _MARGIN_MM, _MARGIN_MM)
    upright, millimetres = QPageLayout.Orientation.Portrait, QPageLayout.Unit.Millimeter
    return QPageLayout(QPageSize(QPageSize.PageSizeId.A4), upright, margins, millimetres)
