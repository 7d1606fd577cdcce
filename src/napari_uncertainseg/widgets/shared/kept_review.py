"""Reviews are kept by default: a session from the first verdict or stroke on, found again later."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from psygnal import Signal

from napari_uncertainseg._base import InputError
from napari_uncertainseg._checks import check_same_shape
from napari_uncertainseg.case import Case
from napari_uncertainseg.prediction.prediction import Prediction
from napari_uncertainseg.review.session.queue import Queue, queue_of
from napari_uncertainseg.review.session.recorder import BY_DEFAULT, KEPT, Recorder
from napari_uncertainseg.review.store.current_verdicts import current_verdicts
from napari_uncertainseg.review.store.records import NewTask, Session
from napari_uncertainseg.review.store.store import Store
from napari_uncertainseg.widgets.shared.session_file import PROJECT, SessionFile, register_prediction

UNNAMED = "unnamed reader"
"""Whose a review is until somebody says who judges."""


_IS_KEPT = ("is", "are")


@dataclass(frozen=True)
class ResumeOffer:
    """A review of the scans at hand that was not finished.

    Attributes
    ----------
    session
        The review.
    verdicts
        How many there are.
    painted
        Whether something was painted.
    same
        Whether it is of the very prediction at hand.
    last
        When it was last written in, ISO 8601, UTC.
    others
        How many more there are: they are in the list of Session.
    """

    session: Session
    verdicts: int
    painted: bool
    same: bool
    last: str = ""
    others: int = 0

    @property
    def text(self) -> str:
        """Whose it is, from when, how much, and of which model and method."""
        said = self.session.settings
        many = f"{self.verdicts} verdict{'' if self.verdicts == 1 else 's'}"
        what = f"{many} and painting" if self.painted else many
        by = ", ".join(str(said[name]) for name in ("model", "method") if said.get(name))
        when = self.session.opened[:16].replace("T", " ")
        text = f"A review of these scans is kept: {what} by {self.session.annotator}, begun {when} UTC"
        text += f", with {by}." if by else "."
        if self.others:
            text += f" Of these scans {self.others} more {_IS_KEPT[self.others > 1]} kept, see Session."
        return text if self.same else f"{text} It is of another segmentation than the one at hand."


class ReviewKeeper:
    """Begins a session where nobody began one, and finds it again when the same scans are run.

    Parameters
    ----------
    case
        The case under review.
    sessions
        Where to; the file is made with the first verdict.
    visible
        Names of what the reviewer sees.
    busy
        Whether an exercise or a replay goes on: what is on screen then is nobody's review.
    """

    changed = Signal()
    """Another offer, or none."""
    said = Signal(str)
    """What the reviewer must hear of: what is kept, and where, or why it is not."""

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
        self._of: Prediction | None = case.original
        self._last = ""
        self._unused: tuple[Prediction | None, str] | None = None
        case.keep_with(self._begin)
        case.prediction_changed.connect(self._on_prediction)
        case.verdicts_changed.connect(self._note)
        case.lesions_changed.connect(self._note)
        case.not_kept.connect(self._on_not_kept)

    def cleanup(self) -> None:
        """Let go of the case. May be called twice."""
        self._case.keep_with(None)
        self._case.prediction_changed.disconnect(self._on_prediction, missing_ok=True)
        self._case.verdicts_changed.disconnect(self._note, missing_ok=True)
        self._case.lesions_changed.disconnect(self._note, missing_ok=True)
        self._case.not_kept.disconnect(self._on_not_kept, missing_ok=True)

    # -- keeping ------------------------------------------------------------------------------

    def _begin(self) -> None:
        """Begin a session, unless what is on screen is nobody's review; InputError if it cannot be."""
        if self._busy() or self._case.prediction is None:
            return
        store = self._sessions.store()
        self._case.set_recorder(self._begun_in_vain(store) or self._new_recorder(store))
        self._unused = None

    def _new_recorder(self, store: Store) -> Recorder:
        name = " ".join(self._sessions.annotator.split()) or UNNAMED
        session = open_session(store, self._case, name, "doubt", **{KEPT: BY_DEFAULT})
        self._unused = self._case.original, session
        return Recorder(store, session, self._visible)

    def _begun_in_vain(self, store: Store) -> Recorder | None:
        """The session that was begun for this prediction when nothing could be written into it."""
        of, session = self._unused or (None, "")
        if of is None or of is not self._case.original:
            return None
        recorder = Recorder(store, session, self._visible)
        return recorder if recorder.is_new else None

    def _on_not_kept(self, why: str) -> None:
        self._last = ""
        self.said.emit(
            f"This review is not kept from here on: {why} What you do now is only on the screen; the next "
            "verdict or stroke tries again. Export it with Export all, or choose another file in Session and "
            "press Start session."
        )

    def _note(self) -> None:
        self._last = describe_kept(self._case, self._sessions.place) or self._last

    def _on_prediction(self) -> None:
        """Say what became of the review before, and look for one of the scans at hand."""
        if self._case.original is self._of:
            return
        self._of = self._case.original
        if self._last:
            self.said.emit(self._last)
        self._last = ""
        self._look()

    # -- finding again ------------------------------------------------------------------------

    def _look(self) -> None:
        try:
            self.offer = None if self._of is None or not self._sessions.exists else self._found(self._of)
        except InputError as error:
            self.offer = None
            self.said.emit(f"Earlier reviews of these scans cannot be looked for: {error}")
        self.changed.emit()

    def _found(self, prediction: Prediction) -> ResumeOffer | None:
        """The open review of the same scans that was last written in, the reader's own or nobody's."""
        store, name = self._sessions.store(), " ".join(self._sessions.annotator.split())
        sha256 = prediction.information.get("case", {}).get("sha256")
        outputs = store.outputs(prediction.sha256)
        found: list[ResumeOffer] = []
        for session in store.sessions():
            mine = not name or session.annotator in (name, UNNAMED)
            if session.kind != "review" or session.closed is not None or not mine:
                continue
            same = bool(outputs & {task.output for task in store.tasks(session.id)[:1]})
            known = sha256 is not None and session.settings.get("case") == sha256
            if (same or known) and (offer := self._offer_of(store, session, same)) is not None:
                found.append(offer)
        if not found:
            return None
        best = max(found, key=lambda offer: (offer.same, offer.last))
        return replace(best, others=len(found) - 1)

    def _offer_of(self, store: Store, session: Session, same: bool) -> ResumeOffer | None:
        entries = store.entries(session.id)
        painted = [e.values.get("mask") for e in entries if e.kind == "painted"]
        verdicts = len(current_verdicts(entries))
        is_painted = bool(painted) and painted[-1] is not None
        last = max((entry.at for entry in entries), default=session.opened)
        return ResumeOffer(session, verdicts, is_painted, same, last) if verdicts or is_painted else None

    def dismiss(self) -> None:
        """Leave the offered review as it is."""
        self.offer = None
        self.changed.emit()

    def accept(self) -> str:
        """Go on with the offered review, or take its verdicts over; gives what there is to say.

        Raises
        ------
        InputError
            If it cannot be read, or does not fit the scan.
        """
        assert self.offer is not None
        recorder = Recorder(self._sessions.store(), self.offer.session.id, self._visible)
        said = self._resume(recorder) if self.offer.same else self._bring_over(recorder)
        if recorder.session.annotator != UNNAMED:
            self._sessions.annotator = recorder.session.annotator
        self.dismiss()
        return said

    def _resume(self, recorder: Recorder) -> str:
        was = self._case.recorder
        resume(self._case, recorder)
        said = f"Resumed: {len(recorder.verdicts)} verdicts by {recorder.session.annotator}."
        if was is None or not was.verdicts:
            return said
        return f"{said} The review that was on screen is kept, too: see Session."

    def _bring_over(self, recorder: Recorder) -> str:
        """Give the verdicts to the lesions that now lie at their voxels, in a session of its own."""
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
        found = tuple(v for v in inside if case.lesions.component_at(v.voxel))
        case.reset_review(found, edit)
        self._begin()
        lost = len(recorder.verdicts) - len(found)
        rest = (
            f" {lost} lie on no lesion or candidate of this segmentation and were left out." if lost else ""
        )
        return f"Brought over {len(found)} of {len(recorder.verdicts)} verdicts.{rest}"


def resume(case: Case, recorder: Recorder) -> None:
    """Go on with a session: what is on screen is somebody else's, or of another session.

    Raises
    ------
    InputError
        If its places lie outside of the scan, or its painting cannot be read or does not fit.
    """
    if case.grid is not None:
        recorder.check_fits(case.grid.shape)
    case.reset_review()
    case.threshold, case.min_volume = recorder.last_seen_at(case.threshold, case.min_volume)
    case.set_recorder(recorder)


def describe_kept(case: Case, place: str) -> str:
    """What a session holds of the case at hand, and where; empty where none does."""
    recorder = case.recorder
    if recorder is None or not (case.verdicts or case.edit is not None):
        return ""
    many = f"{len(case.verdicts)} verdict{'' if len(case.verdicts) == 1 else 's'}"
    what = f"{many} and the painting" if case.edit is not None else many
    who, when = recorder.session.annotator, recorder.session.opened[:16].replace("T", " ")
    return (
        f"The review is kept: {what}, as the session of {who} from {when} UTC in {place}. "
        "It is offered when the same scans are opened and run again."
    )


def open_session(store: Store, case: Case, annotator: str, order: str, **settings: Any) -> str:
    """Open a session on the case at hand; gives its id.

    Parameters
    ----------
    store
        Where.
    case
        With a prediction.
    annotator
        Who judges.
    order
        One of `ORDERS`.
    settings
        Kept with it.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    prediction, lesions = case.original, case.lesions
    if prediction is None or lesions is None:
        raise InputError("There is no prediction yet; press Run in Segment first.")
    number, output = register_prediction(store, prediction)
    checks = 0.0 if settings.get(KEPT) == BY_DEFAULT else None
    pace, seed = store.pace(annotator), secrets.randbits(31)
    queue = queue_of(lesions, number, output, order, pace=pace, checks=checks, seed=seed)  # type: ignore[arg-type]
    if not queue.tasks:  # all that there will be is what the reader draws
        middle = tuple(int(n // 2) for n in prediction.grid.shape)
        queue = Queue((NewTask(number, output, "case", 0, middle),), (0,), ())  # type: ignore[arg-type]
    about = prediction.information
    said = {
        "order": order,
        "threshold": lesions.threshold,
        "min_volume": lesions.min_volume,
        "ranks": list(queue.ranks),
        "drawn": list(queue.drawn),
        "members": about.get("members"),
        "case": about.get("case", {}).get("sha256"),
        "flair": about.get("inputs", {}).get("flair", {}).get("scan_sha256"),
        "model": str(about.get("model", "")),
        "method": str(about.get("method", "")),
    }
    project, who = store.project(PROJECT), store.annotator(annotator)
    return store.open_session(project, who, "review", queue.tasks, {**said, **settings})
