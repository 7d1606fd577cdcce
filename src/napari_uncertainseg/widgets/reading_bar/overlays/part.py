"""Two buttons: whether overlays are drawn, and which map with what opacity."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from napari.components.overlays import TextOverlay
from napari.utils.notifications import show_info
from qtpy.QtCore import Qt, QTimer
from qtpy.QtGui import QActionGroup
from qtpy.QtWidgets import (
    QApplication,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QSlider,
    QVBoxLayout,
    QWidget,
    QWidgetAction,
)

from napari_uncertainseg.voxel_maps import VOXEL_MAPS
from napari_uncertainseg.widgets.dock_description import KeyAction
from napari_uncertainseg.widgets.reading_bar.overlays import texts
from napari_uncertainseg.widgets.reading_bar.overlays.held_key import HeldKey
from napari_uncertainseg.widgets.reading_bar.overlays.hiding import OverlayHiding
from napari_uncertainseg.widgets.reading_bar.overlays.maps import HeatMaps
from napari_uncertainseg.widgets.reading_bar.part import BarContext, Part, PartWidget
from napari_uncertainseg.widgets.shared.form_helpers import MenuChoice, add_choices, end_choices, notice

_TOGGLE, _NEXT = "toggle_overlays", "next_map"
_OVERLAY = "overlays_hidden"
_WARNING = "#f0e442"
_DEFINITIONS = {each.title: each.definition for each in VOXEL_MAPS.values()}


class OverlaysPart(PartWidget):
    """Hides and shows overlays, also only for as long as the key is held; chooses the map.

    Parameters
    ----------
    context
        What the parts of the window share.
    """

    def __init__(self, context: BarContext) -> None:
        super().__init__()
        review = context.review
        self._viewer, self._case, self._layers = context.viewer, review.case, review.layers
        self._key = ""
        self.hiding = OverlayHiding(context.viewer, review.layers, review.case)
        self.maps = HeatMaps(context.viewer, review.layers, review.preferences)
        self._held = {action: HeldKey(context.window) for action in (_TOGGLE, _NEXT)}
        self._make_buttons()
        self._text = TextOverlay(
            position="top_left", font_size=11, color="black", box_color=_WARNING, visible=False
        )
        self._viewer.canvas.overlays[_OVERLAY] = self._text
        self.hiding.changed.connect(self._show)
        self.maps.changed.connect(self._show)
        self._viewer.canvas.grid.events.enabled.connect(self._on_grid)
        self._held[_TOGGLE].released.connect(self.toggle)
        self._layers.results.needed.connect(self._on_needed)
        self._show()

    def _make_buttons(self) -> None:
        self.button = QPushButton()
        self.button.setCheckable(True)
        self.button.clicked.connect(self._on_click)
        self.map_button = QPushButton()
        for button in (self.button, self.map_button):
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click leaves the keyboard to the canvas
        self.menu = QMenu(self.map_button)
        self.menu.setToolTipsVisible(True)
        self.map_button.setMenu(self.menu)
        self.menu.aboutToShow.connect(self._fill)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, 100)
        self.slider.setMinimumWidth(160)
        self.slider.valueChanged.connect(self.maps.set_percent)
        self._percent = QLabel()
        around = QWidget()
        column = QVBoxLayout(around)
        column.addWidget(self._percent)
        column.addWidget(self.slider)
        self._opacity = QWidgetAction(self.menu)
        self._opacity.setDefaultWidget(around)
        self._entries: QActionGroup | None = None
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.button)
        layout.addWidget(self.map_button)

    # -- what is done -------------------------------------------------------------------------

    def act(self, action: str) -> None:
        """Hide or show, perhaps for as long as the key is held; or the next map."""
        if QApplication.mouseButtons() != Qt.MouseButton.NoButton:
            return  # a stroke that is under way would go on unseen
        if not self.hiding.possible or not self._held[action].press():
            return
        if action == _TOGGLE:
            self.toggle()
        else:
            self.maps.next()
            self.hiding.show()  # who asks for a map wants to see it

    def why_not(self, action: str) -> str:
        """Why there is nothing to hide, or no map to show."""
        if not self.hiding.possible:
            return self._fitted(self._why_not())
        if action == _NEXT:
            return "" if self.maps.offered() else self._why_no_maps()
        return "" if self.hiding.works else texts.NONE_SHOWN

    def toggle(self) -> None:
        """Hide what is shown, or show it again."""
        self.hiding.toggle()
        self._show()

    def _on_click(self) -> None:
        self.toggle()

    def _on_needed(self) -> None:
        """Show all again, and say so: a tool was about to change what nobody sees."""
        self.hiding.show()
        show_info(notice(self._fitted(texts.SHOWN_AGAIN)))

    def choose_map(self, title: str | None) -> None:
        """Show a map by its title, or none; overlays that are hidden come back."""
        self.maps.choose(title)
        self.hiding.show()

    # -- what is shown ------------------------------------------------------------------------

    def _fill(self) -> None:
        self._empty()
        shown = self.maps.title()
        maps = [(title, title, _DEFINITIONS.get(title, title)) for title in self.maps.offered()]
        entries = [*maps, (None, texts.NONE, texts.NO_MAP_TIP)]
        self._entries = add_choices(
            self.menu,
            [
                MenuChoice(text, tip, title == shown, partial(self.choose_map, title))
                for title, text, tip in entries
            ],
        )
        self.menu.addSeparator()
        self.menu.addAction(self._opacity)

    def _empty(self) -> None:
        """Take all out of the menu; the slider is put in again."""
        self.menu.removeAction(self._opacity)
        self.menu.clear()
        if self._entries is not None:
            end_choices(self._entries)
        self._entries = None

    def show_keys(self, keys: Mapping[str, str]) -> None:
        """Take over the keys."""
        self._key = keys.get(_TOGGLE, "")
        for action, held in self._held.items():
            held.listen_for(keys.get(action, ""))
        self._show()

    def _show(self) -> None:
        possible, hidden = self.hiding.possible, self.hiding.hidden
        self.button.setEnabled(possible)
        self.button.setChecked(possible and not hidden)
        self.button.setText(texts.HIDDEN if hidden else texts.BUTTON)
        self.button.setToolTip(self._fitted(texts.tip(self._why_not(), self._key)))
        self.map_button.setEnabled(possible)
        self.map_button.setText(texts.map_button(self.maps.title() if possible else None))
        self.map_button.setToolTip(texts.MAP_TIP)
        percent = self.maps.percent
        blocked = self.slider.blockSignals(True)
        self.slider.setValue(percent)
        self.slider.blockSignals(blocked)
        self._percent.setText(texts.OPACITY.format(percent))
        self._place_note()
        if hidden:
            self._text.text = self._fitted(texts.sentence(self._key))
        self._text.visible = hidden

    def _on_grid(self, event: object = None) -> None:
        # In the next turn: where the note was seen once, napari lays all texts out at once, in cells that
        # the canvas does not have yet.
        QTimer.singleShot(0, self._place_note)

    def _place_note(self) -> None:
        """Side by side, the name of the first scan stands where the note is otherwise."""
        self._text.position = "bottom_left" if self._viewer.canvas.grid.enabled else "top_left"

    def _why_not(self) -> str:
        if self.hiding.possible:
            return ""
        if self._layers.blinded:
            return texts.IN_EXERCISE
        return texts.IN_3D if self._viewer.dims.ndisplay == 3 else texts.NOTHING

    def _why_no_maps(self) -> str:
        """A run always has maps: where none is there, they are still to come, or were removed by hand."""
        yet = self._case.prediction is None or self._layers.settling
        return texts.NO_MAPS_YET if yet else texts.NO_MAPS

    def _fitted(self, text: str) -> str:
        prediction = self._case.prediction
        return text if prediction is None else prediction.noun.fit(text)

    def cleanup(self) -> None:
        """Show what is hidden, and let go of the viewer. May be called twice."""
        self._empty()
        for held in self._held.values():
            held.cleanup()
        self._viewer.canvas.grid.events.enabled.disconnect(self._on_grid)
        self._layers.results.needed.disconnect(self._on_needed, missing_ok=True)
        self.hiding.cleanup()
        self.maps.cleanup()
        self._viewer.canvas.overlays.pop(_OVERLAY, None)


PART = Part(
    key="overlays",
    make=OverlaysPart,
    keys=(
        KeyAction(_TOGGLE, "A", texts.TOGGLE_MEANING, repeats=False),
        KeyAction(_NEXT, "D", texts.NEXT_MEANING, repeats=False),
    ),
)
