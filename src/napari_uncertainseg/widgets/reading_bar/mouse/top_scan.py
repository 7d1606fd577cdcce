"""Which scan is looked at: window and level are of it, never of a map or of labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari.layers import Image

from napari_uncertainseg.modalities import guess_modality
from napari_uncertainseg.widgets.scans.volumes import KEY, is_result

if TYPE_CHECKING:
    from napari.components import ViewerModel


def scans(viewer: ViewerModel) -> list[Image]:
    """All images that are the user's own and have one value per voxel, the uppermost first."""
    return [x for x in reversed(viewer.layers) if isinstance(x, Image) and not (x.rgb or is_result(x))]


def modality_of(layer: Image) -> str | None:
    """What a scan is, from what its file said, else from its name."""
    return layer.metadata.get(KEY, {}).get("modality") or guess_modality(layer.name)


def top_scan(viewer: ViewerModel) -> Image | None:
    """The uppermost scan that is shown; None where there is none.

    A user's own map over a scan is no scan: one that is known as such comes first.
    """
    shown = [layer for layer in scans(viewer) if layer.visible]
    known = (layer for layer in shown if modality_of(layer) is not None)
    return next(known, shown[0] if shown else None)
