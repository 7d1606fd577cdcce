"""Whether a job may discard verdicts and painting that are saved nowhere: asked once about the same work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_uncertainseg.widgets.shared.dialogs import ask_yes_no_cancel

if TYPE_CHECKING:
    import numpy as np
    from qtpy.QtWidgets import QWidget

    from napari_uncertainseg.case import Case
    from napari_uncertainseg.review.verdicts import Verdict


class DiscardQuestion:
    """Asks before a job, and again about what the reader did while it ran.

    Parameters
    ----------
    parent
        Qt parent of the question.
    case
        Whose work would be lost.
    title, question
        What is asked.
    yes
        The button that discards the work.
    """

    def __init__(self, parent: QWidget, case: Case, title: str, question: str, yes: str) -> None:
        self._parent, self._case, self._asked = parent, case, (title, question, yes)
        self._agreed: tuple[tuple[Verdict, ...], np.ndarray | None] = ((), None)

    def allows(self) -> bool:
        """Whether the work may be discarded; True where nothing would be lost."""
        case = self._case
        verdicts, edit = self._agreed
        if not case.unsaved or (case.verdicts == verdicts and case.edit is edit):
            return True
        allowed = bool(ask_yes_no_cancel(self._parent, *self._asked, None))
        if allowed:
            self._agreed = case.verdicts, case.edit
        return allowed
