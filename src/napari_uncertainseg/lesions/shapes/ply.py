"""Meshes and clouds of points as binary PLY, with any values at their points."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_TYPES = {"<f4": "float", "<i4": "int", "|u1": "uchar"}
_FACE = np.dtype([("count", "u1"), ("points", "<i4", 3)])


def ply_bytes(points: np.ndarray, triangles: np.ndarray | None, comments: Sequence[str]) -> bytes:
    """Content of a file.

    Parameters
    ----------
    points
        Structured array (n,) of float32, int32 and uint8, little-endian; the fields ``x``, ``y`` and ``z``
        are the place, in mm.
    triangles
        int (m, 3), rows of `points`; None for a cloud.
    comments
        For its head, a line each.
    """
    lines = ["ply", "format binary_little_endian 1.0"]
    lines += [f"comment {' '.join(comment.split())}" for comment in comments]
    lines += [f"element vertex {len(points)}"]
    lines += [f"property {_TYPES[points.dtype[name].str]} {name}" for name in points.dtype.names or ()]
    body = points.tobytes()
    if triangles is not None:
        lines += [f"element face {len(triangles)}", "property list uchar int vertex_indices"]
        rows = np.full(len(triangles), 3, _FACE)
        rows["points"] = triangles
        body += rows.tobytes()
    return "\n".join([*lines, "end_header", ""]).encode("ascii", "replace") + body


def placed(places: np.ndarray, **values: np.ndarray | float | int) -> np.ndarray:
    """Points for `ply_bytes`: places (n, 3), and values at them, one or n.

    uint8 stays so, other whole numbers become int32, all else float32.
    """
    arrays = {name: np.asarray(value) for name, value in values.items()}
    kinds = [(name, _kind(array)) for name, array in arrays.items()]
    points = np.zeros(len(places), np.dtype([("x", "<f4"), ("y", "<f4"), ("z", "<f4"), *kinds]))
    for name, column in zip("xyz", places.T, strict=True):
        points[name] = column
    for name, array in arrays.items():
        points[name] = array
    return points


def _kind(array: np.ndarray) -> str:
    return "u1" if array.dtype == np.uint8 else "<i4" if array.dtype.kind in "iu" else "<f4"
