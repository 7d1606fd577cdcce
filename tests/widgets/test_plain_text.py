"""What comes from names, files and comments is shown as it is: no tag is drawn, no text turned around."""

from __future__ import annotations

import ast
import re

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QMessageBox, QTableWidget, QWidget

from napari_uncertainseg._base import visible
from napari_uncertainseg.widgets.shared.form_helpers import (
    PlainLabel,
    notice,
    plain_tooltip,
    rich,
    wrapping_label,
)
from napari_uncertainseg.widgets.shared.number_table import NumberTable, Table

TAGS = [
    "<img src=x>",
    "<b>bold</b>",
    "<a href='file:///etc'>x</a>",
    "&lt;b&gt;",
    "<table><tr><td>x",
    "<!-- x",
]
MARKS = ["\x1b[2J", "\u202egnp.nii", "a\rb", "\u2066x", "\x9b31m", "\ud800"]


def drawn(widget: QWidget) -> np.ndarray:
    image = widget.grab().toImage()
    bits = image.constBits()
    bits.setsize(image.sizeInBytes())
    return np.frombuffer(bytes(bits), np.uint8)


@pytest.mark.parametrize("text", TAGS)
def test_a_tag_is_shown_as_it_is(qtbot, text) -> None:
    for label in (PlainLabel(text), wrapping_label()):
        qtbot.addWidget(label)
        label.setText(text)
        assert label.textFormat() == Qt.TextFormat.PlainText and label.text() == text
    label = rich("<b>ours</b>")
    qtbot.addWidget(label)
    assert label.textFormat() == Qt.TextFormat.RichText
    label.setText(text)
    assert label.textFormat() == Qt.TextFormat.PlainText
    plain = QLabel()
    plain.setTextFormat(Qt.TextFormat.PlainText)
    qtbot.addWidget(plain)
    plain.setText(text)
    for one in (label, plain):
        one.resize(300, 40)
    assert np.array_equal(drawn(label), drawn(plain))
    assert not Qt.mightBeRichText(notice(text).split("&")[0]) and "<img" not in plain_tooltip(text)


@pytest.mark.parametrize("text", MARKS)
def test_what_turns_or_steers_is_written_out(qtbot, text) -> None:
    label = PlainLabel(text)
    qtbot.addWidget(label)
    assert re.search(r"<U\+[0-9A-F]{4}>", label.text()) and visible(label.text()) == label.text()
    assert not set(text) & set("\x1b\r\u202e\u2066\x9b\ud800") & set(label.text())
    assert "&lt;U+" in plain_tooltip(text) and "‹U+" in notice(text)  # noqa: RUF001


def test_titles_of_tables_are_plain_in_their_tooltips(qtbot) -> None:
    table = NumberTable()
    qtbot.addWidget(table)
    table.show_table(Table(rows=("<img src=x>",), columns=("<b>a",), cells=(("1",),)))
    for item in (table.verticalHeaderItem(0), table.horizontalHeaderItem(0)):
        assert "<img" not in item.toolTip() and "<b>" not in item.toolTip()


def test_questions_are_plain(qtbot, monkeypatch, tmp_path) -> None:
    from napari_uncertainseg.widgets.shared.dialogs import ask_yes_no_cancel, may_replace

    asked = []
    monkeypatch.setattr(QMessageBox, "exec", lambda box: asked.append((box.textFormat(), box.text())))
    parent = QWidget()
    qtbot.addWidget(parent)
    assert ask_yes_no_cancel(parent, "t", "<img src=x>\x1b", "yes", None) is None
    assert asked == [(Qt.TextFormat.PlainText, "<img src=x><U+001B>")]
    answer = QMessageBox.StandardButton.Cancel
    monkeypatch.setattr(QMessageBox, "question", lambda *given: asked.append(given[2]) or answer)
    assert not may_replace(parent, tmp_path / "<img src=x>")
    assert "<img" not in asked[-1] and "&lt;img src=x&gt;" in asked[-1]


def test_labels_are_made_in_one_place(checkout) -> None:
    """A label that Qt may take for HTML is made nowhere; boxes with a question are made in `saving`."""
    for path in (checkout / "src" / "napari_uncertainseg" / "widgets").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("QLabel", "QMessageBox"):
                assert path.name in ("fields.py", "saving.py"), f"{path.name}:{node.lineno}: use PlainLabel"
            if isinstance(node, ast.ClassDef) and "QLabel" in map(ast.unparse, node.bases):
                assert path.name == "fields.py", f"{path.name}:{node.lineno}: derive from PlainLabel"


def test_no_dock_draws_a_tag(make_viewer, qtbot) -> None:
    """Layers, a reader and a model with tags in their names, through all docks of a real window."""
    from napari_uncertainseg.widgets.window import open_review

    name = "<img src=x><b>T2 FLAIR</b>"
    viewer = make_viewer()
    review = open_review(viewer)
    noise = np.random.default_rng(0).normal(100, 9, (12, 14, 16)).astype(np.float32)
    viewer.add_image(noise, name=name)
    viewer.add_labels((noise > 110).astype(np.uint8), name=f"{name} mask")
    viewer.add_labels((noise > 115).astype(np.uint8), name=f"{name} other")
    for kind in ("lesions", "calibration", "raters", "session", "exercises", "cohort", "dashboard"):
        review.open_dock(kind)
        qtbot.wait(50)
    review.raters.choose([f"{name} mask", f"{name} other"])
    review.raters.run.click()
    qtbot.waitUntil(lambda: review.raters.comparison is not None, timeout=20_000)
    qtbot.wait(100)
    seen = 0
    for dock in viewer.window._qt_window.findChildren(QWidget):
        if not type(dock).__module__.startswith("napari_uncertainseg"):
            continue
        for widget in (dock, *dock.findChildren(QWidget)):
            assert "<img" not in widget.toolTip(), widget
            if isinstance(widget, QLabel) and "<img" in widget.text():
                assert widget.textFormat() == Qt.TextFormat.PlainText, widget.text()
            if isinstance(widget, QTableWidget):
                heads = [widget.verticalHeaderItem(i) for i in range(widget.rowCount())]
                heads += [widget.horizontalHeaderItem(i) for i in range(widget.columnCount())]
                assert not any(head and "<img" in head.toolTip() for head in heads)
                seen += any(head and "<img" in head.text() for head in heads)
    assert seen  # the raters' table has them as they are
