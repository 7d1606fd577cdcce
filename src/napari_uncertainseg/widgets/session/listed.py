"""A session of the list is continued, read again or played back, if it is of the case on screen."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence

from napari_uncertainseg._base import InputError
from napari_uncertainseg.case import Case
from napari_uncertainseg.review.session.recorder import Recorder
from napari_uncertainseg.review.session.replay import Replay
from napari_uncertainseg.review.session.rereading import (
    first_reading_id,
    open_next_reading,
    sessions_being_reread,
)
from napari_uncertainseg.review.store.records import Session, Task
from napari_uncertainseg.review.store.store import Store
from napari_uncertainseg.widgets.session import texts
from napari_uncertainseg.widgets.shared.kept_review import resume
from napari_uncertainseg.widgets.shared.session_file import how_made


def continue_listed(
    case: Case,
    store: Store,
    session: Session,
    visible: Callable[[], Sequence[str]],
    after: int | None = None,
) -> None:
    """Show the review of a session, and record into it from now on.

    Parameters
    ----------
    case
        On screen.
    store, session
        Where the session is.
    visible
        Names of what the reader sees, kept with each verdict.
    after
        Keep what is on screen, and write it into the session: it was left after the entry of this number.

    Raises
    ------
    InputError
        If it belongs to another prediction, or cannot be resumed.
    """
    recorder = Recorder(store, session.id, visible)
    _check_output(case, store, recorder.tasks, session)
    if after is None:
        resume(case, recorder)
    elif after != recorder.last_entry:
        raise InputError(texts.CHANGED_ELSEWHERE)
    else:
        case.review.catch_up(recorder)


def open_reading_again(case: Case, store: Store, session: Session, annotator: str) -> str:
    """Open the second or third reading of a session; gives its id. Errors as `continue_listed`."""
    _check_output(case, store, store.tasks(session.id), session)
    return open_next_reading(store, first_reading_id(session), annotator, seed=secrets.randbits(31))


def replay_listed(case: Case, store: Store, session: Session, shape: tuple[int, ...]) -> Replay:
    """A session to be played back on a grid of a shape.

    Raises
    ------
    InputError
        As `continue_listed`, and where somebody reads the same a second time at present.
    """
    if first_reading_id(session) in sessions_being_reread(store):
        raise InputError(texts.BEING_REREAD)
    replay = Replay(store, session.id)
    _check_output(case, store, replay.tasks, session)
    replay.check_fits(shape)
    return replay


def _check_output(case: Case, store: Store, tasks: Sequence[Task], session: Session) -> None:
    """Raise InputError if a session belongs to another prediction than the current one."""
    output = next((task.output for task in tasks), None)
    current = {p.sha256 for p in (case.original, case.prediction) if p is not None}
    if not any(output in store.outputs(sha256) for sha256 in current):
        name = store.case_name(tasks[0].case) if tasks else ""
        about = {} if case.original is None else case.original.information
        raise InputError(texts.other_prediction(name, how_made(store, output, session, about)))
