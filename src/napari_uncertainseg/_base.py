"""What every room shares: the two errors a user can meet, and how long work reports itself."""

from __future__ import annotations

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


def silent(stage: str, fraction: float) -> None:
    """Report nothing."""
