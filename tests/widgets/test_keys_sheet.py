"""The sheet of keys: all keys as the user has them, one key away, on screen and on one page."""

import weakref

import pytest
from napari.settings import get_settings
from napari.utils.action_manager import action_manager
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QApplication, QDialog, QLineEdit, QTableWidget, QVBoxLayout

from napari_uncertainseg.widgets.dock_description import Dock, KeyAction
from napari_uncertainseg.widgets.dock_list import WITH_KEYS
from napari_uncertainseg.widgets.keys import WindowKeys
from napari_uncertainseg.widgets.reading_bar.keys_sheet import page, part, texts
from napari_uncertainseg.widgets.reading_bar.keys_sheet.contents import (
    ShownGroup,
    ShownLine,
    count_clashes,
    matching,
    napari_groups,
    shown_groups,
)
from napari_uncertainseg.widgets.reading_bar.part import HelpGroup, HelpLine, Part, PartWidget
from napari_uncertainseg.widgets.shared.dock_widget import DockWidget
from napari_uncertainseg.widgets.window import Review

from .actions import click, focus

NAME, OTHER = "napari-uncertainseg:wave", "napari-uncertainseg:greet"


class Waving(DockWidget):
    def __init__(self):
        super().__init__()
        self.done, self.field = [], QLineEdit()
        QVBoxLayout(self).addWidget(self.field)

    def act(self, action):
        self.done.append(action)


class Turning(PartWidget):
    def __init__(self, context):
        super().__init__()

    def help(self):
        return (HelpGroup("Mouse", (HelpLine(("Wheel",), "Scrolls slices."),)),)


WAVING = Dock("waving", "Waving dock", lambda context: Waving(), keys=(KeyAction("wave", "Y", "Wave."),))
TURNING = Part("turning", Turning, (KeyAction("greet", "Shift+J", "Greet."),))


@pytest.fixture
def review(make_viewer):
    viewer = make_viewer()
    made = Review(viewer, viewer.window._qt_window, (WAVING,), (TURNING, part.PART))
    made.open_dock("waving")
    del viewer
    yield weakref.proxy(made)  # a fixture's value outlives the window
    for name in (NAME, OTHER):
        action_manager._actions.pop(name, None)
        action_manager._shortcuts.pop(name, None)
    get_settings().shortcuts.reset()


@pytest.fixture
def keys(review, qtbot):
    """The part of the bar, with the focus on the images."""
    focus(qtbot, review._viewer.window._qt_viewer.canvas.native)
    return weakref.proxy(review.opened.parts["keys"])


@pytest.fixture
def all_groups(review):
    """Groups of all keys of the plugin, in the window of the review."""
    window_keys = WindowKeys(review._window, WITH_KEYS, review.opened)
    found = window_keys.help()
    window_keys.cleanup()
    return found


def press(qtbot, key, modifier=Qt.KeyboardModifier.NoModifier):
    qtbot.keyClick(QApplication.focusWidget(), key, modifier)


def question_mark(qtbot):
    press(qtbot, "?", Qt.KeyboardModifier.ShiftModifier)


def text_of(keys):
    return keys.sheet.lines.toPlainText()


def test_one_key_shows_the_sheet_and_four_ways_close_it(review, keys, qtbot):
    canvas = QApplication.focusWidget()
    ways = (
        lambda: question_mark(qtbot),
        lambda: press(qtbot, Qt.Key.Key_Escape),
        lambda: press(qtbot, Qt.Key.Key_F1),
        lambda: click(qtbot, keys.sheet.close_button),
        lambda: qtbot.mouseClick(keys.sheet, Qt.MouseButton.LeftButton, pos=QPoint(3, 300)),
    )
    for opening, closing in zip((question_mark, *[lambda q: press(q, Qt.Key.Key_F1)] * 4), ways, strict=True):
        opening(qtbot)
        assert keys.sheet.isVisible() and keys.sheet.size() == review._window.size()
        assert keys.sheet.isAncestorOf(QApplication.widgetAt(review._window.mapToGlobal(QPoint(400, 400))))
        closing()
        assert keys.sheet is None
        assert QApplication.focusWidget() is canvas
    click(qtbot, keys.button)
    qtbot.mouseClick(keys.sheet.card, Qt.MouseButton.LeftButton, pos=QPoint(3, 3))
    assert keys.sheet.isVisible()


def test_a_question_mark_is_a_letter_where_one_types(review, keys, qtbot):
    focus(qtbot, review.waving.field)
    question_mark(qtbot)
    assert review.waving.field.text() == "?" and keys.sheet is None
    click(qtbot, keys.button)
    focus(qtbot, keys.sheet.field)
    question_mark(qtbot)
    assert keys.sheet.field.text() == "?"
    press(qtbot, Qt.Key.Key_Escape)
    assert keys.sheet is None


def test_what_is_typed_filters_and_reaches_nothing_behind(review, keys, qtbot):
    question_mark(qtbot)
    for letter in "yes":
        press(qtbot, letter)
    assert keys.sheet.field.text() == "yes" and review.waving.done == []
    assert text_of(keys) == texts.NOTHING_FOUND
    keys.sheet.field.setText("")
    qtbot.keyClicks(QApplication.focusWidget(), "undo stroke")
    assert "Undo a brush stroke" in text_of(keys) and "Wave." not in text_of(keys)
    keys.sheet.field.setText("waving")  # the title of a group
    assert "Wave." in text_of(keys)


def test_a_changed_key_shows_at_once_and_a_key_for_two_things_is_said(review, keys, qtbot):
    question_mark(qtbot)
    assert "Waving dock" in text_of(keys) and keys.sheet.warning.isHidden()
    action_manager.unbind_shortcut(NAME)
    action_manager.bind_shortcut(NAME, "Alt-Y")
    assert "Alt+Y" in text_of(keys)
    action_manager.unbind_shortcut(NAME)
    assert texts.NO_KEY in text_of(keys)
    action_manager.bind_shortcut(NAME, "Shift-J")
    assert keys.sheet.warning.isVisible() and texts.clashes(1) == keys.sheet.warning.text()
    assert texts.clash(["Greet."]) in text_of(keys) and texts.clash(["Wave."]) in text_of(keys)
    action_manager.unbind_shortcut(NAME)
    action_manager.bind_shortcut(NAME, "P")  # of napari's brush
    assert texts.clash(["Paint with the brush."]) in text_of(keys)


def test_a_changed_key_of_napari_shows_at_once(keys, qtbot):
    question_mark(qtbot)
    name = "napari:roll_axes"
    before = list(action_manager._shortcuts[name])
    action_manager.unbind_shortcut(name)
    action_manager.bind_shortcut(name, "Alt-J")
    assert "Alt+J" in text_of(keys)
    action_manager.unbind_shortcut(name)
    for key in before:
        action_manager.bind_shortcut(name, key)
    assert "Alt+J" not in text_of(keys) and "Ctrl+E" in text_of(keys)


def test_it_scrolls_in_a_small_window_and_follows_the_theme(review, keys, qtbot):
    question_mark(qtbot)
    sheet, window = keys.sheet, review._window
    assert sheet._columns == 2
    window.resize(700, 500)
    qtbot.waitUntil(lambda: sheet.size() == window.size(), timeout=3000)
    bar = sheet.lines.verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 0, timeout=3000)
    assert sheet.rect().contains(sheet.card.geometry())
    colours = []
    for theme in ("light", "dark"):
        review._viewer.theme = theme
        qtbot.wait(20)
        colours.append((sheet.card.styleSheet(), sheet.lines.toHtml()))
    assert colours[0][0] != colours[1][0] and colours[0][1] != colours[1][1]


def test_change_keys_opens_naparis_list_at_ours(review, keys, qtbot):
    question_mark(qtbot)
    click(qtbot, keys.sheet.change_button)
    dialog = next(d for d in review._window.findChildren(QDialog) if d.windowTitle() == "Preferences")
    tables = [table for table in dialog.findChildren(QTableWidget) if table.isVisible()]
    (table,) = tables
    item = table.findItems("UncertainSeg: ", Qt.MatchFlag.MatchStartsWith)[0]
    assert table.viewport().rect().contains(table.visualItemRect(item))
    dialog.reject()


def test_the_bar_takes_sheet_and_key_with_it(review, keys, qtbot):
    question_mark(qtbot)
    sheet, window = keys.sheet, review._window
    sheet.destroyed.connect(lambda: gone.append(True))
    gone = []
    review._viewer.window.remove_dock_widget(review.opened.get("waving").area)
    del sheet
    qtbot.waitUntil(lambda: bool(gone), timeout=3000)
    focus(qtbot, window)
    press(qtbot, Qt.Key.Key_F1)
    assert not window.findChildren(part.KeySheet)


# -- contents and page ----------------------------------------------------------------------------


def test_all_keys_of_the_plugin_stand_under_their_owner(review):
    keys = WindowKeys(review._window, WITH_KEYS, review.opened)
    groups = {group.title: group.lines for group in keys.help()}
    keys.cleanup()
    for owner in WITH_KEYS:
        lines = {line.meaning: line.keys for line in groups.get(owner.title, ())}
        assert set(lines) == {action.meaning for action in owner.keys}
        assert all(lines.values()), owner.title
    assert groups["Mouse"] == Turning(None).help()[0].lines


def test_no_first_key_of_the_plugin_clashes(all_groups):
    shown = shown_groups(all_groups, napari_groups())
    assert [line for group in shown for line in group.lines if line.warning] == []


def test_napari_says_which_keys_it_has(review):
    lines = {line.meaning: line.keys for group in napari_groups() for line in group.lines}
    words = texts.NAPARI_WORDS[texts.PAINTING]
    assert lines[words["undo"]] == ("Ctrl+Z",) and lines[words["redo"]] == ("Ctrl+Shift+Z",)
    assert lines[words["napari:activate_labels_paint_mode"]] == ("2", "P")
    assert all(lines.values())


def test_only_bound_keys_clash_and_naparis_not_among_themselves():
    bound = [
        HelpLine((key,), meaning, bound=True) for key, meaning in (("A", "one"), ("B", "two"), ("B", "three"))
    ]
    own = (HelpGroup("Keys", tuple(bound)), HelpGroup("Mouse", (HelpLine(("A",), "moves"),)))
    napari = (HelpGroup("napari", (HelpLine(("A", "X"), "four"), HelpLine(("X",), "five"))),)
    shown = shown_groups(own, napari)
    said = {line.meaning: line.warning for group in shown for line in group.lines}
    assert said == {
        "one": texts.clash(["four"]),
        "two": texts.clash(["three"]),
        "three": texts.clash(["two"]),
        "moves": "",
        "four": texts.clash(["one"]),
        "five": "",
    }
    assert count_clashes(shown) == 2


def test_each_word_has_to_be_in_the_line_or_its_title():
    lines = (ShownLine(("Shift+N",), "Go back."), ShownLine(("N",), "Go on."))
    groups = (ShownGroup("Lesions", lines), ShownGroup("Rest", lines[1:]))
    assert matching(groups, "") == groups
    assert matching(groups, "LESIONS back") == (ShownGroup("Lesions", lines[:1]),)
    assert matching(groups, "shift+n go") == (ShownGroup("Lesions", lines[:1]),)
    assert matching(groups, "nothing") == ()


def pdf_text(qtbot, data, folder):
    pdf = pytest.importorskip("qtpy.QtPdf")
    (folder / "keys.pdf").write_bytes(data)
    document = pdf.QPdfDocument(None)
    document.load(str(folder / "keys.pdf"))
    size, pages = document.pagePointSize(0), document.pageCount()
    text = " ".join(document.getAllText(0).text().split())
    document.close()
    return pages, (round(size.width()), round(size.height())), text


def many_groups(lines):
    return tuple(
        ShownGroup(f"Group {g}", tuple(ShownLine(("Shift+N",), f"Does thing {g}-{i}.") for i in range(lines)))
        for g in range(8)
    )


@pytest.mark.parametrize("lines", [3, 20])
def test_the_sheet_fits_one_a4_page(qtbot, tmp_path, lines):
    groups = many_groups(lines)
    pages, size, text = pdf_text(qtbot, page.as_pdf(groups), tmp_path)
    assert pages == 1 and size == (595, 842)  # A4 is 210 x 297 mm
    for group in groups:
        assert group.title in text
        assert all(line.meaning in text for line in group.lines)


def test_text_is_shown_as_it_is():
    html = page.as_html((ShownGroup("<b>", (ShownLine(("<",), "a < b & c"),)),), 1, *page.PAPER)
    assert "&lt;b&gt;" in html and "a &lt; b &amp; c" in html


def test_save_pdf_says_where_or_why_not(keys, qtbot, monkeypatch, tmp_path):
    question_mark(qtbot)
    monkeypatch.setattr(part, "ask_file", lambda *_: tmp_path / "keys.pdf")
    click(qtbot, keys.sheet.pdf_button)
    assert str(tmp_path / "keys.pdf") in keys.sheet.message.text()
    assert "Wave." in pdf_text(qtbot, (tmp_path / "keys.pdf").read_bytes(), tmp_path)[2]
    monkeypatch.setattr(part, "ask_file", lambda *_: tmp_path / "none" / "keys.pdf")
    click(qtbot, keys.sheet.pdf_button)
    assert keys.sheet.message.text().startswith("⚠") and "no such file" in keys.sheet.message.text()
    monkeypatch.setattr(part, "ask_file", lambda *_: None)
    click(qtbot, keys.sheet.pdf_button)


def test_print_draws_the_sheet_on_one_page(keys, qtbot, monkeypatch, tmp_path):
    class Agreeing(part.QPrintDialog):
        def exec(self):
            self.printer().setOutputFileName(str(tmp_path / "printed.pdf"))
            return part.QPrintDialog.DialogCode.Accepted

    monkeypatch.setattr(part, "QPrintDialog", Agreeing)
    question_mark(qtbot)
    click(qtbot, keys.sheet.print_button)
    pages, size, text = pdf_text(qtbot, (tmp_path / "printed.pdf").read_bytes(), tmp_path)
    assert pages == 1 and size == (595, 842) and "Wave." in text
