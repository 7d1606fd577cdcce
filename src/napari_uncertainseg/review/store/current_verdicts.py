"""The current verdicts of a journal, after everything that was undone and redone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from napari_uncertainseg.review.feedback import NO_FEEDBACK, Feedback
from napari_uncertainseg.review.store.entry_details import FeedbackDetails, UndoDetails, VerdictDetails
from napari_uncertainseg.review.store.journal import Entry
from napari_uncertainseg.review.verdicts import UNDECIDED, VERDICTS, Decision

WITHDRAWN = "withdrawn"
"""The decision that takes an earlier one back."""


@dataclass(frozen=True)
class CurrentVerdict:
    """The verdict on a task that counts at present.

    Attributes
    ----------
    number
        Of the entry that gave it.
    decision
        ``"accepted"``, ``"rejected"``, ``"unsure"``, ``"edited"`` or, of a case, ``"outlined"``.
    confidence
        Stated by the annotator, 0 to 1; None where none was asked for.
    seconds
        From when it was shown to the verdict.
    comment
        The annotator's words; empty where there are none.
    mask
        Name of the mask that was painted, in the store's masks; None where none was.
    painted
        Whether the reader had painted on the lesion: it is accepted, but not as the model outlined it.
    feedback
        Why it was hard and how sure the annotator is, as far as they ticked it.
    """

    number: int
    decision: str
    confidence: float | None = None
    seconds: float | None = None
    comment: str = ""
    mask: str | None = None
    painted: bool = False
    feedback: Feedback = NO_FEEDBACK

    @property
    def shown(self) -> Decision:
        """The decision as the list shows it; one that this version does not know is undecided."""
        return VERDICTS[self.decision].shown if self.decision in VERDICTS else UNDECIDED


def current_verdicts(entries: Iterable[Entry]) -> dict[int, CurrentVerdict]:
    """The current verdicts, by task, in the order in which they were given.

    What is ticked of a verdict belongs to that verdict: it goes and comes back with it. A later verdict on
    a task takes the place of an earlier one. ``"undo"`` and ``"redo"`` entries say ``of`` which entry they
    are.
    """
    given: dict[int, tuple[int, VerdictDetails]] = {}
    ticked: dict[int, FeedbackDetails] = {}
    undone: set[int] = set()
    for entry in entries:
        details = entry.details
        if isinstance(details, VerdictDetails) and entry.task is not None:
            given[entry.number] = entry.task, details
        elif isinstance(details, FeedbackDetails):
            ticked[entry.number] = details
        elif isinstance(details, UndoDetails) and entry.kind == "undo":
            undone.add(details.entry)
        elif isinstance(details, UndoDetails):
            undone.discard(details.entry)
    feedback = {one.verdict: one.feedback for number, one in ticked.items() if number not in undone}
    verdicts: dict[int, CurrentVerdict] = {}
    for number, (task, details) in given.items():
        if number not in undone:
            verdicts.pop(task, None)  # so that the order is that of the latest verdicts
            if details.decision != WITHDRAWN:
                verdicts[task] = _verdict(number, details, feedback.get(number, NO_FEEDBACK))
    return verdicts


def _verdict(number: int, details: VerdictDetails, feedback: Feedback) -> CurrentVerdict:
    return CurrentVerdict(
        number=number,
        decision=details.decision,
        confidence=details.confidence,
        seconds=details.seconds,
        comment=details.comment,
        mask=details.mask,
        painted=details.painted,
        feedback=feedback,
    )
