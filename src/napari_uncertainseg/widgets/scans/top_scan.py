"""Which scan is looked at: window and level are of it, never of a map or of labels."""

from __future__ import annotations

from collections.abc import Container
from typing import TYPE_CHECKING

from napari.layers import Image

from napari_uncertainseg.modalities import guess_modality
from napari_uncertainseg.widgets.scans.volumes import KEY, is_compared, is_result

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Layer


def scans(viewer: ViewerModel) -> list[Image]:
    """All scans, also of another visit, with one value per voxel, the uppermost first."""
    images = [x for x in reversed(viewer.layers) if isinstance(x, Image) and not x.rgb]
    return [layer for layer in images if is_compared(layer) or not is_result(layer)]


def modality_of(layer: Image) -> str | None:
    """What a scan is, from what its file said, else from its name."""
    return layer.metadata.get(KEY, {}).get("modality") or guess_modality(layer.name)


def top_scan(viewer: ViewerModel, within: Container[Layer] | None = None) -> Image | None:
    """The uppermost scan that is shown; None where there is none.

    A user's own map over a scan is no scan: what is known as one, or covers what is below, comes first.

    Parameters
    ----------
    viewer
        Whose layers.
    within
        Only one of these, such as those of a cell of the canvas.
    """
    shown = [layer for layer in scans(viewer) if layer.visible and (within is None or layer in within)]
    first = (layer for layer in shown if covers(layer))
    return next(first, shown[0] if shown else None)


def covers(layer: Image) -> bool:
    """Whether a layer is known as a scan, or hides what lies below: grey all over, as a scan is."""
    if modality_of(layer) is not None:
        return True
    solid = str(layer.blending) in ("translucent", "translucent_no_depth", "opaque")
    return solid and layer.opacity == 1 and layer.ndim > 2 and layer.colormap.name in ("gray", "grey")
