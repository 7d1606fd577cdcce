"""Window and level in the bar, how scans are drawn, and whose mouse it is."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any
from weakref import WeakSet

from napari.components.overlays import TextOverlay
from napari.layers import Image, Layer
from qtpy.QtCore import Qt
from qtpy.QtGui import QActionGroup
from qtpy.QtWidgets import QHBoxLayout, QMenu, QPushButton

from napari_uncertainseg.widgets.dock_description import KeyAction
from napari_uncertainseg.widgets.reading_bar.mouse import texts
from napari_uncertainseg.widgets.reading_bar.mouse.cell_text import CellText
from napari_uncertainseg.widgets.reading_bar.mouse.held import HeldMouse
from napari_uncertainseg.widgets.reading_bar.mouse.moves import layers_in
from napari_uncertainseg.widgets.reading_bar.mouse.presets import ScanPresets
from napari_uncertainseg.widgets.reading_bar.mouse.smoothing import ScanSmoothing
from napari_uncertainseg.widgets.reading_bar.mouse.window_level import in_words, window_of
from napari_uncertainseg.widgets.reading_bar.mouse.workstation import WorkstationMouse
from napari_uncertainseg.widgets.reading_bar.part import BarContext, HelpGroup, HelpLine, Part, PartWidget
from napari_uncertainseg.widgets.shared import napari_internals
from napari_uncertainseg.widgets.shared.connections import Connections
from napari_uncertainseg.widgets.shared.form_helpers import MenuChoice, add_action, add_choices, end_choices
from napari_uncertainseg.widgets.shared.responsive.leaving import LayersGone
from napari_uncertainseg.widgets.shared.responsive.turns import Soon, Turns

_RESET, _NEXT = "reset_window", "next_window"
_OVERLAY = "window_and_level"
_FONT_SIZE = 9
_CHARACTER = 0.85
"""Pixels of a character for each point of its font, on average; rather too many than too few."""
_LETTER = 40
"""Pixels from the middle of a lower edge, where the letter of a direction stands, that are left free."""


class WindowPart(PartWidget):
    """A button whose menu has the presets, how scans are drawn, and the mouse; W and L stand on the canvas.

    Parameters
    ----------
    context
        What the parts of the window share.
    """

    def __init__(self, context: BarContext) -> None:
        super().__init__()
        self._viewer, self._preferences = context.viewer, context.review.preferences
        self._presets = ScanPresets(context.viewer, context.review.case, context.review.layers.scan.layer)
        self._smoothing = ScanSmoothing(context.viewer, self._preferences.load().smooth_scans)
        self._keys = {_RESET: "", _NEXT: ""}
        self.button = QPushButton(texts.BUTTON)
        self.button.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click leaves the keyboard to the canvas
        self.menu = QMenu(self.button)
        self.menu.setToolTipsVisible(True)
        self.button.setMenu(self.menu)
        self._groups: list[QActionGroup] = []
        self.menu.aboutToShow.connect(self._fill)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.button)
        self._text = TextOverlay(position="bottom_left", font_size=_FONT_SIZE, visible=False)
        self._viewer.canvas.overlays[_OVERLAY] = self._text
        self.in_cell = CellText(context.viewer)
        self._soon, self._leaving, self._is_said = Soon(), Turns(), False
        canvas = napari_internals.drawing_canvas(self._viewer).native
        self.mouse = WorkstationMouse(self._viewer, canvas, self._workstation)
        self.held = HeldMouse(context.window, [canvas])
        self._heard: WeakSet[Image] = WeakSet()
        layers, dims = self._viewer.layers.events, self._viewer.dims.events
        self._connections = Connections(
            (layers.inserted, self._follow),
            (LayersGone(self._viewer), self._follow),
            (layers.reordered, self._follow),
            (dims.ndisplay, self._follow),
            (self._viewer.canvas.grid.events, self._say),
            (self._viewer.canvas.events.size, self._say),
            (self.mouse.other_cell, self._say),
        )
        self._follow()

    def _workstation(self) -> bool:
        return self._preferences.load().mouse == texts.WORKSTATION

    def choose_mouse(self, mouse: str) -> None:
        """Let the mouse work as on a workstation, or as in napari; remembered."""
        self._preferences.save(mouse=mouse)

    def choose_drawing(self, drawing: str) -> None:
        """Draw scans smoothly, or voxel by voxel; remembered."""
        smooth = drawing == texts.SMOOTH
        self._preferences.save(smooth_scans=smooth)
        self._smoothing.choose(smooth)

    def help(self) -> tuple[HelpGroup, ...]:
        """What the mouse does now."""
        lines = texts.mouse_lines(self._preferences.load().mouse)
        return (HelpGroup(texts.MOUSE, tuple(HelpLine((how,), f"{what}.") for how, what in lines)),)

    # -- presets ------------------------------------------------------------------------------

    def act(self, action: str) -> None:
        """Reset, or step to the next preset."""
        scan = self.mouse.scan()
        if scan is None:
            return
        names = list(self._presets.of(scan))
        shown = None if action == _RESET else self._presets.shown(scan)
        self.choose(names[0] if shown is None else names[(names.index(shown) + 1) % len(names)])

    def why_not(self, action: str) -> str:
        """Without a scan there is no window and level."""
        if self.mouse.scan() is not None:
            return ""
        return texts.NO_SCAN if self._viewer.dims.ndisplay == 2 else texts.IN_3D

    def choose(self, name: str) -> None:
        """Give the scan on top one of its presets."""
        scan = self.mouse.scan()
        window = None if scan is None else self._presets.of(scan).get(name)
        if scan is not None and window is not None:
            scan.contrast_limits = (window.low, window.high)

    def _fill(self) -> None:
        self._empty()
        scan = self.mouse.scan()
        title = texts.NO_SCAN if scan is None else f"{scan.name}: {self._said()}"
        add_action(self.menu, title).setEnabled(False)
        if scan is not None:
            presets, shown = self._presets.of(scan), self._presets.shown(scan)
            entries = {name: texts.PRESETS[name] for name in texts.PRESETS if name in presets}
            self._choices(entries, texts.PRESET_TIPS, shown, self.choose)
        self.menu.addSeparator()
        kept = self._preferences.load()
        drawing = texts.SMOOTH if kept.smooth_scans else texts.VOXELS
        self._choices(texts.DRAWING_CHOICES, texts.DRAWING_TIPS, drawing, self.choose_drawing)
        self.menu.addSeparator()
        self._choices(texts.MOUSE_CHOICES, texts.MOUSE_TIPS, kept.mouse, self.choose_mouse)

    def _choices(
        self, entries: Mapping[str, str], tips: Mapping[str, str], chosen: str | None, choose: Any
    ) -> None:
        choices = [MenuChoice(text, tips[n], n == chosen, partial(choose, n)) for n, text in entries.items()]
        self._groups.append(add_choices(self.menu, choices))

    def _empty(self) -> None:
        self.menu.clear()
        while self._groups:
            end_choices(self._groups.pop())

    # -- what is said -------------------------------------------------------------------------

    def show_keys(self, keys: Mapping[str, str]) -> None:
        """Say the keys in the tip."""
        self._keys = {name: keys.get(name, "") for name in self._keys}
        self._say()

    def _follow(self, event: Any = None) -> None:
        """Hear of new scans, and say the window of the one on top."""
        self._presets.note()
        self._smoothing.note()
        for layer in self._viewer.layers:
            if isinstance(layer, Image) and layer not in self._heard:
                self._heard.add(layer)
                layer.events.visible.connect(self._say)
                layer.events.contrast_limits.connect(self._say)
        self._say()

    def _said(self) -> str:
        scan = self.mouse.scan()
        return "" if scan is None else in_words(window_of(scan))

    def _say(self, event: Any = None) -> None:
        said, scan = self._said() if self._viewer.dims.ndisplay == 2 else "", self.mouse.scan()
        lines, grid = said.split("  "), self._viewer.canvas.grid.enabled
        if said and scan is not None and grid:
            said, lines = f"{scan.name}: {said}", [f"{scan.name}:", *lines]  # of which cell
        self.button.setToolTip(texts.tip(said or texts.NO_SCAN, self._keys[_RESET], self._keys[_NEXT]))
        text = said if len(said) <= self._room() else "\n".join(lines)
        elsewhere = grid and scan not in self._lower_left()  # there it would be taken for that of another
        self.in_cell.show_in(self._cell_of(scan), text if elsewhere and said else "")
        said = "" if elsewhere else said
        self._is_said = bool(said)
        if said:  # an empty text that is shown ends the process where OpenGL draws its box
            self._text.text = text
            self._soon.add(self._appear)
        elif not self._leaving:  # hidden at once, it would be placed where cells have no views yet
            self._leaving.add(self._appear)

    def _lower_left(self) -> list[Layer]:
        """What the cell shows in which the text stands."""
        rows, _ = self._viewer.canvas.grid.actual_shape(self._viewer.layers)
        return layers_in(self._viewer, (rows - 1, 0)) or []

    def _cell_of(self, scan: Layer | None) -> tuple[int, int]:
        """Row and column of the cell in which a scan is shown; the first where it is in none."""
        layers = self._viewer.layers
        at = -1 if scan is None or scan not in layers else layers.index(scan)
        row, column = self._viewer.canvas.grid.position(at, layers) if at >= 0 else (0, 0)
        return max(int(row), 0), max(int(column), 0)

    def _room(self) -> int:
        """Characters that end before the letter in the middle of the edge, also in a narrow cell."""
        grid, width = self._viewer.canvas.grid, self._viewer.canvas.size[1]
        columns = grid.actual_shape(self._viewer.layers)[1] if grid.enabled else 1
        return int((width / columns / 2 - _LETTER) / (_CHARACTER * _FONT_SIZE))

    def _appear(self) -> None:
        """Show or hide it in a turn of its own: napari takes as long for a text as for a picture."""
        self._text.visible = self._is_said

    def cleanup(self) -> None:
        """Give the mouse back, and let go of the viewer; windows stay as they are. May be called twice."""
        self._empty()
        self._soon.drop()
        self._leaving.drop()
        self.held.cleanup()
        self.mouse.cleanup()
        self._connections.disconnect_all()
        for layer in list(self._heard):
            layer.events.visible.disconnect(self._say)
            layer.events.contrast_limits.disconnect(self._say)
        self._heard.clear()
        self._viewer.canvas.overlays.pop(_OVERLAY, None)
        self.in_cell.cleanup()


PART = Part(
    key="window",
    make=WindowPart,
    keys=(
        KeyAction(_RESET, "R", texts.RESET_MEANING),
        KeyAction(_NEXT, "Shift+R", texts.NEXT_MEANING),
    ),
    works_in_exercise=True,
)
