"""What *Explain* has said of lesions of the case, for other docks of the window."""

from __future__ import annotations

import weakref
from typing import Any

from psygnal import Signal

from napari_uncertainseg.prediction.prediction import Prediction

_KEY = "reasons"


class KnownReasons:
    """A sentence for each region that was explained; those of another prediction are forgotten."""

    changed = Signal()
    """There is a sentence more."""

    def __init__(self) -> None:
        self._of: weakref.ref[Prediction] | None = None
        self._sentences: dict[str, str] = {}

    @classmethod
    def among(cls, remembered: dict[str, Any]) -> KnownReasons:
        """Those of a window, among what it remembers; made where there are none."""
        found = remembered.setdefault(_KEY, cls())
        assert isinstance(found, cls)
        return found

    def tell(self, prediction: Prediction, region_sha256: str, sentence: str) -> None:
        """Take in what was said of a region (`explain.kept.Region.sha256`) of a prediction."""
        if self._of is None or self._of() is not prediction:
            self._of, self._sentences = weakref.ref(prediction), {}
        if sentence and self._sentences.get(region_sha256) != sentence:
            self._sentences[region_sha256] = sentence
            self.changed.emit()

    def find(self, prediction: Prediction | None, region_sha256: str) -> str:
        """What was said of a region; empty where nothing was."""
        mine = prediction is not None and self._of is not None and self._of() is prediction
        return self._sentences.get(region_sha256, "") if mine else ""
