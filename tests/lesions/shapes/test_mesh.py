"""Meshes are closed, turned outwards and of the right size, whatever the voxels are."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from napari_uncertainseg.lesions.shapes.cells import EDGES, cell_table
from napari_uncertainseg.lesions.shapes.mesh import Mesh, joined, mesh_of
from napari_uncertainseg.lesions.shapes.points import spread_points
from napari_uncertainseg.lesions.shapes.shape import measure_shape, shape_of


def ball(radius: float, steps: np.ndarray, size: int) -> np.ndarray:
    """Voxels of a grid with these steps whose middle lies in a ball around the grid's middle."""
    where = (np.indices((size,) * 3).reshape(3, -1).T - (size - 1) / 2) @ steps.T
    return (np.square(where).sum(1) <= radius**2).reshape((size,) * 3)


def turned(spacing: tuple[float, ...], mirrored: bool = False) -> np.ndarray:
    """4x4, oblique."""
    axes, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))
    axes *= np.sign(np.linalg.det(axes)) * (-1 if mirrored else 1)
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = axes * spacing, (80.0, -120.0, 40.0)
    return affine


def check_closed(mesh: Mesh) -> None:
    """Each edge has two triangles, one in each direction; each point has one round of them."""
    edges: dict[tuple[int, int], int] = {}
    around: dict[int, dict[int, int]] = {}
    for triangle in mesh.triangles.tolist():
        for n in range(3):
            one, other, last = triangle[n], triangle[n - 2], triangle[n - 1]
            edges[one, other] = edges.get((one, other), 0) + 1
            around.setdefault(one, {})[other] = last
    assert set(edges.values()) <= {1} and all((other, one) in edges for one, other in edges)
    for following in around.values():
        first = at = next(iter(following))
        for _ in range(len(following) - 1):
            at = following[at]
            assert at != first  # else there is more than one round
        assert following[at] == first
    assert mesh.watertight == bool(len(mesh.triangles))
    assert len(np.unique(mesh.points, axis=0)) == len(mesh.points)
    assert len(around) == len(mesh.points)


@pytest.mark.parametrize("share", [0.15, 0.5, 0.85])
def test_any_voxels_give_a_closed_mesh_around_them(share: float) -> None:
    mask = np.random.default_rng(4).random((9, 8, 7)) < share  # also at the border
    mesh = mesh_of(mask)
    check_closed(mesh)
    assert mesh.volume == pytest.approx(mask.sum(), rel=0.3 if share > 0.4 else 0.9)


def test_the_surface_does_not_cut_itself_in_any_cell() -> None:
    table, middles = cell_table(), np.mean(EDGES, axis=1)
    for kind in range(256):
        rows = table.triangles[table.first[kind] : table.first[kind + 1]]
        places = np.concatenate([middles, table.middles[kind]])[rows]
        normals = np.cross(places[:, 1] - places[:, 0], places[:, 2] - places[:, 0])
        assert (np.linalg.norm(normals, axis=1) > 0.01).all()
        for one, other in product(range(len(rows)), repeat=2):
            for n in range(3):
                ends = {rows[one][n], rows[one][n - 1]}
                if one != other and not ends & set(rows[other]):
                    assert not _crosses(places[one][n], places[one][n - 1], places[other])


def _crosses(start: np.ndarray, end: np.ndarray, triangle: np.ndarray) -> bool:
    matrix = np.column_stack([triangle[1] - triangle[0], triangle[2] - triangle[0], start - end])
    if abs(np.linalg.det(matrix)) < 1e-9:
        return False
    u, v, t = np.linalg.solve(matrix, start - triangle[0])
    return bool(min(u, v, 1 - u - v, t, 1 - t) > -1e-9)


def test_each_kind_of_cell_gives_a_closed_mesh_that_is_outside_out() -> None:
    for kind in range(1, 256):
        mesh = mesh_of(np.array([bool(kind >> n & 1) for n in range(8)]).reshape(2, 2, 2))
        check_closed(mesh)
        assert mesh.volume > 0


@pytest.mark.parametrize(
    ("mask", "parts", "euler"),
    [
        (np.ones((1, 1, 1), bool), 1, 2),
        (np.eye(2, dtype=bool)[None], 2, 4),  # they meet at an edge
        (np.eye(2, dtype=bool)[:, None] & np.eye(2, dtype=bool)[..., None], 2, 4),  # at a corner
        (np.indices((4, 4, 4)).sum(0) % 2 == 0, 32, 64),  # a checkerboard
        (np.pad(np.zeros((1, 1, 1), bool), 1, constant_values=True), 2, 4),  # hollow
        (np.pad(np.zeros((1, 1), bool), 1, constant_values=True)[None], 1, 0),  # a ring
    ],
)
def test_hard_cases_have_as_many_surfaces_and_tunnels_as_they_should(
    mask: np.ndarray, parts: int, euler: int
) -> None:
    mesh = mesh_of(mask)
    check_closed(mesh)
    assert (mesh.parts, mesh.euler) == (parts, euler)


def test_nothing_has_an_empty_mesh_that_is_not_closed() -> None:
    mesh = mesh_of(np.zeros((2, 3, 4), bool))
    assert (len(mesh.points), mesh.volume, mesh.surface, mesh.euler, mesh.parts) == (0, 0, 0, 0, 0)
    assert not mesh.watertight


def test_a_mesh_with_a_hole_or_a_triangle_turned_over_is_not_closed() -> None:
    mesh = mesh_of(np.ones((2, 2, 2), bool))
    assert not Mesh(mesh.points, mesh.triangles[1:]).watertight
    turned_over = mesh.triangles.copy()
    turned_over[0] = turned_over[0, ::-1]
    assert not Mesh(mesh.points, turned_over).watertight


def test_a_ball_of_10_mm_has_its_volume_and_normals_outwards() -> None:
    mesh = mesh_of(ball(10, np.eye(3), 23))
    assert mesh.volume == pytest.approx(4 / 3 * np.pi * 1000, rel=0.02)
    assert (mesh.euler, mesh.parts, mesh.watertight) == (2, 1, True)
    away = mesh.corners.mean(1) - mesh.points.mean(0)
    assert ((away * mesh.normals).sum(1) > 0).all()


@pytest.mark.parametrize("mirrored", [False, True])
def test_oblique_slices_of_3_mm_stay_outside_out_and_keep_all_measures(mirrored: bool) -> None:
    spacing = (3.0, 0.9, 0.9)
    mask = ball(10, np.diag(spacing), 27)
    straight, affine = measure_shape(mask, spacing), turned(spacing, mirrored)
    mesh = mesh_of(mask).moved(affine)
    assert mesh.watertight and mesh.euler == 2
    oblique = shape_of(mesh, mask, affine[:3, :3])
    assert vars(oblique) == pytest.approx(vars(straight))
    assert mesh.volume == pytest.approx(mask.sum() * np.prod(spacing), rel=0.02)
    centre = affine @ [*np.argwhere(mask).mean(0), 1]
    assert mesh.points.mean(0) == pytest.approx(centre[:3])


def test_meshes_that_are_joined_keep_their_surfaces() -> None:
    one = mesh_of(np.ones((1, 1, 1), bool))
    both = joined([one, one.shifted(np.array([0.0, 0.0, 5.0]))])
    assert (both.parts, both.euler, both.watertight) == (2, 4, True)
    assert both.volume == pytest.approx(2 * one.volume)


def test_points_lie_on_the_surface_and_far_apart() -> None:
    mesh = mesh_of(np.ones((5, 5, 5), bool))
    points, normals = spread_points(mesh, 100, seed=3)
    again, _ = spread_points(mesh, 100, seed=3)
    other, _ = spread_points(mesh, 100, seed=4)
    assert np.array_equal(points, again) and not np.array_equal(points, other)
    beyond = np.abs(points - 2).max(1)  # flat sides at 2.5, corners and edges cut off
    assert beyond.max() == pytest.approx(2.5) and beyond.min() > 2
    assert np.linalg.norm(normals, axis=1) == pytest.approx(1)
    assert (((points - 2) * normals).sum(1) > 2).all()
    apart = np.linalg.norm(points[:, None] - points, axis=-1)[np.triu_indices(100, 1)]
    dense, _ = spread_points(mesh, 400, seed=5)
    gaps = np.linalg.norm(dense[:, None] - points, axis=-1).min(1)
    # Farthest first: gaps are no wider than points are apart, but for those between the points drawn.
    assert apart.min() > 0.7 and gaps.max() < 1.4 * apart.min()


def test_trimesh_says_the_same() -> None:
    trimesh = pytest.importorskip("trimesh")
    rng = np.random.default_rng(7)
    for mask in (rng.random((7, 7, 7)) < 0.5, ball(5, np.diag([3.0, 1, 1]), 13), np.ones((1, 1, 1), bool)):
        mesh = mesh_of(mask).moved(turned((3.0, 1.0, 1.0), mirrored=True))
        theirs = trimesh.Trimesh(mesh.points, mesh.triangles, process=False)
        assert theirs.is_watertight and theirs.is_winding_consistent and theirs.is_volume
        assert (theirs.volume, theirs.area) == pytest.approx((mesh.volume, mesh.surface))
        assert (theirs.euler_number, theirs.body_count) == (mesh.euler, mesh.parts)
