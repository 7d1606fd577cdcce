"""A collection of shapes as a folder of files."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from napari_uncertainseg import __version__
from napari_uncertainseg._base import Progress, silent
from napari_uncertainseg.disk.new_folder import new_folder
from napari_uncertainseg.evaluate.shapes.collection import DOUBT, LABEL, PLACE, Collection, LesionShape
from napari_uncertainseg.evaluate.shapes.readme import readme
from napari_uncertainseg.export import write_table
from napari_uncertainseg.images.files import write_volume
from napari_uncertainseg.lesions.shapes.glb import Solid, glb_bytes
from napari_uncertainseg.lesions.shapes.mesh import Mesh, joined
from napari_uncertainseg.lesions.shapes.ply import placed, ply_bytes
from napari_uncertainseg.lesions.shapes.points import POINTS, spread_points
from napari_uncertainseg.lesions.shapes.stl import stl_bytes

FRAME = "world coordinates of the scan: x right, y anterior, z superior (RAS), millimetres"
_SPACE = "SPACE=RAS"
"""As 3D Slicer writes it into files like these, and looks for it: it would take them for LPS."""
_HEAD = f"binary STL of napari-uncertainseg; {_SPACE}; millimetres"
FOLDERS = ("stl", "ply", "glb", "points", "occupancy")
# From Okabe and Ito's palette, by way of a pale grey: told apart by colour-blind readers too.
_SURE, _HALF, _DOUBTFUL = (0.0, 0.45, 0.70), (0.88, 0.86, 0.80), (0.84, 0.37, 0.0)
_UNKNOWN = (0.6, 0.6, 0.6)
_MOST_DOUBT = 0.5
"""A lesion has it whose voxels just reach a threshold of 0.5; what is above looks the same."""


@dataclass(frozen=True)
class Written:
    """What was written: the lesions' table, and the number and size of all files."""

    table: pd.DataFrame
    files: int
    megabytes: float


def write_shapes(
    folder: Path, collection: Collection, *, seed: int = 0, progress: Progress = silent
) -> Written:
    """Write a collection into a new folder, whole or not at all.

    ``shapes.tsv``, ``shapes.json``, ``README.txt``, and for each lesion and all of them: ``stl/``, ``ply/``,
    ``glb/`` (meshes), ``occupancy/`` (masks); for each lesion ``points/`` (clouds).

    Parameters
    ----------
    folder
        New, or empty.
    collection
        What is written.
    seed
        Of the clouds. That of a lesion does not depend on other lesions.
    progress
        May raise ``Cancelled``.

    Raises
    ------
    InputError
        If the folder is there and not empty, or cannot be written.
    """
    with new_folder(folder) as whole:
        table = _write_all(whole, collection, seed, progress)
        sizes = [path.stat().st_size for path in whole.rglob("*") if path.is_file()]
    return Written(table, len(sizes), sum(sizes) / 1e6)


def _write_all(folder: Path, collection: Collection, seed: int, progress: Progress) -> pd.DataFrame:
    for name in FOLDERS:
        (folder / name).mkdir()
    shapes = []
    for n, shape in enumerate(collection.shapes()):
        progress(f"shape {n + 1} of {collection.count}", n / collection.count)
        _write_meshes(folder, shape.name, [shape], collection)
        write_volume(folder / "occupancy" / f"{shape.name}.nii.gz", shape.mask, shape.grid)
        (folder / "points" / f"{shape.name}.ply").write_bytes(_cloud(shape, seed, collection))
        shapes.append(shape)
    together = f"{collection.origin.name}_lesions"
    if shapes:
        _write_meshes(folder, together, shapes, collection)
    write_volume(folder / "occupancy" / f"{together}.nii.gz", collection.labels, collection.grid)
    table = pd.DataFrame([shape.row for shape in shapes], columns=None if shapes else ["name", LABEL, DOUBT])
    write_table(folder / "shapes.tsv", table)
    about = _about(collection, len(shapes), seed)
    text = json.dumps(about, indent=2, allow_nan=False, ensure_ascii=False)
    (folder / "shapes.json").write_text(text + "\n", encoding="utf-8")
    (folder / "README.txt").write_text(readme(about, PLACE in table), encoding="utf-8")
    return table


def _write_meshes(folder: Path, name: str, shapes: Sequence[LesionShape], collection: Collection) -> None:
    """One file of each format with these lesions."""
    mesh = shapes[0].mesh if len(shapes) == 1 else joined([shape.mesh for shape in shapes])
    (folder / "stl" / f"{name}.stl").write_bytes(stl_bytes(mesh, _HEAD))
    (folder / "ply" / f"{name}.ply").write_bytes(_coloured(mesh, shapes, collection))
    solids = [Solid(one.name, one.mesh, doubt_colour(one.row[DOUBT]), _extras(one)) for one in shapes]
    (folder / "glb" / f"{name}.glb").write_bytes(glb_bytes(solids, _rights(collection)))


def doubt_colour(doubt: float) -> tuple[float, float, float]:
    """Red, green and blue, 0 to 1: blue for a sure lesion, orange for a doubtful one, grey if not known."""
    if not math.isfinite(doubt):
        return _UNKNOWN
    red, green, blue = (
        float(np.interp(doubt, (0, _MOST_DOUBT / 2, _MOST_DOUBT), (_SURE[n], _HALF[n], _DOUBTFUL[n])))
        for n in range(3)
    )
    return red, green, blue


def _coloured(mesh: Mesh, shapes: Sequence[LesionShape], collection: Collection) -> bytes:
    own = np.repeat(np.arange(len(shapes)), [len(shape.mesh.points) for shape in shapes])
    doubts = np.array([shape.row[DOUBT] for shape in shapes], np.float32)
    colours = np.array([np.round(255 * np.array(doubt_colour(one))) for one in doubts], np.uint8)
    red, green, blue = colours[own].T
    labels = np.array([shape.row[LABEL] for shape in shapes], np.int32)
    points = placed(mesh.points, red=red, green=green, blue=blue, doubt=doubts[own], lesion=labels[own])
    return ply_bytes(points, mesh.triangles, _comments(collection))


def _cloud(shape: LesionShape, seed: int, collection: Collection) -> bytes:
    points, normals = spread_points(shape.mesh, POINTS, (seed, shape.row[LABEL]))
    nx, ny, nz = normals.T
    return ply_bytes(placed(points, nx=nx, ny=ny, nz=nz), None, _comments(collection))


def _comments(collection: Collection) -> list[str]:
    return [
        _SPACE,
        FRAME,
        *(f"{name}: {value}" for name, value in _rights(collection).items() if name != "frame"),
    ]


def _rights(collection: Collection) -> dict[str, str]:
    return {"frame": FRAME, **collection.origin.columns()}


def _extras(shape: LesionShape) -> dict[str, Any]:
    doubt = shape.row[DOUBT]
    said = {LABEL: shape.row[LABEL], DOUBT: doubt if math.isfinite(doubt) else None}
    return said | ({PLACE: shape.row[PLACE]} if PLACE in shape.row else {})


def _about(collection: Collection, lesions: int, seed: int) -> dict[str, Any]:
    return {
        "program": f"napari-uncertainseg {__version__}",
        "name": collection.origin.name,
        "space": "RAS",
        "unit": "mm",
        "frame": FRAME,
        "lesions": lesions,
        "points_per_cloud": POINTS,
        "seed": seed,
        **collection.origin.columns(),
        "made_by": collection.about,
        "note": "For research only: this is not a medical device.",
    }
