"""Settings of sessions, by kind: what was chosen when one was opened, checked once when it is read.

A setting that somebody has changed into another kind of value is left out, so that the session can still be
looked at; `settings_fault` says which one it is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from napari_uncertainseg.disk.validation import first_fault
from napari_uncertainseg.review.database.allowed_content import (
    Answers,
    Count,
    Counts,
    Number,
    Numbers,
    Sha256,
    Text,
    Texts,
    Unreadable,
    YesNo,
    from_json,
    to_json,
)

SECOND, THIRD = 2, 3
"""Which reading a session of kind ``qc`` is; a third is about what the first two differ in only."""
KEPT, BY_DEFAULT = "kept", "by default"
"""Setting, and its value, of a session that nobody started: it keeps a review without being asked."""


class SessionSettings(BaseModel):
    """Settings that sessions of all kinds have.

    Attributes
    ----------
    threshold
        Probability from which a voxel counts as lesion.
    min_volume
        Of a lesion, mm3.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    threshold: Number | None = None
    min_volume: Number | None = None

    def written(self) -> dict[str, Any]:
        """The settings as JSON holds them, those that this version does not know among them."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)


class ReviewSettings(SessionSettings):
    """Settings of a session in which a case is read.

    Attributes
    ----------
    order
        One of `queue.ORDERS`.
    ranks, drawn
        Of the session's `Queue`; empty where it has none.
    members
        How many members the prediction has.
    model, method
        What made the prediction; empty where that is not known.
    case, flair
        Hashes (SHA-256) of the scans and of the FLAIR.
    scans
        Modalities of the scans, the main one first; empty where that is not known, as in older versions.
    kept
        `BY_DEFAULT` where nobody started the session.
    noun
        What is segmented, in the singular; empty of lesions, and of older versions.
    """

    order: Text = ""
    ranks: Counts = ()
    drawn: Counts = ()
    members: Count | None = None
    model: Text = ""
    method: Text = ""
    case: Text | None = None
    flair: Sha256 | None = None
    scans: Texts = ()
    kept: Text = ""
    noun: Text = ""


class RereadingSettings(ReviewSettings):
    """Settings of a second or third reading: of which session, and which reading it is."""

    first_reading: Text | None = Field(default=None, alias="of")
    reading: Count | None = None


class ExerciseSettings(SessionSettings):
    """Settings of an exercise.

    Attributes
    ----------
    exists
        Whether each question is about a lesion; None where a whole case is outlined.
    arms
        What each question shows of the model, see `model_visibility`; None: nothing.
    depth_mm
        Depth of each question in the brain, mm; None where it is not known.
    outline
        Whether a whole case is outlined.
    """

    exists: Answers | None = None
    arms: Texts | None = None
    depth_mm: Numbers | None = None
    outline: YesNo = False


_MODELS: Mapping[str, type[SessionSettings]] = {
    "review": ReviewSettings,
    "qc": RereadingSettings,
    "training": ExerciseSettings,
}
"""By kind of session."""


def read_settings(kind: str, stored: object) -> SessionSettings:
    """The settings of a session, without those that are not as this program writes them.

    Parameters
    ----------
    kind
        Of the session.
    stored
        JSON, or what a database server has made of it.
    """
    model = _MODELS.get(kind, SessionSettings)
    try:
        content = _content(stored)
    except Unreadable:
        return model()
    try:
        return model.model_validate(content)
    except ValidationError as error:
        wrong = {each["loc"][0] for each in error.errors()}
        return model.model_validate({name: x for name, x in content.items() if name not in wrong})


def settings_fault(kind: str, stored: object) -> str:
    """Which setting is not as this program writes it, as the end of a sentence; empty where all are."""
    model = _MODELS.get(kind, SessionSettings)
    try:
        model.model_validate(_content(stored))
    except Unreadable as error:
        return str(error)
    except ValidationError as error:
        return first_fault(error, model)
    return ""


def settings_to_store(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of a new session, as they will come back from JSON.

    Raises
    ------
    InputError
        If JSON cannot hold them.
    """
    return from_json(to_json(settings, "A session's settings"), "The settings")


def _content(stored: object) -> dict[str, Any]:
    is_text = isinstance(stored, str | bytes)
    return from_json(stored if is_text else json.dumps(stored), "The settings")
