"""What to do first, in the middle of an empty canvas."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtWidgets import QFrame, QPushButton, QVBoxLayout, QWidget

from napari_uncertainseg.widgets.reading_bar.case_menu import texts
from napari_uncertainseg.widgets.shared import napari_internals
from napari_uncertainseg.widgets.shared.connections import Connections
from napari_uncertainseg.widgets.shared.form_helpers import PlainLabel, button_with_tip, larger

if TYPE_CHECKING:
    from napari import Viewer

_MARGIN = 8
_STYLE = "#uncertainseg-hint { border: 1px solid palette(mid); border-radius: 6px; }"


class FirstHint(QFrame):
    """Three ways to begin; there while the viewer has no layer, in place of napari's own welcome.

    Parameters
    ----------
    viewer
        Over whose canvas it lies.
    open_scan, open_sample, open_results
        What its buttons do.
    """

    def __init__(
        self,
        viewer: Viewer,
        open_scan: Callable[[], None],
        open_sample: Callable[[], None],
        open_results: Callable[[], None],
    ) -> None:
        canvas: QWidget = napari_internals.drawing_canvas(viewer).native
        super().__init__(canvas)
        self.setObjectName("uncertainseg-hint")
        self.setStyleSheet(_STYLE)
        self.setAutoFillBackground(True)
        self._viewer, self._canvas = viewer, canvas
        self._welcome = napari_internals.show_welcome(viewer, False)
        self.title = PlainLabel(texts.HINT)
        self.title.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.title.setStyleSheet(larger(self.title, 1.4))
        self.scan = button_with_tip(texts.HINT_OPEN, texts.NEW_FROM_FILES_TIP)
        self.sample = button_with_tip(texts.HINT_SAMPLE, texts.HINT_SAMPLE_TIP)
        self.results = button_with_tip(texts.HINT_RESULTS, texts.OPEN_RESULTS_TIP)
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 16, 24, 20)
        column.setSpacing(8)
        column.addWidget(self.title)
        for button, do in (
            (self.scan, open_scan),
            (self.sample, open_sample),
            (self.results, open_results),
        ):
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # keys stay with the canvas after a click
            button.clicked.connect(do)
            column.addWidget(button)
        canvas.installEventFilter(self)
        events = viewer.layers.events
        self._connections = Connections((events.inserted, self.refresh), (events.removed, self.refresh))
        self.refresh()

    @property
    def buttons(self) -> tuple[QPushButton, ...]:
        """The three ways."""
        return self.scan, self.sample, self.results

    def show_busy(self, doing: str) -> None:
        """Say that something is being opened; the buttons wait."""
        self.title.setText(doing or texts.HINT)
        for button in self.buttons:
            button.setEnabled(not doing)

    def refresh(self, event: object = None) -> None:
        """Show it where there is no layer and room for it."""
        wanted, room = self.sizeHint(), self._canvas.size()
        fits = wanted.width() + _MARGIN <= room.width() and wanted.height() + _MARGIN <= room.height()
        self.setVisible(fits and not self._viewer.layers)
        self.resize(wanted)
        self.move((room.width() - wanted.width()) // 2, (room.height() - wanted.height()) // 2)
        self.raise_()

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Stay in the middle of the canvas."""
        if self._welcome is not None and event is not None and event.type() == QEvent.Type.Resize:
            self.refresh()
        return False

    def cleanup(self) -> None:
        """Take it away, and give napari its own welcome back. May be called twice."""
        if self._welcome is None:
            return
        self._connections.disconnect_all()
        self._canvas.removeEventFilter(self)
        napari_internals.show_welcome(self._viewer, self._welcome)
        self._welcome = None
        del self._viewer, self._canvas
        self.hide()
        self.deleteLater()
