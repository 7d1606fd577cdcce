"""napari's way to our files: its reader and its writers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from napari_uncertainseg._base import InputError
from napari_uncertainseg.disk.result_folder import is_results
from napari_uncertainseg.evaluate.shapes.collection import Origin
from napari_uncertainseg.evaluate.shapes.mesh_files import write_mesh_file
from napari_uncertainseg.explain.attention.files import is_attention_map
from napari_uncertainseg.images import files
from napari_uncertainseg.images.formats import formats
from napari_uncertainseg.widgets.layers.surfaces.shapes import SHAPES, Shapes
from napari_uncertainseg.widgets.scans.layer_reader import LayerData, paths_of, read_layers
from napari_uncertainseg.widgets.scans.volumes import KEY, volume_from_tuple
from napari_uncertainseg.widgets.shared import napari_internals


def get_reader(path: str | Sequence[str]) -> Callable[[str | Sequence[str]], list[LayerData]] | None:
    """Reader for scans and label images, None when there is something else at the path.

    DICOM files are known by what they hold: scanners name them as they like.
    """
    paths = [Path(p) for p in paths_of(path)]
    if len(paths) == 1 and is_results(paths[0]):
        return read_results
    if len(paths) == 1 and is_attention_map(paths[0]):
        return read_attention
    return read_scans if paths and all(map(formats.format_of, paths)) else None


def read_scans(path: str | Sequence[str]) -> list[Any]:
    """Read scans and label images; where a case is open, one of another patient is asked about first."""
    import napari

    from napari_uncertainseg.widgets.window import Review

    layers, viewer = read_layers(path), napari.current_viewer()
    review = None if viewer is None else napari_internals.main_window(viewer).findChild(Review)
    if not isinstance(review, Review) or not review.opened.widgets:
        return list(layers)
    if not review.cases.admit(layers):
        return [(None,)]  # napari's sign that there is nothing to add
    return review.cases.beside(layers)


def read_results(path: str | Sequence[str]) -> list[Any]:
    """Open a folder of results in the docks of the viewer at hand, which adds its layers itself."""
    import napari

    from napari_uncertainseg.widgets.window import review_of

    viewer = napari.current_viewer()
    if viewer is None:
        raise InputError("Results can only be opened in a napari window, and no window is open.")
    review_of(viewer).open_results(Path(paths_of(path)[0]))
    return [(None,)]  # napari's sign that there is nothing to add


def read_attention(path: str | Sequence[str]) -> list[Any]:
    """Open a map of attention over the scan, with its column in *Lesions* where it is of this scan."""
    import napari

    from napari_uncertainseg.widgets.window import review_of

    viewer = napari.current_viewer()
    if viewer is None:
        return read_layers(path)
    review_of(viewer).show_attention(Path(paths_of(path)[0]))
    return [(None,)]


def write_layer(path: str, data: Any, arguments: dict[str, Any]) -> list[str]:
    """Write one image or labels layer as NIfTI with the true affine."""
    volume = volume_from_tuple(data, arguments)
    return [str(files.write_volume(path, volume.data, volume.grid))]


def write_surfaces(path: str, data: Any, arguments: dict[str, Any]) -> list[str]:
    """Write the lesions of a layer of surfaces, exact and where the patient is, as STL, PLY or glTF."""
    shapes = arguments.get("metadata", {}).get(KEY, {}).get(SHAPES)
    if not isinstance(shapes, Shapes):
        name = arguments.get("name", "layer")
        raise InputError(
            f"Layer '{name}' does not say where it lies in the patient; only the layer of lesions in 3-D is "
            "written as STL, PLY or glTF."
        )
    return [str(write_mesh_file(Path(path), shapes.named(), Origin("lesions").columns()))]
