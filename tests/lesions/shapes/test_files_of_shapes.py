"""STL, PLY and glTF, read again by their specifications, and by trimesh where it is."""

from __future__ import annotations

import io
import json
import struct

import numpy as np
import pytest

from napari_uncertainseg.lesions.shapes.glb import Solid, glb_bytes
from napari_uncertainseg.lesions.shapes.mesh import Mesh, mesh_of
from napari_uncertainseg.lesions.shapes.ply import placed, ply_bytes
from napari_uncertainseg.lesions.shapes.stl import stl_bytes

PLY_TYPES = {"float": "<f4", "int": "<i4", "uchar": "u1"}


def read_stl(content: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Normals and corners."""
    (count,) = struct.unpack_from("<I", content, 80)
    assert len(content) == 84 + 50 * count
    rows = [struct.unpack_from("<12fH", content, 84 + 50 * n) for n in range(count)]
    values = np.array([row[:12] for row in rows]).reshape(-1, 4, 3)
    return values[:, 0], values[:, 1:]


def read_ply(content: bytes) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Comments, points and triangles."""
    head, body = content.split(b"end_header\n", 1)
    lines = head.decode("ascii").splitlines()
    assert lines[:2] == ["ply", "format binary_little_endian 1.0"]
    sizes = {line.split()[1]: int(line.split()[2]) for line in lines if line.startswith("element")}
    scalars = [line.split() for line in lines if line.startswith("property") and "list" not in line]
    points = np.frombuffer(body, [(name, PLY_TYPES[kind]) for _, kind, name in scalars], sizes["vertex"])
    faces = np.frombuffer(body[points.nbytes :], [("n", "u1"), ("points", "<i4", 3)])
    assert len(faces) == sizes.get("face", 0) and (faces["n"] == 3).all()
    return [line[8:] for line in lines if line.startswith("comment")], points, faces["points"]


def read_glb(content: bytes) -> tuple[dict, list[tuple[np.ndarray, np.ndarray]]]:
    """The description, and points and triangles of each mesh."""
    magic, version, length = struct.unpack_from("<4sII", content)
    assert (magic, version, length) == (b"glTF", 2, len(content))
    size, kind = struct.unpack_from("<I4s", content, 12)
    assert kind == b"JSON" and size % 4 == 0
    said = json.loads(content[20 : 20 + size])
    of_body, kind = struct.unpack_from("<I4s", content, 20 + size)
    body = content[28 + size :]
    assert kind == b"BIN\0" and of_body == len(body) == said["buffers"][0]["byteLength"]

    def values(number: int, dtype: str) -> np.ndarray:
        accessor = said["accessors"][number]
        view = said["bufferViews"][accessor["bufferView"]]
        assert view["byteOffset"] % 4 == 0
        found = np.frombuffer(body[view["byteOffset"] :][: view["byteLength"]], dtype).reshape(-1, 3)
        assert accessor["count"] == (len(found) if accessor["type"] == "VEC3" else found.size)
        return found

    meshes = []
    for mesh in said["meshes"]:
        (part,) = mesh["primitives"]
        points = values(part["attributes"]["POSITION"], "<f4")
        limits = said["accessors"][part["attributes"]["POSITION"]]
        assert limits["min"] == points.min(0).tolist() and limits["max"] == points.max(0).tolist()
        meshes.append((points, values(part["indices"], "<u4")))
    return said, meshes


@pytest.fixture(scope="module")
def mesh() -> Mesh:
    affine = np.array([[-0.9, 0.1, 0, 90], [0.1, 0.9, 0, -126], [0, 0, 3, 12], [0, 0, 0, 1]])
    return mesh_of(np.random.default_rng(2).random((4, 4, 3)) < 0.6).moved(affine)


def test_stl_comes_back(mesh):
    content = stl_bytes(mesh, "binary STL; " + "RAS " * 40)
    assert content.startswith(b"binary STL; RAS ") and not content.startswith(b"solid")
    normals, corners = read_stl(content)
    assert corners == pytest.approx(mesh.corners, abs=1e-4)
    assert normals == pytest.approx(mesh.normals / np.linalg.norm(mesh.normals, axis=1)[:, None], abs=1e-6)
    places, again = np.unique(corners.reshape(-1, 3), axis=0, return_inverse=True)
    assert Mesh(places, again.reshape(-1, 3)).watertight  # float32 neither joins nor parts points


def test_ply_comes_back(mesh):
    doubts = np.linspace(0, 1, len(mesh.points))
    points = placed(mesh.points, red=np.uint8(7), doubt=doubts, lesion=70_000)
    comments, found, triangles = read_ply(ply_bytes(points, mesh.triangles, ["RAS,\n mm", "Licence: é"]))
    assert comments == ["RAS, mm", "Licence: ?"]
    assert np.stack([found[axis] for axis in "xyz"], -1) == pytest.approx(mesh.points, abs=1e-4)
    assert found["doubt"] == pytest.approx(doubts) and set(found["lesion"]) == {70_000}
    assert set(found["red"]) == {7} and np.array_equal(triangles, mesh.triangles)
    _, cloud, none = read_ply(ply_bytes(placed(mesh.points), None, []))
    assert len(cloud) == len(mesh.points) and len(none) == 0


def test_glb_comes_back_and_stands_upright_in_metres(mesh):
    solids = [
        Solid("one", mesh, (1.0, 0.5, 0.0), {"doubt": None}),
        Solid("two", mesh, (0, 0, 1), {"label": 2}),
    ]
    said, found = read_glb(glb_bytes(solids, {"licence": "é"}))
    for points, triangles in found:
        assert points == pytest.approx(mesh.points, abs=1e-4) and np.array_equal(triangles, mesh.triangles)
    assert said["asset"]["version"] == "2.0" and said["asset"]["extras"] == {"licence": "é"}
    root, one, two = said["nodes"]
    assert root["children"] == [1, 2] and (one["name"], two["extras"]) == ("one", {"label": 2})
    matrix = np.array(root["matrix"]).reshape(4, 4).T
    right, front, up = (matrix[:3, :3] * 1000).T  # glTF: X to the left, Y up, Z to the front
    assert (right.tolist(), front.tolist(), up.tolist()) == ([-1, 0, 0], [0, 0, 1], [0, 1, 0])
    assert np.linalg.det(matrix[:3, :3]) > 0 and matrix[3].tolist() == [0, 0, 0, 1]
    colour = said["materials"][0]["pbrMetallicRoughness"]["baseColorFactor"]
    assert colour == pytest.approx([1, 0.2140, 0, 1], abs=1e-4)  # sRGB 0.5 in linear light


def test_trimesh_reads_all_three(mesh):
    trimesh = pytest.importorskip("trimesh")
    files = {
        "stl": stl_bytes(mesh, "mm"),
        "ply": ply_bytes(placed(mesh.points, doubt=0.5), mesh.triangles, ["mm"]),
        "glb": glb_bytes([Solid("one", mesh, (1, 0, 0), {})], {}),
    }
    for kind, content in files.items():
        found = trimesh.load(io.BytesIO(content), file_type=kind, force="mesh")
        factor = 1e-9 if kind == "glb" else 1
        assert found.is_watertight and found.volume == pytest.approx(mesh.volume * factor, rel=1e-4)
