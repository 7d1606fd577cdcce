"""What all packages share: the two errors a user can meet, and how long work reports itself."""

from __future__ import annotations

import re
from typing import Protocol


class InputError(ValueError):
    """A user's input cannot be used.

    The message is one sentence for the user: what is wrong, with which file or
    layer, and what would be right. The command line prints it and exits with
    status 2; the window shows it as a notification.
    """


class Cancelled(Exception):
    """Raised inside a long task, by its progress callback, when the user cancels."""


class Progress(Protocol):
    """Called by long tasks at least twice a second where the work allows it.

    The callee may raise :class:`Cancelled`; tasks let it pass and leave nothing
    half done.
    """

    def __call__(self, stage: str, fraction: float) -> None:
        """Tell the stage ("member 3 of 8") and the share of the whole task done, 0 to 1."""


_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
"""Controls of a terminal, marks that turn the direction of text, and halves of characters."""


def visible(text: str) -> str:
    """A text in which what would steer a terminal or turn its direction is written out, as ``<U+001B>``.

    Tabs and line feeds stay.
    """
    return _UNSEEN.sub(lambda found: f"<U+{ord(found[0]):04X}>", text)


def one_line(text: str) -> str:
    """A text without line breaks and needless spaces, see `visible`."""
    return visible(" ".join(text.split()))


WARNING_SIGN = "⚠"


def as_warning(sentence: object) -> str:
    """A sentence, or an error's, as docks show what went wrong."""
    return f"{WARNING_SIGN} {sentence}"


def is_warning(text: str) -> bool:
    """Whether a dock's message says that something went wrong."""
    return text.startswith(WARNING_SIGN)


def without_sign(text: str) -> str:
    """The sentence that `as_warning` was given."""
    return text.removeprefix(f"{WARNING_SIGN} ")


def silent(stage: str, fraction: float) -> None:
    """Report nothing."""


FINDING_BRAIN = "finding the brain"
"""The stage in which it is."""


def pluralised(n: int, noun: str) -> str:
    """A number of things in words."""
    return f"{n} {noun}{'' if n == 1 else 's'}"
