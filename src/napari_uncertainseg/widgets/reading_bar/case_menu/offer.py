"""The quiet line below the bar: a mask lies beside this scan."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QAction
from qtpy.QtWidgets import QMainWindow, QMenu, QPushButton, QToolBar

from napari_uncertainseg.images.volume import Volume
from napari_uncertainseg.widgets.reading_bar.case_menu import texts
from napari_uncertainseg.widgets.shared.form_helpers import PlainLabel, button_with_tip, plain_tooltip

_WIDEST = 640
"""Pixels of the line: its buttons have to fit beside it in a small window."""


class MaskOffer(QToolBar):
    """One line with a button for each answer; hidden while there is nothing to offer.

    Parameters
    ----------
    window
        Whose.
    """

    accepted = Signal(object)
    """The `Volume` to load."""
    declined = Signal()

    def __init__(self, window: QMainWindow) -> None:
        super().__init__("Mask beside the scan (UncertainSeg)", window)
        self.setObjectName("uncertainseg-mask-offer")
        self.setMovable(False)
        self._window = window
        self._masks: tuple[Volume, ...] = ()
        self.label = PlainLabel()
        self.load = button_with_tip(texts.LOAD_REFERENCE, texts.LOAD_REFERENCE_TIP)
        self.no = button_with_tip(texts.NOT_NOW, texts.NOT_NOW_TIP)
        for widget in (self.label, self.load, self.no):
            self.addWidget(widget)
        for button in (self.load, self.no):
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.load.clicked.connect(self._on_load)
        self.no.clicked.connect(self.declined)
        self._placed = False
        self.hide()

    def offer(self, masks: Sequence[Volume]) -> None:
        """Offer masks; none hides the line."""
        if [id(mask) for mask in masks] == [id(mask) for mask in self._masks]:
            return
        self._masks = tuple(masks)
        names = [mask.name if mask.path is None else mask.path.name for mask in masks]
        line = texts.offer(names) if names else ""
        self.label.setText(self.label.fontMetrics().elidedText(line, Qt.TextElideMode.ElideMiddle, _WIDEST))
        self.label.setToolTip(plain_tooltip("\n".join(str(mask.path) for mask in masks)))
        self._fill_menu(self.load, names)
        if masks and not self._placed:  # below the reading bar, which is in the window by now
            self._placed = True
            self._window.addToolBarBreak(Qt.ToolBarArea.TopToolBarArea)
            self._window.addToolBar(Qt.ToolBarArea.TopToolBarArea, self)
        self.setVisible(bool(masks))

    def _fill_menu(self, button: QPushButton, names: Sequence[str]) -> None:
        before = button.menu()
        menu = QMenu(button) if len(names) > 1 else None
        button.setMenu(menu)
        if before is not None:
            before.deleteLater()
        if menu is None:
            return
        for number, name in enumerate(names):
            action = QAction(name.replace("&", "&&"), menu)
            action.setData(number)
            menu.addAction(action)
        menu.triggered.connect(self._on_chosen)

    def _on_load(self) -> None:
        if len(self._masks) == 1:
            self.accepted.emit(self._masks[0])

    def _on_chosen(self, action: QAction) -> None:
        self.accepted.emit(self._masks[action.data()])

    def cleanup(self) -> None:
        """Take the line out of the window. May be called twice."""
        self._masks = ()
        if self._placed:
            self._placed = False
            self._window.removeToolBarBreak(self)
            self._window.removeToolBar(self)
        self.deleteLater()
