"""The box that chooses what is explained: the selected lesion, or what is painted in a label layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari.layers import Labels
from qtpy.QtCore import QObject, Signal

from napari_uncertainseg.widgets.explain import texts
from napari_uncertainseg.widgets.explain.regions import ChosenRegion, painted_region, selected_region
from napari_uncertainseg.widgets.shared.connections import Connections
from napari_uncertainseg.widgets.shared.form_helpers import choice_box

if TYPE_CHECKING:
    from napari_uncertainseg.case import Case
    from napari_uncertainseg.widgets.layers.review_layers import ReviewLayers


class RegionChoice(QObject):
    """Offers the selected lesion and the user's label layers; a layer stays chosen when it is renamed.

    Parameters
    ----------
    layers
        The viewer's.
    parent
        Qt parent.

    Attributes
    ----------
    box
        The widget; the data of its entries are names of layers, None for the selected lesion.
    """

    changed = Signal()
    """Another entry was chosen, or another label is selected in the chosen layer."""

    def __init__(self, layers: ReviewLayers, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._layers = layers
        self._chosen: Labels | None = None
        self._label = Connections()
        self.box = choice_box("explain-region", texts.REGION_TIP)
        self.list_layers()
        self.box.currentIndexChanged.connect(self._on_chosen)

    def cleanup(self) -> None:
        """Let go of the layer. May be called twice."""
        self._label.disconnect_all()
        self._chosen = None

    @property
    def name(self) -> str | None:
        """The chosen layer's; None for the selected lesion."""
        chosen: str | None = self.box.currentData()
        return chosen

    def region(self, case: Case) -> ChosenRegion | None:
        """What is chosen; None where nothing is, errors as `painted_region`."""
        return selected_region(case) if self.name is None else painted_region(self._layers, self.name)

    def on_edited(self, name: str) -> None:
        """Say that something else is painted in a layer, where it is the chosen one."""
        if name == self.name:
            self.changed.emit()

    def list_layers(self) -> None:
        """Offer the layers that there are."""
        before, blocked = self.name, self.box.blockSignals(True)
        wanted = before
        if self._chosen is not None and self._chosen in self._layers.viewer.layers:
            wanted = self._chosen.name
        self.box.clear()
        self.box.addItem(texts.SELECTED, None)
        for name in self._layers.label_layers():
            self.box.addItem(texts.painted(name), name)
        self.box.setCurrentIndex(max(self.box.findData(wanted), 0))
        self.box.blockSignals(blocked)
        if self.name != before:
            self._on_chosen()

    def _on_chosen(self) -> None:
        self._label.disconnect_all()
        named = next((each for each in self._layers.viewer.layers if each.name == self.name), None)
        self._chosen = named if isinstance(named, Labels) else None
        if self._chosen is not None:
            self._label.connect(self._chosen.events.selected_label, self._on_label)
        self.changed.emit()

    def _on_label(self, _event: object = None) -> None:
        self.changed.emit()
