"""Which scan is looked at: window and level are of it, never of a map or of labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari.layers import Image

from napari_uncertainseg.modalities import guess_modality
from napari_uncertainseg.widgets.scans.volumes import KEY, is_compared, is_result

if TYPE_CHECKING:
    from napari.components import ViewerModel


def scans(viewer: ViewerModel) -> list[Image]:
    """All scans, also of another visit, with one value per voxel, the uppermost first."""
    images = [x for x in reversed(viewer.layers) if isinstance(x, Image) and not x.rgb]
    return [layer for layer in images if is_compared(layer) or not is_result(layer)]


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
