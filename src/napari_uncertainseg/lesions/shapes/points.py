"""Clouds of points that lie evenly on the surface of a mesh."""

from __future__ import annotations

import numpy as np

from napari_uncertainseg.lesions.shapes.mesh import Mesh

POINTS = 2048
"""Of a cloud, as networks that read shapes are mostly fed."""
_DRAWN = 8
"""So many are drawn for each that is kept."""


def spread_points(
    mesh: Mesh, count: int = POINTS, seed: int | tuple[int, ...] = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Choose points on a surface, each as far as can be from those before (farthest-point sampling).

    Parameters
    ----------
    mesh
        Not empty.
    count
        Of points.
    seed
        Of the `_DRAWN` times as many points, drawn evenly on the surface, among which they are chosen.

    Returns
    -------
    points
        float64 (count, 3). The first n of them are spread, too.
    normals
        float64 (count, 3), of length 1, outwards.
    """
    points, normals = _drawn(mesh, _DRAWN * count, np.random.default_rng(seed))
    chosen = np.zeros(count, int)
    apart = np.full(len(points), np.inf)
    near = points - points.mean(0)  # products of small numbers lose less
    square = np.square(near).sum(1)
    for n in range(1, count):
        last = chosen[n - 1]
        np.minimum(apart, square - 2 * (near @ near[last]) + square[last], out=apart)
        chosen[n] = apart.argmax()
    return points[chosen], normals[chosen]


def _drawn(mesh: Mesh, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Points (count, 3) drawn evenly, and the normals of their triangles."""
    areas = np.linalg.norm(mesh.normals, axis=1)
    own = rng.choice(len(areas), count, p=areas / areas.sum())
    along, across = rng.random((2, count, 1))
    outside = along + across > 1  # the other half of the parallelogram
    along, across = np.where(outside, 1 - along, along), np.where(outside, 1 - across, across)
    one, two, three = mesh.corners[own].transpose(1, 0, 2)
    return one + along * (two - one) + across * (three - one), mesh.normals[own] / areas[own, None]
