"""The layer on which the brain of a scan is mended: with what it begins, and what it holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from napari_uncertainseg._base import InputError
from napari_uncertainseg.images.preparation.found_brain import BY_HAND, STRIPPED, FoundBrain, known_from
from napari_uncertainseg.widgets.layers.brain_outline import painted_brain, take_brush
from napari_uncertainseg.widgets.scans.placement import lies_over
from napari_uncertainseg.widgets.scans.volumes import grid_of, is_brain, volume_of
from napari_uncertainseg.widgets.segment import texts
from napari_uncertainseg.widgets.segment.brain.own_masks import OwnMasks

if TYPE_CHECKING:
    from napari.layers import Labels, Layer

    from napari_uncertainseg.case import Case
    from napari_uncertainseg.widgets.layers.review_layers import ReviewLayers
    from napari_uncertainseg.widgets.segment.roles import RoleBoxes


class Mending:
    """Gives the user the brain to paint on, and reads what was painted.

    Parameters
    ----------
    case, layers, roles
        Of the dock.
    known
        The brain that was found for the next run, if one was.
    """

    def __init__(
        self, case: Case, layers: ReviewLayers, roles: RoleBoxes, known: Callable[[], FoundBrain | None]
    ) -> None:
        self._case, self._layers, self._roles, self._known = case, layers, roles, known
        self._own = OwnMasks()

    def see(self) -> None:
        """Remember what new masks of the user's own hold."""
        self._own.see(layer for layer in self._roles.offered("mask") if not is_brain(layer))

    @property
    def possible(self) -> bool:
        """Whether there is a brain to mend."""
        flair, mask = self._roles.layer("flair"), self._roles.layer("mask")
        return (flair is not None and mask is not None) or self._now() is not None

    @property
    def mask_painted(self) -> bool:
        """Whether the user has painted on the brain mask of their own since it was opened."""
        mask = self._own_mask
        return mask is not None and self._own.painted(mask)

    def brain(self, layer: Labels) -> FoundBrain:
        """The brain on the layer that is chosen.

        Raises
        ------
        InputError
            If it lies elsewhere now, or is empty.
        """
        flair = self._roles.layer("flair")
        assert flair is not None  # only its own outlines can be chosen
        painted = volume_of(layer)
        if not self._roles.drawn_on_flair(layer):
            raise InputError(texts.outline_of_another(layer.name))
        if not (lies_over(layer, flair) and painted.grid.same_as(grid_of(flair))):
            raise InputError(texts.outline_moved(layer.name))
        if not painted.data.any():
            raise InputError(texts.outline_empty(layer.name))
        return painted_brain(layer, np.asarray(painted.data) > 0)

    def begin(self) -> Labels | None:
        """Choose a layer with the brush in hand: that begun, or a new one with the brain to mend.

        Raises
        ------
        InputError
            If the brain mask that is chosen cannot be used.
        """
        flair, layer = self._roles.layer("flair"), self._begun()
        if flair is None:
            return None
        found_since = self._known() is not None and self._roles.mended() is None
        if layer is not None and not found_since and self._own_mask is None:
            take_brush(self._layers.viewer, layer)
        else:
            brain = self._to_mend(flair)
            if brain is None:
                return None
            if layer is not None:  # what was painted stays, but not under the new outline
                layer.visible = False
            layer = self._layers.brain.editable(brain, flair, grid_of(flair))
        self._roles.pick_mask(layer)
        return layer

    def restore(self) -> None:
        """Bring back, hidden, the outline that was mended for results that were opened.

        A brain mask that was chosen automatically gives way to it; what the user chose or painted stays.
        """
        prediction, flair = self._case.prediction, self._layers.scan.layer()
        if prediction is None or flair is None or flair is not self._roles.layer("flair"):
            return
        source = prediction.information.get("brain")
        chosen = self._roles.layer("mask") is not None and not self._roles.mask_is_automatic
        if source in list(BY_HAND) and not (chosen or self.mask_painted) and self._begun() is None:
            brain = known_from(prediction.brain, source)
            self._roles.pick_mask(self._layers.brain.editable(brain, flair, prediction.grid, visible=False))

    @property
    def _own_mask(self) -> Layer | None:
        """The brain mask that is chosen, if it is one that the user brought along."""
        mask = self._roles.layer("mask")
        return None if mask is None or is_brain(mask) else mask

    def _to_mend(self, flair: Layer) -> FoundBrain | None:
        """The brain with which mending begins; None where there is none yet."""
        from napari_uncertainseg.images.preparation.brain_search import given_brain

        mask = self._own_mask
        if mask is None:
            return self._now()
        return given_brain(volume_of(mask), volume_of(flair), by_hand=self.mask_painted)

    def _begun(self) -> Labels | None:
        """The outline that is chosen, else the latest of this scan; the roles offer none of another."""
        chosen = self._roles.mended()
        offered = [chosen] if chosen is not None else reversed(self._roles.offered("mask"))
        return next((layer for layer in offered if is_brain(layer)), None)

    def _now(self) -> FoundBrain | None:
        """The brain that was found of the chosen FLAIR, or that its results have."""
        known = self._known()
        if known is not None:
            return known
        prediction, flair = self._case.prediction, self._roles.layer("flair")
        if prediction is None or flair is None or self._layers.scan.layer() is not flair:
            return None
        source = prediction.information.get("brain")
        return known_from(prediction.brain, source if isinstance(source, str) else STRIPPED)
