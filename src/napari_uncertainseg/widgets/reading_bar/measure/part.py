"""Measure: rulers and regions, drawn on the canvas, listed, copied, kept with the scan."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
from napari.layers import Shapes
from napari.utils.notifications import show_info, show_warning
from qtpy.QtGui import QAction
from qtpy.QtWidgets import QApplication, QDockWidget, QHBoxLayout, QMenu, QToolButton

from napari_uncertainseg._base import InputError
from napari_uncertainseg.images.measures.records import (
    RULER,
    Measurement,
    as_text,
)
from napari_uncertainseg.images.measures.shapes import Slice
from napari_uncertainseg.widgets.dock_description import KeyAction
from napari_uncertainseg.widgets.reading_bar.measure import texts
from napari_uncertainseg.widgets.reading_bar.measure.base import Base, find_base
from napari_uncertainseg.widgets.reading_bar.measure.canvas_keys import bind
from napari_uncertainseg.widgets.reading_bar.measure.drawing import Drawing
from napari_uncertainseg.widgets.reading_bar.measure.files import Table, TableFiles
from napari_uncertainseg.widgets.reading_bar.measure.kept import KeptMeasurements, folder_of, key_of
from napari_uncertainseg.widgets.reading_bar.measure.making import made_of, selected_lesion
from napari_uncertainseg.widgets.reading_bar.measure.panel import MeasurePanel
from napari_uncertainseg.widgets.reading_bar.measure.seen import KeptSeen
from napari_uncertainseg.widgets.reading_bar.measure.tool import REGION, Tool
from napari_uncertainseg.widgets.reading_bar.part import BarContext, Part, PartWidget
from napari_uncertainseg.widgets.scans.patient import case_name_of
from napari_uncertainseg.widgets.scans.segmented_scan import name_of
from napari_uncertainseg.widgets.shared.connections import Connections
from napari_uncertainseg.widgets.shared.form_helpers import notice, plain_tooltip, set_menu_button_text
from napari_uncertainseg.widgets.shared.responsive.leaving import LayersGone


class MeasurePart(PartWidget):
    """One button with a menu; keys begin and end drawing.

    Parameters
    ----------
    context
        What the parts share.

    Attributes
    ----------
    measured, drawing, tool, panel, files
        The measurements, their layer, what takes the mouse, the list, and tables that are saved and opened.
    button
        Says what is being done, or the last measurement.
    """

    def __init__(self, context: BarContext) -> None:
        super().__init__()
        self._context = context
        viewer, review = context.viewer, context.review
        self.measured, self.drawing, self.panel = context.measured, Drawing(viewer), MeasurePanel()
        self.tool = Tool(viewer, self._on_made, self._on_draft)
        self.files = TableFiles(context.window, self.measured, self._table, self._try)
        self._kept = KeptMeasurements(folder_of(review.sessions.location))
        self._base: Base | None = None
        self._name = self._reading = ""
        self._dock: QDockWidget | None = None
        self._keys: dict[str, str] = {}
        self._closed = self._following = False
        self._build()
        self._seen = KeptSeen(viewer, self.drawing)
        events = viewer.layers.events
        self._connections = Connections(
            (self.measured.changed, self._on_changed),
            (events.inserted, self._follow),
            (LayersGone(viewer), self._follow),
            (review.case.prediction_changed, self._follow),
            (review.case.verdicts_changed, self._follow),
            (review.layers.blinding_changed, self._on_blinded),
            (viewer.layers.selection.events.active, self._on_active),
            (viewer.dims.events.ndisplay, self._on_active),
            (viewer.dims.events.range, self._list),
        )
        self.panel.chosen.connect(self._go_to)
        self.panel.asked.connect(self.act)
        self._follow()

    def _build(self) -> None:
        self.button, self.menu = QToolButton(), QMenu(self)
        self.button.setObjectName("measure")
        self.button.setCheckable(True)
        self.button.setPopupMode(QToolButton.ToolButtonPopupMode.MenuButtonPopup)
        self.button.setMenu(self.menu)
        self.button.clicked.connect(self._on_click)
        self.menu.aboutToShow.connect(self.fill_menu)
        self.menu.triggered.connect(self._on_chosen)  # not each action: that would hold the window
        row = QHBoxLayout(self)
        row.setContentsMargins(4, 0, 4, 0)
        row.addWidget(self.button)
        self._say()

    # -- keys and menu --------------------------------------------------------------------------

    def act(self, action: str) -> None:
        """Begin or end drawing, or do what the menu and the list offer."""
        done: dict[str, Callable[[], object]] = {
            "measure_length": partial(self._toggle, RULER),
            "measure_region": partial(self._toggle, REGION),
            "lesion": self.measure_lesion,
            "list": self.show_list,
            "copy": self.copy,
            "delete": self.delete,
            "undo": self.measured.undo,
            "redo": self.measured.redo,
            "save": self.files.ask_save,
            "open": self.files.ask_open,
        }
        if not self._context.review.layers.blinded:
            done[action]()

    def show_keys(self, keys: Mapping[str, str]) -> None:
        """Show the keys in menu and tooltip."""
        self._keys = dict(keys)
        length, region = keys.get("measure_length", ""), keys.get("measure_region", "")
        own = [f"{texts.RULER_ITEM}: {length}", f"Region: {region}"]
        self.button.setToolTip(plain_tooltip("\n".join([texts.TIP, *own, texts.REGION_TIP])))

    def fill_menu(self) -> None:
        """Offer what can be done now."""
        self.menu.clear()
        some, selected = bool(self.measured.items), self._context.review.case.selected is not None
        blinded = self._context.review.layers.blinded
        offered = (
            (texts.RULER_ITEM, "measure_length", not blinded),
            (texts.REGION_ITEM, "measure_region", not blinded),
            (texts.LESION_ITEM, "lesion", selected and not blinded),
            None,
            (texts.LIST_ITEM, "list", not blinded),
            (texts.COPY_ITEM, "copy", some and not blinded),
            (texts.UNDO_ITEM, "undo", not blinded),
            (texts.REDO_ITEM, "redo", not blinded),
            None,
            (texts.SAVE_ITEM, "save", some and not blinded),
            (texts.OPEN_ITEM, "open", self._base is not None and not blinded),
        )
        for item in offered:
            if item is None:
                self.menu.addSeparator()
                continue
            text, name, enabled = item
            key = self._keys.get(name, "")
            if (action := self.menu.addAction(f"{text}\t{key}" if key else text)) is not None:
                action.setData(name)
                action.setEnabled(enabled)

    def _on_chosen(self, action: QAction) -> None:
        self.act(action.data())

    def _on_click(self) -> None:
        self._toggle(self.tool.kind or RULER)

    def _toggle(self, kind: str) -> None:
        if self.tool.kind == kind:
            self.tool.end()
        elif self._context.viewer.dims.ndisplay != 2:
            self._tell(texts.IN_3D)
        elif (base := self._base) is None:
            self._tell(texts.NO_SCAN)
        elif not self._context.review.layers.blinded:
            layer = self.drawing.ensure(base)
            if not layer.visible:  # it was hidden with the overlays: what is drawn has to be seen
                layer.visible = True
            self._bind(layer)
            self.tool.begin(kind, base, layer)
        self._say()

    def _bind(self, layer: Shapes) -> None:
        keys: dict[str, Callable[[], object]] = {"Escape": self.stop, "Enter": self.tool.close_polygon}
        keys |= dict.fromkeys(("Delete", "Backspace"), self.delete)
        keys |= {"Control-Z": self.measured.undo, "Control-Shift-Z": self.measured.redo}
        bind(layer, keys | {"Control-C": self.copy}, self.stop)

    def stop(self) -> None:
        """Drop what is being drawn, and give the mouse back."""
        self.tool.end()
        self._say()

    # -- measuring ------------------------------------------------------------------------------

    def _on_made(self, kind: str, where: Slice, points: np.ndarray) -> None:
        base, context = self._base, self._context
        if base is not None:
            self._add(made_of(kind, where, points, base, context.viewer, context.review), texts.EMPTY)

    def measure_lesion(self) -> None:
        """Measure the lesion or candidate that is selected, with all its slices."""
        base, context = self._base, self._context
        made = None if base is None else selected_lesion(base, context.viewer, context.review)
        self._add(made, texts.NO_LESION)

    def _add(self, made: Measurement | None, otherwise: str) -> None:
        if made is None:
            self._tell(otherwise)
            return
        self.measured.add(made)
        if made.kind != RULER:
            self.show_list()

    def _on_draft(self, draft: tuple[Slice, np.ndarray] | None) -> None:
        if self._base is not None:
            self.drawing.draw(self._base, self.measured.items, draft)

    def delete(self) -> None:
        """Delete the measurement that is chosen in the list, else the last one."""
        chosen = self.panel.selected if self._dock is not None else None
        self.measured.delete(len(self.measured.items) - 1 if chosen is None else chosen)

    def copy(self) -> None:
        """Copy all measurements as tab-separated text, with the case's name."""
        clipboard, base = QApplication.clipboard(), self._base
        if clipboard is not None and base is not None and self.measured.items:
            clipboard.setText(as_text(*self._as_kept(base)))
            self._context.viewer.status = texts.COPIED

    # -- the list -------------------------------------------------------------------------------

    def show_list(self) -> None:
        """Show the list of measurements below the canvas."""
        if self._dock is None:
            window = self._context.viewer.window
            self._dock = window.add_dock_widget(self.panel, name=texts.DOCK, area="bottom")
        self._dock.show()
        self.panel.show()

    def _go_to(self, index: int) -> None:
        base, items = self._base, self.measured.items
        if base is not None and index < len(items):
            viewer = self._context.viewer
            centre = np.mean(items[index].points, axis=0)
            viewer.dims.set_point(range(viewer.dims.ndim - 3, viewer.dims.ndim), base.place(centre))

    def _case_name(self) -> str:
        own = name_of(self._context.review.case)
        return own or ("" if self._base is None else case_name_of(self._base.layer))

    # -- what changes around it -----------------------------------------------------------------

    def _on_changed(self) -> None:
        base = self._base
        if base is None:
            return
        if not self._following:
            self._try(lambda: self._keep(base))
        self.drawing.draw(base, self.measured.items)
        self._list(chosen=len(self.measured.items) - 1)
        self._say()

    def _list(self, event: object = None, chosen: int | None = None) -> None:
        if (base := self._base) is not None:
            row = self.panel.selected if chosen is None else chosen
            self.panel.show_items(self.measured.items, row, partial(base.slider, self._context.viewer))

    def _keep(self, base: Base) -> None:
        self.measured.join(self._kept.keep(self._key(base), *self._as_kept(base)))

    def _table(self) -> Table | None:
        return None if self._base is None else self._as_kept(self._base)

    def _as_kept(self, base: Base) -> Table:
        shown = partial(base.slider, self._context.viewer)
        return self.measured.items, base.grid, self._case_name(), base.layer.name, shown

    def _key(self, base: Base) -> str:
        return key_of(self._context.review.layers.scan.hashes.of(base.layer), self._reading)

    def _reading_now(self) -> str:
        """Id of the second or third reading that goes on; empty in all others."""
        recorder = self._context.review.case.review.recorder
        return recorder.session.id if recorder is not None and recorder.session.kind == "qc" else ""

    def _follow(self, event: object = None) -> None:
        """Show the measurements of another scan where another one is under review."""
        if self._following or self._context.review.layers.blinded:
            return
        before, scan = self._base, self._context.review.layers.scan.layer()
        reading = self._reading_now()
        if (
            before is not None
            and reading == self._reading
            and before.layer in self._context.viewer.layers
            and scan in (None, before.layer)
        ):
            return  # also where it is hidden now
        base = find_base(self._context.viewer, self._context.review)
        if before is None and base is None:
            return
        self._following = True
        self.tool.end()
        if before is not None and self.measured.items:
            show_info(notice(texts.kept(len(self.measured.items), self._name)))
        self.drawing.remove()
        self._base, self._name, self._reading = base, "", reading
        found: list[Measurement] = []
        if base is not None:
            self._name = self._case_name()
            if self._kept.any:
                self._try(lambda: found.extend(self._kept.of(self._key(base), base.grid)))
        self.measured.show(found)
        if not found:
            self.panel.show_items((), None)
        else:
            show_info(notice(texts.brought_back(len(found))))
        self._following = False
        self._say()

    def _on_blinded(self) -> None:
        if self._context.review.layers.blinded:
            self.stop()
            if self._dock is not None:
                self._dock.hide()
        else:
            self._follow()
            self._say()

    def _on_active(self, event: object = None) -> None:
        """Another layer was chosen, or 3-D: the mouse is for that."""
        active = self._context.viewer.layers.selection.active
        if self.tool.kind and (active is not self.drawing.layer or self._context.viewer.dims.ndisplay != 2):
            self.stop()

    def _say(self) -> None:
        kind, items = self.tool.kind, self.measured.items
        text = {RULER: texts.RULER_ON, REGION: texts.REGION_ON}.get(kind, texts.BUTTON)
        if items and not self._context.review.layers.blinded:
            text = f"{text}: {texts.in_bar(items[-1])}"
        set_menu_button_text(self.button, text)
        self.button.setChecked(bool(kind))

    def _try(self, do: Callable[[], object]) -> None:
        try:
            do()
        except InputError as error:
            self._tell(str(error))

    def _tell(self, message: str) -> None:
        show_warning(notice(message))

    def cleanup(self) -> None:
        """Give the mouse back, and take layer and list away; measurements are kept. May be called twice."""
        if self._closed:
            return
        self._closed = True
        self._connections.disconnect_all()
        self._seen.cleanup()
        self.tool.end()
        self.drawing.remove()
        if self._dock is not None:
            self._context.viewer.window.remove_dock_widget(self.panel)
            self._dock = None
        self.panel.deleteLater()
        self.menu.clear()


PART = Part(
    "measure",
    MeasurePart,
    (
        KeyAction("measure_length", "K", "Measure a length: two clicks or a drag."),
        KeyAction("measure_region", "Shift+K", "Measure a region: volume, brightness of scans and maps."),
    ),
)
