"""The offer to resume an earlier review of the same scans, above the list of lesions."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_uncertainseg._base import InputError, as_warning
from napari_uncertainseg.case import Case
from napari_uncertainseg.widgets.lesions import texts
from napari_uncertainseg.widgets.shared.dialogs import ask_yes_no_cancel
from napari_uncertainseg.widgets.shared.form_helpers import yielding_label
from napari_uncertainseg.widgets.shared.kept_review import ReviewKeeper


class ResumeBar(QWidget):
    """Shows whose review is kept, and offers to resume it; hidden where there is none.

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
        self.text = yielding_label(selectable=True)
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
        """Resume the review that is offered, or copy its verdicts."""
        if self._case.review.unsaved and not ask_yes_no_cancel(
            self, texts.RESUME, texts.RESUME_LOSES_WORK, texts.CONTINUE, None
        ):
            return
        try:
            message = self._keeper.accept()
        except InputError as error:
            self.text.setText(as_warning(error))
            return
        self._case.stepped.emit(message)

    def _show(self) -> None:
        offer = self._keeper.offer
        focus = QApplication.focusWidget()
        if offer is None and focus is not None and self.isAncestorOf(focus):
            focus.clearFocus()  # Qt would hand it to the next button, which Space would press
        self.setVisible(offer is not None)
        if offer is None:
            return
        self.text.setText(texts.earlier_review(offer.text))
        accept, leave = (
            (texts.RESUME, texts.NOT_NOW) if offer.same else (texts.COPY_VERDICTS, texts.DO_NOT_COPY)
        )
        self.accept_button.setText(accept)
        self.leave_button.setText(leave)
        self.accept_button.setToolTip(texts.RESUME_TIP if offer.same else texts.COPY_VERDICTS_TIP)
        self.leave_button.setToolTip(texts.LEAVE_TIP)
