"""What the reader does in the list of lesions, and the keys for it."""

from __future__ import annotations

from dataclasses import dataclass

from napari_uncertainseg.widgets.lesions.table_model import MARKS


@dataclass(frozen=True)
class Action:
    """What the reader does, the key for it, and the method of the dock that does it."""

    method: str
    text: str
    key: str
    meaning: str


ACTIONS = (
    Action("previous_lesion", "◀ Previous", "Shift+N", "Go to the lesion above in the list."),
    Action(
        "next_lesion", "Next ▶", "N", "Go to the next lesion without a verdict, in the order of the list."
    ),
    Action("undo", "↶ Undo", "Q", "Take back what was done last, a verdict or a stroke."),
    Action("redo", "↷ Redo", "Shift+Q", "Do again what was taken back."),
    Action("accept", f"{MARKS['accepted']} Accept", "G", "Good: it is a lesion. Goes on to the next."),
    Action("reject", f"{MARKS['rejected']} Reject", "W", "Wrong: it is not a lesion. Goes on to the next."),
    Action("unsure", f"{MARKS['unsure']} Unsure", "U", "It cannot be decided here. Goes on to the next."),
    Action("alone", "Hide the rest", "H", "See only the selected lesion's outline; press again to see all."),
)
"""Keys that napari leaves free; who arranges the window binds them."""
