"""Who arranges the canvases of a window: one way of laying images side by side at a time."""

from __future__ import annotations

from collections.abc import Callable

from psygnal import Signal


class Arrangement:
    """Held by one at a time: when another claims it, the one before is asked to leave first.

    Those that share it know no other by name: each hands over how it ends itself.
    """

    changed = Signal(str)
    """Another one holds it, by name; empty where nobody does."""

    def __init__(self) -> None:
        self._holder = ""
        self._leave: Callable[[], None] | None = None

    @property
    def holder(self) -> str:
        """The name of the one that holds it; empty where nobody does."""
        return self._holder

    def claim(self, name: str, leave: Callable[[], None]) -> None:
        """Take it over. Claiming what one holds already changes nothing.

        Parameters
        ----------
        name
            Of the one that takes it.
        leave
            Called once, before another takes it over: puts the canvases back as they were. It may call
            `release`, and need not.
        """
        if name == self._holder:
            self._leave = leave
            return
        before, self._holder, self._leave = self._leave, "", None
        if before is not None:
            before()
        self._holder, self._leave = name, leave
        self.changed.emit(name)

    def release(self, name: str) -> None:
        """Give it back; nothing happens where another holds it by now. May be called twice."""
        if name and name == self._holder:
            self._holder, self._leave = "", None
            self.changed.emit("")
