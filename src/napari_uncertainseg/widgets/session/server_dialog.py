"""Which database server keeps the sessions, and where their masks lie."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from qtpy.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_uncertainseg._base import InputError
from napari_uncertainseg.review.database.connection import with_password
from napari_uncertainseg.widgets.shared.dialogs import ask_folder
from napari_uncertainseg.widgets.shared.form_helpers import PlainLabel


class Server(NamedTuple):
    """A URL with its password, and the folder of the masks."""

    url: str
    masks: Path


class ServerDialog(QDialog):
    """Asks for a server; the password is kept nowhere.

    Parameters
    ----------
    parent
        Qt parent.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Sessions on a server")
        self.url, self.password = QLineEdit(), QLineEdit()
        self.url.setPlaceholderText("postgresql://reader@server/study")
        self.url.setToolTip("PostgreSQL: user, server and database, without the password.")
        self.password.setEchoMode(QLineEdit.EchoMode.Password)
        self.password.setToolTip("Used for this window only, and stored nowhere.")
        self.folder: Path | None = None
        self.folder_button = QPushButton("choose a folder")
        self.folder_button.setToolTip("Where painted masks are kept: a folder that all readers reach.")
        self.problem = PlainLabel()
        self.problem.setWordWrap(True)
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("server", self.url)
        form.addRow("password", self.password)
        form.addRow("masks", self.folder_button)
        layout = QVBoxLayout(self)
        layout.addLayout(form)
        layout.addWidget(self.problem)
        layout.addWidget(buttons)
        self.folder_button.clicked.connect(self._choose_folder)
        buttons.accepted.connect(self._take)
        buttons.rejected.connect(self.reject)

    @property
    def server(self) -> Server:
        """What was typed.

        Raises
        ------
        InputError
            If it is no URL, or no folder was chosen.
        """
        url = with_password(self.url.text().strip(), self.password.text())
        if self.folder is None:
            raise InputError("Choose the folder of the masks: one that all readers reach.")
        return Server(url, self.folder)

    def _choose_folder(self) -> None:
        folder = ask_folder(self, "Folder of the masks")
        if folder is not None:
            self.folder = folder
            self.folder_button.setText(str(folder))

    def _take(self) -> None:
        try:
            _ = self.server
        except InputError as error:
            self.problem.setText(f"⚠ {error}")
        else:
            self.accept()


def ask_server(parent: QWidget) -> Server | None:
    """A server to keep the sessions on; None if the user gives up."""
    dialog = ServerDialog(parent)
    chosen = dialog.server if dialog.exec() else None
    dialog.deleteLater()
    return chosen
