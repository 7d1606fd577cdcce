"""Which heat map lies over the scan, and how opaque it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeGuard
from weakref import WeakSet

from napari.layers import Image, Layer
from psygnal import Signal
from qtpy.QtCore import QTimer

from napari_uncertainseg.voxel_maps import shown_maps
from napari_uncertainseg.widgets.scans.volumes import is_compared, is_result
from napari_uncertainseg.widgets.shared.connections import Connections
from napari_uncertainseg.widgets.shared.responsive.leaving import LayersGone

if TYPE_CHECKING:
    from napari.components import ViewerModel

    from napari_uncertainseg.widgets.layers.review_layers import ReviewLayers
    from napari_uncertainseg.widgets.shared.preferences import PreferenceStore

_FIRST = ("entropy", "disagreement", "mutual_information", "probability")
"""The order of the key; maps that are not named come behind."""
_KEPT_AFTER_MS = 600
"""napari writes its settings at each change: a slider that is moved is kept when it rests."""


class HeatMaps:
    """Shows one map at a time, all with one opacity, which is remembered.

    Parameters
    ----------
    viewer, layers
        Whose maps.
    preferences
        Where the opacity is kept.
    """

    changed = Signal()
    """Another map is shown, or it is more or less opaque."""

    def __init__(self, viewer: ViewerModel, layers: ReviewLayers, preferences: PreferenceStore) -> None:
        self._viewer, self._layers, self._preferences = viewer, layers, preferences
        self._percent = preferences.load().map_opacity
        self._heard: WeakSet[Image] = WeakSet()
        self._setting = False
        self._keep = QTimer()
        self._keep.setSingleShot(True)
        self._keep.setInterval(_KEPT_AFTER_MS)
        self._keep.timeout.connect(self._save)
        come, gone = viewer.layers.events.inserted, LayersGone(viewer)
        self._connections = Connections((come, self._on_layers), (gone, self._on_layers))
        self._on_layers()

    # -- which --------------------------------------------------------------------------------

    def offered(self) -> dict[str, Image]:
        """Maps that can be chosen, by title, in the order of the key: of the run, then of a class."""
        maps, results = shown_maps(), self._layers.results
        names = sorted(maps, key=lambda name: _FIRST.index(name) if name in _FIRST else len(_FIRST))
        found = {maps[name].title: results.get(name) for name in names}
        of_class = self._layers.classes.layer
        if of_class is not None:
            found[of_class.name] = of_class
        there = self._viewer.layers
        return {title: x for title, x in found.items() if isinstance(x, Image) and x in there}

    def shown(self) -> Image | None:
        """The uppermost map that is shown, or would be were overlays not hidden; also one of *Explain*."""
        return next(iter(self._all_shown()), None)

    def title(self) -> str | None:
        """What the map is called that is shown."""
        layer = self.shown()
        titles = (title for title, each in self.offered().items() if each is layer)
        return None if layer is None else next(titles, layer.name)

    def _all_shown(self) -> list[Image]:
        held = self._layers.results.held_back or ()
        maps = [x for x in reversed(self._viewer.layers) if _is_map(x)]
        return [layer for layer in maps if layer.visible or layer in held]

    def choose(self, title: str | None) -> None:
        """Show one of those offered and no other map; None shows none."""
        chosen = None if title is None else self.offered().get(title)
        results = self._layers.results
        for layer in self._all_shown():
            if layer is not chosen:
                results.put_away(layer)
        if chosen is not None:
            results.bring(chosen)
        self.changed.emit()

    def next(self) -> None:
        """Show the next one; none after the last."""
        titles = [*self.offered(), None]
        now = self.title()
        at = titles.index(now) if now in titles else -1
        self.choose(titles[(at + 1) % len(titles)])

    # -- how opaque ---------------------------------------------------------------------------

    @property
    def percent(self) -> int:
        """Opacity of the map that is shown; of all where there is none."""
        layer = self.shown()
        return self._percent if layer is None else _percent(layer)

    def set_percent(self, percent: int) -> None:
        """Make the map that is shown so opaque: where it is one of those offered, all of these."""
        layer = self.shown()
        own = list(self.offered().values())
        if layer is not None and layer not in own:
            layer.opacity = percent / 100
            self.changed.emit()
            return
        self._take(percent)

    def _take(self, percent: int) -> None:
        self._percent = percent
        self._keep.start()
        self._give(list(self.offered().values()))
        self.changed.emit()

    def _give(self, layers: list[Image]) -> None:
        self._setting = True
        for layer in layers:
            if _percent(layer) != self._percent:
                layer.opacity = self._percent / 100
        self._setting = False

    def _on_layers(self, event: Any = None) -> None:
        maps = [x for x in self._viewer.layers if _is_map(x)]
        new = [layer for layer in maps if layer not in self._heard]
        for layer in new:
            self._heard.add(layer)
            layer.events.opacity.connect(self._on_opacity)
            layer.events.visible.connect(self._on_visible)
        offered = list(self.offered().values())
        self._give([layer for layer in new if layer in offered])
        self.changed.emit()

    def _on_opacity(self, event: Any) -> None:
        """Follow the layer's own slider."""
        if self._setting:
            return
        if event.source is self.shown() and event.source in self.offered().values():
            self._take(_percent(event.source))
        else:
            self.changed.emit()

    def _on_visible(self, event: Any) -> None:
        self.changed.emit()

    def _save(self) -> None:
        if self._preferences.load().map_opacity != self._percent:
            self._preferences.save(map_opacity=self._percent)

    def cleanup(self) -> None:
        """Keep the opacity, and let go of the layers. May be called twice."""
        if self._keep.isActive():
            self._keep.stop()
            self._save()
        self._connections.disconnect_all()
        for layer in list(self._heard):
            layer.events.opacity.disconnect(self._on_opacity)
            layer.events.visible.disconnect(self._on_visible)
        self._heard.clear()


def _is_map(layer: Layer) -> TypeGuard[Image]:
    """Whether a layer shows a map over the scan; the scan of another visit is none."""
    return isinstance(layer, Image) and is_result(layer) and not is_compared(layer)


def _percent(layer: Image) -> int:
    return round(100 * float(layer.opacity))
