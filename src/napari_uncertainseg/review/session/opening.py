"""A new reading of a case: its tasks, and what is kept of what it is about."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, cast

from napari_uncertainseg.modalities import main_of
from napari_uncertainseg.nouns import LESION
from napari_uncertainseg.review.session.queue import Order, Queue, queue_of
from napari_uncertainseg.review.store.predictions import PROJECT, register_prediction
from napari_uncertainseg.review.store.records import NewTask
from napari_uncertainseg.review.store.session_settings import BY_DEFAULT, KEPT
from napari_uncertainseg.review.store.store import Store

if TYPE_CHECKING:
    from napari_uncertainseg.prediction.prediction import Prediction
    from napari_uncertainseg.uncertainty.lesion_ranking import Lesions

UNNAMED = "unnamed reader"
"""Annotator of a review until a name is typed."""


def may_resume(reader: str, annotator: str) -> bool:
    """Whether a reader may go on with a session: with their own, and with one that nobody put a name to.

    Parameters
    ----------
    reader
        Who reads now; empty where no name is typed, and then whoever began it is taken to go on.
    annotator
        Of the session.
    """
    return not reader or annotator in (reader, UNNAMED)


def open_reading(
    store: Store, prediction: Prediction, lesions: Lesions, annotator: str, order: str, **settings: Any
) -> str:
    """Open a session on a prediction; gives its id.

    Parameters
    ----------
    store
        Where.
    prediction
        As the model made it.
    lesions
        Of it, as they are outlined now.
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
    project = store.project(PROJECT)
    number, output = register_prediction(store, prediction, project)
    checks = 0.0 if settings.get(KEPT) == BY_DEFAULT else None
    speed, seed = store.reading_speed(annotator), secrets.randbits(31)
    queue = queue_of(lesions, number, output, cast(Order, order), speed=speed, checks=checks, seed=seed)
    if not queue.tasks:  # the reader can still draw lesions
        s, a, r = (int(n // 2) for n in prediction.grid.shape)
        queue = Queue((NewTask(number, output, "case", 0, (s, a, r)),), (0,), ())
    about = prediction.information
    inputs = about.get("inputs", {})
    about_session = {
        "order": order,
        "threshold": lesions.threshold,
        "min_volume": lesions.min_volume,
        "ranks": list(queue.ranks),
        "drawn": list(queue.drawn),
        "members": about.get("members"),
        "case": about.get("case", {}).get("sha256"),
        "flair": inputs.get(main_of(inputs), {}).get("scan_sha256"),
        "scans": sorted(inputs, key=lambda each: (each != main_of(inputs), each)),
        "model": str(about.get("model", "")),
        "method": str(about.get("method", "")),
    }
    if prediction.noun.one != LESION:
        about_session["noun"] = prediction.noun.one
    annotator_id = store.annotator(annotator)
    return store.open_session(project, annotator_id, "review", queue.tasks, {**about_session, **settings})
