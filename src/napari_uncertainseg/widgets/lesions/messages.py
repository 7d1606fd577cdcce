"""What the Lesions dock says of its lists."""

from __future__ import annotations

from collections.abc import Sequence

from napari_uncertainseg.review.session.recorder import Recorder
from napari_uncertainseg.widgets.lesions.table_model import LesionModel
from napari_uncertainseg.widgets.shared.session_file import shortened


def why_empty(shown: LesionModel, *, predicted: bool, candidates: bool) -> str:
    """Why a list shows no row; nothing where it does."""
    if not predicted:
        return "No prediction yet: press Run in Segment."
    if shown.rowCount():
        return ""
    if shown.total:
        return "No lesion passes this filter: show all, or lower the doubt."
    if candidates:
        return "No candidate: nothing between the candidates' threshold and yours."
    return "No lesion at this threshold: lower it, or lower the smallest volume."


def what_is_left(lists: Sequence[LesionModel], shown: LesionModel, recorder: Recorder | None) -> str:
    """What to do where nothing more comes next."""
    recorder = None if recorder is not None and recorder.by_default else recorder
    if recorder is not None and len(recorder.current_verdicts) == len(recorder.tasks):
        return f"All {len(recorder.tasks)} of this session are judged: close it in Session."
    if recorder is not None and not recorder.accepts_new_tasks:
        return "Only the place that is selected is left."
    if shown.judged < shown.total:
        return "No lesion without a verdict in this list: the filter hides the rest."
    lesions, candidates = lists
    if shown is lesions and candidates.judged < candidates.total:
        return "All lesions are judged. Candidates are left: open their tab, or export."
    return "All are judged. Export the results."


def recorded_for(recorder: Recorder | None, why_not: str = "") -> str:
    """Whose session is recorded, or why none is although one should be; nothing where none is."""
    if recorder is None and why_not:
        return f"⚠ In no session: {why_not} The next verdict or stroke tries again; Export all keeps it, too."
    if recorder is None:
        return ""
    how = "kept by default as the review of" if recorder.by_default else "recorded for"
    return f"● {how} {shortened(recorder.session.annotator)}"
