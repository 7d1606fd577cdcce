"""A prediction in the store: the case that it is of, and the output of the model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import sqlalchemy as sa

from napari_uncertainseg.images.identity import case_name
from napari_uncertainseg.modalities import main_of
from napari_uncertainseg.review.database import schema
from napari_uncertainseg.review.database.allowed_content import is_sha256
from napari_uncertainseg.review.store.records import Session
from napari_uncertainseg.review.store.store import Store

PROJECT = "review"
"""Project of the sessions in which cases are read."""


class RegisteredPrediction(Protocol):
    """What the store keeps of a prediction.

    Attributes
    ----------
    sha256
        Hash of its maps, hexadecimal.
    threshold
        Probability from which a voxel counts as lesion.
    information
        What it was made of and with: ``inputs``, ``case``, ``model``, ``model_sha256``, ``method``.
    """

    @property
    def sha256(self) -> str: ...  # noqa: D102

    @property
    def threshold(self) -> float: ...  # noqa: D102

    @property
    def information(self) -> Mapping[str, Any]: ...  # noqa: D102


def register_prediction(
    store: Store, prediction: RegisteredPrediction, project: int | None = None
) -> tuple[int, int]:
    """Numbers of the case and of the output in the store; both are made where they are not there.

    Parameters
    ----------
    store
        Of the sessions.
    prediction
        Of which a session is opened.
    project
        Its number, where it is known: that of `PROJECT`.

    Raises
    ------
    InputError
        If the store cannot be written.
    """
    about = prediction.information
    inputs, case = about.get("inputs", {}), about.get("case", {})
    scan = inputs.get(main_of(inputs), {})
    path, file = scan.get("path"), str(scan.get("name") or "scan")
    # Predictions of older versions do not tell their case: each is then a case of its own.
    sha256 = case["sha256"] if is_sha256(case.get("sha256")) else prediction.sha256
    name = case.get("name") or case_name(Path(path) if path else None, file)
    project = store.project(PROJECT) if project is None else project
    number = store.case(project, str(name), str(path or file), sha256)
    output = store.output(
        number,
        prediction.sha256,
        model=str(about.get("model", "")),
        model_sha256=str(about.get("model_sha256", "")),
        method=str(about.get("method", "")),
        threshold=prediction.threshold,
    )
    return number, output


def sessions_of_prediction(store: Store, sha256: str) -> set[str]:
    """Ids of the sessions that have a task on a prediction, given by the SHA-256 of its output."""
    t, o = schema.tasks, schema.outputs
    query = sa.select(t.c.session_id).join(o, t.c.output_id == o.c.id).where(o.c.sha256 == sha256).distinct()
    with store.reading() as connection:
        return set(connection.scalars(query))


def open_readings(store: Store, sha256: str, annotator: str) -> list[Session]:
    """First readings of a prediction that somebody began and nobody has closed, the latest first.

    Parameters
    ----------
    store
        Of the sessions.
    sha256
        Of the prediction's output.
    annotator
        Whose.
    """
    ids = sessions_of_prediction(store, sha256)
    return [
        session
        for session in store.sessions()
        if session.id in ids
        and session.kind == "review"
        and session.closed is None
        and session.annotator == annotator
    ]
