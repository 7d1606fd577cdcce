"""Finished reviews of a prediction in a store, and what each reader's mask is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from napari_uncertainseg._base import InputError
from napari_uncertainseg._checks import check_same_shape
from napari_uncertainseg.evaluate.adjudication.combine import ReaderMasks
from napari_uncertainseg.prediction.prediction import Prediction
from napari_uncertainseg.review.database.schema import READINGS
from napari_uncertainseg.review.session.recorder import Recorder
from napari_uncertainseg.review.session.rereading import first_reading_id, sessions_being_reread
from napari_uncertainseg.review.store.predictions import sessions_of_prediction
from napari_uncertainseg.review.store.records import Session
from napari_uncertainseg.review.store.session_settings import ReviewSettings
from napari_uncertainseg.review.store.store import Store
from napari_uncertainseg.review.verdicts import UNDECIDED, VERDICTS, says_lesion
from napari_uncertainseg.uncertainty.lesion_ranking import Lesions, rank_lesions

ADJUDICATION = "adjudication"
"""Value of the setting `kept` of a session that holds an adjudication, and no reading."""


@dataclass(frozen=True)
class FinishedReviews:
    """Reviews of a prediction that can be put together.

    Attributes
    ----------
    sessions
        The earliest first: closed, or with a verdict on each task.
    unfinished
        How many others of this prediction go on.
    other_predictions
        How many reviews of the same scans are of another prediction, which cannot be put together with these.
    hidden
        How many may not be seen, because a second or third reading of them goes on.
    """

    sessions: tuple[Session, ...]
    unfinished: int
    other_predictions: int
    hidden: int


def finished_reviews(store: Store, prediction: Prediction) -> FinishedReviews:
    """Find the reviews of a prediction that are finished.

    Parameters
    ----------
    store
        Of the sessions.
    prediction
        As the model made it.
    """
    with store.reading():
        of_this = sessions_of_prediction(store, prediction.sha256)
        being_reread = sessions_being_reread(store)
        sha256 = prediction.information.get("case", {}).get("sha256")
        found, unfinished, others, hidden = [], 0, 0, 0
        for session in reversed(store.readable()[0]):
            settings = session.settings
            reading = isinstance(settings, ReviewSettings) and settings.kept != ADJUDICATION
            if session.kind not in READINGS or not reading:
                continue
            if session.id not in of_this:
                others += bool(sha256) and getattr(settings, "case", None) == sha256
            elif first_reading_id(session) in being_reread:
                hidden += 1
            elif _is_finished(store, session):
                found.append(session)
            else:
                unfinished += 1
    return FinishedReviews(tuple(found), unfinished, others, hidden)


def _is_finished(store: Store, session: Session) -> bool:
    return session.closed is not None or len(store.verdicts(session.id)) >= len(store.tasks(session.id))


def read_masks(store: Store, session_id: str, prediction: Prediction) -> ReaderMasks:
    """What a reader made of a prediction: lesions as outlined at the reader's threshold, with the painting.

    Parameters
    ----------
    store
        Of the sessions.
    session_id
        Of the review.
    prediction
        As the model made it.

    Raises
    ------
    InputError
        If the session is of another prediction or no review, or its painting cannot be read.
    """
    if session_id not in sessions_of_prediction(store, prediction.sha256):
        raise InputError(f"Session {session_id} is a review of another segmentation than this one.")
    recorder = Recorder(store, session_id)
    recorder.check_fits(prediction.grid.shape)
    edit = recorder.painted()
    if edit is not None:
        check_same_shape("The painting", edit.shape, "the scan", prediction.grid.shape)
    threshold, least = recorder.last_seen_at(prediction.threshold, 3.0)
    lesions = rank_lesions(prediction, threshold, least, edit=edit)
    accepted, undecided = _masks(lesions, _decisions(lesions, recorder))
    return ReaderMasks(recorder.session.annotator, session_id, accepted, undecided)


def _decisions(lesions: Lesions, recorder: Recorder) -> dict[int, str]:
    """Verdicts by number, as the window shows them: lesions that have grown together are undecided."""
    found: dict[int, str] = {}
    for verdict in recorder.verdicts:
        number = lesions.component_at(verdict.voxel)
        if number:
            same = found.get(number, verdict.decision) == verdict.decision
            found[number] = verdict.decision if same else UNDECIDED
    return found


def _masks(lesions: Lesions, decisions: dict[int, str]) -> tuple[np.ndarray, np.ndarray]:
    """What was accepted or drawn, and what was left undecided."""
    drawn = set(lesions.table.loc[lesions.table["drawn"].astype(bool), "label"])
    accepted = np.zeros(int(lesions.labels.max(initial=0)) + 1, bool)
    undecided = np.zeros_like(accepted)
    for number in map(int, lesions.table["label"]):
        verdict = decisions.get(number, "accepted" if number in drawn else "")
        says = says_lesion(verdict)
        accepted[number], undecided[number] = says is True, says is None
    added = np.zeros(int(lesions.candidates.max(initial=0)) + 1, bool)
    for number, verdict in decisions.items():
        if number < 0:
            added[-number] = verdict in VERDICTS and VERDICTS[verdict].as_outlined
    return accepted[lesions.labels] | added[lesions.candidates], undecided[lesions.labels]
