"""Meshes as binary glTF 2.0: what browsers, presentations and phones show."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_uncertainseg.lesions.shapes.mesh import Mesh

_FLOAT, _UNSIGNED = 5126, 5125
_POINTS, _INDICES = 34962, 34963
# glTF is in metres, with Y up, Z to the front and X to the left: so a viewer shows the patient upright.
_FROM_RAS_MM = np.array([[-1, 0, 0, 0], [0, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 1000]]) / 1000


@dataclass(frozen=True, eq=False)
class Solid:
    """A mesh with its colour.

    Attributes
    ----------
    name
        What viewers call it.
    mesh
        In RAS mm.
    colour
        Red, green, blue, 0 to 1, as on a screen (sRGB).
    extras
        What is to be known of it, JSON-serialisable.
    """

    name: str
    mesh: Mesh
    colour: tuple[float, float, float]
    extras: Mapping[str, Any]


def glb_bytes(solids: Sequence[Solid], extras: Mapping[str, Any]) -> bytes:
    """Content of a file: a node for each mesh, in RAS mm, below one that turns them as glTF wants it.

    Parameters
    ----------
    solids
        At least one.
    extras
        What is to be known of the file, JSON-serialisable.
    """
    views: list[dict[str, Any]] = []
    accessors: list[dict[str, Any]] = []
    body = b""
    for solid in solids:
        points, indices = solid.mesh.points.astype("<f4"), solid.mesh.triangles.astype("<u4")
        for array, target in ((points, _POINTS), (indices, _INDICES)):  # lengths are multiples of four
            views.append({"buffer": 0, "byteOffset": len(body), "byteLength": array.nbytes, "target": target})
            body += array.tobytes()
        limits = {"min": points.min(0).tolist(), "max": points.max(0).tolist()}
        view = len(accessors)
        accessors.append(_accessor(view, _FLOAT, len(points), "VEC3") | limits)
        accessors.append(_accessor(view + 1, _UNSIGNED, indices.size, "SCALAR"))
    said = {
        "asset": {"version": "2.0", "generator": "napari-uncertainseg", "extras": dict(extras)},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [_root(len(solids)), *(_node(n, solid) for n, solid in enumerate(solids))],
        "meshes": [_mesh(n, solid) for n, solid in enumerate(solids)],
        "materials": [_material(solid) for solid in solids],
        "accessors": accessors,
        "bufferViews": views,
        "buffers": [{"byteLength": len(body)}],
    }
    text = json.dumps(said, allow_nan=False, separators=(",", ":")).encode()
    chunks = _chunk(b"JSON", text, b" ") + _chunk(b"BIN\0", body, b"\0")
    return b"glTF" + _numbers(2, 12 + len(chunks)) + chunks


def _root(count: int) -> dict[str, Any]:
    by_columns = _FROM_RAS_MM.T.ravel().tolist()
    return {"name": "RAS mm", "matrix": by_columns, "children": list(range(1, count + 1))}


def _node(number: int, solid: Solid) -> dict[str, Any]:
    return {"name": solid.name, "mesh": number, "extras": dict(solid.extras)}


def _mesh(number: int, solid: Solid) -> dict[str, Any]:
    part = {"attributes": {"POSITION": 2 * number}, "indices": 2 * number + 1, "material": number}
    return {"name": solid.name, "primitives": [part]}


def _material(solid: Solid) -> dict[str, Any]:
    # Factors are linear, colours of screens are not (sRGB, IEC 61966-2-1).
    colour = np.array(solid.colour)
    linear = np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)
    look = {
        "baseColorFactor": [*linear.round(5).tolist(), 1.0],
        "metallicFactor": 0.0,
        "roughnessFactor": 0.8,
    }
    return {"name": solid.name, "pbrMetallicRoughness": look}


def _accessor(view: int, kind: int, count: int, shape: str) -> dict[str, Any]:
    return {"bufferView": view, "componentType": kind, "count": count, "type": shape}


def _chunk(kind: bytes, content: bytes, filling: bytes) -> bytes:
    content += filling * (-len(content) % 4)
    return _numbers(len(content)) + kind + content


def _numbers(*numbers: int) -> bytes:
    return np.array(numbers, "<u4").tobytes()
