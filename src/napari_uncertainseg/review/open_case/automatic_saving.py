"""A review is saved by default: its first verdict or stroke begins a session that nobody started."""

from __future__ import annotations

from collections.abc import Callable

from psygnal import Signal

from napari_uncertainseg._base import InputError


class AutomaticSaving:
    """Begins the session of a review by itself, unless the reader left one before.

    Attributes
    ----------
    why_not
        Why this review is in no session although nobody left one; empty where that is not so.
    """

    failed = Signal(str)
    """The session could not be written, and why, once for each reason: the review continues without."""

    def __init__(self) -> None:
        self._begin: Callable[[], None] | None = None
        self.reset()

    def reset(self) -> None:
        """Begin with another review, of which no session was left."""
        self.why_not = ""
        self._left = False

    def set_aside(self) -> Callable[[], None]:
        """Begin with another review, as `reset`; gives what goes back to the one before."""
        kept = self.why_not, self._left

        def put_back() -> None:
            self.why_not, self._left = kept

        self.reset()
        return put_back

    def begin_with(self, begin: Callable[[], None] | None) -> None:
        """Take the function that begins a session; None to save nothing by default."""
        self._begin = begin

    @property
    def waits(self) -> bool:
        """Whether `start` begins a session: not after one that was left, but after one that failed."""
        return self._begin is not None and (not self._left or bool(self.why_not))

    @property
    def was_left(self) -> bool:
        """Whether the reader left or closed the session; not where it failed."""
        return self._left and not self.why_not

    def start(self) -> None:
        """Begin a session, where it `waits`."""
        if self._begin is None or not self.waits:
            return
        try:
            self._begin()
        except InputError as error:
            self.note_failure(error)

    def note_failure(self, error: InputError) -> None:
        """Take note of why a session could not be written."""
        before, self.why_not = self.why_not, str(error)
        self._left = True
        if before != str(error):
            self.failed.emit(str(error))

    def note_session(self) -> None:
        """Take note that the review is in a session."""
        self.why_not = ""

    def note_left(self) -> None:
        """Take note that a session was left."""
        self._left = True
