"""Meshes without the steps of their voxels, for the eye: what is measured and saved keeps them."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array

from napari_uncertainseg.lesions.shapes.mesh import Mesh

_IN, _OUT = 0.5, -0.53
"""A step towards the neighbours' mean, and a longer one back (Taubin, SIGGRAPH 1995)."""
ROUNDS = 10


def smoothed(mesh: Mesh, rounds: int = ROUNDS) -> Mesh:
    """The same triangles with their points moved: rounded, and about as large as before.

    Parameters
    ----------
    mesh
        Closed. Of stretched voxels too: to smooth and to stretch can be done in any order.
    rounds
        Of a step in and one out.
    """
    if not len(mesh.points):
        return mesh
    ends = np.concatenate([mesh.triangles[:, [a, b]] for a, b in ((0, 1), (1, 2), (2, 0))])
    size = len(mesh.points)
    # Each edge of a closed mesh is there once in either direction.
    links = coo_array((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(size, size)).tocsr()
    share = 1 / links.sum(1)[:, None]
    points = mesh.points
    for _ in range(rounds):
        for step in (_IN, _OUT):
            points = points + step * ((links @ points) * share - points)
    return Mesh(points, mesh.triangles)
