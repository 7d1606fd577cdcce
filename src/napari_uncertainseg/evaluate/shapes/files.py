"""A collection of shapes as a folder of files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from napari_uncertainseg import __version__
from napari_uncertainseg._base import Progress, silent
from napari_uncertainseg.disk.new_folder import new_folder
from napari_uncertainseg.evaluate.shapes.collection import DOUBT, LABEL, PLACE, Collection, LesionShape
from napari_uncertainseg.evaluate.shapes.mesh_files import FRAME, SUFFIXES, comments, mesh_bytes
from napari_uncertainseg.evaluate.shapes.readme import readme
from napari_uncertainseg.export import write_table
from napari_uncertainseg.images.files import write_volume
from napari_uncertainseg.lesions.shapes.ply import placed, ply_bytes
from napari_uncertainseg.lesions.shapes.points import POINTS, spread_points

FOLDERS = ("stl", "ply", "glb", "points", "occupancy")


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
    for suffix in SUFFIXES:
        content = mesh_bytes(suffix, shapes, collection.origin.columns())
        (folder / suffix[1:] / f"{name}{suffix}").write_bytes(content)


def _cloud(shape: LesionShape, seed: int, collection: Collection) -> bytes:
    points, normals = spread_points(shape.mesh, POINTS, (seed, shape.row[LABEL]))
    nx, ny, nz = normals.T
    return ply_bytes(placed(points, nx=nx, ny=ny, nz=nz), None, comments(collection.origin.columns()))


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
