"""That this is no medical device, until the user has read it."""

from __future__ import annotations

from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_uncertainseg.widgets.segment import texts
from napari_uncertainseg.widgets.shared.form_helpers import button_with_tip, rich
from napari_uncertainseg.widgets.shared.preferences import PreferenceStore


class ResearchNotice(QWidget):
    """The notice and a button that hides it for good.

    Parameters
    ----------
    preferences
        Know whether it was read.
    """

    def __init__(self, preferences: PreferenceStore) -> None:
        super().__init__()
        self._preferences = preferences
        self.text = rich(texts.RESEARCH_NOTICE)
        self.text.setWordWrap(True)
        self.understood = button_with_tip(texts.NOTICE_READ, texts.NOTICE_READ_TIP)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.text)
        column.addWidget(self.understood)
        self.understood.clicked.connect(self._on_understood)
        self.setVisible(not preferences.load().notice_seen)

    def _on_understood(self) -> None:
        self._preferences.save(notice_seen=True)
        self.hide()
