"""The brain in the Segment dock: find it, see its outline, mend it, go on with a strange one."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QCheckBox, QGridLayout, QWidget

from napari_uncertainseg._base import InputError, as_warning
from napari_uncertainseg.images.preparation.found_brain import (
    GIVEN,
    MENDED,
    FoundBrain,
    litres_of,
    mended,
)
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


@dataclass(frozen=True, eq=False)
class BrainChoices:
    """What the form says of the brain: the chosen layers, the voxels that they hold, and the skull."""

    layers: tuple[Layer | None, ...]
    voxels: tuple[Any, ...]
    skull: str

    def same_as(self, other: BrainChoices) -> bool:
        """Whether a brain found with the one holds for the other: the very layers and arrays."""
        pairs = zip((*self.layers, *self.voxels), (*other.layers, *other.voxels), strict=True)
        return self.skull == other.skull and all(one is two for one, two in pairs)


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
        self._known: tuple[FoundBrain, BrainChoices] | None = None
        """The brain that is shown before a run, and what it was found with."""
        self._idle = True
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
        self.skull.currentIndexChanged.connect(lambda _: self.refresh())
        self.shown.toggled.connect(layers.brain.show)
        self.mend.clicked.connect(self.begin_mending)
        self.go_on.clicked.connect(self.accepted)

    # -- the brain of the next run ------------------------------------------------------------------

    @property
    def choices(self) -> BrainChoices:
        """What a brain that is found now is found with."""
        chosen = self._roles.chosen
        voxels = tuple(None if layer is None else layer.data for layer in chosen)
        return BrainChoices(chosen, voxels, self.skull.currentData())

    def of_request(self) -> FoundBrain | None:
        """The brain that the next run uses; None where it is to be found, or a mask was chosen.

        Raises
        ------
        InputError
            If an outline that was mended lies elsewhere now, or is empty.
        """
        layer = self._roles.mended()
        if layer is None:
            self._check_known()
            # a mask that was chosen is read again: it may have been painted on since
            return None if self._known is None or self._known[0].source == GIVEN else self._known[0]
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

    def keep(self, brain: FoundBrain, choices: BrainChoices) -> str:
        """Show a brain that was found before a run, and use it in the next one; what to tell the user.

        Parameters
        ----------
        brain, choices
            What was found, and what it was found with: a brain of other choices is dropped.
        """
        if not choices.same_as(self.choices):
            return texts.BRAIN_DROPPED
        self._known = brain, choices
        flair = self._roles.layer("flair")
        assert flair is not None
        grid = grid_of(flair)
        self._layers.brain.hold(brain.mask, Placement.over(flair, grid))
        self.shown.setChecked(True)
        self._layers.brain.draw()
        self.refresh()
        if brain.strange:
            return as_warning(texts.strange_brain(brain.strange))
        return texts.brain_found(litres_of(brain.mask, grid))

    def done(self, brain: FoundBrain | None) -> None:
        """The run has ended: its prediction shows its brain, and what was painted is out of the way."""
        self._forget()
        layer = self._roles.mended()
        if layer is not None and brain is not None and brain.source == MENDED:
            layer.visible = False

    def on_edited(self, name: str) -> None:
        """A mask was painted on: the outline that was drawn of it is of before."""
        mask = self._roles.layer("mask")
        if mask is not None and mask.name == name:
            self._forget()
            self.refresh()

    def refresh(self, idle: bool | None = None) -> None:
        """Follow the choices: a brain holds only for the scans, the mask and the skull it was found with.

        Parameters
        ----------
        idle
            Whether nothing is being computed; as before if None.
        """
        self._idle = self._idle if idle is None else idle
        flair = self._roles.layer("flair")
        if flair is not self._skull_flair():  # the choice was made for one scan only
            self._skull_flair = (lambda: None) if flair is None else weakref.ref(flair)
            self.skull.setCurrentIndex(0)
            if flair is not None:
                self._layers.brain.hide_others(flair)
        self._check_known()
        self.search.setEnabled(self._idle and flair is not None)
        mendable = self._roles.mended() is not None or self._now() is not None
        self.mend.setEnabled(self._idle and mendable)
        strange = self._known is not None and bool(self._known[0].strange)
        self.go_on.setVisible(strange)
        self.go_on.setEnabled(self._idle)

    def _check_known(self) -> None:
        if self._known is not None and not self._known[1].same_as(self.choices):
            self._forget()
            self.told.emit("")  # what was said of it is not about these scans

    def _forget(self) -> None:
        if self._known is not None:
            self._known = None
            self._layers.brain.release()
            self.go_on.hide()

    # -- mending ------------------------------------------------------------------------------------

    def begin_mending(self) -> None:
        """Give the user the outline to paint on: that which was found, begun, or used by the last run."""
        self._check_known()
        flair, brain, layer = self._roles.layer("flair"), self._now(), self._begun()
        if flair is None:
            return
        found_since = self._known is not None and self._roles.mended() is None
        if layer is not None and not found_since:
            take_brush(self._layers.viewer, layer)
        elif brain is None:
            return
        else:
            if layer is not None:  # what was painted stays, but not under the new outline
                layer.visible = False
            layer = self._layers.brain.editable(brain, flair, grid_of(flair))
        self._roles.pick_mask(layer)
        self.shown.setChecked(False)  # the line would lie over what is painted
        self.told.emit(texts.mending(layer.name))

    def restore(self) -> None:
        """Bring back the outline that was mended for the results that were opened, hidden."""
        prediction, flair = self._case.prediction, self._layers.scan.layer()
        if prediction is None or flair is None or flair is not self._roles.layer("flair"):
            return
        if prediction.information.get("brain") == MENDED and self._begun() is None:
            outline = self._layers.brain.editable(prediction.brain, flair, prediction.grid, visible=False)
            self._roles.pick_mask(outline)

    def _begun(self) -> Labels | None:
        """The outline that is chosen, else the latest of this scan; the roles offer none of another."""
        chosen = self._roles.mended()
        offered = [chosen] if chosen is not None else reversed(self._roles.offered("mask"))
        return next((layer for layer in offered if is_brain(layer)), None)

    def _now(self) -> np.ndarray | None:
        """The brain that was found of the chosen FLAIR, or that its results have; bool on its grid."""
        if self._known is not None:
            return self._known[0].mask
        prediction, flair = self._case.prediction, self._roles.layer("flair")
        if prediction is None or flair is None or self._layers.scan.layer() is not flair:
            return None
        return prediction.brain
