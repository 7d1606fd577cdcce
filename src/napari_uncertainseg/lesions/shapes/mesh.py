"""Closed meshes of triangles halfway between the voxels inside and outside of a lesion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from napari_uncertainseg.lesions.shapes.cells import CORNERS, EDGES, MOST_MIDDLES, cell_table


@dataclass(frozen=True, eq=False)
class Mesh:
    """A mesh of triangles.

    Attributes
    ----------
    points
        float64 (n, 3), each once.
    triangles
        int32 (m, 3), rows of `points`; anticlockwise seen from outside.
    """

    points: np.ndarray
    triangles: np.ndarray

    @cached_property
    def corners(self) -> np.ndarray:
        """float64 (m, 3, 3): the points of each triangle."""
        return self.points[self.triangles]

    @cached_property
    def normals(self) -> np.ndarray:
        """float64 (m, 3): outwards, as long as the triangle is large."""
        one, two, three = self.corners.transpose(1, 0, 2)
        return np.cross(two - one, three - one) / 2

    @property
    def surface(self) -> float:
        """Area."""
        return float(np.linalg.norm(self.normals, axis=1).sum())

    @property
    def volume(self) -> float:
        """What it encloses; negative if it is inside out."""
        # Divergence theorem. Points count from their middle: far from the origin little would be left.
        middle = self.points.mean(0) if len(self.points) else np.zeros(3)
        return float(((self.corners.mean(1) - middle) * self.normals).sum() / 3)

    @property
    def euler(self) -> int:
        """Points - edges + triangles: 2 for each closed part without a tunnel."""
        edges = np.unique(np.sort(self._edges(), axis=1), axis=0)
        return len(self.points) - len(edges) + len(self.triangles)

    @property
    def parts(self) -> int:
        """Closed surfaces that have no point in common; a hollow has one of its own."""
        ends = self._edges()
        size = len(self.points)
        links = coo_array((np.ones(len(ends), np.int8), (ends[:, 0], ends[:, 1])), shape=(size, size))
        return int(connected_components(links, directed=False)[0])

    @property
    def watertight(self) -> bool:
        """Whether each edge has one triangle on either side, both turned the same way."""
        ends = self._edges()
        there, back = _numbered(ends, len(self.points)), _numbered(ends[:, ::-1], len(self.points))
        once = len(np.unique(there)) == len(there)
        return bool(len(ends) and once and np.array_equal(np.sort(there), np.sort(back)))

    def moved(self, affine: np.ndarray) -> Mesh:
        """The mesh elsewhere; it stays outside out, even if the affine mirrors it.

        Parameters
        ----------
        affine
            4x4, such as ``Grid.affine`` for points in voxels.
        """
        points = self.points @ affine[:3, :3].T + affine[:3, 3]
        mirrored = np.linalg.det(affine[:3, :3]) < 0
        return Mesh(points, np.ascontiguousarray(self.triangles[:, ::-1]) if mirrored else self.triangles)

    def shifted(self, by: np.ndarray) -> Mesh:
        """The mesh with ``by`` (3,) added to its points."""
        return replace(self, points=self.points + by)

    def _edges(self) -> np.ndarray:
        """int32 (3m, 2): of each triangle, in its direction."""
        return np.concatenate([self.triangles[:, [a, b]] for a, b in ((0, 1), (1, 2), (2, 0))])


def _numbered(ends: np.ndarray, points: int) -> np.ndarray:
    return ends[:, 0].astype(np.int64) * points + ends[:, 1]


def mesh_of(mask: np.ndarray) -> Mesh:
    """The surface of a mask, by marching cubes.

    Parameters
    ----------
    mask
        bool, 3-D; what lies beyond its border counts as outside.

    Returns
    -------
    Mesh
        In voxels: a voxel's middle has its index as place. Closed also at the border; voxels that meet at an
        edge or a corner only are parts of their own. Empty if the mask is.
    """
    filled = np.pad(mask, 1).astype(np.uint8)
    kind = np.zeros([n - 1 for n in filled.shape], np.uint8)
    for bit, (i, j, k) in enumerate(CORNERS):
        a, b, c = kind.shape
        kind |= filled[i : i + a, j : j + b, k : k + c] << np.uint8(bit)
    table = cell_table()
    cells = np.flatnonzero((kind != 0) & (kind != 255))
    kinds = kind.ravel()[cells].astype(int)
    counts = table.first[kinds + 1] - table.first[kinds]
    owner = np.repeat(np.arange(len(cells)), counts)
    row = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts) + table.first[kinds[owner]]
    names, where = _named(table.triangles[row], cells[owner], kinds[owner], filled.shape)
    _, first, triangles = np.unique(names.ravel(), return_index=True, return_inverse=True)
    points = where.reshape(-1, 3)[first] - 1  # the padding
    return Mesh(points, triangles.reshape(-1, 3).astype(np.int32))


def _named(
    triangles: np.ndarray, cells: np.ndarray, kinds: np.ndarray, shape: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Whole number (n, 3) and place (n, 3, 3) of the points of triangles; cells that share a point agree."""
    corner = np.stack(np.unravel_index(cells, [n - 1 for n in shape]), axis=-1)
    lower = np.array([one for one, _ in EDGES])
    axis = np.array([np.argmax(np.subtract(other, one)) for one, other in EDGES])
    on_edge = triangles < len(EDGES)
    edge = np.where(on_edge, triangles, 0)
    middle = np.where(on_edge, 0, triangles - len(EDGES))
    start = corner[:, None] + lower[edge]
    voxels = int(np.prod(shape))
    number = np.ravel_multi_index(tuple(np.moveaxis(start, -1, 0)), shape) + axis[edge] * voxels
    own = 3 * voxels + cells[:, None] * MOST_MIDDLES + middle
    place = start + np.eye(3)[axis[edge]] / 2
    in_cell = corner[:, None] + cell_table().middles[kinds[:, None], middle]
    return np.where(on_edge, number, own), np.where(on_edge[..., None], place, in_cell)


def joined(meshes: Sequence[Mesh]) -> Mesh:
    """Several meshes as one; points of different meshes stay apart."""
    starts = np.cumsum([0, *(len(mesh.points) for mesh in meshes)])
    triangles = [mesh.triangles + start for mesh, start in zip(meshes, starts[:-1], strict=True)]
    points = np.concatenate([mesh.points for mesh in meshes])
    return Mesh(points, np.concatenate(triangles).astype(np.int32))
