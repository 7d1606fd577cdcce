"""The brain in the Segment dock: find it, see its outline, mend it, go on with a strange one."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QCheckBox, QGridLayout, QWidget

from napari_uncertainseg._base import InputError, as_warning
from napari_uncertainseg.images.preparation.found_brain import BY_HAND, FoundBrain, litres_of
from napari_uncertainseg.widgets.scans.placement import Placement
from napari_uncertainseg.widgets.scans.volumes import grid_of
from napari_uncertainseg.widgets.segment import texts
from napari_uncertainseg.widgets.segment.brain.mending import Mending
from napari_uncertainseg.widgets.segment.brain.results_brain import ResultsBrain
from napari_uncertainseg.widgets.shared.form_helpers import button_with_tip, choice_box

if TYPE_CHECKING:
    from napari.layers import Layer

    from napari_uncertainseg.case import Case
    from napari_uncertainseg.widgets.layers.review_layers import ReviewLayers
    from napari_uncertainseg.widgets.segment.roles import RoleBoxes


@dataclass(frozen=True, eq=False)
class BrainChoices:
    """What the form says of the brain: the chosen layers, the voxels that they hold, and the skull."""

    layers: tuple[Layer | None, ...]
    voxels: tuple[Any, ...]
    skull: str

    @property
    def mask(self) -> Layer | None:
        """The brain mask."""
        return self.layers[-1]

    def same_as(self, other: BrainChoices) -> bool:
        """Whether a brain found with the one holds for the other: the very layers and arrays."""
        pairs = zip((*self.layers, *self.voxels), (*other.layers, *other.voxels), strict=True)
        return self.skull == other.skull and all(one is two for one, two in pairs)


@dataclass(frozen=True, eq=False)
class _ChosenMask:
    """The brain mask that was chosen, by the name that it had last, and its FLAIR."""

    name: str
    mask: Callable[[], Layer | None]
    flair: Callable[[], Layer | None]


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
        self.accepted_brain: FoundBrain | None = None
        """The strange one with which the user has gone on, of this scan."""
        self._mask: _ChosenMask | None = None
        self._mending = Mending(case, layers, roles, self._found)
        self._of_results = ResultsBrain(case, layers, roles, self._found, self)
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
        self.go_on.clicked.connect(self._on_accepted)

    def _on_accepted(self) -> None:
        self.accepted_brain = self._found()
        self.accepted.emit()

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
            return None if self._known is None or self._known[0].was_given else self._known[0]
        return self._mending.brain(layer)

    @property
    def mask_painted(self) -> bool:
        """Whether the user has painted on the brain mask of their own since it was opened."""
        return self._mending.mask_painted

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
            again = self._case.prediction is not None
            return as_warning(texts.strange_brain(brain.strange, again=again))
        return texts.brain_found(litres_of(brain.mask, grid))

    def done(self, brain: FoundBrain | None, choices: BrainChoices) -> None:
        """The case holds the results of a run: its brain is shown, what was painted is out of the way."""
        self._forget()
        layer = self._roles.mended()
        if layer is not None and brain is not None and brain.source in BY_HAND:
            layer.visible = False
        self._of_results.take(choices.mask)

    def on_edited(self, name: str) -> None:
        """A mask was painted on: the outline that was drawn of it is of before."""
        mask = self._roles.layer("mask")
        if mask is not None and mask.name == name:
            self._forget()
            self.refresh(compare=False)
            self._of_results.compare_soon()

    def refresh(self, idle: bool | None = None, *, compare: bool = True) -> None:
        """Follow the choices: a brain holds only for the scans, the mask and the skull it was found with.

        Parameters
        ----------
        idle
            Whether nothing is being computed; as before if None.
        compare
            Whether to look now if the results are of another brain.
        """
        self._idle = self._idle if idle is None else idle
        flair = self._roles.layer("flair")
        before = self._skull_flair()
        if flair is not before:  # the choice was made for one scan only
            if before is not None:
                self.told.emit("")  # what was said is not about this scan
            self.accepted_brain = None
            self._skull_flair = (lambda: None) if flair is None else weakref.ref(flair)
            self.skull.setCurrentIndex(0)
            if flair is not None:
                self._layers.brain.hide_others(flair)
        self._mending.see()
        self._check_known()
        self._say_deleted()
        self.search.setEnabled(self._idle and flair is not None)
        self.mend.setEnabled(self._idle and self._mending.possible)
        strange = self._known is not None and bool(self._known[0].strange)
        self.go_on.setVisible(strange)
        self.go_on.setEnabled(self._idle)
        if compare:
            self._of_results.compare()

    def _say_deleted(self) -> None:
        """Say so where the brain mask of this scan is no longer in the viewer."""
        flair, mask, viewer = self._roles.layer("flair"), self._roles.layer("mask"), self._layers.viewer
        before, self._mask = self._mask, None
        if mask is not None and flair is not None:
            self._mask = _ChosenMask(mask.name, weakref.ref(mask), weakref.ref(flair))
        if before is None or self._layers.blinded or flair is None or before.flair() is not flair:
            return
        gone = before.mask()
        if gone is None or gone not in viewer.layers:
            self.told.emit(texts.brain_deleted(before.name, texts.AUTOMATIC if mask is None else mask.name))

    def _found(self) -> FoundBrain | None:
        return None if self._known is None else self._known[0]

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
        """Give the user the brain to paint on: that found, begun, given, or of the last run."""
        self._check_known()
        try:
            layer = self._mending.begin()
        except InputError as error:
            self.told.emit(as_warning(error))
            return
        if layer is not None:
            self.shown.setChecked(False)  # the line would lie over what is painted
            self.told.emit(texts.mending(layer.name))

    def restore(self) -> None:
        """Results are shown: bring back the outline that was mended for those that were opened."""
        if self._of_results.are_new:
            self._mending.restore()
            self._of_results.take(self._roles.layer("mask"))

    def cleanup(self) -> None:
        """Compare no more. May be called twice."""
        self._of_results.cleanup()
