"""Surface, roundness and axes of a lesion in millimetres, on voxels of any size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np

_CORNERS = tuple(product((0, 1), repeat=3))
"""Of a cell between eight voxels; corner n has the bit 1 << n."""


@dataclass(frozen=True)
class Shape:
    """Shape of one lesion.

    Attributes
    ----------
    surface_mm2, mesh_mm3
        Area of a mesh halfway between the voxels inside and outside (marching cubes), and what it encloses:
        less than the voxels do, much less for lesions of few voxels.
    sphericity
        Area of a ball of the mesh's volume over that of the mesh, 0 to 1; a ball of voxels has about 0.92.
    elongation
        1 less the middle axis over the longest, 0 (round) to 1 (a line).
    flatness
        1 less the shortest axis over the longest, 0 (round) to 1 (a sheet or a line).
    """

    surface_mm2: float
    mesh_mm3: float
    sphericity: float
    elongation: float
    flatness: float


def measure_shape(mask: np.ndarray, spacing: tuple[float, float, float]) -> Shape:
    """Measure one lesion.

    Parameters
    ----------
    mask
        bool, 3-D, of the lesion's box; at least one voxel is True.
    spacing
        Size of a voxel along the axes, mm.

    Returns
    -------
    Shape
        Axes are those of the body that the voxels fill, not only of their centres, so that one voxel, a row
        and a single slice have axes too.
    """
    surface, volume = _mesh(mask, spacing)
    axes = _axes(mask, spacing)
    ball = np.cbrt(np.pi) * np.cbrt(6 * volume) ** 2
    return Shape(
        surface, volume, min(ball / surface, 1.0), float(1 - axes[1] / axes[2]), float(1 - axes[0] / axes[2])
    )


def _axes(mask: np.ndarray, spacing: tuple[float, float, float]) -> np.ndarray:
    """Standard deviations along the principal axes, the shortest first, mm, float64 (3,)."""
    where = np.argwhere(mask) * np.array(spacing)
    apart = where - where.mean(0)
    # A box of side h has the variance h^2 / 12 around its centre: each voxel is one.
    spread = apart.T @ apart / len(where) + np.diag(np.square(spacing) / 12)
    return np.asarray(np.sqrt(np.linalg.eigvalsh(spread)))


def _mesh(mask: np.ndarray, spacing: tuple[float, float, float]) -> tuple[float, float]:
    """Area and volume of the mesh, mm2 and mm3."""
    filled = np.pad(mask, 1).astype(np.uint8)
    kind = np.zeros([n - 1 for n in filled.shape], np.uint8)
    for bit, (i, j, k) in enumerate(_CORNERS):
        a, b, c = kind.shape
        kind |= filled[i : i + a, j : j + b, k : k + c] << np.uint8(bit)
    area, flow, own = _cell_tables(spacing)
    count = np.bincount(kind.ravel(), minlength=256)
    # Volume = surface integral of x n_x: a part that each kind has anywhere, and one that grows with x.
    steps = np.broadcast_to(np.arange(kind.shape[0])[:, None, None], kind.shape)
    places = np.bincount(kind.ravel(), steps.ravel(), minlength=256) * spacing[0]
    return float(count @ area), float(count @ own + places @ flow)


@cache
def _cell_tables(spacing: tuple[float, float, float]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each kind of cell: area, that along the first axis, and the integral of x n_x from its corner."""
    tables = np.zeros((3, 256))
    for kind in range(256):
        for polygon in _polygons(kind):
            points = np.array(polygon) * spacing
            middle = points.mean(0)
            for one, other in zip(points, np.roll(points, -1, 0), strict=True):
                normal = np.cross(one - middle, other - middle) / 2
                x = (one[0] + other[0] + middle[0]) / 3
                tables[:, kind] += np.linalg.norm(normal), normal[0], x * normal[0]
    return tables[0], tables[1], tables[2]


def _polygons(kind: int) -> list[list[tuple[float, float, float]]]:
    """The surface in a cell: closed polygons of the middles of its edges, seen anticlockwise from outside."""
    following: dict[tuple[float, float, float], tuple[float, float, float]] = {}
    for face in _faces():
        inside = [bool(kind >> _CORNERS.index(corner) & 1) for corner in face]
        for n in range(4):
            if inside[n] and not inside[(n + 1) % 4]:  # a line leaves here that came in before them
                first = n
                while inside[first - 1]:
                    first -= 1
                following[_middle(face[first - 1], face[first])] = _middle(face[n], face[(n + 1) % 4])
    polygons = []
    while following:
        start, at = following.popitem()
        polygon = [start]
        while at != start:
            polygon.append(at)
            at = following.pop(at)
        polygons.append(polygon)
    return polygons


def _faces() -> Iterator[list[tuple[int, int, int]]]:
    """The corners of each face of a cell, anticlockwise seen from outside."""
    for axis, side in product(range(3), (0, 1)):
        square = [(0, 0), (1, 0), (1, 1), (0, 1)]
        for_outside = square if side else square[::-1]
        corners = []
        for u, v in for_outside:
            corner = [0, 0, 0]
            corner[axis], corner[(axis + 1) % 3], corner[(axis + 2) % 3] = side, u, v
            corners.append((corner[0], corner[1], corner[2]))
        yield corners


def _middle(one: tuple[int, int, int], other: tuple[int, int, int]) -> tuple[float, float, float]:
    return (one[0] + other[0]) / 2, (one[1] + other[1]) / 2, (one[2] + other[2]) / 2
