"""What a journal amounts to: the verdicts that stand after all that was undone and done again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from napari_uncertainseg.review.database.allowed_content import Unreadable
from napari_uncertainseg.review.store.journal import Entry

WITHDRAWN = "withdrawn"
"""The decision that takes an earlier one back."""


@dataclass(frozen=True)
class CurrentVerdict:
    """A verdict that stands.

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
    """

    number: int
    decision: str
    confidence: float | None = None
    seconds: float | None = None
    comment: str = ""
    mask: str | None = None
    painted: bool = False


def current_verdicts(entries: Iterable[Entry]) -> dict[int, CurrentVerdict]:
    """The verdicts that stand, by task, in the order in which they were given.

    A later verdict on a task takes the place of an earlier one. ``"undo"`` and ``"redo"`` entries say
    ``of`` which entry they are.
    """
    given: dict[int, Entry] = {}
    undone: set[int] = set()
    for entry in entries:
        if entry.kind == "verdict" and entry.task is not None:
            given[entry.number] = entry
        elif entry.kind == "undo":
            undone.add(_of(entry))
        elif entry.kind == "redo":
            undone.discard(_of(entry))
    found: dict[int, CurrentVerdict] = {}
    for number, entry in given.items():
        if number not in undone and entry.task is not None:
            found.pop(entry.task, None)
            if entry.values.get("decision") != WITHDRAWN:
                found[entry.task] = _standing(entry)
    return found


def _standing(entry: Entry) -> CurrentVerdict:
    said = entry.values
    numbers = (said.get("confidence"), said.get("seconds"))
    if "decision" not in said or not all(x is None or isinstance(x, int | float) for x in numbers):
        raise _changed(entry)
    return CurrentVerdict(
        entry.number,
        str(said["decision"]),
        *numbers,
        str(said.get("comment", "")),
        said.get("mask"),
        bool(said.get("painted", False)),
    )


def _of(entry: Entry) -> int:
    of = entry.values.get("of")
    if not isinstance(of, int):
        raise _changed(entry)
    return of


def _changed(entry: Entry) -> Unreadable:
    return Unreadable(
        f"Entry {entry.number} of session {entry.session} is not as this program writes one: "
        "uncertainseg session verify says more."
    )
