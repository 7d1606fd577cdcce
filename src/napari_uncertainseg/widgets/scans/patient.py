"""Of whom a layer is, as far as it says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from napari_uncertainseg._base import InputError
from napari_uncertainseg.images.belonging import ScanOrigin, contradiction, same_patient
from napari_uncertainseg.images.identity import case_name, scan_sha256
from napari_uncertainseg.images.volume import Grid
from napari_uncertainseg.modalities import REFERENCE, guess_modality
from napari_uncertainseg.widgets.scans.volumes import KEY, grid_of, volume_of

if TYPE_CHECKING:
    from napari.layers import Layer

    from napari_uncertainseg.widgets.scans.layer_reader import LayerData


def origin_of(layer: Layer) -> ScanOrigin:
    """What tells of whom a layer is; a layer of another reader says at least where its file lies."""
    try:
        grid = grid_of(layer)
    except InputError:  # no scan: that is said when it is to be used
        grid = None
    return ScanOrigin(layer.name, path_of(layer), layer.metadata.get(KEY, {}).get("uids", {}), grid)


def path_of(layer: Layer) -> Path | None:
    """The file or DICOM folder that a layer came from, as far as it says."""
    path = layer.metadata.get(KEY, {}).get("path") or layer.source.path
    return None if path is None else Path(path)


def case_name_of(layer: Layer) -> str:
    """The name that a case gets when this layer is its FLAIR."""
    return case_name(origin_of(layer).path, layer.name)


def is_strange(scan: ScanOrigin, modality: str | None, case: ScanOrigin) -> bool:
    """Whether a scan is asked about: a FLAIR that may be of another patient, any scan that says it is."""
    if not same_patient(scan, case).why:
        return False
    return modality == REFERENCE or bool(contradiction(scan, case))


def strange_scan(other: str, mine: str, why: str) -> str:
    """What is said of such a scan, by its name and that of the case."""
    return f"{other} does not seem to be of the patient of {mine}, who is open: {why}."


class ScanHashes:
    """`scan_sha256` of layers; each is remembered, because hashing takes a moment."""

    def __init__(self) -> None:
        self._known: WeakKeyDictionary[Layer, tuple[Any, str]] = WeakKeyDictionary()

    def of(self, layer: Layer) -> str:
        """The hash of the scan that a layer holds; empty where it holds none."""
        data, sha256 = self._known.get(layer, (None, ""))
        if data is not layer.data:
            try:
                sha256 = scan_sha256(volume_of(layer))
            except InputError:
                sha256 = ""
            self._known[layer] = layer.data, sha256
        return sha256

    def drawn_on(self, brain: Layer, scan: Layer) -> bool:
        """Whether the outline of a brain was mended on this very scan, whatever its layer is called."""
        return bool(brain.metadata[KEY].get("scan")) and brain.metadata[KEY]["scan"] == self.of(scan)


def described(layer: LayerData) -> tuple[ScanOrigin, str | None] | None:
    """Of whom a scan is that was read, and what kind of scan; None for a mask."""
    _, options, kind = layer
    known: dict[str, Any] = options.get("metadata", {}).get(KEY, {})
    name, path, grid = str(options.get("name", "")), known.get("path"), known.get("grid")
    if kind != "image":
        return None
    origin = ScanOrigin(name, path, known.get("uids", {}), grid if isinstance(grid, Grid) else None)
    return origin, known.get("modality") or guess_modality(name)
