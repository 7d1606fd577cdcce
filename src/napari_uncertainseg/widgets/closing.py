"""Closing the window: first it says what is saved and where, or asks about what is not saved."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QEvent, QTimer
from qtpy.QtWidgets import QMainWindow

from napari_uncertainseg.case import Case
from napari_uncertainseg.widgets.shared import napari_internals
from napari_uncertainseg.widgets.shared.dialogs import MASK_LOST, ask_yes_no_cancel
from napari_uncertainseg.widgets.shared.kept_review import describe_kept
from napari_uncertainseg.widgets.shared.session_file import SessionFile

_LOST = (
    "Verdicts or painting on screen are not saved in a session and were not exported. "
    "They will be lost when the window closes."
)

_MASK_GOES = "It will be lost when the window closes."


class CloseGuard:
    """Asks before a user closes the window; a program that closes it is not asked.

    Parameters
    ----------
    window
        napari's.
    case, sessions
        What could be lost, and where it is kept.
    """

    def __init__(self, window: QMainWindow, case: Case, sessions: SessionFile) -> None:
        self._window, self._case, self._sessions = window, case, sessions
        # napari's menu and keys call this with confirm_need; its cross sends a spontaneous event.
        self._close = napari_internals.replace_close(window, self._asked_to_close)

    def cleanup(self) -> None:
        """Give the window its own close back. May be called twice."""
        napari_internals.restore_close(self._window)

    def refuses(self, event: QEvent) -> bool:
        """Whether to stop a close by the window's X for now; it is done later where the user agrees."""
        if not event.spontaneous() or not self._says():
            return False
        event.ignore()
        if self._may():
            QTimer.singleShot(0, self._close)
        return True

    def _asked_to_close(self, quit_app: bool = False, confirm_need: bool = False) -> Any:
        if confirm_need and self._says():
            if not self._may():
                return None
            confirm_need = False  # one question is enough
        return self._close(quit_app, confirm_need)

    def _says(self) -> str:
        if self._unsaved:
            mask = MASK_LOST if self._case.unsaved_mask else ""
            return f"{mask}{_LOST if self._case.review.unsaved else _MASK_GOES}"
        return describe_kept(self._case, self._sessions.location)

    @property
    def _unsaved(self) -> bool:
        return self._case.review.unsaved or self._case.unsaved_mask

    def _may(self) -> bool:
        button = "Close without saving" if self._unsaved else "Close"
        return bool(ask_yes_no_cancel(self._window, "Close the window", self._says(), button, None))
