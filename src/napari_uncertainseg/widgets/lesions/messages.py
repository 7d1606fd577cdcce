"""The Lesions dock's sentences about the state of its lists and of the session."""

from __future__ import annotations

from collections.abc import Sequence

from napari_uncertainseg.prediction.prediction import Prediction
from napari_uncertainseg.review.session.recorder import Recorder
from napari_uncertainseg.uncertainty.lesion_ranking import Lesions
from napari_uncertainseg.widgets.lesions import texts
from napari_uncertainseg.widgets.lesions.table_model import LesionModel
from napari_uncertainseg.widgets.shared.session_file import shortened


def header_tip(lesions: Lesions, prediction: Prediction | None) -> str:
    """What the lists' header counts, and their order; where that would be another, at which thresholds."""
    known = None if prediction is None else prediction.real_probability
    beyond = known is not None and not known.covers(lesions.threshold, lesions.candidate_threshold)
    between = known.thresholds if known is not None and beyond else None
    return texts.header_tip(by_p_real=lesions.by_p_real, known_between=between)


def empty_list_message(current: LesionModel, *, predicted: bool, candidates: bool) -> str:
    """Why the current list shows no row; empty if it shows rows."""
    if not predicted:
        return texts.NO_PREDICTION
    if current.rowCount():
        return ""
    if current.total:
        return texts.FILTER_HIDES_ALL
    return texts.NO_CANDIDATE if candidates else texts.NO_LESION


def start_of_list_message(current: LesionModel, *, candidates: bool) -> str:
    """Why no lesion comes before the selected one."""
    return empty_list_message(current, predicted=True, candidates=candidates) or texts.FIRST_OF_LIST


def end_of_list_message(lists: Sequence[LesionModel], current: LesionModel, recorder: Recorder | None) -> str:
    """What to do when no lesion without a verdict follows in the current list.

    Parameters
    ----------
    lists
        Lesions, candidates.
    current
        The one of them that is shown.
    recorder
        Records the session; None where there is none.
    """
    recorder = None if recorder is not None and recorder.by_default else recorder
    if recorder is not None and len(recorder.current_verdicts) == len(recorder.tasks):
        return texts.session_done(len(recorder.tasks))
    if recorder is not None and not recorder.accepts_new_tasks:
        return texts.ONLY_SELECTED_LEFT
    if current.reviewed < current.total:
        return texts.REST_HIDDEN
    lesions, candidates = lists
    if not current.total:
        return empty_list_message(current, predicted=True, candidates=current is candidates)
    if current is lesions and candidates.reviewed < candidates.total:
        return texts.CANDIDATES_LEFT
    return texts.ALL_REVIEWED


def recording_message(
    recorder: Recorder | None, failure: str = "", reader: str = "", *, left: bool = False
) -> str:
    """For whom a session is or will be recorded, or why there is none; empty where none is so.

    Parameters
    ----------
    recorder
        Records it; None where there is none yet.
    failure
        Why it could not be started.
    reader
        Under whose name the first verdict begins one; empty where it does not.
    left
        Whether the reader left or closed it.
    """
    if recorder is None and left:
        return texts.LEFT
    if recorder is None and not failure:
        return texts.will_be_recorded(shortened(reader)) if reader else ""
    if recorder is None:
        return texts.not_in_session(failure)
    return texts.recorded(shortened(recorder.session.annotator), by_default=recorder.by_default)
