"""The PDF of a result: what stands in it can be read again, page by page, and pictures show the lesion."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from qtpy.QtCore import QBuffer, QByteArray, QIODevice, QSize

from napari_uncertainseg import InputError
from napari_uncertainseg.evaluate.result.measuring import ReviewState, measure_result
from napari_uncertainseg.uncertainty.lesion_ranking import rank_lesions
from napari_uncertainseg.widgets.reading_bar.result.pages import pdf_of, write_pages
from napari_uncertainseg.widgets.reading_bar.result.pictures import (
    _CHOSEN,
    _OTHER,
    draw_lesion,
    shown_lesions,
)


@pytest.fixture
def measured(prediction, qapp):
    return measure(prediction)


def measure(prediction, decisions=None, **about):
    lesions = rank_lesions(prediction)
    return measure_result(
        ReviewState(prediction, lesions, decisions or {}, None, prediction.probability, **about)
    )


def pages_of(content: bytes):
    """Text of the pages of a PDF, by Qt's own reader."""
    pdf = _reader()
    document = pdf.QPdfDocument(None)
    data = QByteArray(content)
    buffer = QBuffer(data)
    buffer.open(QIODevice.OpenModeFlag.ReadOnly)
    document.load(buffer)
    texts = [document.getAllText(page).text() for page in range(document.pageCount())]
    sizes = [document.pagePointSize(page) for page in range(document.pageCount())]
    picture = document.render(0, QSize(400, 566))
    document.close()
    return texts, sizes, picture


def _reader():
    from qtpy import API_NAME

    return pytest.importorskip(f"{API_NAME}.QtPdf", reason="Qt has no reader of PDF here")


def test_the_text_can_be_read_again(prediction, qapp):
    found = measure(prediction, {1: "accepted"}, case="Zoë <b>&amp; Söhne", annotator="Ann")
    texts, sizes, _ = pages_of(pdf_of(found.result))
    assert len(texts) == 1 and (round(sizes[0].width()), round(sizes[0].height())) == (595, 842)
    text = " ".join(texts[0].split())
    for part in ("White matter lesions, review not finished", "Zoë <b>&amp; Söhne", "For research only",
                 "not a medical device", "Page 1 of 1", "accepted", "not judged", "Ann"):  # fmt: skip
        assert part in text, part
    assert text.count("For research only. This is not a medical device.") == 2, "at the top, and at the foot"


def test_the_fonts_are_in_the_file(measured):
    content = pdf_of(measured.result)
    assert b"/FontFile2" in content or b"/FontFile3" in content
    assert b"/ToUnicode" in content, "text can be searched and copied"


def test_hundreds_of_lesions_take_pages_with_numbers_and_a_heading_each(measured):
    many = tuple(replace(one, index=i, number=i) for i, one in enumerate(measured.result.lesions * 100, 1))
    texts, _, _ = pages_of(pdf_of(replace(measured.result, lesions=many)))
    assert len(texts) >= 5
    for page, text in enumerate(texts, start=1):
        assert f"Page {page} of {len(texts)}" in " ".join(text.split())
        assert "Verdict" in text and "For research only" in text
    numbers = {word for text in texts for word in text.split()}
    assert {str(i) for i in range(1, 301)} <= numbers


def test_no_lesion_and_a_long_name(prediction, qapp):
    nothing = {name: np.zeros_like(array) for name, array in prediction.maps.items()}
    found = measure(replace(prediction, maps=nothing), case="a very long name " * 60)
    texts, _, _ = pages_of(pdf_of(found.result))
    assert len(texts) == 1 and "There is no lesion." in texts[0]


def test_the_text_is_black_whatever_the_theme(measured, qapp):
    from qtpy.QtGui import QColor, QPalette

    palette = qapp.palette()
    try:
        dark = QPalette(palette)
        for role in (QPalette.ColorRole.Text, QPalette.ColorRole.WindowText):
            dark.setColor(role, QColor("white"))
        qapp.setPalette(dark)
        picture = pages_of(pdf_of(measured.result))[2]
    finally:
        qapp.setPalette(palette)
    dark_pixels = sum(
        picture.pixelColor(x, y).lightness() < 100 for x in range(0, 400, 2) for y in range(0, 280, 2)
    )
    assert dark_pixels > 100


def test_what_is_not_a_pdf_is_not_replaced(measured, flair, tmp_path):
    for name, content in (("a.pdf", b"SQLite format 3"), ("a.png", None)):
        if content:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError):
            write_pages(tmp_path / name, measured, flair)
    write_pages(tmp_path / "b.pdf", measured, flair)
    assert (tmp_path / "b.pdf").read_bytes().startswith(b"%PDF")


def test_a_picture_shows_the_lesion_in_the_middle_and_the_others_in_another_colour(measured, flair):
    lesion = shown_lesions(measured.result.lesions)[0]
    s, a, r = lesion.voxel
    labels = measured.labels.copy()
    labels[labels != lesion.index] = 0
    labels[s, a + 8 : a + 11, r + 6 : r + 9] = 99 if lesion.index != 99 else 98
    picture = draw_lesion(flair, labels, lesion, (0.0, 1.0))

    def where(name):
        shown = [(x, y) for x in range(picture.width()) for y in range(picture.height())
                 if picture.pixelColor(x, y).name() == name]  # fmt: skip
        return np.array(shown)

    chosen, other = where(_CHOSEN), where(_OTHER).mean(0)
    middle = picture.width() / 2
    assert np.abs(chosen.mean(0) - middle).max() < 0.2 * middle
    assert other[0] < middle and other[1] < middle, "more to the right is left, more anterior is up"


def test_undecided_lesions_are_drawn_first(measured):
    first, *rest = measured.result.lesions
    lesions = (replace(first, verdict="accepted"), *rest)
    assert shown_lesions(lesions)[-1].index == first.index
    assert [one.index for one in shown_lesions(measured.result.lesions)] == [1, 2, 3]


def test_each_lesion_has_side_slice_and_coordinates_and_measurements_are_there(prediction, qapp):
    found = measure(prediction, measurements=("1 ruler 12.3 mm",))
    text = " ".join(" ".join(pages_of(pdf_of(found.result))[0]).split())
    assert "1 ruler 12.3 mm" in text and "as the window's slider counts it" in text
    for one in found.result.lesions:
        place = ", ".join(f"{mm:.0f}" for mm in one.centre_mm)
        assert f"{one.side} {one.slice} {place}" in text
