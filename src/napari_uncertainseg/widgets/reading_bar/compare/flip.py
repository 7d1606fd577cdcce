"""One scan at a time under the overlays, and its name on the canvas."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from napari.components.overlays import TextOverlay

from napari_uncertainseg.widgets.reading_bar.compare import texts
from napari_uncertainseg.widgets.reading_bar.compare.scans import ComparedScan, ComparedScans
from napari_uncertainseg.widgets.shared.responsive import napari_adding
from napari_uncertainseg.widgets.shared.responsive.turns import Soon

if TYPE_CHECKING:
    from napari import Viewer
    from napari.layers import Layer

Colour = tuple[float, float, float, float]
_NAME = "uncertainseg_scan"
_OWN, _OTHER = (1.0, 1.0, 1.0, 1.0), (1.0, 0.72, 0.2, 1.0)
"""Colours of the name: a scan of another visit is never taken for one of this."""
_FONT_SIZE, _SMALL = 13, 10
"""A longer text is smaller: colour bars stand beside it."""
_GROUND, _AMBER, _BLACK = (0.0, 0.0, 0.0, 0.6), (1.0, 0.72, 0.2, 1.0), (0.0, 0.0, 0.0, 1.0)
"""Grounds of the name; on amber stands the name of a scan that is not of the case."""


_CHARACTER = 0.85
"""Pixels of a character for each point of its font, on average; rather too many than too few."""
_LETTER = 40
"""Pixels from the middle of the upper edge, where the letter of a direction stands, that are left free."""
_FEWEST = 8
"""Characters of a line, however narrow the canvas is."""
_NARROW = 160
"""Pixels of room below which the name is small."""


class Flip:
    """Shows one scan after the other; what lies over them, slice, zoom and each scan's window stay.

    Parameters
    ----------
    viewer, scans
        Where, and between which.
    """

    def __init__(self, viewer: Viewer, scans: ComparedScans) -> None:
        self._viewer, self._scans = viewer, scans
        self._before: WeakKeyDictionary[Layer, bool] = WeakKeyDictionary()
        """What each scan was before it was flipped; nothing of a case that has gone is kept."""
        self._label = TextOverlay(position="top_left", font_size=_FONT_SIZE, box=True, gridded=False)
        self._label.box_color = _GROUND
        viewer.canvas.overlays[_NAME] = self._label
        self.named, self._seen, self._soon = True, False, Soon()
        scans.changed.connect(self.update)
        viewer.canvas.events.size.connect(self._on_size)
        self.update()

    def _on_size(self, event: object = None) -> None:
        self.update()

    def step(self, by: int) -> None:
        """Show the scan that is so many further in the order."""
        scans, shown = self._scans.all(), self._scans.shown()
        if scans:
            known = shown is not None and shown in scans  # else it is not of the case, or none is shown
            self.show((scans.index(shown) + by) % len(scans) if known else 0)

    def show(self, index: int) -> None:
        """Show one scan, and hide the others."""
        layers = [scan.layer for scan in (*self._scans.all(), *self._scans.foreign())]
        for layer in layers:
            self._before.setdefault(layer, layer.visible)
        with napari_adding.one_scene_update(self._viewer):
            layers[index].visible = True  # first, so that nothing flashes
            for other in layers:
                if other is not layers[index]:
                    other.visible = False

    def update(self) -> None:
        """Write the name of the scan that is on top; where there is only one, nothing can be confused."""
        shown = self._scans.shown()
        foreign = self._scans.foreign()
        if self.named:
            self._write(shown)
        elif foreign:  # each stands in its own cell, its name on amber
            self._set(texts.ON_AMBER, _BLACK, _AMBER, "bottom_right")
        self._see(self._worth_a_name(shown) if self.named else bool(foreign))

    def _worth_a_name(self, shown: ComparedScan | None) -> bool:
        return shown is not None and (len(self._scans.all()) > 1 or not shown.of_case)

    def _write(self, shown: ComparedScan | None) -> None:
        if shown is None:
            return
        if not shown.of_case:
            self._set(texts.not_of_case(shown.title), _BLACK, _AMBER, "top_left")
        else:
            self._set(shown.title, _OTHER if shown.other_visit else _OWN, _GROUND, "top_left")

    def _set(self, text: str, colour: Colour, ground: Colour, position: str) -> None:
        label, room = self._label, self._viewer.canvas.size[1] / 2 - _LETTER
        size = _SMALL if ground == _AMBER or room < _NARROW else _FONT_SIZE
        characters = max(int(room / (_CHARACTER * size)), _FEWEST)
        label.font_size, label.text = size, "\n".join(wrap(text, characters))
        label.color, label.box_color, label.position = colour, ground, position

    def _see(self, seen: bool) -> None:
        self._seen = seen
        if not seen and self._label.visible:
            self._label.visible = False
        elif seen and not self._label.visible:
            self._soon.add(self._appear)

    def _appear(self) -> None:
        """In a turn of its own: napari takes as long for a text as for a picture."""
        if self._seen and not self._label.visible:
            self._label.visible = True

    def cleanup(self) -> None:
        """Show each scan as it was before it was first flipped. May be called twice."""
        self._scans.changed.disconnect(self.update, missing_ok=True)
        self._viewer.canvas.events.size.disconnect(self._on_size)
        for layer in list(self._viewer.layers):
            if layer in self._before:
                layer.visible = self._before[layer]
        self._before.clear()
        self._soon.drop()
        self._viewer.canvas.overlays.pop(_NAME, None)
