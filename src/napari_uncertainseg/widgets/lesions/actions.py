"""The actions of the list of lesions, and their keys."""

from __future__ import annotations

from dataclasses import dataclass

from napari_uncertainseg.widgets.dock_description import KeyAction
from napari_uncertainseg.widgets.lesions import texts
from napari_uncertainseg.widgets.lesions.selected.texts import FIT_ACTION, FIT_KEY, FIT_MEANING
from napari_uncertainseg.widgets.shared.feedback import row as feedback


@dataclass(frozen=True)
class Action:
    """An action of the reader.

    Attributes
    ----------
    method
        Method of the dock that does it.
    text
        On its button.
    short
        Beside its key, below the buttons.
    key
        As napari writes keys, such as ``"Shift+N"``.
    meaning
        What happens, a sentence.
    """

    method: str
    text: str
    short: str
    key: str
    meaning: str


_KEYS = {
    "previous_lesion": "Shift+N",
    "next_lesion": "N",
    "undo": "Q",
    "redo": "Shift+Q",
    "accept": "G",
    "reject": "W",
    "unsure": "U",
    "alone": "H",
    "in_3d": "Shift+D",
}
"""By method. Keys that napari does not use; the window binds them."""


def _action(method: str, key: str) -> Action:
    text, short, meaning = texts.ACTION_LABELS[method]
    return Action(method, text, short, key, meaning)


ACTIONS = tuple(_action(method, key) for method, key in _KEYS.items())

KEYS = (
    *(KeyAction(action.method, action.key, action.meaning) for action in ACTIONS),
    KeyAction(FIT_ACTION, FIT_KEY, FIT_MEANING),
    *(KeyAction(name, key, feedback.MEANINGS[name]) for name, key in feedback.KEYS.items()),
)
"""The same for the window, which binds them."""
