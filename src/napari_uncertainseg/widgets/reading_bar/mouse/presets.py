"""The presets of the scan on top, from the brain that the case knows; computed once for each scan."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, ref

import numpy as np
from napari.layers import Image

from napari_uncertainseg.images.grey_windows import (
    GreyWindow,
    brain_values,
    foreground_values,
    presets,
)
from napari_uncertainseg.modalities import main_of
from napari_uncertainseg.widgets.reading_bar.mouse.texts import OPENED
from napari_uncertainseg.widgets.reading_bar.mouse.window_level import window_of
from napari_uncertainseg.widgets.scans.top_scan import modality_of, scans
from napari_uncertainseg.widgets.scans.volumes import affine_of

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Layer

    from napari_uncertainseg.case import Case
    from napari_uncertainseg.prediction.prediction import Prediction


@dataclass(frozen=True)
class _Known:
    """Windows that were computed, and of what; nothing is kept alive for them."""

    data: ref[Any]
    prediction: ref[Any] | None
    windows: dict[str, GreyWindow]

    @classmethod
    def of(cls, data: Any, prediction: Prediction | None, windows: dict[str, GreyWindow]) -> _Known:
        return cls(ref(data), None if prediction is None else ref(prediction), windows)

    def holds(self, data: Any, prediction: Prediction | None) -> bool:
        """Whether they still are of these."""
        brain_of = None if self.prediction is None else self.prediction()
        return self.data() is data and brain_of is prediction


class ScanPresets:
    """Knows the windows of each scan in a viewer.

    Parameters
    ----------
    viewer, case
        Whose scans, and whose brain.
    segmented
        The layer of the scan that was segmented: what it is, is known even where its name says nothing.
    """

    def __init__(self, viewer: ViewerModel, case: Case, segmented: Callable[[], Layer | None]) -> None:
        self._viewer, self._case, self._segmented = viewer, case, segmented
        self._opened: WeakKeyDictionary[Image, GreyWindow] = WeakKeyDictionary()
        self._known: WeakKeyDictionary[Image, _Known] = WeakKeyDictionary()
        self.note()

    def note(self) -> None:
        """Remember the window of each scan that is new here."""
        for layer in scans(self._viewer):
            self._opened.setdefault(layer, window_of(layer))

    def of(self, layer: Image) -> dict[str, GreyWindow]:
        """By name: those of its brain, then the one that the scan was opened with."""
        prediction = self._case.original
        known = self._known.get(layer)
        if known is None or not known.holds(layer.data, prediction):
            found = presets(_values(layer, prediction), self._modality(layer))
            self._known[layer] = known = _Known.of(layer.data, prediction, found)
        return {**known.windows, OPENED: self._opened.get(layer, window_of(layer))}

    def _modality(self, layer: Image) -> str | None:
        known = modality_of(layer)
        if known is None and self._case.images and layer is self._segmented():
            return main_of(self._case.images)
        return known

    def shown(self, layer: Image) -> str | None:
        """The preset that a layer has now; None for a window of the user's own."""
        now = window_of(layer)
        span = now.width
        for name, window in self.of(layer).items():
            if np.allclose((now.low, now.high), (window.low, window.high), rtol=0, atol=1e-3 * span):
                return name
        return None


def _values(layer: Image, prediction: Prediction | None) -> np.ndarray:
    """Of the brain where it is known and the scan covers it; else of all that is no air."""
    data = np.asarray(layer.data)
    to_patient = affine_of(layer)
    if prediction is not None and to_patient is not None and data.ndim == 3:
        found = brain_values(data, to_patient, prediction.brain, prediction.grid.affine)
        if found.size:
            return found
    return foreground_values(data)
