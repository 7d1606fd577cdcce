"""Quality control: a second reader blinded to the first, a third where the two differ.

Each reads in a session of their own, with the same tasks; nobody's verdicts show in another's session.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from napari_uncertainseg._base import InputError
from napari_uncertainseg.raters.kappa import kappa_of_counts
from napari_uncertainseg.review.database.allowed_content import Unreadable
from napari_uncertainseg.review.store.current_verdicts import CurrentVerdict
from napari_uncertainseg.review.store.records import Session, Task
from napari_uncertainseg.review.store.session_settings import SECOND, THIRD, RereadingSettings
from napari_uncertainseg.review.store.store import Store
from napari_uncertainseg.review.verdicts import Voxel

Location = tuple[int, str, Voxel]
"""What two sessions have in common: case, target and voxel."""


@dataclass(frozen=True)
class ReadingStatus:
    """A reading and those that followed it.

    Attributes
    ----------
    first
        The session that was read again.
    second, third
        The sessions that read all of it again, and what the two differed in; None where there is none.
    both
        Tasks that the first and the second reader have reviewed.
    same
        Of these, with the same decision.
    kappa
        Cohen's, of their decisions; NaN where chance alone would agree, or nothing was judged twice.
    differing
        Tasks of the first on which they differ, in its order.
    with_first, with_second
        Of these, how many the third reader decided as the first, or as the second.
    with_neither
        How many the third reader decided in another way than both.
    """

    first: Session
    second: Session | None
    third: Session | None
    both: int
    same: int
    kappa: float
    differing: tuple[Task, ...]
    with_first: int = 0
    with_second: int = 0
    with_neither: int = 0


def first_reading_id(session: Session) -> str:
    """The id of the first reading that a session is, or that it reads again."""
    settings = session.settings
    if isinstance(settings, RereadingSettings) and settings.first_reading is not None:
        return settings.first_reading
    return session.id


def is_reading_of(session: Session, first_reading_id: str, reading: int | None = None) -> bool:
    """Whether a session is a further reading of another one, and a certain one where that is asked for."""
    settings = session.settings
    return (
        isinstance(settings, RereadingSettings)
        and settings.first_reading == first_reading_id
        and reading in (None, settings.reading)
    )


def open_next_reading(store: Store, session_id: str, annotator: str, *, seed: int) -> str:
    """Open the second reading of a session, or the third where there is a second; gives its id.

    Parameters
    ----------
    store
        Of the sessions.
    session_id
        The first reading.
    annotator
        Who reads; nobody reads twice.
    seed
        Of the order, which is random: that of the first tells what was found doubtful.

    Raises
    ------
    InputError
        If the annotator has read it already, all readings have been made, the second one is not finished,
        or the two agree in everything.
    """
    found = reading_status(store, session_id)
    name = " ".join(annotator.split())
    readers = {s.annotator for s in (found.first, found.second, found.third) if s is not None}
    if name in readers:
        raise InputError(f"{name} has read this already: somebody else has to do the next reading.")
    if found.third is not None:
        raise InputError("Three readers have read this; there is no fourth reading.")
    if session_id in sessions_being_reread(store):
        raise InputError(
            "The second reading is not finished. A third reading is about the tasks on which the first two "
            "differ, and can start when the second one is complete or closed."
        )
    tasks: Sequence[Task] = store.tasks(session_id)
    if found.second is not None:
        tasks = found.differing
        if not tasks:
            raise InputError(
                "First and second reader agree on everything that both have reviewed: no third is needed."
            )
    order = np.random.default_rng(seed).permutation(len(tasks))
    settings = {
        **found.first.settings.model_dump(include={"threshold", "min_volume", "noun"}, exclude_unset=True),
        "of": session_id,
        "reading": SECOND if found.second is None else THIRD,
        "order": "random",
        "seed": seed,
        # The order itself is drawn at random: whatever was seen bounds what was not.
        "ranks": list(range(len(tasks))),
        "drawn": list(range(len(tasks))),
    }
    chosen = [tasks[i] for i in order]
    project = store.project(found.first.project)
    return store.open_session(project, store.annotator(name), "qc", chosen, settings)


def reading_status(store: Store, session_id: str) -> ReadingStatus:
    """The further readings of a first reading, and how far they agree."""
    with store.reading():
        return _status(store, session_id)


def _status(store: Store, session_id: str) -> ReadingStatus:
    sessions = {s.id: s for s in store.sessions()}
    if session_id not in sessions:
        raise InputError(f"{store.name}: there is no session {session_id}.")
    first = sessions[session_id]
    second = next((s for s in sessions.values() if is_reading_of(s, session_id, SECOND)), None)
    third = next((s for s in sessions.values() if is_reading_of(s, session_id, THIRD)), None)
    if second is None:
        return ReadingStatus(
            first=first, second=None, third=None, both=0, same=0, kappa=float("nan"), differing=()
        )
    ours, theirs = decisions(store, first.id), decisions(store, second.id)
    both = [place for place in ours if place in theirs]
    differing = {place for place in both if ours[place].decision != theirs[place].decision}
    pairs = [(ours[place].decision, theirs[place].decision) for place in both]
    tasks = tuple(task for task in store.tasks(first.id) if _place(task) in differing)
    last = {} if third is None else decisions(store, third.id)
    sided = [
        (last[place].decision, ours[place].decision, theirs[place].decision)
        for place in differing
        if place in last
    ]
    with_first, with_second = sum(c == a for c, a, _ in sided), sum(c == b for c, _, b in sided)
    return ReadingStatus(
        first=first,
        second=second,
        third=third,
        both=len(both),
        same=len(both) - len(differing),
        kappa=kappa(pairs),
        differing=tasks,
        with_first=with_first,
        with_second=with_second,
        with_neither=len(sided) - with_first - with_second,
    )


def sessions_being_reread(store: Store) -> set[str]:
    """First readings whose second or third reading is not finished: their verdicts stay hidden."""
    with store.reading():
        going_on = [s for s in store.sessions() if s.kind == "qc" and s.closed is None]
        return {first_reading_id(s) for s in going_on if _has_more(store, s)}


def _has_more(store: Store, session: Session) -> bool:
    """Whether tasks are left to review; a session that cannot be read cannot be resumed."""
    try:
        return len(store.verdicts(session.id)) < len(store.tasks(session.id))
    except Unreadable:
        return False


def decisions(store: Store, session_id: str) -> Mapping[Location, CurrentVerdict]:
    """The current verdicts of a session, by location."""
    verdicts = store.verdicts(session_id)
    return {_place(task): verdicts[task.id] for task in store.tasks(session_id) if task.id in verdicts}


def kappa(pairs: Sequence[tuple[str, str]]) -> float:
    """Cohen's kappa of two readers' decisions; NaN where chance alone would agree in all."""
    index = {name: i for i, name in enumerate(dict.fromkeys(name for pair in pairs for name in pair))}
    counts = np.zeros((len(index), len(index)))
    for ours, theirs in pairs:
        counts[index[ours], index[theirs]] += 1
    return float(kappa_of_counts(counts, undefined=np.nan))


def _place(task: Task) -> Location:
    return task.case, task.target, task.voxel
