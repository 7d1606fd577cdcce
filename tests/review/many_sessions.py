"""Stores with several annotators: readings of the same places, and lessons."""

from __future__ import annotations

import numpy as np

from napari_uncertainseg.review.session.rereading import open_next_reading
from napari_uncertainseg.review.store.records import NewTask
from napari_uncertainseg.review.store.store import Store

DECISIONS = ("accepted", "rejected", "unsure")


def some_case(store: Store, name: str = "patient07", project: str = "study") -> tuple[int, int]:
    """Numbers of a case and of an output of it."""
    case = store.case(store.project(project), name, f"cases/{name}")
    about = {"model": "m", "model_sha256": "b" * 64, "method": "x", "threshold": 0.5}
    return case, store.output(case, "a" * 64, **about)


def read(
    store: Store, annotator: str, said: list[str | None], case: str = "patient07", *, close: bool = True
):
    """A review with a decision per lesion, None for none; gives its id. Lesion i has the doubt i / 20."""
    number, output = some_case(store, case)
    tasks = [NewTask(number, output, "lesion", i + 1, (i, 2, 3), i / 20, 0.5, 10.0) for i in range(len(said))]
    settings = {"order": "doubt"}
    session = store.open_session(
        store.project("study"), store.annotator(annotator), "review", tasks, settings
    )
    judge(store, session, said)
    if close:
        store.record(session, "closed")
    return session


def judge(store: Store, session: str, said: list[str | None]) -> None:
    """Give a decision per lesion, after 1, 2, ... seconds."""
    for task in store.tasks(session):
        i = task.voxel[0]
        if i < len(said) and said[i] is not None:
            store.record(session, "verdict", task.id, {"decision": said[i], "seconds": i + 1.0})


def lesson(
    store: Store,
    annotator: str,
    places: list[int],
    right: list[bool | None],
    *,
    arms=None,
    close: bool = True,
):
    """A lesson that asks about places, the even ones lesions; None leaves a question open."""
    number, output = some_case(store)
    tasks = [NewTask(number, output, "lesion", 0, (place, 9, 9), None, 0.5, 10.0) for place in places]
    settings = {"exists": [place % 2 == 0 for place in places]}
    settings |= {} if arms is None else {"arms": arms}
    session = store.open_session(
        store.project("training"), store.annotator(annotator), "training", tasks, settings
    )
    for task, place, is_right in zip(store.tasks(session), places, right, strict=True):
        if is_right is not None:
            decision = "accepted" if (place % 2 == 0) == is_right else "rejected"
            said = {"decision": decision, "confidence": 0.8, "seconds": 2.0}
            store.record(session, "verdict", task.id, said)
    if close:
        store.record(session, "closed")
    return session


def a_department(store: Store, lessons: int = 5) -> None:
    """Three annotators who read and are read again, one of them blinded still, and two in training."""
    rng = np.random.default_rng(0)
    for case in ("patient07", "patient12"):
        first = read(store, "Anna Weber", [str(rng.choice(DECISIONS[:2])) for _ in range(12)], case)
        second = open_next_reading(store, first, "Ben", seed=1)
        said = [str(rng.choice(DECISIONS)) for _ in range(12)]
        if case == "patient07":
            judge(store, second, said)
            store.record(second, "closed")
            third = open_next_reading(store, first, "Chiara", seed=1)
            judge(store, third, ["accepted"] * 12)
        else:
            judge(store, second, said[:4])
    for name, skill in (("Chiara", 0.6), ("trainee 1", 0.5)):
        for i in range(lessons):
            places = list(range(6 * i, 6 * i + 20))
            lesson(store, name, places, [bool(rng.random() < skill + 0.08 * i) for _ in places])
