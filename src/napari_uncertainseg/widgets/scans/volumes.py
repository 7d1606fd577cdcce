"""Between volumes and napari layers: the only place that knows how a patient lies in the viewer.

A canonical array (s, a, r) is shown with the scale (-ds, -da, -dr): superior and anterior
are up, the patient's right is on the viewer's left. The world coordinates of the viewer are
minus the millimetres along the scan's own axes, turned about the origin of RAS space. So
scans with the same obliquity (one session) lie exactly on each other, and scans that are not
oblique lie at (-z, -y, -x). Between scans of different obliquity the overlay is approximate;
what is computed uses the true affines.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_uncertainseg._base import InputError
from napari_uncertainseg.images.volume import Grid, Volume
from napari_uncertainseg.modalities import guess_modality
from napari_uncertainseg.widgets.scans.orientation import foreign_affine, known_grid

if TYPE_CHECKING:
    from napari.layers import Layer

AXES = ("z", "y", "x")
"""Axis labels of every layer that this plugin makes."""
KEY = "uncertainseg"
"""Where a layer's metadata holds the grid, the modality, the path and the name."""

COMPARED_ROLE = "compared"
"""The ``role`` of a layer with a scan of another visit: to look at, and for nothing else."""
BRAIN_ROLE = "brain"
"""The ``role`` of a layer on which the outline of the brain is mended."""
_HEADROOM = 0.4
"""How much of a scan's range is left free above its brightest tissue."""
_SAMPLE = 2_000_000


def layer_data(
    volume: Volume, kind: Literal["image", "labels"] = "image", **extra: Any
) -> tuple[np.ndarray, dict[str, Any], str]:
    """Layer data tuple of a volume.

    Parameters
    ----------
    extra
        Further arguments of the layer; they win.

    Returns
    -------
    data, arguments, kind
        The array itself, not a copy.
    """
    scale, translate = placement(volume.grid)
    data = volume.data.astype(np.uint8) if kind == "labels" and volume.data.dtype == bool else volume.data
    about = {
        "grid": volume.grid,
        "modality": volume.modality,
        "path": volume.path,
        "name": volume.name,
        "uids": volume.uids,
    }
    arguments: dict[str, Any] = {
        "name": volume.name,
        "scale": scale,
        "translate": translate,
        "units": ("mm", "mm", "mm"),
        "axis_labels": AXES,
        "metadata": {KEY: {**about, "notes": volume.notes}},
    }
    if kind == "image":
        arguments["contrast_limits"] = _contrast(data, of_head=volume.modality is not None)
    return data, {**arguments, **extra}, kind


def placement(grid: Grid) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Scale and translation with which a canonical array on a grid is shown, mm."""
    spacing = np.array(grid.spacing)
    own_axes = grid.affine[:3, :3] / spacing
    corner = np.linalg.solve(own_axes, grid.affine[:3, 3])
    return tuple(float(-s) for s in spacing), tuple(float(-c) for c in corner)


def volume_of(layer: Layer, modality: str | None = None) -> Volume:
    """Volume that a napari layer shows.

    Parameters
    ----------
    layer
        An image or labels layer of ours, or of another reader.
    modality
        What it is; from the metadata, else guessed from the name, if None.

    Returns
    -------
    Volume
        float32 for images, the layer's own integers for labels.

    Raises
    ------
    InputError
        If the layer is not a three-dimensional scan or label image.
    """
    data = _voxels(layer)
    grid, to_canonical, notes = _locate(layer.name, data.shape, layer.metadata, _own_placement(layer))
    known = layer.metadata.get(KEY, {})
    data = data if to_canonical is None else to_canonical.to_canonical(data)
    data = data if _kind(layer) == "labels" else data.astype(np.float32, copy=False)
    return Volume(
        data,
        grid,
        layer.name,
        modality or known.get("modality") or guess_modality(layer.name),
        known.get("path"),
        (*known.get("notes", ()), *notes),
        known.get("uids", {}),
    )


def grid_of(layer: Layer) -> Grid:
    """Grid on which a napari layer lies; raises as :func:`volume_of` does."""
    return _locate(layer.name, _voxels(layer).shape, layer.metadata, _own_placement(layer))[0]


def affine_of(layer: Layer) -> np.ndarray | None:
    """4x4, voxel index of a layer to RAS+ mm; None where it does not say how it lies, or not surely."""
    try:
        shape, metadata = _voxels(layer).shape, layer.metadata
        grid, turned, notes = _locate(layer.name, shape, metadata, _own_placement(layer))
    except InputError:
        return None
    if notes:
        return None
    return grid.affine if turned is None else grid.file_affine


def spacing_of(layer: Layer) -> tuple[float, ...]:
    """Voxel size along each axis of a layer of any number of dimensions, in the viewer's unit."""
    keys = ("scale", "translate", "rotate", "shear")
    from napari.utils.transforms import Affine

    own = Affine(**{key: getattr(layer, key) for key in keys}, ndim=layer.ndim).affine_matrix
    linear = (layer.affine.affine_matrix @ own)[:-1, :-1]
    return tuple(float(size) for size in np.linalg.norm(linear, axis=0))


def volume_from_tuple(data: Any, arguments: Mapping[str, Any]) -> Volume:
    """Volume of a layer data tuple, as napari hands it to a writer."""
    name = str(arguments.get("name", "layer"))
    array = np.asarray(data)
    if arguments.get("rgb") or array.ndim != 3:
        raise InputError(
            f"Layer '{name}' is not a three-dimensional scan or label image; only those are written."
        )
    matrix = _placement(arguments)
    grid, to_canonical, notes = _locate(name, array.shape, arguments.get("metadata", {}), matrix)
    array = array if to_canonical is None else to_canonical.to_canonical(array)
    return Volume(array, grid, name, notes=notes)


def is_result(layer: Layer) -> bool:
    """Whether a layer was made by this plugin for a case, and so is not the user's own."""
    return layer.metadata.get(KEY, {}).get("role") in ("result", COMPARED_ROLE)


def is_compared(layer: Layer) -> bool:
    """Whether a layer shows a scan of another visit, which is only looked at."""
    return bool(layer.metadata.get(KEY, {}).get("role") == COMPARED_ROLE)


def compared_name(layer: Layer) -> str:
    """The name of a scan of another visit, and what speaks against it being of this patient."""
    doubt = layer.metadata[KEY].get("doubt")
    return f"{layer.name} ({doubt})" if doubt else layer.name


def is_brain(layer: Layer) -> bool:
    """Whether the outline of the brain is mended on a layer."""
    return bool(layer.metadata.get(KEY, {}).get("role") == BRAIN_ROLE)


def _kind(layer: Layer) -> str:
    return type(layer).__name__.lower()


def _voxels(layer: Layer) -> np.ndarray:
    if _kind(layer) not in ("image", "labels"):
        raise InputError(f"Layer '{layer.name}' is a {_kind(layer)} layer; choose an image or labels layer.")
    if getattr(layer, "rgb", False):
        raise InputError(
            f"Layer '{layer.name}' is a colour (RGB) image; choose a scan with one value per voxel."
        )
    if layer.multiscale:
        raise InputError(f"Layer '{layer.name}' is a multiscale image; open the scan at one resolution.")
    shape = " x ".join(str(n) for n in layer.data.shape)
    if layer.data.ndim < 3 or (layer.data.ndim == 3 and min(layer.data.shape) == 1):
        raise InputError(
            f"Layer '{layer.name}' is two-dimensional ({shape}); choose a three-dimensional scan."
        )
    if layer.data.ndim > 3:
        raise InputError(
            f"Layer '{layer.name}' has {layer.data.ndim} dimensions ({shape}); choose one volume of it."
        )
    return np.asarray(layer.data)


def _own_placement(layer: Layer) -> np.ndarray:
    """4x4, voxel index of the layer to the viewer's world, mm."""
    own = {key: getattr(layer, key) for key in ("scale", "translate", "rotate", "shear")}
    return _placement({**own, "affine": layer.affine.affine_matrix})


def _placement(arguments: Mapping[str, Any]) -> np.ndarray:
    from napari.utils.transforms import Affine

    keys = ("scale", "translate", "rotate", "shear")
    given = {key: arguments[key] for key in keys if arguments.get(key) is not None}
    own = Affine(**{"scale": (1, 1, 1), "translate": (0, 0, 0), **given}, ndim=3).affine_matrix
    outer = arguments.get("affine")
    return np.asarray(own if outer is None else np.asarray(outer, float) @ own)


def _locate(
    name: str, shape: tuple[int, ...], metadata: Mapping[str, Any], placed: np.ndarray
) -> tuple[Grid, Grid | None, tuple[str, ...]]:
    """Canonical grid, the grid that reorders the array if that is needed, and notes."""
    known = metadata.get(KEY, {}).get("grid")
    if isinstance(known, Grid):
        scale, translate = placement(known)
        expected = _placement({"scale": scale, "translate": translate})
        grid, notes = known_grid(name, tuple(shape), known, expected, placed)
        return grid, None if grid is known else grid, notes
    affine, notes = foreign_affine(name, tuple(shape), metadata, placed)
    sizes = np.linalg.norm(affine[:3, :3], axis=0)
    if not np.isfinite(affine).all() or not (sizes > 1e-4).all():
        raise InputError(f"Layer '{name}' has no usable voxel size; set the layer's scale in mm.")
    grid = Grid.from_file(shape, affine)
    return grid, grid, notes


def _contrast(data: np.ndarray, *, of_head: bool) -> tuple[float, float]:
    """Limits that show a scan well: air stays black, and bright tissue is not yet white.

    Heat maps are added to the scan's light: on white, no colour of theirs could be seen. Of a head, scalp and
    eyes may be twice as bright as the brain, and would leave it dark: so its middle third counts.
    """
    low, high = (float(v) for v in np.percentile(_sample(data), (0.5, 99.8)))
    if of_head:
        middle = data[tuple(slice(n // 3, n - n // 3) for n in data.shape)]
        bright = float(np.percentile(_sample(middle), 99)) if middle.size else low
        high = min(high, bright) if bright > low else high
    high += _HEADROOM * (high - low)
    if not high > low:
        high = float(data.max())
    return (low, high) if high > low else (low, low + 1.0)


def _sample(data: np.ndarray) -> np.ndarray:
    return data.reshape(-1)[:: max(1, data.size // _SAMPLE)]
