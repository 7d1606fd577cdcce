"""The choice of what is explained: the selected lesion, a painted label, or what was opened from a folder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QWidget

from napari_uncertainseg.widgets.explain import texts
from napari_uncertainseg.widgets.explain.regions import ChosenRegion, painted_region, selected_region
from napari_uncertainseg.widgets.shared.form_helpers import button_with_tip, choice_box

if TYPE_CHECKING:
    from napari.layers import Layer

    from napari_uncertainseg.case import Case
    from napari_uncertainseg.widgets.explain.request import Answer
    from napari_uncertainseg.widgets.layers.review_layers import ReviewLayers


class RegionChoice(QWidget):
    """A box with all that can be explained or shown, and the button that opens a folder.

    Parameters
    ----------
    case, layers
        The window's.
    parent
        Qt parent.
    """

    changed = Signal()
    """Something else is chosen."""

    def __init__(self, case: Case, layers: ReviewLayers, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._case, self._layers = case, layers
        self._read: tuple[Answer, ...] = ()
        self._layer: Layer | None = None
        """The chosen one, which stays chosen when it is renamed."""
        self.box = choice_box("explain-region", texts.REGION_TIP)
        self.box.setAccessibleName(texts.REGION_NAME)
        self.open = button_with_tip(texts.OPEN, texts.OPEN_TIP)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.box, 1)
        row.addWidget(self.open)
        self.box.currentIndexChanged.connect(self._on_change)

    @property
    def opened(self) -> Answer | None:
        """What was opened from a folder, if that is chosen."""
        chosen = self.box.currentData()
        return self._read[chosen] if isinstance(chosen, int) else None

    def region(self) -> ChosenRegion | None:
        """What is to be explained; None where nothing is, InputError where it cannot be."""
        name = self.box.currentData()
        return painted_region(self._layers, name) if isinstance(name, str) else selected_region(self._case)

    def offer(self) -> None:
        """Offer the selected lesion, the user's label layers, and what was opened."""
        chosen, blocked = self.box.currentData(), self.box.blockSignals(True)
        wanted = chosen
        if self._layer is not None and self._layer in self._layers.viewer.layers:
            wanted = self._layer.name
        self.box.clear()
        self.box.addItem(texts.SELECTED, None)
        for name in self._layers.user_labels.names():
            self.box.addItem(texts.painted(name), name)
        for number, one in enumerate(self._read):
            self.box.addItem(texts.in_folder(one.chosen.title, one.folder), number)
        self.box.setCurrentIndex(max(self.box.findData(wanted), 0))
        self.box.blockSignals(blocked)
        if self.box.currentData() != chosen:
            self._on_change()

    def on_edited(self, name: str) -> None:
        """Say that something else is painted or chosen in a layer, where it is the chosen one."""
        if name == self.box.currentData():
            self.changed.emit()

    def offer_opened(self, answers: Sequence[Answer]) -> None:
        """Offer what was opened from a folder, in place of the one before, and choose the first of it."""
        self.leave_opened()
        self._read = tuple(answers)
        self.offer()
        if self._read:
            self.box.setCurrentIndex(self.box.findData(0))

    def leave_opened(self) -> None:
        """Choose the selected lesion in place of what was opened, which stays among the choices."""
        if isinstance(self.box.currentData(), int):
            self.box.setCurrentIndex(0)

    def pick(self, number: int) -> None:
        """Select the lesion (or, below 0, the candidate) that was clicked in the image."""
        lesions = self._case.lesions
        if lesions is None or self._layers.blinded:
            return
        if (voxel := lesions.voxel_of(number)) is not None:
            self._case.select(voxel)

    def _on_change(self) -> None:
        name = self.box.currentData()
        self._layer = self._layers.viewer.layers[name] if isinstance(name, str) else None
        self.changed.emit()
