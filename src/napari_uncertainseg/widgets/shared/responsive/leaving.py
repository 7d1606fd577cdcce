"""Many layers are deleted at once, as little as possible for each."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from napari_uncertainseg.widgets.shared.connections import Connections
from napari_uncertainseg.widgets.shared.responsive import napari_adding
from napari_uncertainseg.widgets.shared.responsive.turns import Turns

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Layer


class LayersGone:
    """Like napari's event of a layer that was removed; of several that are deleted at once it is told once.

    Whoever only looks at what is there now has nothing to see in between, and sixteen layers are looked
    through sixteen times otherwise: a third of the time that deleting them took.

    Parameters
    ----------
    viewer
        Whose layers.
    of
        Which layers are told of; all by default.
    """

    def __init__(self, viewer: ViewerModel, of: Callable[[Layer], bool] = lambda layer: True) -> None:
        self._events, self._of = viewer.layers.events, of
        self._slots: list[Callable[[], object]] = []
        self._connections = Connections()
        self._batches, self._due, self._later = 0, False, Turns()

    def connect(self, slot: Callable[[], object]) -> None:
        """Call this when layers have gone."""
        if not self._slots:
            self._connections.connect(self._events.begin_batch, self._on_begin)
            self._connections.connect(self._events.end_batch, self._on_end)
            self._connections.connect(self._events.removed, self._on_removed)
        self._slots.append(slot)

    def disconnect(self, slot: Callable[[], object]) -> None:
        """Call it no more. May be called twice."""
        self._slots = [each for each in self._slots if each != slot]
        if not self._slots:
            self._connections.disconnect_all()
            self._later.drop()
            self._batches, self._due = 0, False

    def _on_begin(self, event: Any = None) -> None:
        self._batches += 1

    def _on_removed(self, event: Any) -> None:
        if self._of(event.value):
            self._due = True
            if self._batches and not self._later:
                self._later.add(self._after)
            self._tell()

    def _after(self) -> None:
        """In a later turn no batch is on, even if its end was not told: another listener may have failed."""
        self._batches = 0
        self._tell()

    def _on_end(self, event: Any = None) -> None:
        self._batches = max(self._batches - 1, 0)
        self._tell()

    def _tell(self) -> None:
        if self._due and not self._batches:
            self._due = False
            for slot in self._slots:
                slot()


class ManyLeaving:
    """Lets napari follow once, where several layers that are selected are deleted.

    Its controls are made anew for all that are selected still, twice for each layer that goes, and its
    buttons are looked at three times: more than half of the time that deleting a dozen took. What is selected
    stays so meanwhile, since napari goes through it. The controls of what has gone go in turns.

    Parameters
    ----------
    viewer
        Whose layers.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer
        self._follow: Callable[[], list[Callable[[], object]]] | None = None
        self._turns = Turns()
        events = viewer.layers.events
        self._connections = Connections(
            (events.begin_batch, self._on_begin), (events.end_batch, self._on_end)
        )

    def _on_begin(self, event: Any = None) -> None:
        if self._follow is None and len(self._viewer.layers.selection) > 1:
            self._follow = napari_adding.hold_followers(self._viewer)

    def _on_end(self, event: Any = None) -> None:
        follow, self._follow = self._follow, None
        if follow is not None:
            self._turns.add(*follow())

    def cleanup(self) -> None:
        """Let go of the viewer. May be called twice."""
        self._on_end()
        self._turns.now()
        self._connections.disconnect_all()
