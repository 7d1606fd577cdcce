"""What entries of a journal say, by kind: each is checked once, when it is read.

Other keys of an entry are kept, and ignored.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from napari_uncertainseg.disk.validation import first_fault
from napari_uncertainseg.review.correction import Correction
from napari_uncertainseg.review.database.allowed_content import (
    Amount,
    Count,
    Index,
    Number,
    Sha256,
    Share,
    Text,
    Texts,
    Unreadable,
    Whole,
    YesNo,
)
from napari_uncertainseg.review.feedback import LONGEST_NOTE, REASONS, Feedback, Reason

_MOST_VOXELS = 1 << 31
"""Of a scan: a file from elsewhere may name any shape, which would be allocated."""


_Reasons = Annotated[
    tuple[Reason, ...], Field(max_length=len(REASONS), description=f"a list of {', '.join(REASONS)}")
]
_Sureness = Annotated[int, Field(strict=True, ge=1, le=3, description="1, 2 or 3")]
_Note = Annotated[
    str, Field(strict=True, max_length=LONGEST_NOTE, description=f"text of at most {LONGEST_NOTE} characters")
]


class EntryDetails(BaseModel):
    """What any entry may say.

    Attributes
    ----------
    voxel
        Index (s, a, r) that it is about.
    threshold, min_volume
        Of the lesions (probability, and mm3) that the reader saw then.
    numbered
        Lesions (> 0) and candidates (< 0) that were shown then and of which the session did not know the
        number: each with a voxel (s, a, r).
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    voxel: Index | None = None
    threshold: Number | None = None
    min_volume: Number | None = None
    numbered: tuple[tuple[Index, Whole], ...] = Field(
        default=(), description="a list of indices, each with a number"
    )


class OpenedDetails(EntryDetails):
    """The first entry: digest of the session, number of its first tasks, and version of the digest."""

    session: Text = ""
    tasks: Count = 0
    covers: Count = 1


class AddedDetails(EntryDetails):
    """A task that was added later; ``row`` is its digest, which the first version did not write."""

    target: Text
    label: Whole
    voxel: Index
    row: Text | None = None


class VerdictDetails(EntryDetails):
    """A verdict, or that one was withdrawn.

    Attributes
    ----------
    decision
        See `CurrentVerdict`; ``"withdrawn"`` takes the last one back.
    confidence
        Stated by the reader, 0 to 1.
    seconds
        From when the lesion was shown to the verdict.
    comment
        The reader's words.
    mask
        Name of a mask in the store's masks.
    painted
        Whether the reader had painted on the lesion.
    number
        Of the lesion (> 0) or candidate (< 0), as the reader saw it.
    visible
        Names of the layers that were visible.
    score
        Measures of an outline, by name; None where one is not defined.
    """

    decision: Text
    confidence: Share | None = None
    seconds: Amount | None = None
    comment: Text = ""
    mask: Sha256 | None = None
    painted: YesNo = False
    number: Whole | None = None
    visible: Texts = ()
    score: Mapping[str, Number | None] = Field(default_factory=dict, description="a table of numbers")


class FeedbackDetails(EntryDetails):
    """All that is ticked of a verdict, after each tick: why it was hard, and how sure the reader is.

    Attributes
    ----------
    verdict
        Number of the entry that gave the verdict, or the first answer of an exercise.
    reasons, sureness, note
        See `Feedback`.
    """

    verdict: Count = Field(alias="of")
    reasons: _Reasons = ()
    sureness: _Sureness | None = None
    note: _Note = ""

    @property
    def feedback(self) -> Feedback:
        """What is ticked, in the order in which it is shown."""
        reasons = tuple(reason for reason in REASONS if reason in self.reasons)
        return Feedback(reasons, self.sureness, self.note if "other" in reasons else "")


class UndoDetails(EntryDetails):
    """An ``undo`` or ``redo``: the number of the entry that is taken back, or given again."""

    entry: Count = Field(alias="of")


class PaintedDetails(EntryDetails):
    """The whole painting after a stroke.

    Attributes
    ----------
    mask
        Name of the painting's bounding box in the store's masks; None where all was taken back.
    start, shape
        Where the box begins on the grid, and the shape of the grid.
    added_mm3, removed_mm3, drawn_lesions
        See `PaintedVolumes`.
    tool, settings
        See `Correction`; no tool of a stroke with napari's brush, and where it was not kept.
    step
        ``"undo"`` or ``"redo"`` where that stroke was taken back, or done again; empty otherwise.
    """

    mask: Sha256 | None = None
    start: Index | None = None
    shape: Index | None = None
    added_mm3: Amount | None = None
    removed_mm3: Amount | None = None
    drawn_lesions: Count | None = None
    tool: Text = ""
    settings: Mapping[str, Number | Text] = Field(
        default_factory=dict, description="a table of numbers and text"
    )
    step: Text = ""

    @property
    def correction(self) -> Correction | None:
        """With which tool; None where that is not known."""
        return Correction(self.tool, self.settings) if self.tool else None

    @model_validator(mode="after")
    def _check_grid(self) -> PaintedDetails:
        if self.mask is not None and (self.start is None or self.shape is None):
            raise ValueError("it should say where its mask lies (start) on which grid (shape)")
        if self.shape is not None and math.prod(self.shape) > _MOST_VOXELS:
            raise ValueError(f"its shape should have at most {_MOST_VOXELS} voxels")
        return self


class FirstAnswerDetails(EntryDetails):
    """The answer to a question of an exercise before the model was shown."""

    is_lesion: YesNo
    confidence: Share | None = None
    seconds: Amount | None = None


_MODELS: Mapping[str, type[EntryDetails]] = {
    "opened": OpenedDetails,
    "added": AddedDetails,
    "verdict": VerdictDetails,
    "feedback": FeedbackDetails,
    "undo": UndoDetails,
    "redo": UndoDetails,
    "painted": PaintedDetails,
    "first": FirstAnswerDetails,
}
"""By kind of entry; others say nothing that is used."""


def entry_details(kind: str, content: Mapping[str, Any], name: str) -> EntryDetails:
    """Check what an entry says.

    Parameters
    ----------
    kind
        Of the entry.
    content
        From JSON.
    name
        What the message calls it.

    Raises
    ------
    Unreadable
        If a value is not as this program writes it; the message says which, and what would be right.
    """
    model = _MODELS.get(kind, EntryDetails)
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise Unreadable(
            f"{name} is not as this program writes it: {first_fault(error, model)}. "
            "`uncertainseg session verify` says more."
        ) from None
