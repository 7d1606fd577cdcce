"""One thing after the other, each in a turn of its own: in between the window answers, and paints."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import QTimer

from napari_uncertainseg.widgets.shared.responsive.napari_adding import remove_quietly

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Layer


class Turns:
    """Does what waits, one thing in each turn of the event loop."""

    def __init__(self) -> None:
        self._waiting: deque[Callable[[], object]] = deque()
        self._timer = QTimer()
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._next)

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, *what: Callable[[], object]) -> None:
        """Do these, in their order, after all that waits."""
        self._waiting.extend(what)
        if self._waiting:
            self._timer.start()

    def now(self) -> None:
        """Do all that waits at once: somebody needs it."""
        while self._waiting:
            self._next()

    def drop(self) -> None:
        """Do none of it any more. May be called twice."""
        self._waiting.clear()
        self._timer.stop()

    def _next(self) -> None:
        do = self._waiting.popleft()
        if not self._waiting:
            self._timer.stop()
        do()


class Soon(Turns):
    """Turns for what is seen a moment later, while the window answers already.

    What is done looks for itself what is to be seen by then: another scan may be open. So the same is
    never waited for twice. Tests that look at what is there in the end let it happen at once, see their
    `conftest`.
    """

    def add(self, *what: Callable[[], object]) -> None:
        """Do these, in their order, after all that waits; what waits already stays where it is."""
        super().add(*(each for each in what if each not in self._waiting))


def take_out(viewer: ViewerModel, layer: Layer) -> None:
    """Take a layer out of a viewer; one that is selected is hidden, and taken out in the next turn.

    napari goes through what is selected while it removes it: where one of these were removed meanwhile, it
    would look for it in vain, and leave the rest.
    """
    if layer not in viewer.layers.selection:
        remove_quietly(viewer, [layer])
        return
    layer.visible = False
    QTimer.singleShot(0, partial(_remove, viewer, layer))


def _remove(viewer: ViewerModel, layer: Layer) -> None:
    remove_quietly(viewer, [layer])
