"""Closing a case because its scan was removed or another was chosen; asks where work would be lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari.utils.notifications import show_info

from napari_uncertainseg.calibration.region import Region
from napari_uncertainseg.widgets.scans.segmented_scan import LostScan, name_of
from napari_uncertainseg.widgets.segment import texts
from napari_uncertainseg.widgets.shared.dialogs import MASK_LOST, ask_yes_no_cancel
from napari_uncertainseg.widgets.shared.form_helpers import notice

if TYPE_CHECKING:
    from qtpy.QtWidgets import QWidget

    from napari_uncertainseg.case import Case
    from napari_uncertainseg.widgets.segment.roles import RoleBoxes


def close_case(case: Case) -> None:
    """Close a case with its results and its review. The caller asks first where work would be lost."""
    case.leaving.emit()  # while the session is there
    case.review.set_recorder(None)
    case.comparison.reference = None
    case.comparison.region = Region()
    case.set_images({})
    case.close_prediction()


def lost_with(case: Case) -> str:
    """What would be lost with a case, in sentences."""
    mask = MASK_LOST if case.unsaved_mask else ""
    return mask + (texts.would_be_lost(name_of(case)) if case.review.unsaved else texts.MASK_GOES)


def ask_about_gone(parent: QWidget, case: Case, gone: LostScan) -> None:
    """Close the case whose scan was removed; where work would be lost, the user may bring the scan back."""
    question = texts.scan_removed(gone.name, lost_with(case))
    if (case.review.unsaved or case.unsaved_mask) and ask_yes_no_cancel(
        parent, texts.SCAN_REMOVED_TITLE, question, texts.BRING_BACK, texts.DELETE
    ) is not False:
        gone.bring_back()
    else:
        name = name_of(case)
        close_case(case)
        show_info(notice(texts.closed_without_scan(gone.name, name, in_file=gone.in_file)))


def leave_for_another(parent: QWidget, case: Case) -> str | None:
    """Close the case because another FLAIR was chosen.

    Returns
    -------
    str or None
        A sentence for the user; None where the user keeps the case.
    """
    name = name_of(case)
    if (case.review.unsaved or case.unsaved_mask) and not ask_yes_no_cancel(
        parent, texts.OTHER_FLAIR_TITLE, texts.other_flair(lost_with(case)), texts.OTHER_FLAIR_DELETE, None
    ):
        return None
    close_case(case)
    return texts.case_closed(name)


def may_run_together(parent: QWidget, roles: RoleBoxes) -> bool:
    """Ask about scans that seem to be of another visit than the FLAIR; False where the user cancels."""
    mismatches = roles.mismatches()
    if not mismatches:
        return True
    answer = ask_yes_no_cancel(
        parent,
        texts.OTHER_VISIT_TITLE,
        texts.other_visit(mismatches.values()),
        texts.RUN_ANYWAY,
        texts.OTHER_VISIT_LEAVE_OUT,
    )
    if answer is False:
        roles.leave_out(mismatches)
    return answer is not None
