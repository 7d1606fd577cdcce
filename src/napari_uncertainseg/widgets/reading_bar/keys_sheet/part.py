"""Keys: a button that shows the sheet, and takes it away."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress

from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence, QPainter, QShortcut
from qtpy.QtPrintSupport import QPrintDialog, QPrinter
from qtpy.QtWidgets import QApplication, QHBoxLayout, QPushButton, QWidget

from napari_uncertainseg._base import as_warning
from napari_uncertainseg.widgets.dock_description import LISTED_AS, KeyAction
from napari_uncertainseg.widgets.reading_bar.keys_sheet import page, texts
from napari_uncertainseg.widgets.reading_bar.keys_sheet.contents import (
    ShownGroup,
    napari_groups,
    shown_groups,
)
from napari_uncertainseg.widgets.reading_bar.keys_sheet.sheet import KeySheet
from napari_uncertainseg.widgets.reading_bar.part import BarContext, Part, PartWidget
from napari_uncertainseg.widgets.shared import napari_internals
from napari_uncertainseg.widgets.shared.dialogs import ask_file

_ACTION = "show_all_keys"


class KeysPart(PartWidget):
    """A button, and the sheet over the window.

    Parameters
    ----------
    context
        What the parts share.

    Attributes
    ----------
    button
        Shows the sheet.
    sheet
        The sheet; None while it is closed.
    """

    def __init__(self, context: BarContext) -> None:
        super().__init__()
        self._context = context
        self.sheet: KeySheet | None = None
        self._stop_listening: Callable[[], None] | None = None
        self._focus_before: QWidget | None = None
        self.button = QPushButton(texts.BUTTON)
        self.button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.button.clicked.connect(self.toggle)
        # Not in napari's list, which knows no such keys; each other program has it for its help.
        self._fixed: QShortcut | None = QShortcut(QKeySequence(Qt.Key.Key_F1), context.window)
        self._fixed.activated.connect(self.toggle)
        row = QHBoxLayout(self)
        row.setContentsMargins(2, 0, 2, 0)
        row.addWidget(self.button)

    def act(self, action: str) -> None:
        """Show the sheet, or close it."""
        self.toggle()

    def show_keys(self, keys: Mapping[str, str]) -> None:
        """Name the key of the sheet on its button."""
        self.button.setToolTip(texts.button_tip(keys.get(_ACTION, "")))

    def groups(self) -> tuple[ShownGroup, ...]:
        """What stands on the sheet now."""
        return shown_groups(self._context.help(), napari_groups())

    def toggle(self) -> None:
        """Show the sheet, or close it."""
        if self.sheet is not None:
            self.close_sheet()
            return
        self._focus_before = QApplication.focusWidget()
        self.sheet = sheet = KeySheet(self._context.window, self.groups)
        sheet.closed.connect(self.close_sheet)
        sheet.print_button.clicked.connect(self.print_sheet)
        sheet.pdf_button.clicked.connect(self.save_pdf)
        sheet.change_button.clicked.connect(self.change_keys)
        self._stop_listening = napari_internals.listen_to_keys(self._refresh, self._refresh)
        sheet.show()
        sheet.raise_()
        sheet.setFocus()

    def _refresh(self, event: object = None) -> None:
        if self.sheet is not None:
            self.sheet.refresh()

    def change_keys(self) -> None:
        """Open napari's list of keys at ours."""
        napari_internals.show_shortcuts(napari_internals.unwrapped(self._context.viewer), LISTED_AS)

    def save_pdf(self) -> None:
        """Ask for a file, and write the sheet into it."""
        path = ask_file(self, texts.PDF_DIALOG, texts.PDF_NAME, texts.PDF_KINDS)
        if path is None or self.sheet is None:
            return
        try:
            path.write_bytes(page.as_pdf(self.groups()))
        except OSError as error:
            reason = error.strerror or "it is not writable"
            self.sheet.say(as_warning(texts.NOT_SAVED.format(path, reason.lower())))
        else:
            self.sheet.say(texts.SAVED.format(path))

    def print_sheet(self) -> None:
        """Ask for a printer, and print the sheet on one page."""
        printer = QPrinter(QPrinter.PrinterMode.HighResolution)
        printer.setPageLayout(page.a4())
        printer.setDocName(texts.TITLE)
        dialog = QPrintDialog(printer, self.sheet)
        if dialog.exec() == QPrintDialog.DialogCode.Accepted:
            painter = QPainter(printer)
            inside = printer.pageRect(QPrinter.Unit.DevicePixel)
            inside.moveTo(0, 0)
            page.draw_page(painter, inside, self.groups())
            painter.end()
        dialog.deleteLater()

    def close_sheet(self) -> None:
        """Take the sheet away, and give the keyboard back to what had it before."""
        if self._stop_listening is not None:
            self._stop_listening()
            self._stop_listening = None
        if self.sheet is not None:
            self.sheet.cleanup()
            self.sheet = None
        with suppress(RuntimeError):  # Qt may have deleted it meanwhile
            if self._focus_before is not None:
                self._focus_before.setFocus()
        self._focus_before = None

    def cleanup(self) -> None:
        """Take sheet and key away. May be called twice."""
        self.close_sheet()
        if self._fixed is not None:
            self._fixed.activated.disconnect()
            self._fixed.setEnabled(False)
            self._fixed.deleteLater()
            self._fixed = None
            del self._context  # Qt keeps this widget a while, and with it would be kept viewer and window


PART = Part(
    "keys",
    KeysPart,
    (KeyAction(_ACTION, "Shift+/", texts.MEANING),),
    works_in_exercise=True,
    name="Help",
)
