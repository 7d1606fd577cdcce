"""Leaving a case: with its scan, or for another one. Asked first where work would be lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_uncertainseg.calibration.region import Region
from napari_uncertainseg.widgets.scans.segmented_scan import LostScan, name_of
from napari_uncertainseg.widgets.shared.dialogs import ask_yes_no_cancel

if TYPE_CHECKING:
    import numpy as np
    from qtpy.QtWidgets import QWidget

    from napari_uncertainseg.case import Case
    from napari_uncertainseg.review.verdicts import Verdict
    from napari_uncertainseg.widgets.segment.roles import RoleBoxes

_LOST = "Verdicts or painting on {} are in no session and were not exported, and would be dropped."


def close_case(case: Case) -> None:
    """Let a case go, with all that was found of it and said about it; ask before where work would be lost."""
    case.set_recorder(None)
    case.reference = None
    case.region = Region()
    case.set_images({})
    case.prediction = None


def ask_about_gone(parent: QWidget, case: Case, gone: LostScan) -> None:
    """Close the case whose scan has gone; where work would be lost, the scan may come back instead."""
    name = name_of(case)
    question = f"The scan '{gone.name}' has gone, and the findings go with it. {_LOST.format(name)}"
    if (
        case.unsaved
        and ask_yes_no_cancel(parent, "The scan has gone", question, "Bring it back", "Drop") is not False
    ):
        gone.bring_back()
    else:
        close_case(case)


def leave_for_another(parent: QWidget, case: Case) -> str | None:
    """Close the case because another FLAIR was chosen: what there is to say then; None to stay with it."""
    name = name_of(case)
    question = f"Another FLAIR is chosen. {_LOST.format(name)}"
    if case.unsaved and not ask_yes_no_cancel(parent, "Another FLAIR", question, "Drop them", None):
        return None
    close_case(case)
    return f"Closed {name}: another FLAIR is chosen. Run segments it."


def may_run_together(parent: QWidget, roles: RoleBoxes) -> bool:
    """Ask about scans that seem to be of another visit than the FLAIR; False where the user gives up."""
    doubts = roles.doubts()
    if not doubts:
        return True
    reasons = "\n".join(doubts.values())
    question = f"Not all of these scans seem to be of one visit.\n\n{reasons}\n\nRun with them all the same?"
    answer = ask_yes_no_cancel(parent, "Another patient?", question, "Run all the same", "Leave them out")
    if answer is False:
        roles.leave_out(doubts)
    return answer is not None


class Dropping:
    """Asks whether a job may drop what is on screen: before it, and again about what came up meanwhile.

    Parameters
    ----------
    parent
        Qt parent of the question.
    case
        Whose work would be lost.
    title, question
        What is asked.
    """

    def __init__(self, parent: QWidget, case: Case, title: str, question: str) -> None:
        self._parent, self._case, self._asked = parent, case, (title, question)
        self._agreed: tuple[tuple[Verdict, ...], np.ndarray | None] = ((), None)

    def may(self) -> bool:
        """Whether it may; asked once about the same work."""
        case = self._case
        verdicts, edit = self._agreed
        if not case.unsaved or (case.verdicts == verdicts and case.edit is edit):
            return True
        may = bool(ask_yes_no_cancel(self._parent, *self._asked, "Drop them", None))
        if may:
            self._agreed = case.verdicts, case.edit
        return may
