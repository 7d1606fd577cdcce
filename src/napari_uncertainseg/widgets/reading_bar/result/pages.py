"""The result as PDF pages, made by Qt: its text can be selected, and its fonts are in the file."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

from qtpy.QtCore import QBuffer, QIODevice, QMarginsF, QRectF, QSizeF, Qt, QUrl
from qtpy.QtGui import (
    QAbstractTextDocumentLayout,
    QColor,
    QFont,
    QImage,
    QPageLayout,
    QPageSize,
    QPainter,
    QPalette,
    QPdfWriter,
    QTextDocument,
)

from napari_uncertainseg._base import visible
from napari_uncertainseg.disk.outputs import Kind, check_output
from napari_uncertainseg.disk.replaced_file import replaced_file
from napari_uncertainseg.evaluate.result import sentences
from napari_uncertainseg.evaluate.result.case_result import CaseResult, ResultLesion
from napari_uncertainseg.evaluate.result.measuring import MeasuredResult
from napari_uncertainseg.images.volume import Volume
from napari_uncertainseg.widgets.reading_bar.result import texts
from napari_uncertainseg.widgets.reading_bar.result.pictures import draw_lesions

PAGES = Kind("a result", (".pdf",))
_DPI = 1200
"""Glyphs are placed on whole pixels: with fewer, words that are read from the file fall apart."""
_MARGIN_MM = 16.0
_FOOT_MM = 10.0
_PICTURE_MM = 52.0
_MM = _DPI / 25.4
_STYLE = """
body { font-family: sans-serif; font-size: 9pt; color: black }
h1 { font-size: 15pt } h2 { font-size: 11pt } td, th { padding: 2px 5px }
"""

Pictures = Sequence[tuple[ResultLesion, QImage]]


def write_pages(path: Path, measured: MeasuredResult, scan: Volume | None) -> None:
    """Write the result as A4 pages, whole or not at all. May be called in any thread.

    Parameters
    ----------
    path
        Ends in ``.pdf``; a file there is replaced.
    measured
        The result.
    scan
        Of which pictures are drawn; there are none without it.

    Raises
    ------
    InputError
        If the file cannot be written, or is of another kind.
    """
    check_output(path, PAGES)
    pictures = () if scan is None else tuple(draw_lesions(scan, measured.labels, measured.result.lesions))
    content = pdf_of(measured.result, pictures)
    with replaced_file(path) as file:
        file.write(content)


def pdf_of(result: CaseResult, pictures: Pictures = ()) -> bytes:
    """Make the pages.

    Parameters
    ----------
    result
        The numbers.
    pictures
        Of some of its lesions.
    """
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    writer = QPdfWriter(buffer)
    writer.setResolution(_DPI)
    writer.setPageLayout(
        QPageLayout(
            QPageSize(QPageSize.PageSizeId.A4), QPageLayout.Orientation.Portrait, QMarginsF(0, 0, 0, 0)
        )
    )
    writer.setTitle(f"{sentences.title(result)}: {visible(result.made.case)}"[:200])
    writer.setCreator(result.made.software)
    document = _document(result, pictures, writer)
    _paint(document, writer)
    return bytes(buffer.data().data())


def _document(result: CaseResult, pictures: Pictures, writer: QPdfWriter) -> QTextDocument:
    document = QTextDocument()
    layout = document.documentLayout()
    assert layout is not None
    layout.setPaintDevice(writer)  # points become pixels of the page, not of a screen
    document.setDefaultStyleSheet(_STYLE)
    document.setDefaultFont(_font(9))
    document.setDocumentMargin(0)
    for i, (_, picture) in enumerate(pictures):
        document.addResource(QTextDocument.ResourceType.ImageResource.value, QUrl(f"picture:{i}"), picture)
    width, height = writer.width() - 2 * _MARGIN_MM * _MM, writer.height() - (2 * _MARGIN_MM + _FOOT_MM) * _MM
    document.setPageSize(QSizeF(round(width), round(height)))
    document.setHtml("".join(_html(result, pictures)))
    return document


def _font(points: int) -> QFont:
    font = QFont("sans-serif", points)
    font.setHintingPreference(QFont.HintingPreference.PreferNoHinting)  # as on paper, not as on a screen
    return font


def _html(result: CaseResult, pictures: Pictures) -> Iterator[str]:
    yield f"<h1>{_safe(sentences.title(result))}</h1><p><b>{_safe(sentences.RESEARCH)}</b></p>"
    yield "<table cellspacing='0'>"
    for line in sentences.lines(result):
        yield f"<tr><td><b>{_safe(line.about)}</b></td><td>{_safe(line.says)}</td></tr>"
    yield "</table>"
    yield from _picture_row(pictures, bool(result.lesions))
    yield f"<h2>{_safe(texts.LESIONS_BY_DOUBT)}</h2>"
    if not result.lesions:
        yield f"<p>{_safe(texts.NO_LESION)}</p>"
        return
    yield "<table cellspacing='0' border='0.5' style='border-collapse: collapse' width='100%'><thead><tr>"
    yield "".join(f"<th align='left'>{_safe(title)}</th>" for title in texts.LIST_HEAD)
    yield "</tr></thead>"
    for one in result.lesions:
        cells = "".join(f"<td>{_safe(text)}</td>" for text in _cells(one))
        yield f"<tr>{cells}</tr>"
    yield "</table>"
    yield f"<p>{_safe(texts.WHERE)}</p>"
    if any(one.corrected for one in result.lesions):
        yield f"<p>{_safe(texts.OF_MODELS_OUTLINE)}</p>"


def _picture_row(pictures: Pictures, has_lesions: bool) -> Iterator[str]:
    if not pictures:
        yield f"<p>{_safe(texts.NO_PICTURE)}</p>" if has_lesions else ""
        return
    side = round(_PICTURE_MM * 96 / 25.4)  # the document counts pictures in pixels of 1/96 inch
    yield "<table cellspacing='6'><tr>"
    yield "".join(
        f"<td><img src='picture:{i}' width='{side}' height='{side}'></td>" for i in range(len(pictures))
    )
    yield "</tr><tr>"
    for one, _ in pictures:
        caption = texts.caption(one.name, one.volume_mm3, one.doubt, one.verdict)
        yield f"<td>{_safe(caption)}</td>"
    yield "</tr></table>"


def _cells(lesion: ResultLesion) -> tuple[str, ...]:
    """What a row of the list says, in the order of `texts.LIST_HEAD`."""
    verdict = lesion.verdict or texts.NOT_JUDGED
    return (
        lesion.name,
        lesion.place,
        lesion.side,
        "" if lesion.slice is None else f"{lesion.slice}",
        "" if math.isnan(lesion.centre_mm[0]) else ", ".join(f"{mm:.0f}" for mm in lesion.centre_mm),
        f"{lesion.volume_mm3:.0f}",
        f"{lesion.diameter_mm:.1f}",
        _number(lesion.probability),
        _number(lesion.doubt),
        f"{verdict}, {drawn}" if (drawn := _whose(lesion)) else verdict,
    )


def _whose(lesion: ResultLesion) -> str:
    """That an outline is not the model's, and then whose numbers stand beside it."""
    if lesion.corrected or lesion.grown:
        return texts.CORRECTED
    return texts.DRAWN if lesion.drawn else ""


def _number(value: float) -> str:
    return "" if value != value else f"{value:.2f}"


def _safe(text: str) -> str:
    """Text in HTML; what a file says is no tag, and steers nothing."""
    return escape(visible(text)).replace("\n", "<br>")


def _paint(document: QTextDocument, writer: QPdfWriter) -> None:
    """Paint one page after the other, each with its foot."""
    layout = document.documentLayout()
    assert layout is not None
    size, margin = document.pageSize(), round(_MARGIN_MM * _MM)
    pages = document.pageCount()
    painter = QPainter(writer)
    try:
        for page in range(pages):
            if page:
                writer.newPage()
            painter.save()
            painter.translate(margin, margin - page * size.height())
            part = QRectF(0, page * size.height(), size.width(), size.height())
            painter.setClipRect(part)
            context = QAbstractTextDocumentLayout.PaintContext()
            context.clip = part
            # napari's dark theme has white text.
            context.palette.setColor(QPalette.ColorRole.Text, QColor("black"))
            layout.draw(painter, context)
            painter.restore()
            _paint_foot(painter, writer, page + 1, pages)
    finally:
        painter.end()


def _paint_foot(painter: QPainter, writer: QPdfWriter, page: int, pages: int) -> None:
    painter.setFont(_font(8))
    painter.setPen(QColor("black"))
    margin = _MARGIN_MM * _MM
    foot = QRectF(margin, writer.height() - margin, writer.width() - 2 * margin, _FOOT_MM * _MM)
    top = Qt.AlignmentFlag.AlignTop
    painter.drawText(foot, top | Qt.AlignmentFlag.AlignLeft, sentences.RESEARCH)
    painter.drawText(foot, top | Qt.AlignmentFlag.AlignRight, texts.page_of(page, pages))
