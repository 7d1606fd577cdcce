"""The brain in the Segment dock: find it, see its outline, mend it, go on with a strange one."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QCheckBox, QGridLayout, QWidget

from napari_uncertainseg._base import InputError, as_warning
from napari_uncertainseg.images.preparation.found_brain import MENDED, FoundBrain, mended
from napari_uncertainseg.widgets.layers.brain_outline import take_brush
from napari_uncertainseg.widgets.scans.placement import Placement, lies_over
from napari_uncertainseg.widgets.scans.volumes import grid_of, is_brain, volume_of
from napari_uncertainseg.widgets.segment import texts
from napari_uncertainseg.widgets.shared.form_helpers import button_with_tip, choice_box

if TYPE_CHECKING:
    from napari.layers import Labels, Layer

    from napari_uncertainseg.case import Case
    from napari_uncertainseg.widgets.layers.review_layers import ReviewLayers
    from napari_uncertainseg.widgets.segment.roles import RoleBoxes


class BrainControls(QWidget):
    """A box to show the outline, buttons to find, mend and accept it, and the brain that the next run uses.

    Parameters
    ----------
    case, layers, roles
        Of the dock.
    """

    accepted = Signal()
    """The user goes on with a strange brain."""
    told = Signal(str)
    """What the dock should say."""

    def __init__(self, case: Case, layers: ReviewLayers, roles: RoleBoxes) -> None:
        super().__init__()
        self._case, self._layers, self._roles = case, layers, roles
        self._skull_flair: Callable[[], Layer | None] = lambda: None
        """The FLAIR for which the skull was chosen."""
        self._known: tuple[FoundBrain, list[Any], str] | None = None
        """A brain, and the layers, their voxels and the skull that it was found with."""
        self.skull = choice_box("skull", texts.SKULL_TIP)
        for title, key in texts.SKULL_CHOICES:
            self.skull.addItem(title, key)
        self.shown = QCheckBox(texts.BRAIN_OUTLINE)
        self.shown.setToolTip(texts.BRAIN_OUTLINE_TIP)
        self.search = button_with_tip(texts.FIND_BRAIN, texts.FIND_BRAIN_TIP)
        self.mend = button_with_tip(texts.MEND_BRAIN, texts.MEND_BRAIN_TIP)
        self.go_on = button_with_tip(texts.GO_ON, texts.GO_ON_TIP)
        self.go_on.hide()
        rows = QGridLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.addWidget(self.shown, 0, 0, 1, 2)
        rows.addWidget(self.search, 1, 0)
        rows.addWidget(self.mend, 1, 1)
        rows.addWidget(self.go_on, 2, 0, 1, 2)
        self.shown.toggled.connect(layers.brain.show)
        self.mend.clicked.connect(self.begin_mending)
        self.go_on.clicked.connect(self.accepted)

    # -- the brain of the next run ------------------------------------------------------------------

    def of_request(self) -> FoundBrain | None:
        """The brain that the next run uses; None where it is to be found, or a mask was chosen.

        Raises
        ------
        InputError
            If an outline that was mended lies elsewhere now, or is empty.
        """
        layer = self._roles.mended()
        if layer is None:
            return None if self._known is None else self._known[0]
        flair = self._roles.layer("flair")
        assert flair is not None  # only its own outlines can be chosen
        painted = volume_of(layer)
        if not self._roles.drawn_on_flair(layer):
            raise InputError(texts.outline_of_another(layer.name))
        if not (lies_over(layer, flair) and painted.grid.same_as(grid_of(flair))):
            raise InputError(texts.outline_moved(layer.name))
        if not painted.data.any():
            raise InputError(texts.outline_empty(layer.name))
        return mended(np.asarray(painted.data) > 0)

    def keep(self, brain: FoundBrain) -> str:
        """Show a brain that was found before a run, and use it in the next one; what to tell the user."""
        self._known = brain, self._state(), self.skull.currentData()
        flair = self._roles.layer("flair")
        assert flair is not None
        grid = grid_of(flair)
        self._layers.brain.hold(brain.mask, Placement.over(flair, grid))
        self.shown.setChecked(True)
        self._layers.brain.draw()
        self.refresh()
        litres = float(brain.mask.sum()) * grid.voxel_volume / 1e6
        return as_warning(texts.strange_brain(brain.strange)) if brain.strange else texts.brain_found(litres)

    def done(self, brain: FoundBrain | None) -> None:
        """The run has ended: its prediction shows its brain, and what was painted is out of the way."""
        self._forget()
        layer = self._roles.mended()
        if layer is not None and brain is not None and brain.source == MENDED:
            layer.visible = False

    def refresh(self, idle: bool = True) -> None:
        """Follow the choices: a brain holds only for the scans, the mask and the skull it was found with."""
        flair = self._roles.layer("flair")
        if flair is not self._skull_flair():  # the choice was made for one scan only
            self._skull_flair = (lambda: None) if flair is None else weakref.ref(flair)
            self.skull.setCurrentIndex(0)
        if self._known is not None:
            _, state, skull = self._known
            if skull != self.skull.currentData() or not _same(state, self._state()):
                self._forget()
        self.search.setEnabled(idle and flair is not None)
        self.mend.setEnabled(idle and self._now() is not None)
        strange = self._known is not None and bool(self._known[0].strange)
        self.go_on.setVisible(strange)
        self.go_on.setEnabled(idle)

    def _forget(self) -> None:
        if self._known is not None:
            self._known = None
            self._layers.brain.release()
            self.go_on.hide()

    def _state(self) -> list[Any]:
        chosen = self._roles.chosen
        return [*chosen, *(None if layer is None else layer.data for layer in chosen)]

    # -- mending ------------------------------------------------------------------------------------

    def begin_mending(self) -> None:
        """Give the user the outline to paint on: that which was begun, found, or used by the last run."""
        flair, brain = self._roles.layer("flair"), self._now()
        if flair is None or brain is None:
            return
        layer = self._begun(flair)
        if layer is None:
            layer = self._layers.brain.editable(brain, flair, grid_of(flair))
        else:
            take_brush(self._layers.viewer, layer)
        self._roles.pick_mask(layer)
        self.shown.setChecked(False)  # the line would lie over what is painted
        self.told.emit(texts.mending(layer.name))

    def restore(self) -> None:
        """Bring back the outline that was mended for the results that were opened, hidden."""
        prediction, flair = self._case.prediction, self._layers.scan.layer()
        if prediction is None or flair is None or flair is not self._roles.layer("flair"):
            return
        if prediction.information.get("brain") == MENDED and self._begun(flair) is None:
            outline = self._layers.brain.editable(prediction.brain, flair, prediction.grid, visible=False)
            self._roles.pick_mask(outline)

    def _begun(self, flair: Layer) -> Labels | None:
        """The layer with this scan's outline, whether it is chosen or not; the roles offer no other."""
        chosen = self._roles.mended()
        offered = [chosen] if chosen is not None else self._roles.offered("mask")
        return next((layer for layer in offered if is_brain(layer)), None)

    def _now(self) -> np.ndarray | None:
        """The brain as it is known of the chosen FLAIR; bool on its grid."""
        layer = self._roles.mended()
        if layer is not None:
            return np.asarray(volume_of(layer).data) > 0
        if self._known is not None:
            return self._known[0].mask
        prediction, flair = self._case.prediction, self._roles.layer("flair")
        if prediction is None or flair is None or self._layers.scan.layer() is not flair:
            return None
        return prediction.brain


def _same(one: list[Any], other: list[Any]) -> bool:
    return len(one) == len(other) and all(a is b for a, b in zip(one, other, strict=True))
