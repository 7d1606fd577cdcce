"""Which of the user's layers is the scan that was segmented, and that it has gone."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image, Labels, Layer
from psygnal import Signal
from qtpy.QtCore import QTimer

from napari_uncertainseg._base import InputError
from napari_uncertainseg.images.belonging import ScanOrigin, belongs, contradiction, mismatch
from napari_uncertainseg.images.volume import Volume
from napari_uncertainseg.modalities import main_of
from napari_uncertainseg.widgets.scans.patient import ScanHashes, origin_of
from napari_uncertainseg.widgets.scans.volumes import KEY, is_brain, is_result, volume_of

if TYPE_CHECKING:
    from napari.components import ViewerModel

    from napari_uncertainseg.case import Case
    from napari_uncertainseg.evaluate.saved_results import SavedResults
    from napari_uncertainseg.prediction.prediction import Prediction

_NOT_IN_A_FILE = re.compile(r"[^\w.-]+")
"""What no name of a file gets from that of a case; letters of all languages stay."""
_LONGEST_NAME = 80


def shows(layer: Layer, volume: Volume) -> bool:
    """Whether a layer of the user's holds a scan: the same voxels on the same grid. Names say nothing."""
    if not isinstance(layer, Image) or is_result(layer):
        return False
    try:
        own = volume_of(layer)
    except InputError:
        return False
    if not own.grid.same_as(volume.grid):
        return False
    return own.data is volume.data or _same_voxels(own.data, volume.data)


def _same_voxels(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two scans of a grid are the same; two that are not differ in the middle of the head at once."""
    middle = len(one) // 2
    if not np.array_equal(one[middle], other[middle], equal_nan=True):
        return False
    return np.array_equal(one, other, equal_nan=True)


def name_of(case: Case) -> str:
    """What a reader calls the case; empty where there is none."""
    prediction, flair = case.prediction, case.scan
    if prediction is None:
        return ""
    about = prediction.information.get("case")
    named = about.get("name") if isinstance(about, dict) else None
    name = str(named or (flair.name if flair is not None else ""))
    return " ".join(name.split()) or "a case without a name"


def file_of_case(case: Case, rest: str) -> str:
    """A name for a file of the case, such as ``"Patient-07-result.pdf"`` for the rest ``"result.pdf"``.

    Files of two patients in one folder are then told apart, and neither is offered the other's name.
    """
    return file_of(name_of(case), rest)


def file_of(name: str, rest: str) -> str:
    """The same by the name of the case."""
    plain = _NOT_IN_A_FILE.sub("-", name).strip("-._")[:_LONGEST_NAME]
    return f"{plain}-{rest}" if plain else rest


def inputs_of(prediction: Prediction | None) -> set[str]:
    """Hashes of the scans that a prediction was made from; what a file says may be anything."""
    said = {} if prediction is None else prediction.information.get("inputs")
    about = [each for each in said.values() if isinstance(each, dict)] if isinstance(said, dict) else []
    return {str(each["scan_sha256"]) for each in about if each.get("scan_sha256")}


def origin_in(prediction: Prediction) -> ScanOrigin:
    """Of whom a prediction is whose scan is not here: where the scan was, and the grid."""
    said = prediction.information.get("inputs")
    flair = said.get(main_of(said)) if isinstance(said, dict) else None
    path = flair.get("path") if isinstance(flair, dict) else None
    return ScanOrigin("", Path(path) if isinstance(path, str) else None, grid=prediction.grid)


def _may_be_of(labels: ScanOrigin, scan: ScanOrigin) -> bool:
    """Whether nothing but a folder speaks against a label layer, and that only where grids agree."""
    same = labels.grid is not None and scan.grid is not None and labels.grid.same_as(scan.grid)
    return not (contradiction(labels, scan) if same else mismatch(labels, scan))


@dataclass(frozen=True, eq=False)
class LostScan:
    """A scan that has gone, whether it is in a file that can be opened again, and how it comes back."""

    name: str
    in_file: bool
    bring_back: Callable[[], object]


class SegmentedScan:
    """Finds the layer of the case's FLAIR, and says when it has gone or holds something else.

    Parameters
    ----------
    viewer
        Whose layers.
    case
        Of whose scans.
    """

    gone = Signal(LostScan)
    """The prediction's FLAIR lies in no layer any more. Comes a moment later: several layers may be going."""

    def __init__(self, viewer: ViewerModel, case: Case) -> None:
        self._viewer, self._case = viewer, case
        self._layer: Layer | None = None
        self._volume: Volume | None = None
        self._data: Any = None
        self._others: dict[str, tuple[Volume, Layer | None]] = {}
        self.hashes = ScanHashes()
        self._at = 0
        self._events = viewer.layers.events
        self._events.removing.connect(self._on_removing)
        self._events.removed.connect(self._on_removed)
        case.images_changed.connect(self._on_images)

    def _on_images(self) -> None:
        """Let go of a case that was closed, with its arrays."""
        if not self._case.images:
            self._hold(None)
            self._volume = None
        self._others.clear()

    def layer(self) -> Layer | None:
        """The layer with the scan that was segmented; None where there is none."""
        flair = self._case.scan
        if flair is not self._volume or self._layer not in self._viewer.layers:
            self._hold(None if flair is None else self._find(flair))
            self._volume = flair
        return self._layer

    def layers(self) -> list[Layer]:
        """The layers with the case's scans."""
        others = [self._other(v) for v in self._case.images.values() if v is not self._case.scan]
        return [layer for layer in (self.layer(), *others) if layer is not None]

    def foreign(self) -> list[Layer]:
        """The images that are shown and seem not to be of the case."""
        own, of_it = self.layer(), self.layers()
        if own is not None:
            return self.foreign_to(own, of_it)
        if self._case.prediction is None:
            return []
        # results whose scan is not here: only the very scan is of it
        return [x for x in self._shown(Image) if x not in of_it and not self._is_input(x)]

    def foreign_to(self, flair: Layer, of_it: Collection[Layer | None] = ()) -> list[Layer]:
        """The images that are shown and seem not to be of the visit of a FLAIR, except those named."""
        others = [x for x in self._shown(Image) if x is not flair and x not in of_it]
        return [layer for layer in others if not belongs(origin_of(layer), origin_of(flair))]

    def uncover(self) -> None:
        """Hide other scans over the FLAIR, on which results are judged, and what is not of its case."""
        scan, layers = self.layer(), self._viewer.layers
        if self._case.prediction is None:
            return
        above: list[Layer] = []
        if scan is not None:
            scan.visible = True
            others = [layer for layer in self.layers() if layer is not scan]
            above = [layer for layer in layers[layers.index(scan) + 1 :] if layer in others]
        for layer in [*above, *self.foreign(), *self.foreign_brains()]:
            layer.visible = False

    def origin(self) -> ScanOrigin | None:
        """Of whom the case is, also where its scan is not here; None where there is no case."""
        own, prediction = self.layer(), self._case.prediction
        if prediction is None:
            return None
        return origin_in(prediction) if own is None else origin_of(own)

    def foreign_labels(self, *, hidden: bool = False) -> list[Layer]:
        """The user's label layers that are shown, or hidden too, and are not of the case, as far as they say.

        Masks lie in folders of their own often: where only the folder speaks against one, it is of the
        case if it has the scan's grid. Outlines of a brain know their very scan.
        """
        scan = self.origin()
        if scan is None:
            return []
        others = [x for x in self._shown(Labels, hidden) if not is_brain(x)]
        brains = self.foreign_brains(hidden=hidden)
        return [*(layer for layer in others if not _may_be_of(origin_of(layer), scan)), *brains]

    def foreign_brains(self, *, hidden: bool = False) -> list[Layer]:
        """The outlines of a brain that are shown, or hidden too, and were mended on another scan."""
        own, brains = self.layer(), [x for x in self._shown(Labels, hidden) if is_brain(x)]
        if not brains:  # hashing a scan takes a moment
            return []
        scans = inputs_of(self._case.prediction) if own is None else {self.hashes.of(own)}
        return [layer for layer in brains if layer.metadata[KEY].get("scan") not in scans]

    def _shown(self, kind: type[Layer], hidden: bool = False) -> list[Layer]:
        own = [x for x in self._viewer.layers if isinstance(x, kind) and not is_result(x)]
        return [layer for layer in own if hidden or layer.visible]

    def _is_input(self, layer: Layer) -> bool:
        """Whether a layer holds a scan that the prediction was made from, wherever it was read."""
        sha256 = self.hashes.of(layer)
        return bool(sha256) and sha256 in inputs_of(self._case.prediction)

    def _other(self, volume: Volume) -> Layer | None:
        known, layer = self._others.get(volume.name, (None, None))
        if known is not volume or layer not in self._viewer.layers:
            layer = self._find(volume)
            self._others[volume.name] = volume, layer
        return layer

    def _find(self, volume: Volume) -> Layer | None:
        alike = sorted(self._viewer.layers, key=lambda layer: layer.name != volume.name)
        return next((layer for layer in alike if shows(layer, volume)), None)

    def _hold(self, layer: Layer | None) -> None:
        if self._layer is not None:
            self._layer.events.data.disconnect(self._on_data)
        self._layer, self._data = layer, None if layer is None else layer.data
        if layer is not None:
            layer.events.data.connect(self._on_data)

    def _on_removing(self, event: Any) -> None:
        self._at = event.index

    def _on_removed(self, event: Any) -> None:
        layer, at = self._layer, self._at
        if layer is not None and layer is event.value and self._case.prediction is not None:
            gone = LostScan(layer.name, _is_in_file(layer), partial(self._insert, at, layer))
            QTimer.singleShot(0, lambda: self._tell(gone))

    def _insert(self, at: int, layer: Layer) -> None:
        self._viewer.layers.insert(min(at, len(self._viewer.layers)), layer)

    def _on_data(self, event: Any = None) -> None:
        layer, data, volume = self._layer, self._data, self._volume
        if layer is None or volume is None or self._case.prediction is None or shows(layer, volume):
            return
        gone = LostScan(layer.name, _is_in_file(layer), lambda: setattr(layer, "data", data))
        self._hold(None)
        QTimer.singleShot(0, lambda: self._tell(gone))

    def _tell(self, gone: LostScan) -> None:
        """Say so, unless another layer holds the same scan, or the case has been closed meanwhile."""
        if self._volume is not None and self._case.prediction is not None and self.layer() is None:
            self.gone.emit(gone)
            self.layer()  # it may be back

    def cleanup(self) -> None:
        """Let go of the viewer. May be called twice."""
        self._events.removing.disconnect(self._on_removing)
        self._events.removed.disconnect(self._on_removed)
        self._case.images_changed.disconnect(self._on_images, missing_ok=True)
        self._hold(None)
        self._volume = None
        self._others.clear()


def _is_in_file(layer: Layer) -> bool:
    return origin_of(layer).path is not None


def origin_of_results(restored: SavedResults) -> ScanOrigin:
    """Of whom results are: by their scan, or where that is not there, by where it was."""
    scan = restored.scans.get(main_of(restored.scans)) if restored.scans else None
    if scan is None:
        return origin_in(restored.prediction)
    return ScanOrigin(scan.name, scan.path, scan.uids, scan.grid)
