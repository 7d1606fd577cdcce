"""Meshes without the steps of their voxels, for the eye: what is measured and saved keeps them."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array

from napari_uncertainseg.lesions.shapes.mesh import Mesh

_IN, _OUT = 0.5, -0.53
"""A step towards the neighbours' mean, and a longer one back (Taubin, SIGGRAPH 1995)."""
ROUNDS = 10
_FITS = 6
_FURTHEST = 0.3


def smoothed(mesh: Mesh, rounds: int = ROUNDS, volume: float | None = None) -> Mesh:
    """The same triangles with their points moved.

    Parameters
    ----------
    mesh
        Closed, in voxels.
    rounds
        Of a step in and one out.
    volume
        What it encloses then, in voxels: small and thin lesions would all but vanish without. They are blown
        up evenly, so that none grows longer. None leaves it as it comes.
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
    found = Mesh(points, mesh.triangles)
    return found if volume is None else _blown_up(found, volume)


def _blown_up(mesh: Mesh, volume: float) -> Mesh:
    """Move all points outwards by the same distance until the mesh encloses a volume."""
    for _ in range(_FITS):
        by = (volume - mesh.volume) / max(mesh.surface, 1e-9)
        mesh = Mesh(mesh.points + np.clip(by, -_FURTHEST, _FURTHEST) * _outwards(mesh), mesh.triangles)
    return mesh


def _outwards(mesh: Mesh) -> np.ndarray:
    """float64 (n, 3): direction outwards at each point, length 1."""
    own = mesh.triangles.ravel()
    every = np.repeat(mesh.normals, 3, axis=0)
    size = len(mesh.points)
    found = np.column_stack([np.bincount(own, every[:, axis], size) for axis in range(3)])
    length = np.linalg.norm(found, axis=1, keepdims=True)
    return found / np.where(length > 0, length, 1.0)
