"""The surface in a cell between eight voxels, for each of the 256 ways in which they are inside or outside.

Where two voxels inside meet at an edge only, they are kept apart, the same on both sides of the face that two
cells share: so every mesh of whole cells is closed, and each of its points has one round of triangles.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise, product

import numpy as np

Corner = tuple[int, int, int]
_Edge = tuple[Corner, Corner]

CORNERS: tuple[Corner, ...] = tuple((i, j, k) for i, j, k in product((0, 1), repeat=3))
"""Of a cell; corner n has the bit ``1 << n`` in the cell's kind."""
EDGES: tuple[_Edge, ...] = tuple(
    (one, other) for one, other in product(CORNERS, CORNERS) if sorted(np.subtract(other, one)) == [0, 0, 1]
)
"""From the lower corner to the upper one."""
MOST_MIDDLES = 4
"""More polygons than that no cell has."""


@dataclass(frozen=True, eq=False)
class CellTable:
    """Triangles of all kinds of cells, one kind after the other.

    Attributes
    ----------
    first
        int (257,): kind k has the rows ``first[k]`` to ``first[k + 1]``.
    triangles
        int (n, 3), anticlockwise seen from outside. A number below 12 is the middle of that edge of `EDGES`,
        12 + p the middle of the polygon p of the cell.
    middles
        float64 (256, `MOST_MIDDLES`, 3): the middles of polygons, from the cell's corner, in voxels.
    """

    first: np.ndarray
    triangles: np.ndarray
    middles: np.ndarray


@cache
def cell_table() -> CellTable:
    """The table.

    Voxels count in it, not their size: the mesh of stretched voxels is the stretched mesh.
    """
    first, rows = [0], []
    middles = np.zeros((256, MOST_MIDDLES, 3))
    for kind in range(256):
        for number, polygon in enumerate(_polygons(kind)):
            places = np.array([_middle(edge) for edge in polygon])
            middles[kind, number] = places.mean(0)
            names = [EDGES.index(edge) for edge in polygon]
            rows += _triangles(names, places, len(EDGES) + number)
        first.append(len(rows))
    return CellTable(np.array(first), np.array(rows), middles)


def _triangles(names: list[int], places: np.ndarray, middle: int) -> list[tuple[int, int, int]]:
    """Cut a polygon: three or four points in a plane among themselves, others around their middle.

    A line between two points of a bent polygon may lie in a face, where the next cell may draw it too: then
    four triangles would share it. Lines to the middle are in this cell alone; those across a flat polygon
    of four points never lie in a face.
    """
    if len(names) == 3:
        return [(names[0], names[1], names[2])]
    if len(names) == 4 and np.linalg.matrix_rank(places[1:] - places[0]) == 2:
        return [(names[0], names[1], names[2]), (names[0], names[2], names[3])]
    return [(one, other, middle) for one, other in pairwise([*names, names[0]])]


def _polygons(kind: int) -> list[list[_Edge]]:
    """Closed polygons through the middles of edges, anticlockwise seen from outside."""
    following: dict[_Edge, _Edge] = {}
    for face in _faces():
        inside = [bool(kind >> CORNERS.index(corner) & 1) for corner in face]
        for n in range(4):
            if inside[n] and not inside[(n + 1) % 4]:  # a line leaves here that came in before them
                first = n
                while inside[first - 1]:
                    first -= 1
                following[_edge(face[first - 1], face[first])] = _edge(face[n], face[(n + 1) % 4])
    polygons = []
    while following:
        start, at = following.popitem()
        polygon = [start]
        while at != start:
            polygon.append(at)
            at = following.pop(at)
        polygons.append(polygon)
    return polygons


def _faces() -> Iterator[list[Corner]]:
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


def _edge(one: Corner, other: Corner) -> _Edge:
    return (one, other) if one < other else (other, one)


def _middle(edge: _Edge) -> np.ndarray:
    return np.mean(edge, axis=0)
