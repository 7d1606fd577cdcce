"""Lesions as one file of meshes: STL, PLY or binary glTF, each of which says its frame."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from napari_uncertainseg._base import InputError
from napari_uncertainseg.disk.replaced_file import replaced_file
from napari_uncertainseg.evaluate.shapes.columns import DOUBT, LABEL, PLACE
from napari_uncertainseg.lesions.shapes.colours import doubt_colour
from napari_uncertainseg.lesions.shapes.glb import Solid, glb_bytes
from napari_uncertainseg.lesions.shapes.mesh import Mesh, joined
from napari_uncertainseg.lesions.shapes.ply import placed, ply_bytes
from napari_uncertainseg.lesions.shapes.stl import stl_bytes

FRAME = "world coordinates of the scan: x right, y anterior, z superior (RAS), millimetres"
_SPACE = "SPACE=RAS"
"""As 3D Slicer writes it into files like these, and looks for it: it would take them for LPS."""
_HEAD = f"binary STL of napari-uncertainseg; {_SPACE}; millimetres"
SUFFIXES = (".stl", ".ply", ".glb")


@dataclass(frozen=True, eq=False)
class NamedMesh:
    """The mesh of one lesion, and what is said of it.

    Attributes
    ----------
    name
        Of its files, without ending.
    mesh
        In RAS mm.
    row
        At least ``label`` and ``doubt`` (NaN where it is not known), perhaps ``place``.
    """

    name: str
    mesh: Mesh
    row: dict[str, Any]


def write_mesh_file(path: Path, shapes: Sequence[NamedMesh], said: Mapping[str, str]) -> Path:
    """Write lesions into one file, which replaces another whole or not at all.

    Parameters
    ----------
    path
        Ends in one of `SUFFIXES`.
    shapes
        At least one.
    said
        What else the file says, such as its source and licence.

    Raises
    ------
    InputError
        If the name or the folder does not do, or there is no lesion.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(
            f"{path}: surfaces are written as STL, PLY or glTF; end the name in .stl, .ply, .glb."
        )
    if not shapes:
        raise InputError(f"{path}: there is no lesion to write.")
    content = mesh_bytes(path.suffix.lower(), shapes, said)
    with replaced_file(path) as file:
        file.write(content)
    return path


def mesh_bytes(suffix: str, shapes: Sequence[NamedMesh], said: Mapping[str, str]) -> bytes:
    """The content of such a file; parameters as `write_mesh_file`."""
    mesh = shapes[0].mesh if len(shapes) == 1 else joined([shape.mesh for shape in shapes])
    if suffix == ".stl":
        return stl_bytes(mesh, _HEAD)
    if suffix == ".ply":
        return _coloured(mesh, shapes, said)
    solids = [Solid(one.name, one.mesh, doubt_colour(one.row[DOUBT]), _extras(one)) for one in shapes]
    return glb_bytes(solids, {"frame": FRAME, **said})


def comments(said: Mapping[str, str]) -> list[str]:
    """What the head of a PLY file says."""
    return [_SPACE, FRAME, *(f"{name}: {value}" for name, value in said.items())]


def _coloured(mesh: Mesh, shapes: Sequence[NamedMesh], said: Mapping[str, str]) -> bytes:
    own = np.repeat(np.arange(len(shapes)), [len(shape.mesh.points) for shape in shapes])
    doubts = np.array([shape.row[DOUBT] for shape in shapes], np.float32)
    colours = np.array([np.round(255 * np.array(doubt_colour(one))) for one in doubts], np.uint8)
    red, green, blue = colours[own].T
    labels = np.array([shape.row[LABEL] for shape in shapes], np.int32)
    points = placed(mesh.points, red=red, green=green, blue=blue, doubt=doubts[own], lesion=labels[own])
    return ply_bytes(points, mesh.triangles, comments(said))


def _extras(shape: NamedMesh) -> dict[str, Any]:
    doubt = shape.row[DOUBT]
    said = {LABEL: shape.row[LABEL], DOUBT: doubt if math.isfinite(doubt) else None}
    return said | ({PLACE: shape.row[PLACE]} if PLACE in shape.row else {})
