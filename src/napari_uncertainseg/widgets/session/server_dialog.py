"""The dialog that asks for a database server, and for the folder of its masks."""

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

from napari_uncertainseg._base import InputError, as_warning
from napari_uncertainseg.review.database.connection import with_password
from napari_uncertainseg.widgets.session import texts
from napari_uncertainseg.widgets.shared.dialogs import ask_folder
from napari_uncertainseg.widgets.shared.form_helpers import PlainLabel


class Server(NamedTuple):
    """A URL with its password, and the folder of the masks."""

    url: str
    masks: Path


class ServerDialog(QDialog):
    """Asks for a server; the password is not saved.

    Parameters
    ----------
    parent
        Qt parent.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(texts.SERVER_DIALOG)
        self.url, self.password = QLineEdit(), QLineEdit()
        self.url.setPlaceholderText(texts.SERVER_URL_EXAMPLE)
        self.url.setToolTip(texts.SERVER_URL_TIP)
        self.password.setEchoMode(QLineEdit.EchoMode.Password)
        self.password.setToolTip(texts.PASSWORD_TIP)
        self.folder: Path | None = None
        self.folder_button = QPushButton(texts.CHOOSE_FOLDER)
        self.folder_button.setToolTip(texts.MASKS_TIP)
        self.problem = PlainLabel()
        self.problem.setWordWrap(True)
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow(texts.SERVER_URL, self.url)
        form.addRow(texts.PASSWORD, self.password)
        form.addRow(texts.MASKS, self.folder_button)
        layout = QVBoxLayout(self)
        layout.addLayout(form)
        layout.addWidget(self.problem)
        layout.addWidget(buttons)
        self.folder_button.clicked.connect(self._choose_folder)
        buttons.accepted.connect(self._check)
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
            raise InputError(texts.NO_MASKS)
        return Server(url, self.folder)

    def _choose_folder(self) -> None:
        folder = ask_folder(self, texts.MASKS_DIALOG)
        if folder is not None:
            self.folder = folder
            self.folder_button.setText(str(folder))

    def _check(self) -> None:
        try:
            _ = self.server
        except InputError as error:
            self.problem.setText(as_warning(error))
        else:
            self.accept()


def ask_server(parent: QWidget) -> Server | None:
    """Ask for a server to save the sessions on; None if the user cancels."""
    dialog = ServerDialog(parent)
    chosen = dialog.server if dialog.exec() else None
    dialog.deleteLater()
    return chosen
