"""Meshes as binary STL: 80 bytes of text, the number of triangles, 50 bytes for each."""

from __future__ import annotations

import numpy as np

from napari_uncertainseg.lesions.shapes.mesh import Mesh

_TRIANGLE = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])


def stl_bytes(mesh: Mesh, text: str) -> bytes:
    """Content of a file.

    Parameters
    ----------
    mesh
        In mm.
    text
        What it is, ASCII; what is over 80 characters is cut off. Not ``"solid ..."``, by which files of
        text are told.
    """
    rows = np.zeros(len(mesh.triangles), _TRIANGLE)
    rows["normal"] = mesh.normals / np.linalg.norm(mesh.normals, axis=1, keepdims=True)
    rows["corners"] = mesh.corners
    head = text.encode("ascii", "replace")[:80].ljust(80)
    return head + np.uint32(len(rows)).astype("<u4").tobytes() + rows.tobytes()
