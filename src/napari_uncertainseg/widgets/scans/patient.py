"""Of whom a layer is, as far as it says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_uncertainseg._base import InputError
from napari_uncertainseg.images.belonging import ScanOrigin
from napari_uncertainseg.images.identity import case_name
from napari_uncertainseg.widgets.scans.volumes import KEY, grid_of

if TYPE_CHECKING:
    from napari.layers import Layer


def origin_of(layer: Layer) -> ScanOrigin:
    """What tells of whom a layer is; a layer of another reader says at least where its file lies."""
    known = layer.metadata.get(KEY, {})
    path = known.get("path") or layer.source.path
    try:
        grid = grid_of(layer)
    except InputError:  # no scan: that is said when it is to be used
        grid = None
    return ScanOrigin(layer.name, None if path is None else Path(path), known.get("uids", {}), grid)


def case_name_of(layer: Layer) -> str:
    """The name that a case gets when this layer is its FLAIR."""
    return case_name(origin_of(layer).path, layer.name)
