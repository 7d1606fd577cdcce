"""Where sessions are saved: a file or a server."""

from __future__ import annotations

from qtpy.QtWidgets import QHBoxLayout, QPushButton, QWidget

from napari_uncertainseg.review.store.store import DATABASE
from napari_uncertainseg.widgets.session import texts
from napari_uncertainseg.widgets.session.server_dialog import ask_server
from napari_uncertainseg.widgets.shared.dialogs import ask_file
from napari_uncertainseg.widgets.shared.form_helpers import plain_tooltip
from napari_uncertainseg.widgets.shared.session_file import SessionFile, shortened


class SessionLocation(QWidget):
    """A button with the file's name, and one for a server.

    Parameters
    ----------
    file
        The sessions that the docks of a window share.
    parent
        Qt parent.
    """

    def __init__(self, file: SessionFile, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._file = file
        self.file_button, self.server_button = QPushButton(), QPushButton(texts.SERVER)
        self.server_button.setToolTip(texts.SERVER_TIP)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.file_button, stretch=1)
        row.addWidget(self.server_button)
        self.file_button.clicked.connect(self.choose_file)
        self.server_button.clicked.connect(self.choose_server)
        file.changed.connect(self._show)
        self._show()

    def cleanup(self) -> None:
        """Disconnect. May be called twice."""
        self._file.changed.disconnect(self._show, missing_ok=True)

    def choose_file(self) -> None:
        """Ask for another file of sessions, or a new one."""
        path = ask_file(self, texts.FILE_DIALOG, DATABASE, texts.FILE_KINDS, may_exist=True)
        if path is not None:
            self._file.choose(path)

    def choose_server(self) -> None:
        """Ask for a server that keeps the sessions of several readers."""
        chosen = ask_server(self)
        if chosen is not None:
            self._file.choose(chosen.url, chosen.masks)

    def _show(self) -> None:
        self.file_button.setToolTip(plain_tooltip(texts.file_tip(self._file.location)))
        self.file_button.setText(shortened(self._file.name, ends=True).replace("&", "&&"))
