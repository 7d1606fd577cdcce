"""Reviews are saved automatically: a session from the first verdict or stroke on, offered again later."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from psygnal import Signal

from napari_uncertainseg._base import InputError, pluralised
from napari_uncertainseg._checks import check_same_shape
from napari_uncertainseg.case import Case
from napari_uncertainseg.prediction.prediction import Prediction
from napari_uncertainseg.review.database.allowed_content import Unreadable
from napari_uncertainseg.review.session.opening import UNNAMED, open_reading
from napari_uncertainseg.review.session.recorder import Recorder
from napari_uncertainseg.review.store.current_verdicts import current_verdicts
from napari_uncertainseg.review.store.entry_details import PaintedDetails
from napari_uncertainseg.review.store.journal import details_of
from napari_uncertainseg.review.store.predictions import open_readings, sessions_of_prediction
from napari_uncertainseg.review.store.records import Session
from napari_uncertainseg.review.store.session_settings import BY_DEFAULT, KEPT, ReviewSettings
from napari_uncertainseg.review.store.store import Store
from napari_uncertainseg.widgets.shared.responsive.turns import Soon
from napari_uncertainseg.widgets.shared.session_file import SessionFile

SEE_SESSION = "see Session."
"""Ends a message about what the Session dock lists; the Lesions dock makes a link of it that opens it."""


@dataclass(frozen=True)
class ResumeOffer:
    """An unfinished review of the current scans.

    Attributes
    ----------
    session
        The review.
    verdicts
        Number of verdicts.
    painted
        Whether something was painted.
    same
        Whether it belongs to the current prediction.
    last
        Time of its last entry, ISO 8601, UTC.
    others
        Number of further reviews of these scans, which the list in Session shows.
    """

    session: Session
    verdicts: int
    painted: bool
    same: bool
    last: str = ""
    others: int = 0

    @property
    def text(self) -> str:
        """Its annotator, start, extent, model and method."""
        settings = self.session.settings
        made = (settings.model, settings.method) if isinstance(settings, ReviewSettings) else ()
        model = ", ".join(name for name in made if name)
        text = (
            f"There is a saved review of these scans: {_extent(self.verdicts, self.painted)} by "
            f"{self.session.annotator}, started {_minute(self.session.opened)}"
        )
        text += f", with {model}." if model else "."
        if self.others:
            text += f" Session lists {pluralised(self.others, 'more review')} of these scans."
        return text if self.same else f"{text} It belongs to another segmentation of these scans."


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
        name = " ".join(self._sessions.annotator.split()) or UNNAMED
        session = open_session(store, self._case, name, "doubt", **{KEPT: BY_DEFAULT})
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
        self._last = describe_kept(self._case, self._sessions.location) or self._last

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
        store, name = self._sessions.store(), " ".join(self._sessions.annotator.split())
        sha256 = prediction.information.get("case", {}).get("sha256")
        ids = sessions_of_prediction(store, prediction.sha256)
        offers: list[ResumeOffer] = []
        for session in store.sessions():
            mine = not name or session.annotator in (name, UNNAMED)
            under_way = self._case.review.recorder
            if session.kind != "review" or session.closed is not None or not mine:
                continue
            if under_way is not None and session.id == under_way.session.id:
                continue
            settings = session.settings
            same_scans = (
                sha256 is not None and isinstance(settings, ReviewSettings) and settings.case == sha256
            )
            same = session.id in ids
            if not (same or same_scans):
                continue
            try:
                offer = self._make_offer(store, session, same)
            except Unreadable:  # the list in Session says so
                continue
            if offer is not None:
                offers.append(offer)
        if not offers:
            return None
        best = max(offers, key=lambda offer: (offer.same, offer.last))
        return replace(best, others=len(offers) - 1)

    def _make_offer(self, store: Store, session: Session, same: bool) -> ResumeOffer | None:
        store.tasks(session.id)  # a session whose tasks cannot be read is not offered
        entries = store.entries(session.id)
        strokes = details_of(entries, PaintedDetails)
        verdicts = len(current_verdicts(entries))
        is_painted = bool(strokes) and strokes[-1][1].mask is not None
        last = max((entry.at for entry in entries), default=session.opened)
        return ResumeOffer(session, verdicts, is_painted, same, last) if verdicts or is_painted else None

    def dismiss(self) -> None:
        """Ignore the offered review; it stays as it is."""
        self.offer = None
        self.changed.emit()

    def accept(self) -> str:
        """Resume the offered review, or copy its verdicts; gives a sentence for the reader.

        Raises
        ------
        InputError
            If it cannot be read, or does not fit the scan.
        """
        assert self.offer is not None
        recorder = Recorder(self._sessions.store(), self.offer.session.id, self._visible)
        message = self._resume(recorder) if self.offer.same else self._copy_verdicts(recorder)
        if recorder.session.annotator != UNNAMED:
            self._sessions.annotator = recorder.session.annotator
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
        if recorder.session.annotator != UNNAMED:
            self._sessions.annotator = recorder.session.annotator
        self.dismiss()
        return (
            f"The session of {recorder.session.annotator} goes on: {len(recorder.verdicts)} of "
            f"{len(recorder.tasks)} reviewed."
        )

    def _resume(self, recorder: Recorder) -> str:
        before = self._case.review.recorder
        resume(self._case, recorder)
        message = f"Resumed: {pluralised(len(recorder.verdicts), 'verdict')} by {recorder.session.annotator}."
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
    extent = _extent(len(case.review.verdicts), case.review.edit is not None)
    annotator, opened = recorder.session.annotator, _minute(recorder.session.opened)
    return (
        f"The review is saved: {extent}, as the session of {annotator} from {opened} in {location}. "
        "You can resume it when the same scans are opened and run again."
    )


def _extent(verdicts: int, painted: bool) -> str:
    number = pluralised(verdicts, "verdict")
    return f"{number} and painting" if painted else number


def _minute(time: str) -> str:
    """A time of the store (ISO 8601, UTC) for display, to the minute."""
    return f"{time[:16].replace('T', ' ')} UTC"


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
