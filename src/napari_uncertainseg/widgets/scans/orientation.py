"""How a layer lies in the patient, where array, transform and metadata agree; else the user is asked.

A reader may turn the array round and keep the file's header beside it, so that a header alone says
nothing of the array. How the layer is placed tells, when it is not a plain scale: the placement must then
be the metadata's affine in one of the worlds that readers use. Shape and sign alone decide nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from nibabel.orientations import axcodes2ornt, inv_ornt_aff, io_orientation, ornt_transform

from napari_uncertainseg._base import InputError
from napari_uncertainseg.images.volume import Grid

_WORLDS = tuple(
    np.array(rows, float)
    for rows in (
        ((0, 0, -1), (0, -1, 0), (-1, 0, 0)),  # ours: superior, anterior up, right on the left
        ((0, 0, 1), (0, -1, 0), (-1, 0, 0)),  # ITK's, in napari's order
        ((0, 0, 1), (0, 1, 0), (1, 0, 0)),  # RAS+, in napari's order
        ((1, 0, 0), (0, 1, 0), (0, 0, 1)),  # RAS+
        ((-1, 0, 0), (0, -1, 0), (0, 0, 1)),  # ITK's
    )
)
"""Worlds of the viewer that readers use: what turns RAS+ mm into them, 3x3."""
_ORDERS = ([0, 1, 2, 3], [2, 1, 0, 3])
"""The file's axes, or turned round into (z, y, x)."""
_SIZES = 0.3
"""Share by which voxel sizes may differ where a reader drops the obliquity of a scan."""
_ASSUMED = (
    "Layer '{}' does not say how it lies in the patient: its slices were taken to run upwards, "
    "with anterior up and the patient's right on the left of the screen."
)
_AS_SHOWN = (
    "Layer '{}' does not say how it lies in the patient: it was taken as it is shown, with superior and "
    "anterior up and the patient's right on the left of the screen."
)
_CUT = (
    "Layer '{}' was cut after it was opened, and does not say where: its first voxel was taken to be "
    "that of the scan."
)


def known_grid(
    name: str, shape: tuple[int, ...], grid: Grid, expected: np.ndarray, placed: np.ndarray
) -> tuple[Grid, tuple[str, ...]]:
    """Grid of a layer that came from us and may have been cut, mirrored or turned since.

    Parameters
    ----------
    name, shape
        Of the layer.
    grid
        That of the scan as it was opened.
    expected, placed
        4x4, voxel index to the viewer's world: as it was opened, and as the layer is now.

    Raises
    ------
    InputError
        If its voxels were scaled, turned by an angle, or moved off the scan.
    """
    change = np.linalg.solve(expected, placed)
    linear = change[:3, :3]
    if grid.shape == shape and np.allclose(linear, np.eye(3), atol=1e-3):
        return grid, ()
    last = np.array(np.meshgrid(*([0, n - 1] for n in shape))).reshape(3, -1)
    corners = linear @ last + change[:3, 3:]
    inside = (corners > -0.51).all() and (np.array(grid.shape) - 0.49 > corners.T).all()
    if not (inside and np.allclose(np.abs(linear).round(), np.abs(linear), atol=1e-3)):
        raise InputError(
            f"Layer '{name}' was moved, scaled or turned after it was opened, so that it no longer says how "
            "it lies in the patient; undo that, or open its file again."
        )
    found = Grid.from_file(shape, grid.affine @ change)
    return found, () if np.abs(change - np.eye(4)).max() > 1e-3 else (_CUT.format(name),)


def foreign_affine(
    name: str, shape: tuple[int, ...], metadata: Mapping[str, Any], placed: np.ndarray
) -> tuple[np.ndarray, tuple[str, ...]]:
    """4x4, voxel index of another reader's layer to RAS+ mm, and notes.

    Raises
    ------
    InputError
        If its metadata tell of a file, and the layer's placement does not say which way round the array is.
    """
    told = list(_told(metadata))
    if not told:
        return _as_shown(name, placed)
    fitting = [
        affine
        for matrix, file_shape in told
        for affine in _arrays_of(matrix, file_shape, shape)
        if _fits(affine, placed, shape)
    ]
    if not fitting or any(not np.allclose(affine, fitting[0], atol=0.1) for affine in fitting):
        raise InputError(
            f"Layer '{name}': it cannot be told whether its reader turned the voxels round, so left and "
            "right may be swapped; open its file with UncertainSeg, or clear the layer's `metadata`, and it "
            "is taken as it is shown."
        )
    return fitting[0], ()


def _told(metadata: Mapping[str, Any]) -> Iterator[tuple[np.ndarray, tuple[int, ...] | None]]:
    """Affines (file index to RAS+ mm) that a reader left, with the file's shape where it is known."""
    for key, value in metadata.items():
        header = getattr(value, "header", value)
        shape = header.get_data_shape()[:3] if hasattr(header, "get_data_shape") else None
        if hasattr(header, "get_best_affine"):
            affine = getattr(value, "affine", None)
            affine = header.get_best_affine() if affine is None else affine
        elif key == "affine":
            affine = value
        else:
            continue
        try:
            matrix = np.asarray(affine, float)
        except (TypeError, ValueError):
            continue
        if (
            matrix.shape == (4, 4)
            and np.isfinite(matrix).all()
            and abs(np.linalg.det(matrix[:3, :3])) > 1e-12
        ):
            yield matrix, None if shape is None else tuple(int(n) for n in shape)


def _arrays_of(
    affine: np.ndarray, file_shape: tuple[int, ...] | None, shape: tuple[int, ...]
) -> Iterator[np.ndarray]:
    """What a layer's affine may be when a reader opened that file: as stored, or turned to RAS+ or LPS+."""
    stored = io_orientation(affine)
    for order in _ORDERS:
        sizes = [shape[k] for k in order[:3]]
        for turned in (None, "RAS", "LPS"):
            way = np.c_[[0, 1, 2], [1, 1, 1]]
            if turned is not None:
                way = ornt_transform(stored, axcodes2ornt(tuple(turned)))
            before = tuple(sizes[int(axis)] for axis in way[:, 0])
            if file_shape in (None, before):
                yield (affine @ inv_ornt_aff(way, before))[:, order]


def _fits(affine: np.ndarray, placed: np.ndarray, shape: tuple[int, ...]) -> bool:
    return any(_is_placed(world @ affine[:3], placed, shape) for world in _WORLDS)


def _is_placed(expected: np.ndarray, placed: np.ndarray, shape: tuple[int, ...]) -> bool:
    """Whether a layer lies where it is expected, shape (3, 4), and not only by its size.

    A placement of positive scales alone is what readers give to arrays that they turned, too: it counts
    only when it says where the scan begins as well, exactly. A reader that drops a scan's obliquity keeps
    its centre.
    """
    linear, corner = placed[:3, :3], placed[:3, 3]
    plain = (np.diag(linear) > 0).all() and np.allclose(linear, np.diag(np.diag(linear)))
    if plain or not np.allclose(linear, np.diag(np.diag(linear))):
        exact = np.allclose(expected, placed[:3], rtol=1e-3, atol=1e-2)
        return exact and bool(not plain or np.any(corner))
    old, new = expected[:, :3], linear
    sizes = np.linalg.norm(old, axis=0), np.linalg.norm(new, axis=0)
    same_way = (np.argmax(np.abs(old), axis=0) == (0, 1, 2)).all() and (np.diag(old) * np.diag(new) > 0).all()
    if not same_way or not np.allclose(sizes[0], sizes[1], rtol=_SIZES, atol=0):
        return False
    middle = (np.array(shape) - 1) / 2
    apart = np.abs(old @ middle + expected[:, 3] - new @ middle - corner)
    return not np.any(corner) or bool((apart < sizes[0].max()).all())


def _as_shown(name: str, placed: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """4x4 of a layer that says nothing of the patient: taken as it stands on the screen, with a note.

    A plain array has its first slice on top, where nobody has it: its slices are taken to run upwards.
    """
    linear = placed[:3, :3]
    to_ras = np.zeros((4, 4))
    to_ras[[0, 1, 2, 3], [2, 1, 0, 3]] = (-1, -1, -1, 1)
    if (np.diag(linear) > 0).all() and np.allclose(linear, np.diag(np.diag(linear))):
        to_ras[2, 0] = 1
        return to_ras @ placed, (_ASSUMED.format(name),)
    return to_ras @ placed, (_AS_SHOWN.format(name),)
