"""What surfaces in 3-D are made of: meshes that are made once, and the line of sight."""

import numpy as np
import pytest
from napari.layers import Labels
from napari.utils.geometry import find_nearest_triangle_intersection

from napari_uncertainseg._base import Cancelled
from napari_uncertainseg.case import Case
from napari_uncertainseg.images.volume import Grid
from napari_uncertainseg.lesions.shapes.mesh import Mesh, mesh_of
from napari_uncertainseg.widgets.layers.surfaces import meshes as module
from napari_uncertainseg.widgets.layers.surfaces.meshes import MeshMaker, brain_mesh
from napari_uncertainseg.widgets.layers.surfaces.ray import RayPicker
from napari_uncertainseg.widgets.scans.placement import Placement


@pytest.fixture
def made(monkeypatch):
    """The masks of which meshes are made."""
    masks = []

    def make(mask):
        masks.append(mask)
        return mesh_of(mask)

    monkeypatch.setattr(module, "mesh_of", make)
    return masks


def test_only_what_changed_is_made_again(case, made):
    maker, before = MeshMaker(), case.lesions
    first = maker.make(before, case.prediction)
    assert first.lesions is before and set(first.meshes) == set(before.table["label"])
    assert (len(made) == before.count + 1 and first.brain is None) or len(made) == before.count
    edit = np.zeros(case.grid.shape, np.int8)
    edit[tuple(np.argwhere(before.labels == 1)[0])] = -1
    case.review.set_edit(edit)
    made.clear()
    second = maker.make(case.lesions, case.prediction)
    assert len(made) == 1
    same = {n for n in first.meshes if second.meshes[n] is first.meshes[n]}
    assert same == set(first.meshes) - {1}


def test_what_was_made_before_a_cancel_is_kept(case, made):
    maker = MeshMaker()

    def stop(stage, fraction):
        if stage.startswith("surface 3"):
            raise Cancelled

    with pytest.raises(Cancelled):
        maker.make(case.lesions, case.prediction, progress=stop)
    assert len(made) == 2
    maker.make(case.lesions, case.prediction)
    assert len(made) == case.lesions.count == 3


def test_candidates_are_made_where_they_are_asked_for(prediction):
    case = Case()
    case.open_prediction(prediction)
    case.threshold = 0.99
    candidates = case.lesions.candidate_table["label"].tolist()
    assert candidates
    found = MeshMaker().make(case.lesions, prediction, [candidates[0], 999])
    assert -candidates[0] in found.meshes and -999 not in found.meshes
    exact = found.meshes[-candidates[0]].exact
    voxels = np.argwhere(case.lesions.candidates == candidates[0])
    np.testing.assert_allclose(exact.points.min(0), voxels.min(0) - 0.5)
    np.testing.assert_allclose(exact.points.max(0), voxels.max(0) + 0.5)


def test_a_brain_is_coarse_and_where_it_is():
    sides = (3.0, 1.0, 0.9)
    at = np.meshgrid(
        *[np.arange(n) * side for n, side in zip((50, 150, 170), sides, strict=True)], indexing="ij"
    )
    middle = (70.0, 80.0, 75.0)
    brain = sum((x - m) ** 2 for x, m in zip(at, middle, strict=True)) <= 60**2
    brain[20:25, 70:80, 70:80] = False  # a hollow is not drawn
    mesh = brain_mesh(brain, sides).moved(np.diag([*sides, 1.0]))
    off = np.linalg.norm(mesh.points - middle, axis=1)
    assert abs(off - 60).max() < 5 and np.abs(mesh.points.mean(0) - middle).max() < 1
    assert mesh.watertight and mesh.parts == 1 and len(mesh.triangles) < 30_000


@pytest.mark.parametrize("fill", [False, True])
def test_no_brain_is_drawn_where_there_is_none_or_nothing_else(fill):
    assert brain_mesh(np.full((8, 8, 8), fill), (1.0, 1.0, 1.0)) is None


def boxes(rng, count):
    made = []
    for _ in range(count):
        mask = rng.random(rng.integers(1, 5, 3)) < 0.8
        mask.flat[0] = True
        affine = np.eye(4)
        affine[:3, :3], affine[:3, 3] = rng.standard_normal((3, 3)), rng.uniform(-30, 30, 3)
        made.append(mesh_of(mask).moved(affine))
    return made


def test_the_first_mesh_on_the_line_is_found_as_napari_finds_it():
    rng = np.random.default_rng(5)
    meshes = boxes(rng, 40)
    picker = RayPicker(range(100, 140), meshes)
    hits = 0
    for _ in range(200):
        along = rng.standard_normal(3)
        along /= np.linalg.norm(along)
        through = rng.uniform(-30, 30, 3)
        start = through - 200 * along
        found = []
        for number, mesh in zip(range(100, 140), meshes, strict=True):
            index, where = find_nearest_triangle_intersection(start, along, mesh.corners)
            if index is not None:
                found.append(((where - start) @ along, number))
        assert picker.hit(through, 3 * along, 0.0) == (min(found)[1] if found else None)
        hits += bool(found)
    assert 20 < hits < 180


def test_a_line_beside_a_small_lesion_still_finds_it():
    one = mesh_of(np.ones((1, 1, 1), bool))  # from -0.5 to 0.5
    picker = RayPicker([7, 8], [one, one.shifted(np.array([0.0, 5.0, 0.0]))])
    straight = np.array([1.0, 0.0, 0.0])
    assert picker.hit(np.array([0.0, 1.4, 0.0]), straight, 1.0) == 7
    assert picker.hit(np.array([0.0, 1.6, 0.0]), straight, 1.0) is None
    assert picker.hit(np.array([0.0, 2.4, 0.0]), straight, 3.0) == 7, "the nearer one"
    assert picker.hit(np.array([0.0, 5.0, 0.0]), straight, 3.0) == 8


@pytest.mark.filterwarnings("ignore:Non-orthogonal slicing")
@pytest.mark.parametrize("turned", [False, True])
def test_surfaces_lie_where_layers_of_voxels_lie(turned):
    """Also over an oblique scan, and one that another reader turned round."""
    rng = np.random.default_rng(2)
    affine = np.diag([-0.9, 0.8, 3.0, 1.0])
    affine[:3, 3] = (5, 6, 7)
    affine[:3, :3] += 0.1 * rng.standard_normal((3, 3))
    grid = Grid.from_file((32, 40, 24), affine)
    scan = grid.to_file(np.zeros(grid.shape, np.uint8))[0] if turned else np.zeros(grid.shape, np.uint8)
    metadata = {} if turned else {"uncertainseg": {"grid": grid}}
    like = Labels(
        scan,
        scale=(-3, 2, 1),
        translate=(4, 5, 6),
        rotate=20,
        affine=affine,
        shear=(0.1, 0, 0),
        metadata=metadata,
    )
    placing = Placement.over(like, grid)
    assert placing.turned is turned
    to_world = placing.to_world()
    for voxel in rng.integers(0, 20, (5, 3)):
        expected = like.data_to_world(placing.voxel(tuple(int(i) for i in voxel)))
        np.testing.assert_allclose((to_world @ (*voxel, 1.0))[:3], expected)


def test_a_mesh_in_the_world_is_never_inside_out():
    """Our layers are mirrored along all three axes."""
    mesh = mesh_of(np.ones((2, 3, 4), bool))
    assert mesh.moved(np.diag([-3.0, -1.0, -1.0, 1.0])).volume > 0
    assert Mesh(mesh.points, mesh.triangles[:, ::-1]).volume < 0
