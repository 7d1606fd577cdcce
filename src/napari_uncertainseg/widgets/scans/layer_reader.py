"""Scans and label images from files, as layer data for napari."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from napari_uncertainseg._base import InputError
from napari_uncertainseg.explain.attention.files import is_attention_map
from napari_uncertainseg.images import files
from napari_uncertainseg.images.formats import dicom as itk
from napari_uncertainseg.images.formats import raw_image as stored
from napari_uncertainseg.images.volume import Volume
from napari_uncertainseg.modalities import REFERENCE, guess_modality
from napari_uncertainseg.widgets.scans.volumes import KEY, layer_data
from napari_uncertainseg.widgets.shared.form_helpers import notice

LayerData = tuple[np.ndarray, dict[str, Any], str]
"""Array, options of the layer, and its kind: what napari makes a layer of."""


def read_layers(path: str | Sequence[str]) -> list[LayerData]:
    """Read one layer from each path, and one from each DICOM series.

    Of a 4-D file the first volume is opened, and a notification says so: a reader cannot
    ask, and the roles in *Segment* take volumes. ``read_volume(path, index=...)`` gets the others.
    """
    layers, seen = [], set()
    for one in map(Path, paths_of(path)):
        if itk.is_dicom(one):
            series = itk.dicom_series(one)
            if series in seen:
                continue
            seen.add(series)
        try:
            layers.append(_read(one))
        except InputError as error:  # napari shows it
            raise InputError(notice(str(error))) from error
    return layers


def scan_to_segment_last(layers: Sequence[LayerData]) -> list[LayerData]:
    """The same layers in the order in which they are to be added: scans that are segmented above others.

    What is dropped together comes in the order of the file manager. Label layers stay above all scans.
    """

    def rank(layer: LayerData) -> int:
        _, options, kind = layer
        known = options.get("metadata", {}).get(KEY, {}).get("modality")
        modality = known or guess_modality(str(options.get("name", "")))
        return 2 if kind != "image" else int(modality == REFERENCE)

    return sorted(layers, key=rank)


def _read(path: Path) -> LayerData:
    try:
        volume = files.read_image(path)
    except stored.SeveralVolumes as several:
        volume = files.read_image(path, index=0)
        show_notice(f"{path.name} holds {several.count} volumes; the first one (index 0) was opened.")
    except files.ConstantImage:
        labels = files.read_labels(path)
        if labels.data.any():
            raise
        return layer_data(labels, "labels")
    for note in volume.notes:
        show_notice(note)
    if is_attention_map(path):
        return _attention(volume)
    if not files.looks_like_labels(volume.data):
        return layer_data(volume, colormap="gray")
    low, high = int(volume.data.min()), int(volume.data.max())
    dtype = np.result_type(np.min_scalar_type(low), np.min_scalar_type(high))
    return layer_data(Volume(volume.data.astype(dtype), volume.grid, volume.name, None, path), "labels")


def _attention(volume: Volume) -> LayerData:
    """Attention over the scan below it: where there is none, the scan stays as it is."""
    top = float(volume.data.max())
    return layer_data(
        volume,
        name="Attention",
        colormap="inferno",
        contrast_limits=(0.0, top if top > 0 else 1.0),
        blending="additive",
        opacity=0.7,
        interpolation2d="nearest",
    )


def paths_of(path: str | Sequence[str]) -> list[str]:
    """One path or several, as a list."""
    return [path] if isinstance(path, str | Path) else list(path)


def show_notice(message: str) -> None:
    """Show a notification in napari, as plain text."""
    from napari.utils.notifications import show_info

    show_info(notice(message))
