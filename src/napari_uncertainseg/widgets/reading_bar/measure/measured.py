"""The measurements of one scan, with undo."""

from __future__ import annotations

from collections.abc import Sequence

from psygnal import Signal

from napari_uncertainseg.images.measures.records import Measurement


class Measured:
    """Measurements in the order in which they were made; each change can be taken back."""

    changed = Signal()

    def __init__(self) -> None:
        self._items: tuple[Measurement, ...] = ()
        self._before: list[tuple[Measurement, ...]] = []
        self._after: list[tuple[Measurement, ...]] = []

    @property
    def items(self) -> tuple[Measurement, ...]:
        """All of them."""
        return self._items

    def add(self, *made: Measurement) -> None:
        """Append measurements."""
        self._change((*self._items, *made))

    def delete(self, index: int) -> None:
        """Delete one; nothing happens where there is none of this number."""
        if 0 <= index < len(self._items):
            self._change((*self._items[:index], *self._items[index + 1 :]))

    def undo(self) -> None:
        """Take the last change back."""
        self._move(self._before, self._after)

    def redo(self) -> None:
        """Make a change again that was taken back."""
        self._move(self._after, self._before)

    def show(self, items: Sequence[Measurement]) -> None:
        """Show those of another scan; there is nothing to undo then."""
        self._before, self._after = [], []
        if tuple(items) != self._items:
            self._items = tuple(items)
            self.changed.emit()

    def _change(self, items: tuple[Measurement, ...]) -> None:
        self._before.append(self._items)
        self._after.clear()
        self._items = items
        self.changed.emit()

    def _move(self, source: list[tuple[Measurement, ...]], target: list[tuple[Measurement, ...]]) -> None:
        if source:
            target.append(self._items)
            self._items = source.pop()
            self.changed.emit()
