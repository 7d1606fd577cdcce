"""napari's way to our files: reader, writer and sample data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_uncertainseg._base import InputError
from napari_uncertainseg.evaluate.saved_results import is_results
from napari_uncertainseg.images import files
from napari_uncertainseg.images.formats import dicom as itk
from napari_uncertainseg.images.formats import formats
from napari_uncertainseg.images.formats import raw_image as stored
from napari_uncertainseg.images.volume import Volume
from napari_uncertainseg.widgets.scans.volumes import layer_data, volume_from_tuple
from napari_uncertainseg.widgets.shared.form_helpers import notice

if TYPE_CHECKING:
    from napari_uncertainseg.samples import SampleCase

LayerData = tuple[np.ndarray, dict[str, Any], str]


def get_reader(path: str | Sequence[str]) -> Callable[[str | Sequence[str]], list[LayerData]] | None:
    """Reader for scans and label images, None when there is something else at the path.

    DICOM files are known by what they hold: scanners name them as they like.
    """
    paths = [Path(p) for p in _several(path)]
    if len(paths) == 1 and is_results(paths[0]):
        return read_results
    return read_layers if paths and all(map(formats.format_of, paths)) else None


def read_layers(path: str | Sequence[str]) -> list[LayerData]:
    """Read one layer from each path, and one from each DICOM series.

    Of a 4-D file the first volume is opened, and a notification says so: a reader cannot
    ask, and the roles in *Segment* take volumes. ``read_volume(path, index=...)`` gets the others.
    """
    layers, seen = [], set()
    for one in map(Path, _several(path)):
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


def read_results(path: str | Sequence[str]) -> list[Any]:
    """Open a folder of results in the docks of the viewer at hand, which adds its layers itself."""
    import napari

    from napari_uncertainseg.widgets.window import review_of

    viewer = napari.current_viewer()
    if viewer is None:
        raise InputError("Results are opened in napari's window: there is none.")
    review_of(viewer).open_results(Path(_several(path)[0]))
    return [(None,)]  # napari's sign that there is nothing to add


def write_layer(path: str, data: Any, arguments: dict[str, Any]) -> list[str]:
    """Write one image or labels layer as NIfTI with the true affine."""
    volume = volume_from_tuple(data, arguments)
    return [str(files.write_volume(path, volume.data, volume.grid))]


def sample_layers() -> list[LayerData]:
    """Layers of the simulated case; made the first time, then from the cache."""
    from napari_uncertainseg.samples import simulated_case

    return _case_layers(simulated_case())


def patient07_layers() -> list[LayerData]:
    """Layers of the real patient 07; downloaded the first time. Licence and citation are shown."""
    from napari_uncertainseg.samples import patient07

    return _case_layers(patient07())


def _case_layers(case: SampleCase) -> list[LayerData]:
    _tell(case.about)
    scans = [layer_data(scan, colormap="gray") for scan in case.scans]
    labels = [layer_data(mask, "labels", visible=False, opacity=0.5) for mask in case.masks]
    for i, (_, arguments, _) in enumerate(scans):
        arguments["visible"] = i == len(scans) - 1
    for _, arguments, _ in (*scans, *labels):
        arguments["metadata"]["uncertainseg"] |= {"about": case.about, "simulated": case.simulated}
    return [*scans, *labels]


def _read(path: Path) -> LayerData:
    try:
        volume = files.read_image(path)
    except stored.SeveralVolumes as several:
        volume = files.read_image(path, index=0)
        _tell(f"{path.name} holds {several.count} volumes; the first one (index 0) was opened.")
    except files.ConstantImage:
        labels = files.read_labels(path)
        if labels.data.any():
            raise
        return layer_data(labels, "labels")
    for note in volume.notes:
        _tell(note)
    if not files.looks_like_labels(volume.data):
        return layer_data(volume, colormap="gray")
    low, high = int(volume.data.min()), int(volume.data.max())
    dtype = np.result_type(np.min_scalar_type(low), np.min_scalar_type(high))
    return layer_data(Volume(volume.data.astype(dtype), volume.grid, volume.name, None, path), "labels")


def _several(path: str | Sequence[str]) -> list[str]:
    return [path] if isinstance(path, str | Path) else list(path)


def _tell(message: str) -> None:
    from napari.utils.notifications import show_info

    show_info(notice(message))
