"""The sheet over the window: its lines, a field that filters them, and what is done with them."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import QEvent, QObject, Qt, Signal
from qtpy.QtGui import QKeyEvent, QMouseEvent, QTextCursor
from qtpy.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLineEdit, QTextBrowser, QVBoxLayout, QWidget

from napari_uncertainseg.widgets.reading_bar.keys_sheet import texts
from napari_uncertainseg.widgets.reading_bar.keys_sheet.contents import ShownGroup, count_clashes, matching
from napari_uncertainseg.widgets.reading_bar.keys_sheet.page import as_html
from napari_uncertainseg.widgets.shared.dock_area import FOCUS_STYLE
from napari_uncertainseg.widgets.shared.form_helpers import PlainLabel, button_with_tip
from napari_uncertainseg.widgets.shared.plots import theme_of

_WIDEST, _HIGHEST = 1000, 900
_MARGIN = 24
_LETTERS = 100
"""As many of them have to fit beside each other before lines stand in two columns."""


class KeySheet(QFrame):
    """Lies over the whole window; what is beside its card closes it.

    Parameters
    ----------
    window
        What it covers.
    groups
        What it shows, asked again at each `refresh`.
    """

    closed = Signal()
    """It has been closed, with the mouse or a key."""

    def __init__(self, window: QWidget, groups: Callable[[], tuple[ShownGroup, ...]]) -> None:
        super().__init__(window)
        self._groups, self._columns = groups, 0
        self.setObjectName("uncertainseg-keys-sheet")
        self.setStyleSheet(f"#uncertainseg-keys-sheet {{ background: rgba(0, 0, 0, 140); }} {FOCUS_STYLE}")
        self.setAccessibleName(texts.TITLE)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.card = QFrame(self)
        self.card.setObjectName("uncertainseg-keys-card")
        self.card.setAutoFillBackground(True)
        self.message, self.warning = PlainLabel(), PlainLabel()
        self.field = QLineEdit()
        self.field.setPlaceholderText(texts.FILTER)
        self.field.setAccessibleName(texts.FILTER)
        self.field.setToolTip(texts.FILTER_TIP)
        self.field.setClearButtonEnabled(True)
        self.print_button = button_with_tip(texts.PRINT, texts.PRINT_TIP)
        self.pdf_button = button_with_tip(texts.PDF, texts.PDF_TIP)
        self.change_button = button_with_tip(texts.CHANGE, texts.CHANGE_TIP)
        self.close_button = button_with_tip(texts.CLOSE, texts.CLOSE_TIP)
        self.lines = QTextBrowser()
        self.lines.setAccessibleName(texts.TITLE)
        self._arrange()
        self.field.textChanged.connect(self.refresh)
        self.close_button.clicked.connect(self.closed)
        window.installEventFilter(self)
        self._cover()
        self.refresh()

    def _arrange(self) -> None:
        title = PlainLabel(texts.TITLE)
        title.setStyleSheet("font-weight: bold")
        for label in (self.message, self.warning):
            label.setWordWrap(True)
            label.hide()
        row = QHBoxLayout()
        for widget in (self.field, self.print_button, self.pdf_button, self.change_button, self.close_button):
            row.addWidget(widget)
        row.setStretch(0, 1)
        inside = QVBoxLayout(self.card)
        for each in (title, row, self.warning, self.message, self.lines, PlainLabel(texts.TYPING)):
            inside.addLayout(each) if isinstance(each, QHBoxLayout) else inside.addWidget(each)
        inside.setStretch(4, 1)
        around = QGridLayout(self)
        around.setContentsMargins(_MARGIN, _MARGIN, _MARGIN, _MARGIN)
        around.addWidget(self.card)
        self.card.setMaximumSize(_WIDEST, _HIGHEST)

    def say(self, sentence: str) -> None:
        """Say what became of the last click."""
        self.message.setText(sentence)
        self.message.setVisible(bool(sentence))

    def refresh(self) -> None:
        """Show the lines as they are now, where they were scrolled to."""
        groups = self._groups()
        shown, clashes = matching(groups, self.field.text()), count_clashes(groups)
        self.warning.setVisible(bool(clashes))
        self.warning.setText(texts.clashes(clashes) if clashes else "")
        theme, bar = theme_of(self), self.lines.verticalScrollBar()
        assert bar is not None
        at = bar.value()
        ink, ground = theme.text.as_hex(), theme.secondary.as_hex()
        self.card.setStyleSheet(
            f"#uncertainseg-keys-card {{ background: {theme.background.as_hex()};"
            f" border: 1px solid {theme.secondary.as_hex()}; }}"
        )
        self._columns = self._room_for()
        self.lines.setHtml(as_html(shown, self._columns, ink, ground) if shown else texts.NOTHING_FOUND)
        self.lines.moveCursor(QTextCursor.MoveOperation.Start)
        bar.setValue(at)

    def _room_for(self) -> int:
        """Columns that fit into the card."""
        letters = self.fontMetrics().averageCharWidth()
        return 2 if self.card.width() > _LETTERS * letters else 1

    def _cover(self) -> None:
        parent = self.parentWidget()
        assert parent is not None
        self.setGeometry(parent.rect())

    # -- events -------------------------------------------------------------------------------

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Follow the size of the window."""
        if event is not None and event.type() == QEvent.Type.Resize:
            self._cover()
        return False

    def event(self, event: QEvent | None) -> bool:
        """Take all keys while no field has the focus: those of the window would act behind the sheet."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.ShortcutOverride:
            event.accept()
            return True
        done = super().event(event)
        if event is not None and event.type() == QEvent.Type.LayoutRequest and hasattr(self, "lines"):
            self._follow_width()
        return done

    def changeEvent(self, event: QEvent | None) -> None:
        """Follow napari's theme."""
        super().changeEvent(event)
        if event is not None and event.type() == QEvent.Type.StyleChange and self._columns:
            self.refresh()

    def resizeEvent(self, event: object) -> None:
        """Stand in as many columns as there is room for."""
        super().resizeEvent(event)  # type: ignore[arg-type]
        self._follow_width()

    def _follow_width(self) -> None:
        if self._columns and self._columns != self._room_for():
            self.refresh()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Close with Escape, and with ? and F1 outside of the field; other letters go into the field."""
        if event is None:
            return
        key, text = event.key(), event.text()
        if key in (Qt.Key.Key_Escape, Qt.Key.Key_F1, Qt.Key.Key_Question):
            self.closed.emit()
        elif text.isprintable() and text and not self.field.hasFocus():
            self.field.setFocus()
            self.field.insert(text)
        else:
            super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Close with a click beside the card."""
        if event is not None and not self.card.geometry().contains(event.position().toPoint()):
            self.closed.emit()

    def wheelEvent(self, event: object) -> None:
        """Keep the wheel away from the window behind."""
        event.accept()  # type: ignore[attr-defined]

    def cleanup(self) -> None:
        """Go. May be called twice."""
        parent = self.parentWidget()
        if parent is not None:
            parent.removeEventFilter(self)
        self.hide()
        self.setParent(None)
        self.deleteLater()
