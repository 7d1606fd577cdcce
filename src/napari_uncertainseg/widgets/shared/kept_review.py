"""Reviews are saved automatically: a session from the first verdict or stroke on, offered again later."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any

from psygnal import Signal, SignalInstance

from napari_uncertainseg._base import InputError
from napari_uncertainseg._checks import check_same_shape
from napari_uncertainseg.case import Case
from napari_uncertainseg.prediction.prediction import Prediction
from napari_uncertainseg.review.made_with import is_of_other_scans, other_scans
from napari_uncertainseg.review.session.open_reviews import (
    ResumeOffer,
    extent_of,
    latest_open_review,
    minute_of,
)
from napari_uncertainseg.review.session.opening import UNNAMED, open_reading
from napari_uncertainseg.review.session.recorder import Recorder
from napari_uncertainseg.review.store.predictions import open_readings, sessions_of_prediction
from napari_uncertainseg.review.store.records import Session
from napari_uncertainseg.review.store.session_settings import BY_DEFAULT, KEPT, ReviewSettings
from napari_uncertainseg.review.store.store import Store
from napari_uncertainseg.widgets.shared.responsive.turns import Soon
from napari_uncertainseg.widgets.shared.session_file import SessionFile

SEE_SESSION = "see Session."
"""Ends a message about what the Session dock lists; the Lesions dock makes a link of it that opens it."""


class ReviewKeeper:
    """Starts a session where the reader started none, and offers it again when the same scans are run.

    Parameters
    ----------
    case
        The case under review.
    sessions
        Where it is saved; the file is made with the first verdict.
    visible
        Names of the visible layers.
    busy
        Whether an exercise or a replay is running: then no review is on screen.
    """

    changed = Signal()
    """Another offer, or none."""
    message = Signal(str)
    """A sentence for the reviewer: what is saved and where, or why it is not."""

    def __init__(
        self,
        case: Case,
        sessions: SessionFile,
        visible: Callable[[], Sequence[str]],
        busy: Callable[[], bool],
    ) -> None:
        self.offer: ResumeOffer | None = None
        self._case, self._sessions = case, sessions
        self._visible, self._busy = visible, busy
        self._prediction: Prediction | None = case.original
        self._last = ""
        self._soon = Soon()
        self._unused: tuple[Prediction | None, str] | None = None
        case.review.keep_with(self._start)
        case.prediction_changed.connect(self._on_prediction)
        case.verdicts_changed.connect(self._describe)
        case.lesions_changed.connect(self._describe)
        case.not_kept.connect(self._on_not_kept)

    @property
    def busy(self) -> bool:
        """Whether an exercise or a replay is running: then no review is on screen."""
        return self._busy()

    @property
    def reader(self) -> str:
        """Under whose name the next review is saved."""
        return self._sessions.reader or UNNAMED

    @property
    def reader_changed(self) -> SignalInstance:
        """See `SessionFile.annotator_changed`."""
        return self._sessions.annotator_changed

    def cleanup(self) -> None:
        """Disconnect from the case. May be called twice."""
        self._soon.drop()
        self._case.review.keep_with(None)
        self._case.prediction_changed.disconnect(self._on_prediction, missing_ok=True)
        self._case.verdicts_changed.disconnect(self._describe, missing_ok=True)
        self._case.lesions_changed.disconnect(self._describe, missing_ok=True)
        self._case.not_kept.disconnect(self._on_not_kept, missing_ok=True)

    # -- saving -------------------------------------------------------------------------------

    def _start(self) -> None:
        """Start a session, unless no review is on screen; InputError if it cannot be written."""
        if self._busy() or self._case.prediction is None:
            return
        store = self._sessions.store()
        self._case.review.set_recorder(self._unused_recorder(store) or self._new_recorder(store))
        self._unused = None

    def _new_recorder(self, store: Store) -> Recorder:
        session = open_session(store, self._case, self.reader, "doubt", **{KEPT: BY_DEFAULT})
        self._unused = self._case.original, session
        return Recorder(store, session, self._visible)

    def _unused_recorder(self, store: Store) -> Recorder | None:
        """The session that was started for this prediction while nothing could be written into it."""
        prediction, session = self._unused or (None, "")
        if prediction is None or prediction is not self._case.original:
            return None
        recorder = Recorder(store, session, self._visible)
        return recorder if recorder.is_new else None

    def _on_not_kept(self, why: str) -> None:
        self._last = ""
        self.message.emit(
            f"This review is no longer saved: {why} Your changes are on screen only; the next verdict or "
            "stroke tries to save them again. To keep them, press Export all, or choose another file in "
            "Session and press Start session."
        )

    def _describe(self) -> None:
        """Note what is saved now. A case that closes is left by its recorder first: what was noted stays."""
        if self._case.review.recorder is not None:
            self._last = describe_kept(self._case, self._sessions.location)

    def _on_prediction(self) -> None:
        """Say where the review before is saved, and look for one of the current scans."""
        if self._case.original is self._prediction:
            return
        self._prediction = self._case.original
        if self._prediction is None:
            self._unused = None  # a case that is closed is not kept
        if self._last:
            self.message.emit(self._last)
        self._last = ""
        self.dismiss()  # of the case before
        if self._prediction is not None:
            self._soon.add(self._update_offer)  # results are shown first

    # -- offering -----------------------------------------------------------------------------

    def _update_offer(self) -> None:
        try:
            self.offer = (
                None
                if self._prediction is None or not self._sessions.exists
                else self._find_offer(self._prediction)
            )
        except InputError as error:
            self.offer = None
            self.message.emit(f"Cannot search for earlier reviews of these scans: {error}")
        self.changed.emit()

    def _find_offer(self, prediction: Prediction) -> ResumeOffer | None:
        """The latest open review of the same scans, under the reader's name or without one."""
        store = self._sessions.store()
        sha256 = prediction.information.get("case", {}).get("sha256")
        ids = sessions_of_prediction(store, prediction.sha256)
        recorder = self._case.review.recorder
        under_way = "" if recorder is None else recorder.session.id

        def of_these(session: Session) -> bool | None:
            settings = session.settings
            if session.id == under_way:
                return None
            if session.id in ids:
                return True
            if sha256 is None or not isinstance(settings, ReviewSettings):
                return None
            same_scans = settings.case == sha256
            return False if same_scans or is_of_other_scans(settings, prediction.information) else None

        return latest_open_review(
            store,
            self._sessions.annotator,
            of_these,
            lambda session: other_scans(session.settings, prediction.information),
        )

    def dismiss(self) -> None:
        """Ignore the offered review, or the one that is still looked for; it stays as it is."""
        self._soon.drop()
        self.offer = None
        self.changed.emit()

    def accept(self) -> str:
        """Resume the offered review, or copy its verdicts; gives a sentence for the reader.

        Raises
        ------
        InputError
            If it cannot be read, does not fit the scan, or belongs to another reader.
        """
        assert self.offer is not None
        before, session = self._sessions.annotator, self.offer.session
        self._sessions.resume_as(session.annotator)  # a copy is of the same reader
        try:
            recorder = Recorder(self._sessions.store(), session.id, self._visible)
            message = self._resume(recorder) if self.offer.same else self._copy_verdicts(recorder)
        except InputError:
            self._sessions.annotator = before
            raise
        self.dismiss()
        return message

    def resume_prepared(self, annotator: str) -> str:
        """Resume an open review of exactly this prediction, if there is one; gives a sentence, or none.

        Parameters
        ----------
        annotator
            Whose; of a reader without a name where it is empty.

        Raises
        ------
        InputError
            If it cannot be read, or does not fit the scan.
        """
        prediction = self._case.original
        if prediction is None or self._busy() or not self._sessions.exists:
            return ""
        store = self._sessions.store()
        found = open_readings(store, prediction.sha256, " ".join(annotator.split()) or UNNAMED)
        if not found:
            return ""
        recorder = Recorder(store, found[0].id, self._visible)
        resume(self._case, recorder)
        if recorder.session.annotator != UNNAMED:  # the name was typed in the dock that asks
            self._sessions.annotator = recorder.session.annotator
        self.dismiss()
        return (
            f"The session of {recorder.session.annotator} goes on: {len(recorder.verdicts)} of "
            f"{len(recorder.tasks)} reviewed."
        )

    def _resume(self, recorder: Recorder) -> str:
        before = self._case.review.recorder
        resume(self._case, recorder)
        painted = self._case.review.edit is not None
        extent = extent_of(len(recorder.verdicts), painted, by=recorder.session.annotator)
        message = f"Resumed: {extent}."
        if before is None or not before.verdicts:
            return message
        return f"{message} The review that was on screen is saved, too: {SEE_SESSION}"

    def _copy_verdicts(self, recorder: Recorder) -> str:
        """Give the verdicts to the lesions that are now at their voxels, in a new session."""
        case, edit = self._case, recorder.painted()
        if case.grid is None or case.lesions is None:
            raise InputError("There is no prediction yet; press Run in Segment first.")
        shape = case.grid.shape
        if edit is not None:
            check_same_shape("The painting", edit.shape, "the scan", shape)
        inside = [
            v for v in recorder.verdicts if all(0 <= i < n for i, n in zip(v.voxel, shape, strict=True))
        ]
        case.reset_review((), edit)
        copied = tuple(v for v in inside if case.lesions.component_at(v.voxel))
        case.reset_review(copied, edit)
        self._start()
        given, omitted = len(recorder.verdicts), len(recorder.verdicts) - len(copied)
        rest = (
            f" {omitted} left out: no lesion or candidate of this segmentation is there." if omitted else ""
        )
        return f"Copied {len(copied)} of {given} verdicts.{rest}"


def waiting_review(sessions: SessionFile, flair_sha256: str) -> str:
    """A sentence about the latest open review of a FLAIR that was not run yet; empty where there is none.

    May be called in another thread. What cannot be read is said once the FLAIR has been run.

    Parameters
    ----------
    sessions
        Where reviews are saved.
    flair_sha256
        Of the FLAIR: `ReviewSettings.flair`.
    """

    def of_it(session: Session) -> bool | None:
        settings = session.settings
        return False if isinstance(settings, ReviewSettings) and settings.flair == flair_sha256 else None

    try:
        with closing(sessions.another_store()) as store:
            offer = latest_open_review(store, sessions.annotator, of_it)
    except InputError:
        return ""
    return "" if offer is None else offer.waiting(sessions.annotator)


def resume(case: Case, recorder: Recorder) -> None:
    """Resume a session; it replaces the review on screen.

    Raises
    ------
    InputError
        If its locations are outside the scan, or its painting cannot be read or does not fit.
    """
    if case.grid is not None:
        recorder.check_fits(case.grid.shape)
    case.reset_review()
    case.threshold, case.min_volume = recorder.last_seen_at(case.threshold, case.min_volume)
    case.review.set_recorder(recorder)


def describe_kept(case: Case, location: str) -> str:
    """What a session has saved of the current case, and where; empty where no session has it."""
    recorder = case.review.recorder
    if recorder is None or not (case.review.verdicts or case.review.edit is not None):
        return ""
    extent = extent_of(len(case.review.verdicts), case.review.edit is not None)
    annotator, opened = recorder.session.annotator, minute_of(recorder.session.opened)
    return (
        f"The review is saved: {extent}, as the session of {annotator} from {opened} in {location}. "
        "You can resume it when the same scans are opened and run again."
    )


def open_session(store: Store, case: Case, annotator: str, order: str, **settings: Any) -> str:
    """Open a session on the current case; gives its id.

    Parameters
    ----------
    store
        Where.
    case
        With a prediction.
    annotator
        Name of the annotator.
    order
        One of `ORDERS`.
    settings
        Further settings of the session.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    prediction, lesions = case.original, case.lesions
    if prediction is None or lesions is None:
        raise InputError("There is no prediction yet; press Run in Segment first.")
    return open_reading(store, prediction, lesions, annotator, order, **settings)
