"""The measurements of one scan, with undo."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import replace

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
        """Append measurements; one that is there already gets a key of its own."""
        there = {one.key for one in self._items}
        new = (replace(one, key=secrets.token_hex(8)) if one.key in there else one for one in made)
        self._change((*self._items, *new))

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

    def join(self, items: Sequence[Measurement]) -> None:
        """Take over what another window has added and deleted; that is no step to undo, and none is told."""
        own, there = {one.key for one in self._items}, {one.key for one in items}
        added = tuple(one for one in items if one.key not in own)
        gone = own - there

        def joined(before: tuple[Measurement, ...]) -> tuple[Measurement, ...]:
            new = (one for one in added if one.key not in {x.key for x in before})
            return (*new, *(one for one in before if one.key not in gone))

        if added or gone:
            self._items = joined(self._items)
            self._before, self._after = list(map(joined, self._before)), list(map(joined, self._after))

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
