"""What the visible slice would be at a threshold, while its slider is dragged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_uncertainseg._threshold import at_least

if TYPE_CHECKING:
    from napari.layers import Layer

    from napari_uncertainseg.case import Case

Slice = tuple[int | slice, ...]
"""Of an array on the prediction's grid."""
_NEW = np.iinfo(np.uint16).max
"""Number of what a preview finds and no lesion holds yet; drawn as a lesion without a verdict."""


class ThresholdPreview:
    """Draws one slice of the layer of lesions, until the slider rests.

    Parameters
    ----------
    case
        Whose lesions.
    """

    def __init__(self, case: Case) -> None:
        self._case = case
        self._before: np.ndarray | None = None
        """Numbers of the lesions when the preview began; None while there is none."""
        self._threshold = np.nan

    @property
    def active(self) -> bool:
        """Whether the layer shows a preview, and not the case's lesions."""
        return self._before is not None

    def draw(self, threshold: float, where: Slice, layer: Layer, drawn: np.ndarray) -> None:
        """Draw what reaches a threshold.

        Parameters
        ----------
        threshold
            Where the slider is.
        where
            The visible slice.
        layer
            Of lesions.
        drawn
            The numbers that it shows, on the prediction's grid; written in that slice.
        """
        prediction, lesions, edit = self._case.prediction, self._case.lesions, self._case.review.edit
        if prediction is None or lesions is None:
            return
        if self._before is None:
            self._before = lesions.labels
        self._threshold = threshold
        lesion = at_least(prediction.probability[where], threshold)
        if edit is not None:
            lesion = (lesion | (edit[where] > 0)) & (edit[where] >= 0)
        self._write(lesion, where, layer, drawn)

    def refine(self, where: Slice, layer: Layer, drawn: np.ndarray) -> None:
        """Draw the case's lesions, if they are those of the threshold: a preview knows no smallest volume."""
        lesions = self._case.lesions
        if lesions is not None and self._case.threshold == self._threshold:
            self._write(lesions.labels[where] > 0, where, layer, drawn)

    def _write(self, lesion: np.ndarray, where: Slice, layer: Layer, drawn: np.ndarray) -> None:
        """Draw a mask into a slice; lesions keep the numbers, and so the colours, they had before."""
        assert self._before is not None
        known = self._before[where]
        wanted = np.where(lesion, np.where(known > 0, known, _NEW), 0)
        if not np.array_equal(drawn[where], wanted):
            drawn[where] = wanted
            layer.refresh(extent=False, thumbnail=False, highlight=False)

    def end(self) -> None:
        """The layer shows the case's lesions from now on."""
        self._before = None
