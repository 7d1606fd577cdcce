"""The annotator's name: the same in all docks of a window."""

from __future__ import annotations

from qtpy.QtCore import QEvent
from qtpy.QtWidgets import QLineEdit, QWidget

from napari_uncertainseg.widgets.shared.session_file import SessionFile

_LONGEST = 200
"""Characters that the store accepts."""


class AnnotatorField(QLineEdit):
    """A name or pseudonym, shared with the other docks; a disabled field (during a session) keeps its name.

    Parameters
    ----------
    file
        The sessions that the docks share, and the name with them.
    parent
        Qt parent.
    """

    def __init__(self, file: SessionFile, parent: QWidget | None = None) -> None:
        super().__init__(file.annotator, parent)
        self._file = file
        self.setMaxLength(_LONGEST)
        self.setPlaceholderText("name or pseudonym")
        self.setToolTip("Name of the annotator. It is written into the session and into exports.")
        self.textChanged.connect(self._share)
        file.annotator_changed.connect(self._follow)

    def cleanup(self) -> None:
        """Disconnect. May be called twice."""
        self._file.annotator_changed.disconnect(self._follow, missing_ok=True)

    @property
    def name(self) -> str:
        """As in the store: without surplus spaces."""
        return " ".join(self.text().split())

    def changeEvent(self, event: QEvent | None) -> None:
        """Take over what was typed in other docks while this field was disabled."""
        super().changeEvent(event)
        if event is not None and event.type() == QEvent.Type.EnabledChange:
            self._follow(self._file.annotator)

    def _share(self, text: str) -> None:
        self._file.annotator = text

    def _follow(self, name: str) -> None:
        if self.isEnabled() and name != self.text():
            self.setText(name)
