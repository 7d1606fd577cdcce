"""The offer to go on with a review of the same scans, above the list of lesions."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_uncertainseg._base import InputError
from napari_uncertainseg.case import Case
from napari_uncertainseg.widgets.shared.dialogs import ask_yes_no_cancel
from napari_uncertainseg.widgets.shared.form_helpers import wrapping_label
from napari_uncertainseg.widgets.shared.kept_review import ReviewKeeper

_LOST = "Verdicts or painting on screen are kept nowhere, and would be dropped. Go on all the same?"


class ResumeBar(QWidget):
    """Says whose review is kept, and asks whether to go on with it; hidden where there is none.

    Parameters
    ----------
    case
        The case under review.
    keeper
        Finds reviews.
    parent
        Qt parent.
    """

    def __init__(self, case: Case, keeper: ReviewKeeper, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._case, self._keeper = case, keeper
        self.text = wrapping_label(selectable=True)
        self.text.setTextFormat(Qt.TextFormat.PlainText)
        self.accept_button, self.leave_button = QPushButton(), QPushButton()
        buttons = QHBoxLayout()
        buttons.addWidget(self.accept_button)
        buttons.addWidget(self.leave_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 4)
        layout.addWidget(self.text)
        layout.addLayout(buttons)
        self.accept_button.clicked.connect(self.accept)
        self.leave_button.clicked.connect(keeper.dismiss)
        keeper.changed.connect(self._show)
        self._show()

    def cleanup(self) -> None:
        """Disconnect. May be called twice."""
        self._keeper.changed.disconnect(self._show, missing_ok=True)

    def accept(self) -> None:
        """Go on with the review that is offered, or take its verdicts over."""
        if self._case.unsaved and not ask_yes_no_cancel(self, "Resume", _LOST, "Go on", None):
            return
        try:
            said = self._keeper.accept()
        except InputError as error:
            self.text.setText(f"⚠ {error}")
            return
        self._case.stepped.emit(said)

    def _show(self) -> None:
        offer = self._keeper.offer
        self.setVisible(offer is not None)
        if offer is None:
            return
        self.text.setText(f"● {offer.text}")
        accept, leave = ("Resume", "Not now") if offer.same else ("Bring its verdicts over", "Leave it")
        self.accept_button.setText(accept)
        self.leave_button.setText(leave)
        self.accept_button.setToolTip(
            "Go on where it was left: its verdicts, painting, threshold and numbers."
            if offer.same
            else "Each verdict goes to the lesion that now lies at its place, in a review of its own."
        )
        self.leave_button.setToolTip("It stays where it is: in the list of Session.")
