"""The part of the reading bar that shows three views, and remembers that it did."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from qtpy.QtCore import QSignalBlocker, Qt, QTimer
from qtpy.QtGui import QAction
from qtpy.QtWidgets import QHBoxLayout, QMenu, QToolButton

from napari_uncertainseg.widgets.dock_description import KeyAction
from napari_uncertainseg.widgets.layers.planes.plane import planes_of
from napari_uncertainseg.widgets.reading_bar.part import BarContext, HelpGroup, HelpLine, Part, PartWidget
from napari_uncertainseg.widgets.reading_bar.views import texts
from napari_uncertainseg.widgets.reading_bar.views.linked_views import LinkedViews
from napari_uncertainseg.widgets.shared.connections import Connections
from napari_uncertainseg.widgets.shared.form_helpers import add_action

_TOGGLE = "three_views"
_ARROW = 34
"""Pixels for the arrow of the menu and the space around the words: napari's style leaves none."""


class ViewsPart(PartWidget):
    """One button: three views, or one.

    Attributes
    ----------
    button
        Checked while three views are wanted; they are there once a layer has three dimensions.
    views
        The three views; None while there is one.
    """

    def __init__(self, context: BarContext) -> None:
        super().__init__()
        self._viewer, self._preferences = context.viewer, context.review.preferences
        self._layers, self._case = context.review.layers, context.review.case
        self._arrangement = context.arrangement
        self.views: LinkedViews | None = None
        self._displaced = False
        """Whether another part lays out the canvases, and three views come back when it ends."""
        self._same_zoom = True
        self.button = QToolButton()
        self.button.setText(texts.BUTTON)
        self.button.setCheckable(True)
        self.button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.button.setPopupMode(QToolButton.ToolButtonPopupMode.MenuButtonPopup)
        self.button.setMenu(self._menu())
        self.button.setMinimumWidth(self.button.fontMetrics().horizontalAdvance(texts.BUTTON) + _ARROW)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.button)
        kept = self._preferences.load()
        self.crosshair.setChecked(kept.crosshair)
        self.button.setChecked(kept.three_views)
        self.button.toggled.connect(self._on_toggled)
        self.crosshair.toggled.connect(self._on_crosshair)
        self.same_zoom.toggled.connect(self._on_same_zoom)
        events = self._viewer.layers.events
        self._connections = Connections(
            (events.inserted, self._soon),
            (events.removing, self._leave_3d),
            (events.removed, self._soon),
            (self._arrangement.changed, self._on_arranged),
        )
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.timeout.connect(self._follow)
        self._soon()

    def _menu(self) -> QMenu:
        menu = QMenu(self.button)
        menu.setToolTipsVisible(True)
        self.crosshair = _tick(menu, texts.CROSSHAIR, texts.CROSSHAIR_TIP)
        self.same_zoom = _tick(menu, texts.SAME_ZOOM, texts.SAME_ZOOM_TIP)
        self.same_zoom.setChecked(True)
        menu.addSeparator()
        self.planes = [add_action(menu, "") for _ in range(3)]
        for across, action in enumerate(self.planes):
            action.triggered.connect(partial(self._show_large, across))
        menu.aboutToShow.connect(self._name_planes)
        return menu

    def _name_planes(self) -> None:
        for action, plane in zip(self.planes, planes_of(self._viewer), strict=True):
            action.setText(texts.LARGE.format(plane.name))
            action.setEnabled(self.views is not None)

    # -- what the user does -------------------------------------------------------------------

    def act(self, action: str) -> None:
        """Press the button."""
        if action == _TOGGLE:
            self.button.click()

    def why_not(self, action: str) -> str:
        """Without a scan there are no planes to show."""
        return "" if self._has_volume else texts.NO_SCAN

    @property
    def _has_volume(self) -> bool:
        return any(layer.ndim > 2 for layer in self._viewer.layers)

    def _on_toggled(self, wanted: bool) -> None:
        self._displaced = False
        self._preferences.save(three_views=wanted)
        self._follow()

    def _on_crosshair(self, wanted: bool) -> None:
        self._preferences.save(crosshair=wanted)
        if self.views is not None:
            self.views.crosshair = wanted

    def _on_same_zoom(self, wanted: bool) -> None:
        self._same_zoom = wanted
        if self.views is not None:
            self.views.same_zoom = wanted

    def _show_large(self, across: int, checked: bool = False) -> None:
        if self.views is not None:
            self.views.show_large(across)

    # -- coming and going ---------------------------------------------------------------------

    def _soon(self, event: Any = None) -> None:
        self._later.start(0)  # napari turns to a first layer only after it has told of it

    def _leave_3d(self, event: Any) -> None:
        """Show slices before the last layer goes that has more axes than all others.

        napari 0.9.2 draws those in 3-D once more in a wrong way, and the process ends (segmentation fault).
        It takes the layer out by its place: were surfaces below it to go meanwhile, another layer would.
        """
        layers, dims = self._viewer.layers, self._viewer.dims
        going = layers[event.index]
        others = [layer.ndim for layer in layers if layer is not going]
        if dims.ndisplay == 3 and others and going.ndim > max(others):
            with self._layers.surfaces.lingering():
                dims.ndisplay = 2

    def _follow(self) -> None:
        has_volume = self._has_volume
        if self.button.isChecked() and has_volume and self.views is None:
            self._arrangement.claim(PART.key, self._make_room)
            self.views = LinkedViews(
                self._viewer,
                self._layers,
                self._case,
                crosshair=self.crosshair.isChecked(),
                same_zoom=self._same_zoom,
            )
        elif not (self.button.isChecked() and has_volume):
            self._leave()

    def _make_room(self) -> None:
        """Another part lays out the canvases now: three views come back once it ends, and the next time."""
        self._displaced = True
        with QSignalBlocker(self.button):
            self.button.setChecked(False)
        self._leave()

    def _on_arranged(self, holder: str) -> None:
        """Come back where the other part has ended, unless the user has pressed the button meanwhile."""
        if not holder and self._displaced:
            self._displaced = False
            with QSignalBlocker(self.button):
                self.button.setChecked(True)
            self._soon()

    def _leave(self) -> None:
        views, self.views = self.views, None
        if views is not None:
            views.cleanup()
        self._arrangement.release(PART.key)

    def show_keys(self, keys: Mapping[str, str]) -> None:
        """Name the key in the tooltip."""
        key = keys.get(_TOGGLE, "")
        self.button.setToolTip(f"{texts.BUTTON_TIP}\nKey: {key}" if key else texts.BUTTON_TIP)

    def help(self) -> tuple[HelpGroup, ...]:
        """What the mouse does in the small views."""
        if self.views is None:
            return ()
        return (HelpGroup(texts.SMALL, tuple(HelpLine((keys,), does) for keys, does in texts.MOUSE)),)

    def cleanup(self) -> None:
        """Give napari's single view back. May be called twice."""
        self._connections.disconnect_all()
        self._later.stop()
        self._leave()


def _tick(menu: QMenu, text: str, tip: str) -> QAction:
    action = add_action(menu, text)
    action.setCheckable(True)
    action.setToolTip(tip)
    return action


PART = Part(
    "views",
    ViewsPart,
    (KeyAction(_TOGGLE, "T", texts.KEY),),
    works_in_exercise=True,
    name=texts.BUTTON,
)
