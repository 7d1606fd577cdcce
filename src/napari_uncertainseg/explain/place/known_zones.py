"""The zones of the last brain, found once for all who ask for them, each in a thread of its own."""

from __future__ import annotations

import hashlib
from threading import Condition

import numpy as np

from napari_uncertainseg._base import Progress, silent
from napari_uncertainseg.explain.place.zones import BrainZones, find_zones
from napari_uncertainseg.images.identity import scan_sha256
from napari_uncertainseg.images.volume import Volume

_Key = tuple[str, str]
_PATIENCE_S = 0.1
"""After so long one who waits tells how far the search is, and may be cancelled."""


class KnownZones:
    """Finds the zones of a brain, or has them already. Several threads may ask at once.

    They are kept by what scan and brain hold, so that no patient is ever given another's. Only the last ones
    are kept.
    """

    def __init__(self) -> None:
        self._changed = Condition()
        """Held whenever what is below is read or changed."""
        self._last: tuple[_Key, BrainZones] | None = None
        self._reached: dict[_Key, tuple[str, float]] = {}
        """What is being found, and how far it is."""

    def find(self, scan: Volume, brain: np.ndarray, progress: Progress = silent) -> BrainZones:
        """Find zones as `find_zones` does; what another thread is finding already is waited for.

        If that search is cancelled or fails, one of those who wait begins anew.
        """
        key = _key(scan, brain)
        while True:
            with self._changed:
                if self._last is not None and self._last[0] == key:
                    return self._last[1]
                if key not in self._reached:
                    self._reached[key] = ("", 0.0)
                    break
                self._changed.wait(_PATIENCE_S)
                reached = self._reached.get(key)
            if reached is not None:
                progress(*reached)
        return self._search(key, scan, brain, progress)

    def _search(self, key: _Key, scan: Volume, brain: np.ndarray, progress: Progress) -> BrainZones:
        def report(stage: str, fraction: float) -> None:
            with self._changed:
                self._reached[key] = (stage, fraction)
            progress(stage, fraction)

        found = None
        try:
            found = find_zones(scan, brain, report)
        finally:
            with self._changed:
                del self._reached[key]
                if found is not None:
                    self._last = key, found
                self._changed.notify_all()
        return found


def _key(scan: Volume, brain: np.ndarray) -> _Key:
    mask = np.ascontiguousarray(brain, dtype=bool)
    return scan_sha256(scan), hashlib.sha256(mask.data).hexdigest()
