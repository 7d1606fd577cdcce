"""Every word of the row on which a reader says why a verdict was hard, and how sure they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

REASON_WORDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "size": ("size", "It was hard because of its size: it is very small, or very large."),
        "contrast": ("contrast", "It was hard because it hardly differs from the tissue around it."),
        "place": (
            "place",
            "It was hard because of where it lies: there, lesions look much like something else,\n"
            "as at the ventricles, at the cortex or in the brain stem.",
        ),
        "artefact": ("artefact", "It was hard because of an artefact, such as motion, flow or noise."),
        "border": (
            "border",
            "It was hard to say where it ends, or whether it is one lesion or several.",
        ),
        "other": ("other", "It was hard because of something else. You may write what."),
    }
)
"""By reason: the word on its button, and what it means."""
SURENESS_WORDS: Mapping[int, tuple[str, str]] = MappingProxyType(
    {
        3: ("sure", "You are sure of this verdict."),
        2: ("fairly sure", "You are fairly sure of this verdict: it is probably right."),
        1: ("not sure", "You are not sure of this verdict: it is possibly right."),
    }
)
"""By step of sureness: the word on its button, and what it means."""

HOW_SURE = "How sure?"
NOT_OF_UNSURE = "You have marked it as unsure, which says how sure you are."
OPTIONAL = "You need not say this. Press again to take it back. Undo takes it back as well."
NOTE_HINT = "what else? (no names of patients)"
NOTE_TIP = (
    "What made it hard, in a few words. It is saved when you press Enter or click elsewhere.\n"
    "Reports and tables with readers' names show it; those without names leave it out."
)


def with_keys(question: str, keys: Sequence[str]) -> str:
    """A question and the keys that answer it, the first and the last of a row; none where one has no key."""
    if not all(keys):
        return question
    start = keys[0][:-1]
    in_a_row = [f"{start}{int(keys[0][-1]) + i}" for i in range(len(keys))] if keys[0][-1].isdigit() else []
    said = f"{keys[0]} to {keys[-1][-1]}" if in_a_row == list(keys) else ", ".join(keys)
    return f"{question} ({said})"


def button_tip(meaning: str, key: str) -> str:
    """What a button says, that it need not be pressed, and its key, if it has one."""
    return "\n".join([meaning, OPTIONAL, *([f"Key: {key}"] if key else [])])
