"""Whether the results that are shown were made with another brain than the one that is chosen now."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QObject, QTimer

from napari_uncertainseg._base import InputError
from napari_uncertainseg.images.preparation.found_brain import WHOLE
from napari_uncertainseg.widgets.scans.volumes import volume_of
from napari_uncertainseg.widgets.segment.brain.own_masks import digest_of

if TYPE_CHECKING:
    from napari.layers import Layer

    from napari_uncertainseg.case import Case
    from napari_uncertainseg.images.preparation.found_brain import FoundBrain
    from napari_uncertainseg.prediction.prediction import Prediction
    from napari_uncertainseg.widgets.layers.review_layers import ReviewLayers
    from napari_uncertainseg.widgets.segment.roles import RoleBoxes

_REST_MS = 150
"""Strokes that follow each other faster are compared once."""


class ResultsBrain(QObject):
    """Compares the brain of the results with that of the next run, and tells the window.

    Parameters
    ----------
    case, layers, roles
        Of the dock.
    known
        The brain that was found for the next run, if one was.
    parent
        Qt parent.
    """

    def __init__(
        self,
        case: Case,
        layers: ReviewLayers,
        roles: RoleBoxes,
        known: Callable[[], FoundBrain | None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._case, self._layers, self._roles, self._known = case, layers, roles, known
        self._results: object = None
        self._had_mask = False
        """Whether a brain mask was chosen for the results."""
        self._watched: Layer | None = None
        self._compared: tuple[object, bool] = None, False
        """What was compared last of a mask on another grid, and whether it differs."""
        self._resting = QTimer(self)
        self._resting.setSingleShot(True)
        self._resting.setInterval(_REST_MS)
        self._resting.timeout.connect(self.compare)

    @property
    def are_new(self) -> bool:
        """Whether other results are shown than when `take` was called, not the same, recalibrated."""
        return self._case.original is not self._results

    def take(self, mask: Layer | None) -> None:
        """Results are shown that were made with a brain mask, or without one."""
        self._results, self._had_mask = self._case.original, mask is not None
        self._compared = None, False
        self.compare()

    def compare(self) -> None:
        """Compare now, and when the brain mask is drawn anew: napari tells of no stroke undone."""
        self._watch(self._roles.layer("mask"))
        self._layers.brain.say_outdated(self._outdated())

    def compare_soon(self, event: object = None) -> None:
        """Compare when the brush rests."""
        self._resting.start()

    def _watch(self, mask: Layer | None) -> None:
        if mask is self._watched:
            return
        if self._watched is not None:
            self._watched.events.set_data.disconnect(self.compare_soon)
        self._watched = mask
        if mask is not None:
            mask.events.set_data.connect(self.compare_soon)

    def _outdated(self) -> bool:
        prediction, flair = self._case.prediction, self._roles.layer("flair")
        if prediction is None or flair is None or flair is not self._layers.scan.layer():
            return False
        if prediction.information.get("brain") == WHOLE:
            return False  # made without a brain: no outline can be another than theirs
        mask, known = self._roles.layer("mask"), self._known()
        if mask is not None:
            return self._differs(mask, prediction)
        if known is not None:
            return not np.array_equal(known.mask, prediction.brain)
        return self._had_mask  # what will be found now is not known

    def _differs(self, mask: Layer, prediction: Prediction) -> bool:
        """Whether a layer marks another brain than a prediction has; what cannot be a mask does."""
        from napari_uncertainseg.images.resample import resample_to

        try:
            volume = volume_of(mask)
            if volume.grid.same_as(prediction.grid):
                return not np.array_equal(np.asarray(volume.data) > 0, prediction.brain)
            key = digest_of(mask), volume.grid.affine.tobytes()
            if key != self._compared[0]:  # resampling takes a moment, and most slices change nothing
                there = resample_to(volume, prediction.grid, nearest=True) > 0
                self._compared = key, not np.array_equal(there, prediction.brain)
            return self._compared[1]
        except InputError:
            return True

    def cleanup(self) -> None:
        """Compare no more. May be called twice."""
        self._watch(None)
        self._resting.stop()
